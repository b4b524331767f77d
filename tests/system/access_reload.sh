#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# access_reload.sh PROGRAM: droplit-server reads its access file again while it serves. A revoked token gets 401 soon, one
# that stays never does, and a file that cannot be read changes nothing but the log.
set -u
[ -n "${DROPLIT_SIGNALS:-}" ] || DROPLIT_SIGNALS=default exec env --default-signal sh "$0" "$@"  # none ignored, as by nohup
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
program=$1
umask 077
folder=$(mktemp -d)
server=
load=
trap 'for each in $load $server; do kill -9 "$each" 2>/dev/null; done; rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
failures=0
fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

ecosystem=C594b89aea18568c408c3ad24
file=$folder/access.json
log=$folder/log
# tokens TOKEN...: the text of an access file
tokens() {
  printf '{"tokens":['
  between=
  for token in "$@"; do
    printf '%s{"token":"%s","kind":"account"}' "$between" "$token"
    between=,
  done
  printf ']}\n'
}
# put FILE, from standard input: replaces it in one step
put() { cat >"$folder/new" && mv "$folder/new" "$1"; }
# start [COMMAND...]: the server, started by that; sets server and url
start() {
  rm -f "$folder/out"
  "$@" "$program" --listen 127.0.0.1:0 --access "$file" --ecosystem $ecosystem >"$folder/out" 2>"$log" </dev/null &
  server=$!
  awaits "the first line" grep -q . "$folder/out"
  url=$(sed -n 's/^listening on //p' "$folder/out")
}
stop() {
  kill -TERM "$server"
  wait "$server"
  got=$?
  [ $got -eq 0 ] || fail "it ends with $got: $(cat "$log")"
  server=
}
# awaits WHAT COMMAND...: until it succeeds
awaits() {
  what=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { fail "in vain: $what: $(cat "$log")" && return; }
    sleep 0.05
  done
}
# gets STATUS TOKEN: whether a create with the token is answered with it
gets() {
  [ "$1" = "$(curl -sS --max-time 20 -o /dev/null -w '%{http_code}' "$url/api/clients" -H "authorization: $2" \
    -H 'content-type: application/json' --data-binary "{\"ecosystemId\":\"$ecosystem\",\"type\":\"server\"}")" ]
}
# is STATUS TOKEN
is() { gets "$1" "$2" || fail "not $1 with $2"; }
# logged COUNT LINE: how often the log has had a line with that
logged() { [ "$(grep -cF -- "$2" "$log")" -eq "$1" ]; }
again='the access file was read again'
before='the access file as it was read before counts'

tokens stays first | put "$file"
start
is 201 stays
is 201 first
is 401 second

# a load that must not notice anything: a token that stays, on one connection after the other and on kept ones
: >"$folder/statuses"
while [ ! -e "$folder/enough" ]; do
  curl -sS --max-time 20 -o /dev/null -o /dev/null -w '%{http_code}\n' "$url/api/clients" "$url/api/clients" -H 'authorization: stays' \
    -H 'content-type: application/json' --data-binary "{\"ecosystemId\":\"$ecosystem\",\"type\":\"server\"}" >>"$folder/statuses"
done &
load=$!

# replaced by rename: seen by itself
tokens stays second | put "$file"
awaits 'a file that was replaced' gets 401 first
is 201 second
awaits 'the line' logged 1 "$again"
# written in place, twice at the same size: the last content counts
tokens stays three3 >"$file"
tokens stays fourth >"$file"
awaits 'a file that was written in place' gets 201 fourth
awaits 'the token between' gets 401 three3
is 401 second

# gone, malformed, a pipe: the tokens stay, one line for each change, however often it is looked at. A look may have met
# the file half written, and logged that.
flaws=$(grep -cF -- "$before" "$log")
rm "$file"
awaits 'the line of a file that is gone' logged $((flaws + 1)) "$before"
lines=$(grep -cF -- "$again" "$log") # all that there are: a token counts before the line that says so
is 201 fourth
echo '{"tokens":[{"token":"fourth-canary"' | put "$file"
awaits 'the line of a malformed file' logged $((flaws + 2)) "$before"
mkfifo "$folder/pipe"
mv -f "$folder/pipe" "$file"
awaits 'the line of a pipe' logged $((flaws + 3)) "$before"
sleep 2.5
logged $((flaws + 3)) "$before" || fail "a change has more than one line: $(cat "$log")"
logged "$lines" "$again" || fail "read again although it could not be: $(cat "$log")"
is 201 fourth
rm "$file"
tokens stays fifth | put "$file"
awaits 'a file that is there again' gets 201 fifth
is 401 fourth
awaits 'the line of a file that is there again' logged $((lines + 1)) "$again"

# SIGHUP: read although nothing was changed
kill -HUP "$server"
awaits 'the line after SIGHUP' logged $((lines + 2)) "$again"
# open to others: a warning
chmod 644 "$file"
awaits 'the warning' logged 1 'warning: the access file is open to others'

: >"$folder/enough"
wait $load
load=
[ "$(sort -u "$folder/statuses")" = 201 ] || fail "the load got $(sort "$folder/statuses" | uniq -c | tr '\n' ' ')"
! grep -qF -e stays -e fourth "$log" || fail "the log has a token: $(cat "$log")"
stop

# while it starts, SIGHUP does not end it
chmod 600 "$file"
start
kill -HUP "$server"
awaits 'the line after SIGHUP' logged 1 "$again"
stop

# by nohup, SIGHUP stays ignored
start nohup
kill -HUP "$server"
tokens stays sixth | put "$file"
awaits 'a file that was replaced' gets 201 sixth
awaits 'the line' logged 1 "$again"
stop

[ $failures -eq 0 ]
