#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# droplit_server.sh PROGRAM: the options, the first line, the signals, the log and the restart of droplit-server.
set -u
program=$1
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null; fi; rm -rf "$folder"' EXIT
failures=0
fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

active=C594b89aea18568c408c3ad24
deleted=C594b89aea18568c408c3ad25
canary=canary-token-5f0e
echo "{\"tokens\":[{\"token\":\"$canary\",\"kind\":\"account\"}]}" >"$folder/access.json"

# refused STATUS SAYING OPTION...: one line on standard error, nothing on standard output
refused() {
  status=$1 saying=$2
  shift 2
  timeout 10 "$program" "$@" >"$folder/out" 2>"$folder/err" </dev/null
  got=$?
  [ "$got" -eq "$status" ] || fail "exit status $got, not $status: $*"
  [ "$(wc -l <"$folder/err")" -eq 1 ] || fail "not one line: $*: $(cat "$folder/err")"
  grep -qF -- "$saying" "$folder/err" || fail "does not say '$saying': $*: $(cat "$folder/err")"
  [ ! -s "$folder/out" ] || fail "prints something: $*"
  ! grep -qF -e "$canary" "$folder/err" || fail "prints a token: $*"
}
refused 2 '--access FILE is missing'
refused 2 '--access needs a value' --access
refused 2 'unknown option --token' --token=$canary
refused 2 'unknown option' extra
refused 2 '--threads is given twice' --threads 1 --threads 2
refused 2 '--threads takes a number from 1 to 256' --threads 0
refused 2 '--threads takes a number from 1 to 256' --threads 2x
refused 2 '--store-threads takes a number from 0 to 256' --store-threads 257
refused 2 '--max-body takes a number from 1 to 4294967295' --max-body 4294967296
refused 2 '--max-body takes a number from 1 to 4294967295' --max-body -1
refused 2 '--listen takes HOST:PORT' --listen 8080
refused 2 'the port of --listen takes a number from 0 to 65535' --listen 127.0.0.1:65536
refused 2 '--storage takes memory or sqlite:PATH' --storage sqlite:
refused 2 '--ecosystem takes an ecosystem id' --ecosystem 594b89aea18568c408c3ad24
refused 2 '--delete-ecosystem takes an ecosystem id' --delete-ecosystem ''
refused 1 'access file' --access "$folder/nowhere.json" --listen 127.0.0.1:0
echo "{\"tokens\":[{\"token\":\"$canary\",\"kind\":\"root\"}]}" >"$folder/wrong.json"
refused 1 'line 1: field "kind"' --access "$folder/wrong.json" --listen 127.0.0.1:0
refused 1 'cannot listen on 256.0.0.1' --access "$folder/access.json" --listen 256.0.0.1:0
echo 'This is not a database, and long enough to be looked at as one. ...............................................' >"$folder/text"
refused 1 'sqlite' --access "$folder/access.json" --storage "sqlite:$folder/text" --listen 127.0.0.1:0

"$program" --help >"$folder/out" 2>"$folder/err" || fail '--help fails'
for option in --listen --storage --access --ecosystem --delete-ecosystem --threads --store-threads --max-body --help; do
  grep -q -- "^  $option" "$folder/out" || fail "--help does not tell of $option"
done

# start OPTION...: sets server and url; its log goes to $log
log=$folder/log
start() {
  rm -f "$folder/out"  # or the line of the server before might be taken for this one's
  "$program" --listen 127.0.0.1:0 --access "$folder/access.json" "$@" >"$folder/out" 2>"$log" </dev/null &
  server=$!
  tries=0
  until grep -q . "$folder/out" 2>/dev/null || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  url=$(sed -n '1s/^listening on \(http:\/\/127\.0\.0\.1:[0-9][0-9]*\)$/\1/p' "$folder/out")
  [ -n "$url" ] || fail "the first line is wrong: $(cat "$folder/out")"
}
# stopped SIGNAL: the server ends with status 0
stopped() {
  kill "-$1" "$server"
  wait "$server"
  got=$?
  [ "$got" -eq 0 ] || fail "$1 ends it with $got"
  server=
}
# answers STATUS BODY...: what a create is answered
answers() {
  expected=$1
  got=$(curl -sS --max-time 10 -o "$folder/body" -w '%{http_code}' "$url/api/clients" -H "authorization: $canary" \
    -H 'content-type: application/json' --data-binary "$2")
  [ -z "$expected" ] || [ "$got" = "$expected" ] || fail "$got, not $expected, to $2"
}
here="{\"ecosystemId\":\"$active\",\"type\":\"server\"}"
gone="{\"ecosystemId\":\"$deleted\",\"type\":\"server\"}"

start --ecosystem $active --ecosystem $deleted --delete-ecosystem $deleted --threads 2 --max-body 100
answers 201 "$here"
answers 404 "$gone"
answers 413 "{\"name\":\"$(printf '%0100d' 0)\"}"
stopped TERM

start --storage "sqlite:$folder/store.db" --ecosystem $active
answers 201 "$here"
stopped INT
# what was kept is there again, an ecosystem stays as it is, and deleting comes after making
start --storage "sqlite:$folder/store.db" --ecosystem $deleted --delete-ecosystem $deleted
answers 201 "$here"
answers 404 "$gone"
stopped TERM
start --storage "sqlite:$folder/store.db" --ecosystem $deleted
answers 404 "$gone"
# a fault is logged with its cause, without a value from the request or a token, and tells the caller nothing
rm "$folder/store.db"
answers "" "{\"ecosystemId\":\"$active\",\"type\":\"server\",\"name\":\"canary-text-77\"}"
case $got in 500 | 503) ;; *) fail "a file that is gone is answered $got" ;; esac
grep -q 'droplit-server: fault: storage: ' "$folder/log" || fail "the fault is not in the log: $(cat "$folder/log")"
! grep -q canary "$folder/log" || fail 'the log tells a token or a text'
stopped TERM

# a log that nobody reads any more ends nothing
mkfifo "$folder/pipe"
(read -r line; echo "$line" >"$folder/heard") <"$folder/pipe" &
rm -f "$folder"/store.db*
log=$folder/pipe
start --storage "sqlite:$folder/store.db" --ecosystem $active
rm "$folder/store.db"
for _ in 1 2 3; do
  answers 500 "$here"
  sleep 0.1
done
grep -q fault "$folder/heard" || fail 'the first fault was not heard'
stopped TERM

if [ "$failures" -ne 0 ]; then exit 1; fi
echo 'droplit-server does what its help says'
