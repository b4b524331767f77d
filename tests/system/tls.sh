#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# tls.sh DROPLIT DROPLIT-SERVER SDK: the Console and the SDK over https, through a real TLS terminator before
# droplit-server, with a self-signed certificate.
set -u
droplit=$1
program=$2
sdk=$3
folder=$(mktemp -d)
server=
terminator=
trap 'kill $server $terminator 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
failures=0
fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}
give_up() {
  fail "$@"
  exit 1
}
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY NO_COLOR DROPLIT_URL
command -v stunnel4 >/dev/null || give_up 'stunnel is not installed (Debian: stunnel4)'

ecosystem=C594b89aea18568c408c3ad24
canary=canary-token-2b77
(umask 077 && echo "{\"tokens\":[{\"token\":\"$canary\",\"kind\":\"account\"}]}" >"$folder/access.json")
"$program" --listen 127.0.0.1:0 --access "$folder/access.json" --ecosystem $ecosystem >"$folder/out" 2>"$folder/log" </dev/null &
server=$!
tries=0
until grep -q . "$folder/out" 2>/dev/null || [ $tries -ge 200 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
backend=$(sed -n 's/^listening on http:\/\///p' "$folder/out")
[ -n "$backend" ] || give_up "droplit-server does not start: $(cat "$folder/log")"

for name in right other; do
  address=127.0.0.1
  [ $name = right ] || address=127.0.0.9
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
    -addext "subjectAltName=IP:$address" -keyout "$folder/$name.key" -out "$folder/$name.pem" 2>"$folder/openssl.log" ||
    give_up "no certificate: $(cat "$folder/openssl.log")"
done

# terminate NAME: stunnel with that certificate, on a free port; sets url
terminate() {
  [ -z "$terminator" ] || { kill "$terminator"; wait "$terminator"; } 2>/dev/null
  for port in 21443 23443 25443 27443 29443 31443 33443 35443; do
    port=$((port + $$ % 1000))
    printf 'foreground = yes\npid =\nsyslog = no\n[https]\naccept = 127.0.0.1:%s\nconnect = %s\ncert = %s\nkey = %s\n' \
      $port "$backend" "$folder/$1.pem" "$folder/$1.key" >"$folder/stunnel.conf"
    stunnel4 "$folder/stunnel.conf" >"$folder/stunnel.log" 2>&1 </dev/null &
    terminator=$!
    tries=0
    until grep -q 'Configuration successful' "$folder/stunnel.log" || ! kill -0 $terminator 2>/dev/null || [ $tries -ge 100 ]; do
      tries=$((tries + 1))
      sleep 0.05
    done
    sleep 0.1
    url=https://127.0.0.1:$port
    kill -0 $terminator 2>/dev/null && return
  done
  give_up "stunnel does not start: $(cat "$folder/stunnel.log")"
}

# create STATUS SAYING OPTION...: the Console's exit status, and what its output contains
create() {
  status=$1 saying=$2
  shift 2
  HOME=$folder DROPLIT_TOKEN=$canary timeout 60 "$droplit" client create --ecosystemId $ecosystem "$@" \
    >"$folder/said" 2>&1 </dev/null
  got=$?
  [ $got -eq "$status" ] || fail "exit status $got, not $status: $*: $(cat "$folder/said")"
  grep -q -- "$saying" "$folder/said" || fail "does not say '$saying': $*: $(cat "$folder/said")"
  ! grep -q "$canary" "$folder/said" || fail "prints the token: $*"
}

terminate right
create 0 '^id  *[0-9a-f]\{24\}$' --url "$url" --cacert "$folder/right.pem"
create 4 'nothing was sent' --url "$url"
create 4 'nothing was sent' --url "$url" --cacert "$folder/other.pem"
create 4 'nothing was sent' --url "$url" --cacert "$folder/nowhere.pem"
create 4 'nothing was sent' --url "https://localhost:${url##*:}" --cacert "$folder/right.pem"  # another name than certified
create 4 'nothing was sent' --url "https://$backend" --cacert "$folder/right.pem"             # no TLS there

DROPLIT_URL=$url DROPLIT_TOKEN=$canary DROPLIT_CA_FILE=$folder/right.pem timeout 60 "$sdk" $ecosystem >"$folder/said" 2>&1
got=$?
sed 's/[0-9a-f]\{24\}$/ID/' "$folder/said" >"$folder/plain"
cat >"$folder/expected" <<'END'
created ID
refused with 400, before anything was sent:
  Ecosystem Invalid: ecosystemId
  Client Type Invalid: type
created ID
END
[ $got -eq 0 ] && cmp -s "$folder/plain" "$folder/expected" || fail "the SDK says: $(cat "$folder/said")"

terminate other
create 4 'nothing was sent' --url "$url" --cacert "$folder/other.pem"  # trusted, but for another address

[ $failures -eq 0 ] || exit 1
echo 'over TLS all is as it should be'
