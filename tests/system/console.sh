#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# console.sh DROPLIT DROPLIT-SERVER: the exit statuses, the output byte for byte, the account file and the streams of droplit.
set -u
program=$(realpath "$1")
folder=$(TMPDIR=/tmp mktemp -d)  # where other users get, too
server=
trap 'if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null; fi; rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
  printf 'FAILED: %s\n' "$*" | cat -v >&2
  : >"$folder/failed"  # a variable would be lost behind a pipe
}

active=C594b89aea18568c408c3ad24
deleted=C594b89aea18568c408c3ad25
never=C594b89aea18568c408c3ad26
cat >"$folder/access.json" <<END
{"tokens":[{"token":"canary-account","kind":"account"},{"token":"canary-other","kind":"user"},
{"token":"canary-server","kind":"server"}]}
END
"$2" --listen 127.0.0.1:0 --access "$folder/access.json" --ecosystem $active --ecosystem $deleted \
  --delete-ecosystem $deleted --max-body 5000 >"$folder/listening" 2>"$folder/log" </dev/null &
server=$!
tries=0
until grep -q . "$folder/listening" 2>/dev/null || [ $tries -ge 200 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
url=$(sed -n 's/^listening on //p' "$folder/listening")
[ -n "$url" ] || fail "the server does not run: $(cat "$folder/log")"

unset DROPLIT_TOKEN NO_COLOR http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY
export HOME="$folder/home" DROPLIT_URL="$url" TERM=xterm
mkdir "$HOME"
account="$HOME/droplit.io/account.json"
not_there="droplit: $account: is not there; \`droplit login\` writes it"
log_in="\`droplit login\` keeps a token, DROPLIT_TOKEN gives one"
accepts_id="C and 24 hex digits are accepted, of an ecosystem that exists"
# see CODE: what a line about a refusal ends with
see() { printf '[docs/errors.md#%s]' "$1"; }
help_of_create="(see \`droplit client create --help\`)"

no_canary() {
  ! grep -q canary "$folder/out" "$folder/err" || fail "tells a token: $*"
}
# run ARG...: sets got; leaves what was printed in out and err
run() {
  timeout 20 "$program" "$@" >"$folder/out" 2>"$folder/err" </dev/null
  got=$?
  no_canary "$@"
}
# is FILE TEXT WHAT...: the file has exactly this text, and one line feed after it where it is not empty
is() {
  if [ -n "$2" ]; then printf '%s\n' "$2"; fi >"$folder/expected"
  name=$1 text=$2
  shift 2
  cmp -s "$folder/expected" "$folder/$name" || fail "$name of '$*' is '$(cat "$folder/$name")', not '$text'"
}
# ends STATUS OUT ERR ARG...
ends() {
  status=$1 out=$2 err=$3
  shift 3
  run "$@"
  [ "$got" -eq "$status" ] || fail "exit status $got, not $status: $*"
  is out "$out" "$@"
  is err "$err" "$@"
}
# create STATUS OUT ERR ARG...: the same of `client create`
create() {
  status=$1 out=$2 err=$3
  shift 3
  ends "$status" "$out" "$err" client create "$@"
}
# created FILE: what differs each time is made the same
created() {
  sed -E 's/^(id +)[0-9a-f]{24}$/\1ID/; s/"id":"[0-9a-f]{24}"/"id":"ID"/
    s/20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\.[0-9]{3}Z/TIME/' "$folder/$1" >"$folder/same"
  mv "$folder/same" "$folder/$1"
}
# by_json STATUS BODY TOKEN ARG...: with --json exactly what curl gets for BODY
by_json() {
  status=$1 body=$2 token=$3
  shift 3
  printf '%s' "$body" | curl -sS --max-time 10 -o "$folder/wire" "$url/api/clients" -H "authorization: $token" \
    -H 'content-type: application/json' --data-binary @-
  DROPLIT_TOKEN=$token
  export DROPLIT_TOKEN
  run client create --json "$@"
  unset DROPLIT_TOKEN
  [ "$got" -eq "$status" ] || fail "exit status $got, not $status: --json $*"
  [ -s "$folder/wire" ] || fail "nothing to compare with: --json $*"
  created wire
  created out
  cmp -s "$folder/wire" "$folder/out" || fail "--json $*: '$(cat "$folder/out")', not '$(cat "$folder/wire")'"
  is err '' --json "$@"
}

# --- the command line
ends 2 '' "droplit: a command is missing after \`droplit\`: client, login, logout, completion (see \`droplit --help\`)"
ends 2 '' "droplit: a command is missing after \`droplit client\`: create (see \`droplit client --help\`)" client
ends 2 '' "droplit: unknown command; did you mean client? (see \`droplit --help\`)" clinet create
ends 2 '' "droplit: unknown command; did you mean create? (see \`droplit client --help\`)" client Create
ends 2 '' "droplit: unknown command (see \`droplit --help\`)" canary
ends 2 '' "droplit: an argument is not expected (see \`droplit login --help\`)" login canary
ends 2 '' "droplit: unknown option (see \`droplit login --help\`)" login --canary-77
ends 2 '' "droplit: unknown option (see \`droplit login --help\`)" login --canarysecrettoken
ends 2 '' "droplit: unknown option (see \`droplit login --help\`)" login --canary=help
ends 2 '' "droplit: unknown option (see \`droplit logout --help\`)" logout --json
for word in -h=false -h=canary -hx -help; do
  ends 2 '' "droplit: unknown option (see \`droplit --help\`)" client create $word
done
create 2 '' "droplit: unknown option --ecosystemid; did you mean --ecosystemId? $help_of_create" --ecosystemid $active
create 2 '' "droplit: unknown option --ecosystem-id; did you mean --ecosystemId? $help_of_create" --ecosystem-id=$active
create 2 '' "droplit: unknown option --eco; did you mean --ecosystemId? $help_of_create" --eco $active
create 2 '' "droplit: unknown option --tpye; did you mean --type? $help_of_create" --tpye=canary
create 2 '' "droplit: unknown option --t\\u{1B}pe; did you mean --type? $help_of_create" "--t$(printf '\033')pe"
create 2 '' "droplit: unknown option $help_of_create" --frobnicate canary
create 2 '' "droplit: unknown option $help_of_create" --canarysecrettokenABC
create 2 '' "droplit: unknown option $help_of_create" -tcanary
create 2 '' "droplit: unknown option --token: a token is never an option; $log_in" --token canary
create 2 '' "droplit: an argument is not expected; did you mean --name? $help_of_create" name canary
create 2 '' "droplit: an argument is not expected $help_of_create" --ecosystemId $active login
create 2 '' "droplit: an argument is not expected (see \`droplit --help\`)" --ecosystemId $active -- --json
create 2 '' "droplit: an argument is not expected (see \`droplit --help\`)" --ecosystemId $active ++
create 2 '' "droplit: an argument is not expected $help_of_create" --ecosystemId $active ''
create 2 '' "droplit: --name needs a value $help_of_create" --ecosystemId $active --name
create 2 '' 'droplit: --name is given twice' --name a --name a
create 2 '' 'droplit: --name is given twice' --name= --name=
create 2 '' 'droplit: --json is given twice' --json --json
create 2 '' 'droplit: --json takes no value' --json=true
for seconds in 0 3601 -1 1.5 '' ' 1' 1s 99999999999; do
  create 2 '' 'droplit: --timeout takes a whole number of seconds from 1 to 3600' "--timeout=$seconds"
done
create 2 '' 'droplit: --cacert takes the name of a file' --cacert ''
for times in 0 101 -1 1.5 '' many; do
  create 2 '' 'droplit: --retry takes a whole number from 1 to 100' "--retry=$times"
done
for key in '' 'canary key' "canary$(printf '\303\251')" "canary$(printf '\177')" "canary$(printf '%0250d' 0)"; do
  create 2 '' 'droplit: --idempotency-key takes 1 to 255 characters from ! to ~' --ecosystemId $active --idempotency-key "$key"
done
create 2 '' "droplit: unknown option --idempotencyKey; did you mean --idempotency-key? $help_of_create" --idempotencyKey canary
ends 2 '' 'droplit: unknown option --name before the command; it belongs after `droplit client create`' --name x client create
ends 0 'droplit 0.1.0' '' --version

for command in '' client 'client create' login logout completion 'completion bash'; do
  # shellcheck disable=SC2086 # several words
  run $command --help
  [ "$got" -eq 0 ] || fail "$command --help ends with $got"
  cp "$folder/out" "$folder/help"
  # shellcheck disable=SC2086
  run $command -h
  cmp -s "$folder/out" "$folder/help" || fail "$command -h differs from --help"
  for word in "usage: droplit${command:+ $command}" '  -h, --help' DROPLIT_TOKEN DROPLIT_URL NO_COLOR HOME account.json \
    '  http_proxy, https_proxy, all_proxy, no_proxy' \
    '  0  ' '  1  ' '  2  ' '  3  ' '  4  ' '  5  ' '  droplit login' '  droplit client create --ecosystemId'; do
    grep -qF -- "$word" "$folder/help" || fail "$command --help does not tell of '$word'"
  done
done
run client create --help
for option in --ecosystemId --type --name --description --url --cacert --timeout --idempotency-key --retry; do
  grep -A5 "^  $option [A-Z]" "$folder/out" | tr '\n' ' ' | grep -q 'accepted' || fail "--help: what does $option accept?"
done
grep -q '^  --json$' "$folder/out" || fail '--help does not tell of --json'

# --- the draft is judged before the account, which does not exist yet
create 1 '' "droplit: --ecosystemId: field is required: $accepts_id $(see ecosystem-missing)"
create 1 '' "droplit: --ecosystemId: field is required: $accepts_id $(see ecosystem-missing)" --name x --
create 1 '' "droplit: --ecosystemId: invalid id: $accepts_id $(see ecosystem-invalid)" --ecosystemId ''
create 1 '' "droplit: --ecosystemId: invalid id: $accepts_id $(see ecosystem-invalid)" --ecosystemId=canary
types='field must be one of the following values: application, server'
create 1 '' "droplit: --type: $types; did you mean application? $(see client-type-invalid)" --ecosystemId $active --type aplication
create 1 '' "droplit: --type: $types; did you mean server? $(see client-type-invalid)" --ecosystemId $active --type SERVER
create 1 '' "droplit: --type: $types $(see client-type-invalid)" --ecosystemId $active --type canary
create 1 '' "droplit: --type: $types $(see client-type-invalid)" --ecosystemId $active --type=
create 1 '' "droplit: --ecosystemId: field is required: $accepts_id $(see ecosystem-missing)
droplit: --type: $types; did you mean server? $(see client-type-invalid)" --type sever
not_utf8=$(printf 'canary\377')
create 1 '' "droplit: --name: is not UTF-8: UTF-8 without U+0000 is accepted $(see body-parameters-missing)
droplit: --description: is not UTF-8: UTF-8 without U+0000 is accepted $(see body-parameters-missing)" --ecosystemId $active --name "$not_utf8" --description "$not_utf8"
create 1 '' "droplit: --type: is not UTF-8: application and server are accepted $(see body-parameters-missing)" --type "$not_utf8"
[ ! -e "$HOME/droplit.io" ] || fail 'a create makes a folder'

# --- the account
create 3 '' "$not_there" --ecosystemId $active
create 3 '' "$not_there" --ecosystemId $active --json
(export DROPLIT_TOKEN='' && create 3 '' "$not_there" --ecosystemId $active)
for token in ' canary' 'canary ' "$(printf 'can\nary')" "$(printf 'canary\303\251')" "$(printf 'canary\177')"; do
  err='droplit: DROPLIT_TOKEN cannot be used: printable ASCII is accepted, without spaces around it'
  (export DROPLIT_TOKEN="$token" && create 3 '' "$err" --ecosystemId $active)
done

# login STATUS OUT ERR: reads what was piped
login() {
  timeout 20 "$program" login >"$folder/out" 2>"$folder/err"
  got=$?
  no_canary login
  [ "$got" -eq "$1" ] || fail "login ends with $got, not $1"
  is out "$2" login
  is err "$3" login
}
in="logged in; the token is in $account"
# holds TEXT: the account file, and nothing beside it
holds() {
  printf '%s\n' "$1" >"$folder/expected"
  cmp -s "$folder/expected" "$account" || fail "the account file is $(cat "$account")"
  [ "$(ls -A "$HOME/droplit.io")" = account.json ] || fail "more than the account file: $(ls -A "$HOME/droplit.io")"
  [ "$(stat -c %a "$account")" = 600 ] || fail "the account file has mode $(stat -c %a "$account")"
}
unusable='droplit: the token cannot be used: printable ASCII is accepted, without spaces around it'
only_line='droplit: no token: it must be the only line of standard input'
printf '' | login 3 '' 'droplit: no token was given'
printf '\r\n' | login 3 '' 'droplit: no token was given'
printf '\ncanary' | login 3 '' "$only_line"
printf 'canary\ncanary' | login 3 '' "$only_line"
printf 'canary\0' | login 3 '' "$unusable"
printf ' canary' | login 3 '' "$unusable"
printf 'canary\303\251' | login 3 '' "$unusable"
printf '%065537d' 0 | login 3 '' 'droplit: the token is longer than 64 KiB'
printf '%065530d' 0 | login 3 '' 'droplit: with this token the account file would be longer than 64 KiB'
yes '' | login 3 '' "$only_line"
login 3 '' 'droplit: no token: standard input cannot be read' <"$folder"
[ ! -e "$HOME/droplit.io" ] || fail 'a refused token makes a folder'

# whatever the mask, the folder is its owner's alone
mkdir "$HOME/masked"
(umask 0777 && printf canary | HOME="$HOME/masked" "$program" login >"$folder/out" 2>"$folder/err")
is err '' 'login without a mode'
[ "$(stat -c %a "$HOME/masked/droplit.io")" = 700 ] || fail "umask 0777 leaves $(stat -c %a "$HOME/masked/droplit.io")"
[ "$(stat -c %a "$HOME/masked/droplit.io/account.json")" = 600 ] || fail 'umask 0777 leaves another account file'
(umask 0 && printf 'canary-account\r\n \t\n' | "$program" login >"$folder/out" 2>"$folder/err")
is out "$in" login
is err '' login
holds '{"token":"canary-account"}'
[ "$(stat -c %a "$HOME/droplit.io")" = 700 ] || fail "the folder has mode $(stat -c %a "$HOME/droplit.io")"
printf 'canary "\\ quoted' | login 0 "$in" ''
holds '{"token":"canary \"\\ quoted"}'
printf 'canary-account' | login 0 "$in" ''
holds '{"token":"canary-account"}'

# a standard input that does not wait is waited for
{
  sleep 0.5
  printf canary-account
} | timeout 20 perl -MFcntl -e 'fcntl(STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV' "$program" login >"$folder/out" 2>"$folder/err"
is err '' 'login <non-blocking'
is out "$in" 'login <non-blocking'

# two at once: one of them wins, whole
for round in 1 2 3 4 5 6 7 8 9 10; do
  printf 'canary-a%s' $round | "$program" login >/dev/null 2>&1 &
  first=$!
  printf 'canary-b%s' $round | "$program" login >/dev/null 2>&1 &
  second=$!
  wait $first || fail 'the first of two logins fails'
  wait $second || fail 'the second of two logins fails'
  case $(cat "$account") in
    "{\"token\":\"canary-a$round\"}" | "{\"token\":\"canary-b$round\"}") holds "$(cat "$account")" ;;
    *) fail "two logins leave $(cat "$account")" ;;
  esac
done
printf canary-account | login 0 "$in" ''

# a full disk leaves what was there, and nothing else
err=$( (ulimit -f 0 && export TMPDIR=/nonexistent && printf canary-new | timeout 20 "$program" login) 2>&1 >/dev/null)
got=$?
[ "$got" -eq 5 ] || fail "login on a full disk ends with $got"
[ "$err" = "droplit: $account: cannot be written: File too large" ] || fail "login on a full disk says '$err'"
holds '{"token":"canary-account"}'
# links are not followed, neither of the folder nor of the file
mkdir "$folder/elsewhere"
mv "$HOME/droplit.io" "$folder/kept"
ln -s "$folder/elsewhere" "$HOME/droplit.io"
no_folder='droplit.io must be a directory that can be opened, and no link'
printf canary-new | login 5 '' "droplit: $account: cannot be written: $no_folder"
[ -z "$(ls -A "$folder/elsewhere")" ] || fail 'login follows a link'
cp "$folder/kept/account.json" "$folder/elsewhere"
create 3 '' "droplit: $account: cannot be read: $no_folder" --ecosystemId $active
ends 5 '' "droplit: $account: cannot be removed: Not a directory" logout
[ -e "$folder/elsewhere/account.json" ] || fail 'logout follows a link'
rm "$HOME/droplit.io"
echo >"$HOME/droplit.io"
printf canary-new | login 5 '' "droplit: $account: cannot be written: $no_folder"
create 3 '' "droplit: $account: cannot be read: $no_folder" --ecosystemId $active
rm "$HOME/droplit.io"
mv "$folder/kept" "$HOME/droplit.io"

echo '{"token":"canary-account"}' >"$folder/victim"
no_file='it must be a file that can be opened, and no link'
rm "$account"
ln -s "$folder/victim" "$account"
create 3 '' "droplit: $account: cannot be read: $no_file" --ecosystemId $active
printf canary-new | login 0 "$in" ''
holds '{"token":"canary-new"}'
[ "$(cat "$folder/victim")" = '{"token":"canary-account"}' ] || fail 'login writes through a link'
rm "$account"
mkfifo -m 600 "$account"
create 3 '' "droplit: $account: cannot be read: $no_file" --ecosystemId $active
rm "$account"
mkdir "$account"
create 3 '' "droplit: $account: cannot be read: $no_file" --ecosystemId $active
printf canary-new | login 5 '' "droplit: $account: cannot be written: Is a directory"
[ "$(ls -A "$HOME/droplit.io")" = account.json ] || fail "login leaves something behind: $(ls -A "$HOME/droplit.io")"
ends 5 '' "droplit: $account: cannot be removed: Is a directory" logout
rmdir "$account"

# broken FILE-CONTENT WHY
broken() {
  (umask 077 && printf '%s' "$1" >"$account")
  create 3 '' "droplit: $account: $2" --ecosystemId $active
}
for text in '' '{' '"canary"' '["canary"]' '{"token":"canary"} x' '{"token":"canary",}' 'null' "$(printf '{"token":"\377canary"}')" \
  "$(printf '%0100d' 0 | tr 0 '[')"; do
  broken "$text" 'is not a JSON object; `droplit login` writes it anew'
done
for text in '{}' '{"token":null}' '{"token":""}' '{"token":["canary"]}' '{"Token":"canary"}' '{"token":" canary"}' \
  '{"token":"canary\n"}' '{"token":"can\u0000ary"}' '{"token":"canary\u00e9"}' '{"token":"canary-account","token":7}'; do
  broken "$text" 'has no "token" that can be used; `droplit login` writes it anew'
done
broken "{\"token\":\"canary-account\"$(printf '%065536d' 0 | tr 0 ' ')}" 'is longer than 64 KiB'

# what is there beside the token does not matter; a file that others can read is reported
record='id           ID
ecosystemId  C594b89aea18568c408c3ad24
type         application'
# makes OUT ERR ARG...: a create that works
makes() {
  out=$1 err=$2
  shift 2
  run client create --ecosystemId $active "$@"
  [ "$got" -eq 0 ] || fail "exit status $got, not 0: $*"
  created out
  is out "$out" "$@"
  is err "$err" "$@"
}
printf '{"x":[{}],"token":"canary-account","y":null}' >"$account"
chmod 600 "$account"
makes "$record
createdAt    TIME" ''
for mode in 640 604 644; do
  chmod $mode "$account"
  makes "$record
createdAt    TIME" "droplit: warning: $account is open to others; \`chmod 600\` closes it"
done
chmod 600 "$account"
for mode in 720 702 777 1777; do
  chmod $mode "$HOME/droplit.io"
  makes "$record
createdAt    TIME" "droplit: warning: $HOME/droplit.io is open to others; \`chmod 700\` closes it"
done
chmod 755 "$HOME/droplit.io"
makes "$record
createdAt    TIME" ''
chmod 700 "$HOME/droplit.io"
if [ "$(id -u)" -eq 0 ]; then
  for path in "$account" "$HOME/droplit.io"; do
    chown 54321 "$path"
    makes "$record
createdAt    TIME" "droplit: warning: $path belongs to another user"
    chown 0 "$path"
  done
fi
printf canary-account | login 0 "$in" ''
holds '{"token":"canary-account"}'
echo '{"token":"canary-killed"}' >"$HOME/droplit.io/.account.json.00112233445566778899aabbccddeeff"  # of a login that was killed
ends 0 'logged out' '' logout
[ -z "$(ls -A "$HOME/droplit.io")" ] || fail 'logout leaves something'
ends 0 'not logged in' '' logout
rmdir "$HOME/droplit.io"
ends 0 'not logged in' '' logout
odd=$(printf 'ho\033[31mme')
mkdir "$HOME/$odd"
odd_in="logged in; the token is in $HOME/ho\\u{1B}[31mme/droplit.io/account.json"
(HOME="$HOME/$odd" && printf canary | login 0 "$odd_in" '')
nowhere="droplit: $folder/nowhere/droplit.io/account.json"
(export HOME="$folder/nowhere" && create 3 '' "$nowhere: is not there; \`droplit login\` writes it" --ecosystemId $active)
printf canary | (HOME="$folder/nowhere" && login 5 '' "$nowhere: cannot be written: No such file or directory")
chmod 711 "$folder"
cp "$program" "$folder/droplit" && chmod 755 "$folder/droplit"
if [ "$(id -u)" -eq 0 ]; then  # somebody who is in no list of users has no home
  for home in 'HOME=' '-uHOME'; do
    for command in "client create --ecosystemId $active" login logout; do
      # shellcheck disable=SC2086
      printf canary | env "$home" setpriv --reuid=54321 --clear-groups "$folder/droplit" $command >"$folder/out" 2>"$folder/err"
      got=$?
      [ "$got" -eq 3 ] || fail "without a home, $command ends with $got"
      is out '' "$command"
      is err 'droplit: there is no home directory, where the account file would be' "$command"
    done
  done
fi

# no core goes anywhere: what the system has about the process belongs to root then, and to no other user
somebody=$(id -u) as=
if [ "$somebody" -eq 0 ]; then somebody=54321 as='setpriv --reuid=54321 --clear-groups'; fi
mkfifo "$folder/waits"
$as "$folder/droplit" login <"$folder/waits" >"$folder/out" 2>"$folder/err" &
waiting=$!
exec 9>"$folder/waits"
tries=0
until { [ "$(readlink /proc/$waiting/exe)" = "$folder/droplit" ] && grep -q "^Uid:.$somebody" /proc/$waiting/status &&
  [ "$(stat -c %u /proc/$waiting/environ)" -eq 0 ]; } || [ $tries -ge 100 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
[ $tries -lt 100 ] || fail 'a core can be dumped'
exec 9>&-
wait $waiting
[ $? -eq 3 ] || fail 'login <waits: another exit status'
is err 'droplit: no token was given' 'login <waits'

# without memory it ends as it should
cat >"$folder/memory.cpp" <<'END'
#include <csignal>
#include <cstdlib>
#include <new>
static bool begun;  // in main, which ignores SIGXFSZ
static int left = std::atoi(std::getenv("ALLOCATIONS"));
extern "C" sighandler_t signal(int which, sighandler_t) noexcept {
  if (which == SIGXFSZ) begun = true;
  return SIG_DFL;
}
void* operator new(std::size_t size) {
  if (begun && left-- <= 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return begun && left-- <= 0 ? nullptr : std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
END
c++ -shared -fPIC -o "$folder/memory.so" "$folder/memory.cpp" || fail 'no library that runs out of memory'
# runs_out ARG...: the exit status is 4 with so little memory, until it is another one
runs_out() {
  for allocations in 0 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 4181 6765; do
    DROPLIT_TOKEN=canary-account ALLOCATIONS=$allocations ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$folder/memory.so" \
      "$program" "$@" >"$folder/out" 2>"$folder/err" </dev/null
    got=$?
    no_canary "$@"
    [ $got -eq 4 ] || break
    is out '' "$allocations $*"
    is err 'droplit: out of memory; a requested client may have been created' "$allocations $*"
  done
}
runs_out client create --ecosystemId $active
[ $got -eq 0 ] || fail "with $allocations allocations a create ends with $got: $(cat "$folder/err")"
runs_out login --canary
[ $got -eq 2 ] || fail "with $allocations allocations a wrong command line ends with $got: $(cat "$folder/err")"

# --- the service
printf canary-account | login 0 "$in" ''
e_acute=$(printf '\303\251')
makes "id           ID
ecosystemId  $active
type         server
name         Lobby panel
description  \\u{1B}]0;x\\u{7}\\n\\t\\r\\\\\\u{7F}\\u{9B}\\u{2028}\\u{202E}\\u{2066}\\u{61C}$e_acute
createdAt    TIME" '' --type server --name 'Lobby panel' --description \
  "$(printf '\033]0;x\007\n\t\r\\\177\302\233\342\200\250\342\200\256\342\201\246\330\234\303\251')"
makes 'id           ID
ecosystemId  C594b89aea18568c408c3ad24
type         application
name
description  a
createdAt    TIME' '' --name '' --description a
run client create --ecosystemId C594B89AEA18568C408C3AD24
grep -q "^ecosystemId  $active\$" "$folder/out" || fail "the canonical id is not told: $(cat "$folder/out")"
create 1 '' "droplit: --ecosystemId: invalid id: $accepts_id $(see ecosystem-invalid)" --ecosystemId $never
create 1 '' "droplit: Ecosystem with id $deleted does not exist. $(see ecosystem-not-found)" --ecosystemId $deleted
create 1 '' "droplit: Not Found (404): there is no API at this address; --url or DROPLIT_URL may be incorrect $(see not-found)" \
  --ecosystemId $active --url "$url/no"
create 1 '' "droplit: Content Too Large (413): the service refused the request $(see content-too-large)" \
  --ecosystemId $active --name "$(printf '%05001d' 0)"
DROPLIT_TOKEN=canary-unknown
export DROPLIT_TOKEN
create 3 '' "droplit: Unauthorized (401): the service does not know the token; $log_in $(see unauthorized)" --ecosystemId $active
create 3 '' "droplit: Unauthorized (401): the service does not know the token; $log_in $(see unauthorized)" --ecosystemId $active --json
DROPLIT_TOKEN=canary-server
create 3 '' "droplit: Forbidden (403): the holder of the token may not touch this ecosystem; $log_in $(see forbidden)" --ecosystemId $active
create 3 '' "droplit: Forbidden (403): the holder of the token may not touch this ecosystem; $log_in $(see forbidden)" --ecosystemId $active --json
DROPLIT_TOKEN=canary-other
create 3 '' "droplit: Token type not permitted! The token of an account or a server is accepted; $log_in $(see token-kind-forbidden)" --ecosystemId $active
unset DROPLIT_TOKEN
refused='libcurl error 7 (Couldn'\''t connect to server); nothing was sent'
create 4 '' "droplit: $refused" --ecosystemId $active --url http://127.0.0.1:1
create 4 '' "droplit: $refused" --ecosystemId $active --url=http://127.0.0.1:1 --json
(export DROPLIT_URL=http://127.0.0.1:1 && create 4 '' "droplit: $refused" --ecosystemId $active)
(export DROPLIT_URL=http://127.0.0.1:1 && makes "$record
createdAt    TIME" '' --url "$url/" --timeout 3600)
for wrong in '' ftp://127.0.0.1 canary; do
  create 4 '' 'droplit: the URL is not an HTTP URL; nothing was sent' --ecosystemId $active --url "$wrong"
done
# which is no matter of trying again: a hundred attempts would take minutes
create 4 '' 'droplit: the URL is not an HTTP URL; nothing was sent' --ecosystemId $active --url canary --retry 100
create 4 '' 'droplit: the URL has more than a scheme, a host, a port and a path; nothing was sent' --ecosystemId $active \
  --url http://canary@127.0.0.1/
mkfifo "$folder/endless"
for file in "$folder/endless" "$folder" /dev/zero; do
  create 4 '' 'droplit: --cacert takes a regular file; nothing was sent' --ecosystemId $active --url https://127.0.0.1:1 --timeout 1 \
    --cacert "$file"
done
(export SSLKEYLOGFILE="$folder/secrets" && makes "$record
createdAt    TIME" '')
[ ! -e "$folder/secrets" ] || fail 'the secrets of TLS are written to SSLKEYLOGFILE'
# a file that never ends and that OpenSSL would read before the time limit begins
(export OPENSSL_CONF="$folder/endless" && makes "$record
createdAt    TIME" '')
(export OPENSSL_CONF="$folder/endless" && create 4 '' "droplit: $refused" --ecosystemId $active --url https://127.0.0.1:1)
# those of the resolver are read within the time limit
for name in HOSTALIASES RESOLV_HOST_CONF; do
  (export $name="$folder/endless" && run client create --ecosystemId $active --url http://canary --timeout 1
  [ "$got" -eq 4 ] || fail "exit status $got, not 4: $name")
done
# an empty DROPLIT_URL counts as absent; the proxy sees to it that nothing leaves this machine
(export DROPLIT_URL='' https_proxy=http://127.0.0.1:1 no_proxy='' && create 4 '' "droplit: $refused" --ecosystemId $active)

# a server that does not look at keys
create 4 '' 'droplit: the service does not honour keys (status 201); a client may have been created' --ecosystemId $active \
  --idempotency-key canary
makes "$record
createdAt    TIME" '' --retry 100
create 4 '' "droplit: $refused" --ecosystemId $active --url http://127.0.0.1:1 --retry 1
create 1 '' "droplit: Ecosystem with id $deleted does not exist. $(see ecosystem-not-found)" --ecosystemId $deleted --retry 3 \
  --idempotency-key canary

by_json 1 '{"type":"application"}' canary-account
by_json 1 '{"type":"toaster"}' canary-account --type toaster
by_json 1 '{"ecosystemId":"","type":"server"}' canary-account --ecosystemId= --type server
by_json 1 "{\"ecosystemId\":\"$active\",\"type\":\"Server\"}" canary-account --ecosystemId $active --type Server
by_json 1 "{\"ecosystemId\":\"$active\",\"type\":\"server\",\"name\":\"$not_utf8\"}" canary-account --ecosystemId $active --name "$not_utf8"
by_json 1 "{\"ecosystemId\":\"$never\",\"type\":\"server\"}" canary-account --ecosystemId $never
by_json 1 "{\"ecosystemId\":\"$deleted\",\"type\":\"server\"}" canary-account --ecosystemId $deleted
by_json 3 "{\"ecosystemId\":\"$active\",\"type\":\"server\"}" canary-other --ecosystemId $active
by_json 0 "{\"ecosystemId\":\"$active\",\"type\":\"application\"}" canary-account --ecosystemId $active
by_json 0 "{\"ecosystemId\":\"$active\",\"type\":\"server\",\"name\":\"\",\"description\":\"d\"}" canary-account \
  --ecosystemId $active --type server --name '' --description d

# values reach the service byte for byte, as an argument of their own and after a `=`
# kept VALUE JSON
kept() {
  for option in name description; do
    by_json 0 "{\"ecosystemId\":\"$active\",\"type\":\"application\",\"$option\":$2}" canary-account --ecosystemId $active --$option "$1"
    grep -qF "\"$option\":$2," "$folder/out" || fail "--$option $1 is kept as $(cat "$folder/out")"
    by_json 0 "{\"ecosystemId\":\"$active\",\"type\":\"application\",\"$option\":$2}" canary-account "--$option=$1" --ecosystemId=$active
    grep -qF "\"$option\":$2," "$folder/out" || fail "--$option=$1 is kept as $(cat "$folder/out")"
  done
}
kept '' '""'
kept ' ' '" "'
for text in '[a,b]' '[]' '[' '{}' '{a}' '%s%n' '%%' - -- --- -x -1 --name --json --help -h ++ + = =x a=b --type=x a,b @file '#' "'" \
  '/name' '!' '~' '$HOME' '*' true client create login; do
  kept "$text" "\"$text\""
done
kept '"x"' '"\"x\""'
kept "$(printf 'a\nb')" '"a\nb"'
kept '\n' '"\\n"'
kept '\' '"\\"'
kept "$(printf 'a\033\tb\177')" "$(printf '"a\\u001b\\tb\177"')"
kept "$(printf '\360\237\230\200')" "$(printf '"\360\237\230\200"')"

# --- the standard streams
# cannot_print STATUS ERR: what was run found no standard output
told_id='^droplit: the client was created all the same; its id is [0-9a-f]\{24\}$'
cannot_print() {
  [ "$got" -eq "$1" ] || fail "$2: exit status $got, not $1"
  [ "$(head -n 1 "$folder/err")" = 'droplit: standard output cannot be written' ] || fail "$2: $(cat "$folder/err")"
}
for json in '' --json; do
  # shellcheck disable=SC2086
  timeout 20 "$program" client create --ecosystemId $active $json >/dev/full 2>"$folder/err"
  got=$?
  cannot_print 5 "create $json >/dev/full"
  grep -q "$told_id" "$folder/err" || fail "no id is told: $(cat "$folder/err")"
  # shellcheck disable=SC2086
  timeout 20 "$program" client create --ecosystemId $active $json 2>"$folder/err" >&-
  got=$?
  cannot_print 5 "create $json >&-"
  grep -q "$told_id" "$folder/err" || fail "no id is told: $(cat "$folder/err")"
  # shellcheck disable=SC2086
  timeout 20 "$program" client create --ecosystemId $active $json <&- >&- 2>&-
  got=$?
  [ "$got" -eq 5 ] || fail "all streams closed, create $json ends with $got"
  timeout 20 "$program" client create --json --type x 2>"$folder/err" >&-
  got=$?
  cannot_print 5 'create --json --type x >&-'
  grep -q 'field must be one of' "$folder/err" || fail 'the refusal is told nowhere'
done
timeout 20 "$program" --help >/dev/full 2>"$folder/err"
got=$?
cannot_print 5 '--help >/dev/full'
timeout 20 "$program" --version 2>"$folder/err" >&-
got=$?
cannot_print 5 '--version >&-'
timeout 20 "$program" completion bash 2>/dev/full >/dev/full
[ $? -eq 5 ] || fail 'completion with nowhere to write'
printf canary-new | timeout 20 "$program" login 2>"$folder/err" >&-
got=$?
cannot_print 5 'login >&-'
holds '{"token":"canary-new"}'
printf canary-account | login 0 "$in" ''
# with few file descriptors a client is created and printed, or not created
ended=
for most in 4 5 6 7 8 9 10 11 12 24; do
  (exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n $most && DROPLIT_TOKEN=canary-account exec timeout 20 "$program" client create --ecosystemId $active) \
    >"$folder/out" 2>"$folder/err"
  got=$?
  ended="$ended $got"
  created out
  case $got in
    0)
      is out "$record
createdAt    TIME" "ulimit -n $most"
      is err '' "ulimit -n $most"
      ;;
    1) grep -q 'invalid vptr' "$folder/err" || fail "ulimit -n $most: $(cat "$folder/err")" ;;  # a sanitizer needs two itself
    4) grep -q '; nothing was sent$' "$folder/err" || fail "ulimit -n $most: $(cat "$folder/err")" ;;
    127) grep -q 'Error 24' "$folder/err" || fail "ulimit -n $most: $(cat "$folder/err")" ;;  # it could not be loaded
    *) fail "ulimit -n $most: exit status $got: $(cat "$folder/err")" ;;
  esac
done
case $ended in *0) ;; *) fail "with 24 file descriptors it fails: $ended" ;; esac
for closed in '2>&-' '2>/dev/full' '<&- 2>&-'; do
  eval "timeout 20 \"\$program\" --frobnicate >\"\$folder/out\" $closed"
  [ $? -eq 2 ] || fail "$closed: another exit status"
  eval "timeout 20 \"\$program\" client create --ecosystemId x >\"\$folder/out\" $closed"
  [ $? -eq 1 ] || fail "$closed: another exit status"
  eval "timeout 20 \"\$program\" client create --ecosystemId $active --url http://127.0.0.1:1 >\"\$folder/out\" $closed"
  [ $? -eq 4 ] || fail "$closed: another exit status"
  eval "timeout 20 \"\$program\" client create --ecosystemId $active >\"\$folder/out\" $closed"
  [ $? -eq 0 ] || fail "$closed: a client cannot be created"
  created out
  is out "$record
createdAt    TIME" "$closed"
done
timeout 20 "$program" login <&- >"$folder/out" 2>"$folder/err"
[ $? -eq 3 ] || fail 'login <&-: another exit status'
is err 'droplit: no token was given' 'login <&-'
# a reader that is gone
mkfifo "$folder/gone"
{
  read -r _ <"$folder/gone"
  timeout 20 "$program" client create --ecosystemId $active 2>"$folder/err"
  echo $? >"$folder/status"
} | {
  exec <&-
  echo >"$folder/gone"
}
tries=0
until [ -s "$folder/status" ] || [ $tries -ge 200 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
got=$(cat "$folder/status")
cannot_print 5 'a broken pipe'

# --- completion
cat >"$folder/complete.bash" <<'END'
set -u
cd "$2" || exit 1
source <("$1" completion bash)
complete -p droplit
ask() {
  COMP_WORDS=(droplit "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _droplit
  local IFS=' '
  echo "$*: ${COMPREPLY[*]}"
}
ask ''
ask cl
ask client ''
ask client create --
ask client create --json --na
ask client create --type ''
ask client create --type s
ask client create --type =
ask client create --type = ap
ask client create --type = server --d
ask client create --name ''
ask client create --name --type --ty
ask client create --cacert au
ask client create --cacert = 'with s'
ask login ''
ask completion ''
ask nonsense ''
# words that are whole, as where COMP_WORDBREAKS has no =
ask client create --type=
ask client create --type=se
ask client create --cacert=with
ask client create --name=se
ask client create --name x --type=se --de
ask client create --retry 3 --idempotency-key --ty --de
ask client create --nonsense=se
IFS=:e  # the person's own
ask client create --type ''
ask client create --json --na
ask client create --type=se
IFS=$' \t\n'
END
mkdir "$folder/files"
touch "$folder/files/authority.pem" "$folder/files/with space.pem" "$folder/files/other"
timeout 20 bash --norc "$folder/complete.bash" "$program" "$folder/files" >"$folder/out" 2>"$folder/err"
is err '' completion
is out 'complete -F _droplit droplit
: client login logout completion --help --version
cl: client
client : create --help
client create --: --help --ecosystemId --type --name --description --url --cacert --timeout --idempotency-key --retry --json
client create --json --na: --name
client create --type : application server
client create --type s: server
client create --type =: application server
client create --type = ap: application
client create --type = server --d: --description
client create --name : 
client create --name --type --ty: --type
client create --cacert au: authority.pem
client create --cacert = with s: with space.pem
login : --help
completion : bash --help
nonsense : 
client create --type=: --type=application --type=server
client create --type=se: --type=server
client create --cacert=with: --cacert=with space.pem
client create --name=se: 
client create --name x --type=se --de: --description
client create --retry 3 --idempotency-key --ty --de: --description
client create --nonsense=se: 
client create --type : application server
client create --json --na: --name
client create --type=se: --type=server' completion

! grep -q canary "$folder/log" || fail 'the log of the server tells a token'
kill "$server" && wait "$server"
server=
[ ! -e "$folder/failed" ] || exit 1
echo 'droplit does what its page says'
