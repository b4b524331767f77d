#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# behind_nginx.sh PROGRAM: droplit-server behind nginx, which keeps connections to it; other peers keep silent ones. Below
# the limit of connections no request gets a 502, however long the connections of nginx were idle.
set -u
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
program=$1
umask 077
folder=$(TMPDIR=/tmp mktemp -d)  # the name of a socket is short
server=
nginx=
silent=
# shellcheck disable=SC2086
trap 'kill $silent $nginx $server 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || fail 'nginx is missing'

echo '{"tokens":[{"token":"demo","kind":"account"}]}' >"$folder/access.json"
"$program" --listen 127.0.0.1:0 --access "$folder/access.json" --ecosystem C594b89aea18568c408c3ad24 \
  --max-connections 48 >"$folder/out" 2>"$folder/log" </dev/null &
server=$!
for _ in $(seq 300); do
  url=$(sed -n 's/^listening on //p' "$folder/out")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || fail "the server does not start: $(cat "$folder/log")"
port=${url##*:}

cat >"$folder/nginx.conf" <<END
daemon off;
master_process off;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $folder;
  proxy_temp_path $folder;
  fastcgi_temp_path $folder;
  uwsgi_temp_path $folder;
  scgi_temp_path $folder;
  upstream droplit { server 127.0.0.1:$port; keepalive 20; keepalive_timeout 50s; }
  server {
    listen unix:$folder/front;
    location / { proxy_pass http://droplit; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
END
nginx -c "$folder/nginx.conf" -p "$folder" 2>"$folder/nginx.err" &
nginx=$!
for _ in $(seq 300); do
  [ ! -S "$folder/front" ] || break
  sleep 0.1
done
[ -S "$folder/front" ] || fail "nginx does not start: $(cat "$folder/nginx.err" "$folder/error.log")"

mkfifo "$folder/nothing"
exec 9<>"$folder/nothing"
for _ in $(seq 20); do # peers that send nothing
  curl -s --max-time 60 "telnet://127.0.0.1:$port" <&9 >/dev/null 2>&1 &
  silent="$silent $!"
done

for _ in $(seq 400); do echo "url = http://droplit/api/clients
output = /dev/null"; done >"$folder/requests"
for burst in 1 2 3; do
  for peer in $silent; do kill -0 "$peer" || fail 'a silent peer has lost its connection'; done
  curl -sS -Z --parallel-max 16 --unix-socket "$folder/front" -K "$folder/requests" -w '%{http_code}\n' \
    -H 'authorization: demo' -H 'content-type: application/json' \
    -d '{"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"}' >"$folder/statuses" 2>"$folder/curl.err"
  [ "$(sort "$folder/statuses" | uniq -c | tr -s ' ')" = ' 400 201' ] ||
    fail "burst $burst: $(sort "$folder/statuses" | uniq -c) $(head -3 "$folder/curl.err" "$folder/error.log")"
  sleep 1.5 # all that nginx keeps are silent for long enough
done
