#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# droplit_server.sh PROGRAM: the options, the order of starting, the signals, the log, the streams and the limits of
# droplit-server.
set -u
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
program=$1
docs=$(dirname "$0")/../../docs
umask 077
folder=$(TMPDIR=/tmp mktemp -d)  # where other users get, too
server=
as=
trap 'if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null; fi; rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
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
refused 2 'unknown option (see' --token=$canary
refused 2 'unknown option --acess; did you mean --access?' --acess=$canary
refused 2 'unknown option --idle-dedline; did you mean --idle-deadline?' --idle-dedline 1s
refused 2 'an argument is not expected' $canary
refused 2 '--check takes no value' --check=$canary
refused 2 '--access FILE is missing' --access=
refused 2 '--threads is given twice' --threads 1 --threads 2
refused 2 '--threads takes a number from 1 to 256' --threads 0
refused 2 '--threads takes a number from 1 to 256' --threads 2x
refused 2 '--store-threads takes a number from 0 to 256' --store-threads 257
refused 2 '--max-body takes a number from 1 to 1073741824' --max-body 1073741825
refused 2 '--max-body takes a number from 1 to 1073741824' --max-body -1
refused 2 '--max-head takes a number from 1024 to 1048576' --max-head 1023
refused 2 '--max-head takes a number from 1024 to 1048576' --max-head 1048577
refused 2 '--max-memory takes a number from 4194304 to 18446744073709551615' --max-memory 4194303
refused 2 '--max-memory takes a number from 4194304 to 18446744073709551615' --max-memory 18446744073709551616
refused 2 '--listen takes HOST:PORT' --listen 8080
refused 2 'the port of --listen takes a number from 0 to 65535' --listen 127.0.0.1:65536
refused 2 '--metrics takes HOST:PORT' --metrics 8080
refused 2 'the port of --metrics takes a number from 0 to 65535' --metrics 127.0.0.1:65536
for same in 127.0.0.1:8080 localhost:8080; do
  refused 2 '--metrics takes another address than --listen' --access x --metrics $same
done
refused 2 '--log takes text or json' --log $canary
refused 2 '--storage takes memory or sqlite:PATH' --storage sqlite:
refused 2 '--ecosystem takes an ecosystem id' --ecosystem 594b89aea18568c408c3ad24
refused 2 '--delete-ecosystem takes an ecosystem id' --delete-ecosystem ''
for time in '' 1 0s -1s +1s 1.5s 25h 86401s 86400001ms 99999999999999999999s '1 s' 1S s 1sm $canary; do
  refused 2 '--idle-deadline takes a time from 1ms to 24h, such as 30s or 500ms' --idle-deadline "$time"
done
refused 2 '--postgres-timeout takes a time from 100ms to 24h' --postgres-timeout 99ms
refused 2 '--postgres-upgrade-timeout takes a time from 100ms to 24h' --postgres-upgrade-timeout 99ms
refused 2 '--sqlite-durability takes full or normal' --sqlite-durability $canary
refused 2 '--sqlite-busy-timeout is not for this --storage' --sqlite-busy-timeout 1s --access x
refused 2 '--sqlite-upgrade-timeout is not for this --storage' --sqlite-upgrade-timeout 1s --access x
for time in 47h 172799999ms 36526d 876601h 30 d; do
  refused 2 '--max-key-age takes a time from 2d to 36525d, such as 48h or 30d' --idempotency-keys --max-key-age "$time"
done
refused 2 '--max-key-age needs --idempotency-keys' --max-key-age 30d --access x
refused 2 '--max-connections takes a number from 1 to 4294967295' --max-connections=0
refused 1 'access file: cannot be opened: No such file or directory' --access "$folder/nowhere.json" --listen 127.0.0.1:0
echo "{\"tokens\":[{\"token\":\"$canary\",\"kind\":\"root\"}]}" >"$folder/wrong.json"
refused 1 'line 1: field "kind"' --access "$folder/wrong.json" --listen 127.0.0.1:0
mkfifo "$folder/fifo"
for odd in "$folder" "$folder/fifo" /dev/zero /dev/null; do
  refused 1 'access file: is not a regular file' --access "$odd" --listen 127.0.0.1:0
done
truncate -s 16777217 "$folder/long"
refused 1 'access file: is longer than 16 MiB' --access "$folder/long" --listen 127.0.0.1:0
refused 1 'cannot listen on 256.0.0.1' --access "$folder/access.json" --listen=256.0.0.1:0
echo 'This is not a database, and long enough to be looked at as one. ...............................................' >"$folder/text"
refused 1 'sqlite' --access "$folder/access.json" --storage "sqlite:$folder/text" --listen 127.0.0.1:0

"$program" --help >"$folder/out" 2>"$folder/err" || fail '--help fails'
sed -n 's/^  \(-h, \)\{0,1\}\(--[a-z-]*\).*/\2/p' "$folder/out" | sort >"$folder/helped"
[ "$(wc -l <"$folder/helped")" -gt 20 ] || fail "--help tells of few options: $(cat "$folder/helped")"
# every option has its row in the page, and every row its option
sed -n 's/^| `\(--[a-z-]*\).*/\1/p' "$docs/server.md" | sort >"$folder/shown"
diff "$folder/helped" "$folder/shown" >&2 || fail '--help and docs/server.md tell of different options'
! awk 'length > 80' "$folder/out" | grep . || fail '--help has a line of more than 80 columns'

# start OPTION...: sets server and url; its log goes to $log
log=$folder/log
start() {
  rm -f "$folder/out"  # or the line of the server before might be taken for this one's
  $as "$program" --listen 127.0.0.1:0 --access "$folder/access.json" "$@" >"$folder/out" 2>"$log" </dev/null &
  server=$!
  listening
}
# listening: waits for the first line; sets url
listening() {
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

start --ecosystem $active --ecosystem $deleted --delete-ecosystem $deleted --threads 2 --max-body 100 --max-memory 4194304 \
  --max-head 1024
answers 201 "$here"
answers 404 "$gone"
answers 413 "{\"name\":\"$(printf '%0100d' 0)\"}"
got=$(curl -sS --max-time 10 -o "$folder/body" -w '%{http_code}' "$url/" -H "x: $(printf '%01024d' 0)")
[ "$got" = 431 ] || fail "a head longer than --max-head is answered $got"
# gets STATUS TYPE TARGET: what a GET is answered
gets() {
  got=$(curl -sS --max-time 10 -o "$folder/body" -w '%{http_code} %{content_type}' "$url$3")
  [ "$got" = "$1 $2" ] || fail "$got, not $1 $2, to GET $3"
}
gets 200 application/json /openapi.json
gets 200 'text/html; charset=utf-8' /
gets 200 'text/javascript; charset=utf-8' /try-it.js
gets 200 'text/css; charset=utf-8' /try-it.css
stopped TERM
start --ecosystem $active --no-try-it
answers 201 "$here"
gets 200 application/json /openapi.json
for target in / /try-it.js /try-it.css; do gets 404 '' $target; done
# without --metrics there are none
gets 404 '' /metrics
gets 200 'text/plain; charset=utf-8' /livez
gets 200 'text/plain; charset=utf-8' /readyz
curl -sS --max-time 10 -D "$folder/head" -o /dev/null "$url/livez"
! grep -qi '^x-request-id' "$folder/head" || fail 'there are request ids without --request-ids'
stopped TERM
# of what 7 MB of body need, 4 MiB are too little
start --ecosystem $active --max-body 1073741824 --max-memory 4194304
printf '{"ecosystemId":"%s","type":"server","name":"%07000000d"}' $active 0 >"$folder/long.json"
answers 503 "@$folder/long.json"
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
stopped TERM
# what is so already needs no write, which another process holds here, as a missing standby does elsewhere
mkfifo "$folder/held"
python3 -c 'import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()' "$folder/store.db" <"$folder/held" >"$folder/holder" &
holder=$!
exec 9>"$folder/held"
until grep -q held "$folder/holder" || ! kill -0 $holder 2>/dev/null; do sleep 0.05; done
start --storage "sqlite:$folder/store.db" --sqlite-busy-timeout 100ms --ecosystem $active --delete-ecosystem $deleted
answers 503 "$here"
stopped TERM
exec 9>&-
wait $holder || fail 'nothing held the file'
# once STATUS KEY BODY: what a create under a key is answered; sets replayed to the field idempotency-replayed
once() {
  got=$(curl -sS --max-time 10 -o "$folder/body" -D "$folder/fields" -w '%{http_code}' "$url/api/clients" \
    -H "authorization: $canary" -H 'content-type: application/json' -H "idempotency-key: $2" --data-binary "$3")
  [ "$got" = "$1" ] || fail "$got, not $1, to $3 under $2"
  replayed=$(sed -n 's/^idempotency-replayed: \([a-z]*\).*/\1/p' "$folder/fields")
}
other="{\"ecosystemId\":\"$active\",\"type\":\"application\"}"
# without the option the field is not looked at, however malformed
start --storage "sqlite:$folder/store.db"
once 201 k "$here"
once 201 k "$other"
once 201 ' ' "$here"
[ -z "$replayed" ] || fail "idempotency-replayed: $replayed, without --idempotency-keys"
stopped TERM
# with it a create is applied once, over a restart too
start --storage "sqlite:$folder/store.db" --idempotency-keys --max-key-age 48h
once 201 k "$here"
[ "$replayed" = false ] || fail "a new key is answered idempotency-replayed: $replayed"
cp "$folder/body" "$folder/first"
stopped TERM
start --storage "sqlite:$folder/store.db" --idempotency-keys --max-key-age=36525d
once 201 '"k"' "$here"
[ "$replayed" = true ] || fail "a key that is taken is answered idempotency-replayed: $replayed"
cmp "$folder/first" "$folder/body" >&2 || fail 'the 201 that is replayed differs'
once 422 k "$other"
once 400 'a b' "$here"
stopped TERM
start --idempotency-keys --ecosystem $active
once 201 k "$here"
once 201 k "$here"
[ "$replayed" = true ] || fail "in memory a key that is taken is answered idempotency-replayed: $replayed"
stopped TERM
start --storage "sqlite:$folder/store.db" --ecosystem $deleted
# a second name of the file is logged once (looked for below); at a start it is refused
ln "$folder/store.db" "$folder/second.db"
answers 404 "$gone"
answers 404 "$gone"
refused 1 'the file has another name' --listen 127.0.0.1:0 --access "$folder/access.json" --storage "sqlite:$folder/second.db"
rm "$folder/second.db"
# a fault is logged with its cause, without a value from the request or a token, and not sent to the caller
rm "$folder/store.db"
answers "" "{\"ecosystemId\":\"$active\",\"type\":\"server\",\"name\":\"canary-text-77\"}"
case $got in 500 | 503) ;; *) fail "a file that is gone is answered $got" ;; esac
stopped TERM  # the log is written by a thread of its own, all of it before the program ends
[ "$(grep -c 'droplit-server: warning: sqlite: the file has another name' "$folder/log")" -eq 1 ] ||
  fail "a second name of the store is not logged once: $(cat "$folder/log")"
grep -q 'droplit-server: fault: storage: ' "$folder/log" || fail "the fault is not in the log: $(cat "$folder/log")"
! grep -q canary "$folder/log" || fail 'the log has a token or a text'

# --- watching it
# operators OPTION...: starts it with metrics, whose address is its second line; sets metrics
operators() {
  start --metrics 127.0.0.1:0 "$@"
  tries=0
  until [ "$(wc -l <"$folder/out")" -eq 2 ] || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  metrics=$(sed -n '2s/^metrics on \(http:\/\/127\.0\.0\.1:[0-9][0-9]*\/metrics\)$/\1/p' "$folder/out")
  [ -n "$metrics" ] || fail "the second line is wrong: $(cat "$folder/out")"
}
# becomes STATUS BODY: /readyz comes to respond so
becomes() {
  tries=0
  until [ "$(curl -sS --max-time 10 -w ' %{http_code}' "$url/readyz")" = "$2 $1" ] || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  [ $tries -lt 200 ] || fail "/readyz does not become $1 $2"
}
rm -f "$folder"/store.db*
operators --storage "sqlite:$folder/store.db" --ecosystem $active --log json --request-ids
answers 201 "$here"
answers 400 '{"canary":1}'
for probe in livez readyz; do
  [ "$(curl -sS --max-time 10 "$url/$probe?a=b")" = ok ] || fail "GET /$probe"
  [ "$(curl -sS --max-time 10 -I -o /dev/null -w '%{http_code}' "$url/$probe")" = 200 ] || fail "HEAD /$probe"
  for method in POST PUT OPTIONS; do
    got=$(curl -sS --max-time 10 -X $method -D "$folder/head" -o /dev/null -w '%{http_code}' "$url/$probe")
    [ "$got" = 405 ] || fail "$got to $method /$probe"
    grep -qi '^allow: GET, HEAD' "$folder/head" || fail "$method /$probe: $(cat "$folder/head")"
  done
  gets 404 '' /$probe/
  gets 404 '' /v0/$probe
done
gets 404 '' /metrics
tries=0
until # the last connection has ended
  got=$(curl -sS --max-time 10 -o "$folder/metrics" -w '%{http_code} %{content_type}' "$metrics?a=b")
  grep -qxF 'droplit_connections 0' "$folder/metrics" || [ $tries -ge 200 ]
do
  tries=$((tries + 1))
  sleep 0.05
done
[ "$got" = '200 text/plain; version=0.0.4; charset=utf-8' ] || fail "$got to GET /metrics"
promtool check metrics <"$folder/metrics" >&2 || fail 'promtool finds a fault'
for line in 'droplit_requests_total{route="/api/clients",method="POST",status="201",code=""} 1' \
  'droplit_requests_total{route="/api/clients",method="POST",status="400",code="Ecosystem Missing"} 1' \
  'droplit_store_commit_inserts_count 1' 'droplit_log_lines_lost_total 0' 'droplit_connections 0'; do
  grep -qxF "$line" "$folder/metrics" || fail "no line $line"
done
[ "$(curl -sS --max-time 10 -I -o /dev/null -w '%{http_code}' "$metrics")" = 200 ] || fail 'HEAD /metrics'
[ "$(curl -sS --max-time 10 -X POST -o /dev/null -w '%{http_code}' "$metrics")" = 405 ] || fail 'POST /metrics'
for target in / /livez /api/clients; do
  got=$(curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "${metrics%/metrics}$target")
  [ "$got" = 404 ] || fail "$got to $target at the address of the metrics"
done
refused 1 'cannot listen on 127.0.0.1 port' --listen 127.0.0.1:0 --access "$folder/access.json" \
  --metrics "127.0.0.1:$(echo "$metrics" | sed 's/.*:\([0-9]*\)\/.*/\1/')" --storage "sqlite:$folder/new.db"
[ ! -e "$folder/new.db" ] || fail 'a start without an address for metrics created the store'
# a request id is taken, or made; a store that fails is not ready
got=$(curl -sS --max-time 10 -D - -o /dev/null -H 'x-request-id: mine-1' "$url/livez" | sed -n 's/^x-request-id: \([!-~]*\).*/\1/p')
[ "$got" = mine-1 ] || fail "the response has the request id '$got'"
mv "$folder/store.db" "$folder/away.db"
becomes 503 'not ready'
[ "$(curl -sS --max-time 10 "$url/livez")" = ok ] || fail 'a store that fails makes /livez fail'
mv "$folder/away.db" "$folder/store.db"
becomes 200 ok
stopped TERM
! grep -v '^{"time":"[0-9T:.-]*Z","event":"[a-z]*",.*}$' "$folder/log" || fail 'not every line of --log json is an object'
grep -q '"event":"request","request_id":"mine-1","method":"GET","route":"/livez","status":200,' "$folder/log" ||
  fail "a request is not in the log: $(cat "$folder/log")"
[ "$(grep -c '"text":"not ready: ' "$folder/log") $(grep -c '"text":"ready again' "$folder/log")" = '1 1' ] ||
  fail "the log does not say once each that the store failed and answered again: $(cat "$folder/log")"
! grep -q canary "$folder/log" "$folder/metrics" || fail 'the log or the metrics have a token or a name'

# --- starting: all that can fail is tried before the store is touched
start --ecosystem $active
port=${url##*:}
refused 1 "cannot listen on 127.0.0.1 port $port" --listen "127.0.0.1:$port" --access "$folder/access.json" \
  --storage "sqlite:$folder/new.db" --ecosystem $active
refused 1 'access file' --listen 127.0.0.1:0 --access "$folder/wrong.json" --storage "sqlite:$folder/new.db"
[ ! -e "$folder/new.db" ] || fail 'a start that failed created the store'
holder=$server
start --storage "sqlite:$folder/new.db" --ecosystem $active
stopped TERM
refused 1 'cannot listen' --listen "127.0.0.1:$port" --access "$folder/access.json" --storage "sqlite:$folder/new.db" \
  --delete-ecosystem $active
refused 1 'access file' --listen 127.0.0.1:0 --access "$folder/wrong.json" --storage "sqlite:$folder/new.db" \
  --delete-ecosystem $active
server=$holder
stopped TERM
start --storage "sqlite:$folder/new.db"
answers 201 "$here"

# --- --check tries all but serving, and changes nothing
# checked STATUS SAYING OPTION...
checked() {
  status=$1 saying=$2
  shift 2
  timeout 20 "$program" --check --access "$folder/access.json" "$@" >"$folder/out" 2>"$folder/err" </dev/null
  got=$?
  [ "$got" -eq "$status" ] || fail "--check ends with $got, not $status: $*: $(cat "$folder/err")"
  [ ! -s "$folder/out" ] || fail "--check prints something: $*"
  if [ -n "$saying" ]; then
    grep -qF -- "$saying" "$folder/err" || fail "--check does not say '$saying': $*: $(cat "$folder/err")"
  else
    [ ! -s "$folder/err" ] || fail "--check says something: $*: $(cat "$folder/err")"
  fi
}
port=${url##*:}
# files_of_store: all but the index of the log, which the read of the server's own readiness may change meanwhile
files_of_store() {
  ls "$folder"/new.db*
  ls -l --time-style=full-iso "$folder"/new.db "$folder"/new.db-wal
  cksum "$folder"/new.db "$folder"/new.db-wal
}
here_before=$(files_of_store)
checked 0 '' --listen 127.0.0.1:0 --storage "sqlite:$folder/new.db" --delete-ecosystem $active
checked 1 'cannot listen' --listen "127.0.0.1:$port" --storage "sqlite:$folder/new.db"
here_after=$(files_of_store)
[ "$here_before" = "$here_after" ] || fail '--check changes a file of the store'
answers 201 "$here"
stopped TERM
checked 0 '' --listen "127.0.0.1:$port"
checked 0 '' --listen "127.0.0.1:$port"  # which the check before has left free
checked 3 'the store is not there' --listen 127.0.0.1:0 --storage "sqlite:$folder/absent.db" --ecosystem $active
[ -z "$(ls "$folder"/absent.db* 2>/dev/null)" ] || fail '--check creates a store'
checked 1 'sqlite' --listen 127.0.0.1:0 --storage "sqlite:$folder/no/folder.db"
checked 1 'sqlite' --listen 127.0.0.1:0 --storage "sqlite:$folder/text"
refused 1 'access file: line 1' --check --listen 127.0.0.1:0 --access "$folder/wrong.json"
start --storage "sqlite:$folder/new.db"
answers 201 "$here"
stopped TERM

# --- an access file that others can read is used with a warning
chmod 640 "$folder/access.json"
start --ecosystem $active
answers 201 "$here"
stopped TERM
grep -q 'warning: the access file is open to others' "$folder/log" || fail "no warning: $(cat "$folder/log")"
chmod 600 "$folder/access.json"

# --- stopping
# a start that hangs ends at once: here libpq waits for a file of services that never ends
for signal in TERM:143 INT:130; do
  PGSERVICE=none PGSERVICEFILE="$folder/fifo" "$program" --listen 127.0.0.1:0 --access "$folder/access.json" \
    --storage postgresql:///none >"$folder/out" 2>"$folder/log" </dev/null &
  server=$!
  exec 9>"$folder/fifo"  # waits until it is opened
  kill -"${signal%:*}" "$server"
  wait "$server"
  got=$?
  exec 9>&-
  [ "$got" -eq "${signal#*:}" ] || fail "$signal ends a start with $got"
  grep -q 'ended by a signal before it served' "$folder/log" || fail "a start that ended says: $(cat "$folder/log")"
done
server=

# a second signal ends it at once, though a request is under way
start --ecosystem $active --stop-grace 1h --body-grace 1h --body-deadline 1h
mkfifo "$folder/slow"
curl -sS -v --max-time 60 -T "$folder/slow" -X POST "$url/api/clients" -H "authorization: $canary" \
  -H 'content-type: application/json' -H 'expect: 100-continue' >/dev/null 2>"$folder/talk" &
sender=$!
exec 7>"$folder/slow"
printf '{"ecosystemId"' >&7
tries=0
until grep -q '100 Continue' "$folder/talk" || [ $tries -ge 200 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
kill -TERM "$server"
tries=0
until ! curl -s --max-time 5 -o /dev/null "$url/" || [ $tries -ge 200 ]; do  # it has heard the first one
  tries=$((tries + 1))
  sleep 0.05
done
kill -0 "$server" || fail 'a request under way is not waited for'
kill -TERM "$server"
wait "$server"
got=$?
server=
[ "$got" -eq 143 ] || fail "a second signal ends it with $got"
grep -q 'ended at once by a second signal' "$folder/log" || fail "a second signal says: $(cat "$folder/log")"
exec 7>&-
wait "$sender"

# --- the log never holds up the service
# equal faults are one line and their number
rm -f "$folder"/store.db*
start --storage "sqlite:$folder/store.db" --ecosystem $active
rm "$folder/store.db"
for _ in 1 2 3 4; do answers 500 "$here"; done
stopped TERM
sed -n 's/.*fault: storage: .* (the same \([0-9]*\) times more)$/\1/p; t; s/.*fault: storage: .*/1/p' "$folder/log" >"$folder/counts"
[ "$(awk '{ all += $1 } END { print all }' "$folder/counts")" = 4 ] || fail "four equal faults are: $(cat "$folder/log")"
[ "$(wc -l <"$folder/counts")" -lt 4 ] || fail "equal faults are not summed up: $(cat "$folder/log")"

# a log that has no reader any more ends nothing
mkfifo "$folder/pipe"
(read -r line; echo "$line" >"$folder/heard") <"$folder/pipe" &
rm -f "$folder"/store.db*
log=$folder/pipe
start --storage "sqlite:$folder/store.db" --ecosystem $active
rm "$folder/store.db"
for _ in 1 2 3; do answers 500 "$here"; done
tries=0
until grep -q fault "$folder/heard" 2>/dev/null || [ $tries -ge 200 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
grep -q fault "$folder/heard" || fail 'the first fault was not heard'
answers 500 "$here"
stopped TERM

# a full pipe that is not read holds up neither requests nor the end, and the first line does not wait either
exec 8<>"$folder/pipe"
dd if=/dev/zero of=/dev/fd/8 bs=4096 count=64 oflag=nonblock 2>/dev/null
rm -f "$folder"/store.db*
start --storage "sqlite:$folder/store.db" --ecosystem $active
rm "$folder/store.db"
for _ in 1 2 3; do answers 500 "$here"; done
stopped TERM
exec 8>&-
log=$folder/log

# a line of text about a request says which it was
rm -f "$folder"/store.db*
start --storage "sqlite:$folder/store.db" --ecosystem $active --request-ids
rm "$folder/store.db"
curl -sS --max-time 10 -o /dev/null "$url/api/clients" -H "authorization: $canary" -H 'content-type: application/json' \
  -H 'x-request-id: mine-2' --data-binary "$here"
answers 500 "$here"
stopped TERM
grep -q 'fault: storage: .* (request mine-2)$' "$log" || fail "the line does not name its request: $(cat "$log")"
grep -q 'the same 1 times more' "$log" || fail "equal faults are not summed up: $(cat "$log")"

# --- standard streams and limits
port=${url##*:}
# serving: waits until it answers at the port; sets url
serving() {
  url=http://127.0.0.1:$port
  tries=0
  until curl -s --max-time 5 -o /dev/null "$url/" || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
}
# in memory, since SQLite fills them itself
"$program" --listen "127.0.0.1:$port" --access "$folder/access.json" --ecosystem $active <&- >&- 2>&- &
server=$!
serving
for fd in 0 1 2; do
  held=$(readlink "/proc/$server/fd/$fd")
  [ "$held" = /dev/null ] || fail "descriptor $fd, closed, is $held"
done
answers 201 "$here"
stopped TERM
"$program" --listen "127.0.0.1:$port" --access "$folder/access.json" --ecosystem $active <&- >&- 2>"$folder/log" &
server=$!
serving
answers 201 "$here"
stopped TERM
grep -q "standard output cannot be written: listening on $url" "$folder/log" ||
  fail "a first line that is lost is not told: $(cat "$folder/log")"
"$program" --listen "127.0.0.1:$port" --access "$folder/access.json" --ecosystem $active >/dev/full 2>/dev/full &
server=$!
serving
answers 201 "$here"
stopped TERM

# a file of the store that may not grow is a fault, not a death by SIGXFSZ
rm -f "$folder"/store.db*
start --storage "sqlite:$folder/store.db" --ecosystem $active
stopped TERM
rm -f "$folder/out"
# (no folder for ThreadSanitizer's own file either, which it would die of)
(ulimit -f 128 && TMPDIR=/nonexistent exec "$program" --listen 127.0.0.1:0 --access "$folder/access.json" \
  --storage "sqlite:$folder/store.db" >"$folder/out" 2>"$folder/log" </dev/null) &
server=$!
listening
tries=0
until answers '' "$here" && [ "$got" != 201 ] || [ $tries -ge 200 ]; do tries=$((tries + 1)); done
case $got in 500 | 503) ;; *) fail "a file that may not grow is answered $got" ;; esac
stopped TERM
grep -q 'fault: storage: ' "$folder/log" || fail "the fault is not in the log: $(cat "$folder/log")"
(ulimit -f 0 && TMPDIR=/nonexistent exec "$program" --listen 127.0.0.1:0 --access "$folder/access.json" --storage "sqlite:$folder/none.db" \
  2>&1 >/dev/null </dev/null) | grep -q 'droplit-server: sqlite open: ' || fail 'a store that may not be written is not told'

# few files may be open: fewer connections, logged at the start; too few for the store is an error in words
(ulimit -n 40 && exec "$program" --listen "127.0.0.1:$port" --access "$folder/access.json" --ecosystem $active \
  >/dev/null 2>"$folder/log" </dev/null) &
server=$!
serving
answers 201 "$here"
stopped TERM
grep -q 'warning: 40 files may be open, so at most 6 connections' "$folder/log" || fail "ulimit -n 40: $(cat "$folder/log")"
# nor is there a warning of what the memory forbids all the same
(ulimit -n 1000 && exec "$program" --listen "127.0.0.1:$port" --access "$folder/access.json" --ecosystem $active \
  --max-memory 4194304 --max-connections 100000 >/dev/null 2>"$folder/log" </dev/null) &
server=$!
serving
stopped TERM
! grep -q 'files may be open' "$folder/log" || fail "a warning of connections for which there is no memory: $(cat "$folder/log")"
# one file for each thread that asks the store, whichever those are
for threads in '--threads 6 --store-threads 0' '--threads 2 --store-threads 6'; do
  (ulimit -n 40 && exec timeout 20 "$program" --listen 127.0.0.1:0 --access "$folder/access.json" $threads \
    --storage postgresql://127.0.0.1:1/none) >"$folder/out" 2>"$folder/log" </dev/null
  grep -q 'warning: 40 files may be open, so at most 1 connections' "$folder/log" || fail "$threads: $(cat "$folder/log")"
done
for most in 4 5 6 7 8 9 10; do
  (ulimit -n $most && exec timeout 10 "$program" --check --listen 127.0.0.1:0 --access "$folder/access.json" \
    --storage "sqlite:$folder/store.db") >"$folder/out" 2>"$folder/log" </dev/null
  got=$?
  case $got in
    0) ;;
    1) grep -q '^droplit-server: \|invalid vptr' "$folder/log" || fail "ulimit -n $most: $(cat "$folder/log")" ;;
    127) ;;  # it could not be loaded; a sanitizer needs two itself
    *) fail "ulimit -n $most ends it with $got: $(cat "$folder/log")" ;;
  esac
done

# few threads may be started: a start that fails has deleted no ecosystem, and --check finds out that it fails. Root has
# no such limit; the user is one without other processes.
mkdir "$folder/few"
if [ "$(id -u)" -eq 0 ]; then
  owner=$((20000 + $$ % 40000))  # no other test's: the limit counts all threads of the user
  as="setpriv --reuid=$owner --clear-groups"
  cp "$program" "$folder/few/droplit-server"
  program=$folder/few/droplit-server
  chmod 711 "$folder"
  chmod 755 "$program"
  chown "$owner" "$folder/few" "$folder/access.json"
fi
set -- --storage "sqlite:$folder/few/store.db" --threads 3 --store-threads 2
start "$@" --ecosystem $active
stopped TERM
failed=0
for most in 1 2 3 4 5 6 7 8 9 10 11 12; do
  rm -f "$folder/out"
  $as prlimit --nproc=$most "$program" --listen 127.0.0.1:0 --access "$folder/access.json" "$@" --delete-ecosystem $active \
    >"$folder/out" 2>"$folder/log" </dev/null &
  server=$!
  tries=0
  until grep -q . "$folder/out" 2>/dev/null || ! kill -0 $server 2>/dev/null || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  if grep -q . "$folder/out"; then
    listening
    answers 404 "$here"
    stopped TERM
    break
  fi
  wait $server
  got=$?
  server=
  grep -q '^droplit-server: \|Sanitizer' "$folder/log" || fail "with $most threads it ends with $got: $(cat "$folder/log")"
  $as prlimit --nproc=$most "$program" --check --listen 127.0.0.1:0 --access "$folder/access.json" "$@" \
    >"$folder/out" 2>"$folder/log" </dev/null && fail "--check finds that $most threads are enough"
  failed=$((failed + 1))
  start "$@"
  answers 201 "$here"
  stopped TERM
done
[ "$failed" -ge 7 ] || fail "only $failed limits of the threads were too low"
[ "$most" -lt 12 ] || fail "12 threads are too few: $(cat "$folder/log")"

if [ "$failures" -ne 0 ]; then exit 1; fi
echo 'droplit-server does what its help says'
