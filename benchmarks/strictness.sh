#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# strictness.sh: how many of the ambiguous bodies and requests of tests/data/strictness this library accepts, and other
# software of Debian 12 that reads JSON or HTTP. Installs what is missing, builds, asks each, prints what was accepted of
# each class, and writes the two tables of README.md. A minute on two cores, without the installation.
set -eu
cd "$(dirname "$0")/.."
PATH=/usr/sbin:/usr/bin:/sbin:/bin  # what Debian installs, not what else there may be
packages="libboost1.81-dev rapidjson-dev nlohmann-json3-dev libsimdjson-dev libjansson-dev libjson-c-dev libjsoncpp-dev
  libcpp-httplib-dev nginx-light python3 nodejs"
# shellcheck disable=SC2086
sh docs/examples/install.sh g++ pkg-config libboost-json1.81-dev $packages
here=benchmarks/strictness
folder=$(mktemp -d)
servers=
# shellcheck disable=SC2015
stop() {
  for pid in $servers; do kill "$pid" && wait "$pid" || true; done 2>/dev/null
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build SOURCE LIBRARY...: a program of the source's name in the folder
build() {
  source=$1
  shift
  program=$folder/$(echo "$source" | sed 's,/,_,g; s,\.cpp$,,')
  g++ -std=c++20 -O1 -Iinclude -Itests -I$here -DDROPLIT_TEST_DATA='"tests/data"' "$here/$source" -o "$program" "$@"
}
build cases.cpp -lboost_json
"$folder/cases" bodies >"$folder/bodies"
"$folder/cases" requests >"$folder/requests"

: >"$folder/json"
while read -r name libraries; do
  # shellcheck disable=SC2086
  build "json/$name.cpp" $libraries
  "$folder/json_$name" <"$folder/bodies" >>"$folder/json"
done <<READERS
droplit -lboost_json
boost_json -lboost_json
simdjson -lsimdjson
rapidjson
nlohmann
jansson -ljansson
json_c -ljson-c
jsoncpp $(pkg-config --cflags --libs jsoncpp)
READERS
python3 $here/json/python.py <"$folder/bodies" >>"$folder/json"
node $here/json/node.js <"$folder/bodies" >>"$folder/json"

# ask NAME COMMAND...: starts a server and sends it every request
ask() {
  name=$1
  shift
  : >"$folder/out"
  "$@" >"$folder/out" 2>>"$folder/log" </dev/null &
  servers="$servers $!"
  for _ in $(seq 100); do
    grep -q '^listening' "$folder/out" && break
    sleep 0.1
  done
  port=$(sed -n 's/^listening on .*://p' "$folder/out")
  "$folder/http_send" "$name" "$port" <"$folder/requests" >>"$folder/http"
}
: >"$folder/http"
build http/send.cpp
build http/droplit.cpp -lboost_json -pthread
build http/httplib.cpp -lcpp-httplib -lssl -lcrypto -lz -lbrotlienc -lbrotlidec -pthread
build ../server/bare_beast.cpp
mv "$program" "$folder/beast"
ask droplit "$folder/http_droplit"
upstream=$port
ask 'Boost.Beast' "$folder/beast"
ask cpp-httplib "$folder/http_httplib"
ask 'Node http' node $here/http/node.js
ask 'Python http.server' python3 $here/http/python.py
# nginx, before our server, which accepts what nginx passes on: it has no handlers of its own.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$folder/nginx.conf" <<NGINX
daemon off;
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $folder/nginx_body;
  proxy_temp_path $folder/nginx_proxy;
  fastcgi_temp_path $folder/nginx_fastcgi;
  uwsgi_temp_path $folder/nginx_uwsgi;
  scgi_temp_path $folder/nginx_scgi;
  server {
    listen 127.0.0.1:$port;
    location / { proxy_pass http://127.0.0.1:$upstream; }
  }
}
NGINX
ask nginx sh -c "echo listening on http://127.0.0.1:$port; exec nginx -e '$folder/nginx.log' -c '$folder/nginx.conf'"

# table FILE CLASS=TITLE...: a row for each name, a column for each class: how many of it were accepted
table() {
  results=$1
  shift
  awk -F '\t' -v columns="$(printf '%s\t' "$@")" '
    BEGIN { n = split(columns, part, "\t") - 1; for (i = 1; i <= n; ++i) { split(part[i], two, "="); kind[i] = two[1]; title[i] = two[2] } }
    !($1 in seen) { seen[$1] = 1; names[++rows] = $1 }
    { ++count[$1, $2, $3]; ++all[$1, $2] }
    END {
      line = "| accepted |"; rule = "| --- |"
      for (i = 1; i <= n; ++i) { line = line " " title[i] ", of " all[names[1], kind[i]] " |"; rule = rule " ---: |" }
      print line "\n" rule
      for (r = 1; r <= rows; ++r) {
        line = "| " names[r] " |"
        for (i = 1; i <= n; ++i) {
          line = line " " count[names[r], kind[i], "accepted"] + 0
          if (count[names[r], kind[i], "crashed"] > 0) line = line ", " count[names[r], kind[i], "crashed"] " crashed"
          line = line " |"
        }
        print line
      }
    }' "$results"
}
# onto_page NAME: puts the table between its marks
onto_page() {
  {
    sed "/^<!-- begin: $1 -->\$/q" README.md
    printf '\n%s\n\n' "$(cat "$folder/table.md")"
    sed -n "/^<!-- end: $1 -->\$/,\$p" README.md
  } >"$folder/page.md"
  cat "$folder/page.md" >README.md
  cat "$folder/table.md"
}
table "$folder/json" 'syntax=not JSON' 'encoding=other encoding' 'utf8=not UTF-8' 'surrogate=half a surrogate pair' \
  'depth=over 32 levels' 'repeated=repeated name' 'valid=valid' >"$folder/table.md"
onto_page strictness_json
table "$folder/http" 'line=lines' 'host=host' 'length=length' 'coding=transfer coding' 'chunk=chunks' 'valid=valid' \
  >"$folder/table.md"
onto_page strictness_http
# shellcheck disable=SC2086
{
  printf '%s; ' "$(node --version | sed 's/^v/Node /')" "$(python3 --version)"
  for package in $packages; do dpkg-query -W -f "\${Package} \${Version}\n" "$package"; done |
    grep -v -e '^nodejs' -e '^python3' | paste -sd, | sed 's/,/, /g'
} >"$folder/table.md"
onto_page strictness_versions
