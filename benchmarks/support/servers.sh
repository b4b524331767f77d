# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# For scripts that measure servers, which read it in after common.sh: processes that do not outlive the script, and a load
# for them. $pinned and $client may begin the commands of servers and of wrk; $seconds says how long a load lasts.
# shellcheck shell=sh disable=SC2034,SC2154
server=build/release/docs/examples/droplit-server
active=C594b89aea18568c408c3ad24
deleted=C594b89aea18568c408c3ad25
stores=$folder/stores.tsv  # where each server is, its name, its process
pinned=
client=
servers=
database=
# shellcheck disable=SC2015
stop() {
  for pid in $servers; do kill "$pid" && wait "$pid" || true; done 2>/dev/null
  if [ -n "$database" ]; then kill -INT "$database" 2>/dev/null && wait "$database" || true; fi
  rm -rf "$folder"
}
# stop_servers: ends those that serve until now, and forgets them
stop_servers() {
  for pid in $servers; do kill "$pid" && wait "$pid" || true; done 2>/dev/null
  servers=
  : >"$stores"
}
trap stop EXIT

: >"$stores"
(umask 077 && cat >"$folder/access.json") <<'ACCESS'
{"tokens": [{"token": "benchmark-token", "kind": "account"}, {"token": "server-token", "kind": "server",
  "ecosystems": ["C594b89aea18568c408c3ad24"]}, {"token": "client-token", "kind": "client"}]}
ACCESS

# awaited PID COMMAND...: until it succeeds, 20 s at the most
awaited() {
  pid=$1
  shift
  for _ in $(seq 400); do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  echo "it does not start:" "$@" >&2
  cat "$folder"/*.log >&2
  exit 1
}

# A PostgreSQL of our own, not as root, whom it refuses.
start_postgres() {
  programs=/usr/lib/postgresql/15/bin
  as=
  mkdir "$folder/pg"
  chmod 755 "$folder"
  if [ "$(id -u)" -eq 0 ]; then
    chown postgres "$folder/pg"
    as="setpriv --reuid postgres --regid postgres --clear-groups"
  fi
  # shellcheck disable=SC2086
  (cd / && $as "$programs/initdb" -D "$folder/pg/data" -U droplit -A trust -E UTF8 --locale=C) >"$folder/pg.log" 2>&1
  cd /
  # shellcheck disable=SC2086
  $pinned $as "$programs/postgres" -D "$folder/pg/data" -k "$folder/pg" -c listen_addresses= -c max_connections=200 \
    >>"$folder/pg.log" 2>&1 &
  database=$!
  cd "$OLDPWD"
  awaited $database "$programs/pg_isready" -q -h "$folder/pg" -U droplit -d postgres
  [ "$(psql 'SHOW fsync')$(psql 'SHOW synchronous_commit')" = onon ]
  at="?host=$folder/pg&user=droplit&sslmode=disable&gssencmode=disable"
}
unset PGHOSTADDR PGSERVICE PGOPTIONS
psql() { "$programs/psql" -X -h "$folder/pg" -U droplit -d postgres -Atqc "$1"; }

# slow_fsync: preloaded, it makes an fsync take a millisecond longer
slow_fsync=$folder/slow_fsync.so
gcc -O2 -shared -fPIC -o "$slow_fsync" benchmarks/slow_fsync.c -ldl

# serve NAME COMMAND...: starts a server, and notes where it is
serve() {
  name=$1
  shift
  out=$folder/out$(wc -l <"$stores")
  # shellcheck disable=SC2086
  $pinned "$@" >"$out" 2>>"$folder/servers.log" </dev/null &
  servers="$servers $!"
  awaited $! grep -q listening "$out"
  printf '%s\t%s\t%s\n' "$(sed -n 's/^listening on //p' "$out")" "$name" $! >>"$stores"
}

# serve_droplit NAME PRELOAD STORE OPTION...
serve_droplit() {
  name=$1 preload=$2 store=$3
  shift 3
  serve "$name" env LD_PRELOAD="$preload" "$server" --listen 127.0.0.1:0 --access "$folder/access.json" --ecosystem $active \
    --ecosystem $deleted --delete-ecosystem $deleted --storage "$store" "$@"
}

# load NAME CONNECTIONS URL: sets line to what create.lua says in the end; every response must be a 201
load() {
  # shellcheck disable=SC2086
  line=$(timeout $((seconds + 30)) $client wrk -t1 -c "$2" -d "${seconds}s" -s benchmarks/create.lua "$3" | grep '^RESULT ') || true
  echo "$line" | awk '$4 + $5 != 0 || $2 == 0 { exit 1 }' || {
    echo "$1, $2 connections: not everything is a 201: $line" >&2
    cat "$folder/servers.log" >&2
    exit 1
  }
}

# pin: the servers that are started from now on to one core, wrk to another, if there are two
pin() { if [ "$(nproc)" -ge 2 ]; then pinned='taskset -c 0' client='taskset -c 1'; fi; }

# ticks PID: of processor time, outside the kernel and in it
ticks() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13; }

# costs NAME CONNECTIONS URL PID: a load; leaves `rate`, its responses a second, and `cost`, the process's microseconds of
# processor time for each
costs() {
  before=$(ticks "$4")
  load "$1" "$2" "$3"
  # shellcheck disable=SC2046
  set -- $(echo "$line $before $(ticks "$4")" | awk -v tick="$(getconf CLK_TCK)" \
    '{ print $2 / $3 * 1e6, ($10 + $11 - $8 - $9) / tick * 1e6 / $2 }')
  rate=$1 cost=$2
}

# The servers have said nothing on their standard error.
quiet() { [ ! -s "$folder/servers.log" ] || { cat "$folder/servers.log" >&2; exit 1; }; }

# What a synced write of 4 KiB takes here, in milliseconds; into a file that is as long already, as a log mostly is.
synced_write() {
  dd if=/dev/zero of="$folder/synced" bs=4096 count=500 conv=fsync 2>/dev/null
  LC_ALL=C dd if=/dev/zero of="$folder/synced" bs=4096 count=500 conv=notrunc oflag=dsync 2>&1 |
    sed -n 's/.* copied, \([0-9.e-]*\) s,.*/\1/p' | awk '{ printf "%.2f", $1 / 500 * 1000 }'
}
