#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# migration.sh BEFORE AFTER PAGE: both programs of docs/migration.md respond to each request of its table as the table says.
# shellcheck disable=SC2016
set -eu
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
page=$3
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
fail() {
  echo "migration.sh: $*" >&2
  exit 1
}

# start PROGRAM NAME: sets url
start() {
  "$1" >"$folder/$2" 2>&1 </dev/null &
  servers="$servers $!"
  for _ in $(seq 200); do
    url=$(sed -n 's/^listening on //p' "$folder/$2")
    [ -z "$url" ] || return 0
    sleep 0.1
  done
  fail "$2 does not start: $(cat "$folder/$2")"
}
start "$1" before
before=$url
start "$2" after
after=$url

# ask URL TARGET BODY ARGUMENT...: prints the status, and how many errors an InvalidParams has
ask() {
  target=$1$2
  printf '%s' "$3" >"$folder/body"
  shift 3
  status=$(curl -sS --max-time 60 -o "$folder/response" -w '%{http_code}' "$target" --data-binary @"$folder/body" -H 'expect:' "$@")
  errors=$(grep -o '"path":' "$folder/response" | wc -l)
  case $errors in
    0) echo "$status" ;;
    1) echo "$status, 1 error" ;;
    *) echo "$status, $errors errors" ;;
  esac
}

rows=0
# row TITLE TARGET BODY [ARGUMENT...]: the row of that title says what both programs do
row() {
  title=$1 target=$2 body=$3
  shift 3
  [ $# -ne 0 ] || set -- -H 'authorization: demo' -H 'content-type: application/json'
  wanted="| $title | $(ask "$before" "$target" "$body" "$@")"
  line=$(grep -F -e "| $title |" "$page") || fail "no row is called: $title"
  case $line in
    "$wanted |"* | "$wanted,"* | "$wanted:"*) ;;
    *) fail "before: $wanted, but the page says: $line" ;;
  esac
  wanted=$(ask "$after" "$target" "$body" "$@")
  case ${line#*|*|*| } in
    "$wanted |" | "$wanted,"* | "$wanted:"*) ;;
    *) fail "after: $wanted, but the page says: $line" ;;
  esac
  rows=$((rows + 1))
}
repeat() { head -c "$1" /dev/zero | tr '\0' "$2"; }

id=C594b89aea18568c408c3ad24
good="\"ecosystemId\":\"$id\",\"type\":\"server\""
json='content-type: application/json'
row 'a valid body' /api/clients "{$good,\"name\":\"Lobby\"}"
row '`type` and `name` both invalid' /api/clients "{\"ecosystemId\":\"$id\",\"type\":\"gateway\",\"name\":7}"
row '`ecosystemId` misspelt `ecosystemID`' /api/clients "{\"ecosystemID\":\"$id\",\"type\":\"server\"}"
row '`ecosystemId` is a number' /api/clients '{"ecosystemId":7,"type":"server"}'
row '`ecosystemId` in upper case' /api/clients '{"ecosystemId":"C594B89AEA18568C408C3AD24","type":"server"}'
row '`name` is null' /api/clients "{$good,\"name\":null}"
row '`name` has U+0000 in it' /api/clients "{$good,\"name\":\"a\\u0000b\"}"
row 'a deleted ecosystem' /api/clients '{"ecosystemId":"C594b89aea18568c408c3ad25","type":"server"}'
row 'an ecosystem that never was' /api/clients '{"ecosystemId":"C594b89aea18568c408c3ad26","type":"server"}'
row 'a body that is not JSON' /api/clients 'hello'
row 'a body after a byte order mark' /api/clients "$(printf '\357\273\277'){$good}"
row '100,000 brackets in one another' /api/clients "{$good,\"x\":$(repeat 100000 '[')$(repeat 100000 ']')}"
row 'a body of 1.5 MB' /api/clients "{$good,\"description\":\"$(repeat 1500000 x)\"}"
row '`content-type: text/plain`' /api/clients "{$good}" -H 'authorization: demo' -H 'content-type: text/plain'
row 'a query field' '/api/clients?verbose=1' "{$good}"
row 'the token twice' /api/clients "{$good}" -H 'authorization: demo' -H 'authorization: other' -H "$json"
row 'no token' /api/clients "{$good}" -H "$json"
row '`/v0/api/clients`' /v0/api/clients "{$good}"
row 'GET' /api/clients '' -X GET -H 'authorization: demo'

in_page=$(sed -n '/^| request |/,/^$/p' "$page" | grep -c -v -e '^| request' -e '^| ---' -e '^$')
[ "$rows" -eq "$in_page" ] || fail "the page has $in_page rows, this script $rows"
