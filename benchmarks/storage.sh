#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# storage.sh: installs what is missing, builds droplit-server, measures creates per second over each store (about two
# minutes), and writes the tables of docs/benchmarks.md. Status 1 if something was answered but 201, or if SQLite's group
# commit does not bring what it must.
# storage.sh SECONDS ROUNDS: so long each time and so often, which are 2 and 3; the page is left as it is.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ gcc libc6-dev cmake ninja-build libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libpq-dev \
  postgresql-15 libcurl4-openssl-dev libcli11-dev wrk
seconds=${1:-2}
rounds=${2:-3}
connections='1 16 64 256'
must=10  # times its one-connection rate, for SQLite at 64 connections
page=docs/benchmarks.md
server=build/release/docs/examples/droplit-server
cmake --preset release -DDROPLIT_TESTS=OFF >/dev/null
cmake --build --preset release --target droplit-server >&2

folder=$(mktemp -d)
servers=
database=
# shellcheck disable=SC2015
stop() {
  for pid in $servers; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  if [ -n "$database" ]; then kill -INT "$database" 2>/dev/null && wait "$database" || true; fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

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
$as "$programs/postgres" -D "$folder/pg/data" -k "$folder/pg" -c listen_addresses= -c max_connections=200 >>"$folder/pg.log" 2>&1 &
database=$!
cd "$OLDPWD"
awaited $database "$programs/pg_isready" -q -h "$folder/pg" -U droplit -d postgres
psql() { "$programs/psql" -h "$folder/pg" -U droplit -d postgres -Atqc "$1"; }
[ "$(psql 'SHOW fsync')$(psql 'SHOW synchronous_commit')" = onon ]
psql 'CREATE DATABASE eight'
psql 'CREATE DATABASE sixty_four'

gcc -O2 -shared -fPIC -o "$folder/slow_fsync.so" benchmarks/slow_fsync.c -ldl
echo '{"tokens":[{"token":"benchmark-token","kind":"account"}]}' >"$folder/access.json"
stores=$folder/stores.tsv

# serve NAME PRELOAD STORE OPTION...: starts a server, and notes its name and where it is
serve() {
  name=$1 preload=$2 store=$3
  shift 3
  out=$folder/out$(wc -l <"$stores")
  LD_PRELOAD=$preload "$server" --listen 127.0.0.1:0 --access "$folder/access.json" --ecosystem C594b89aea18568c408c3ad24 \
    --storage "$store" "$@" >"$out" 2>>"$folder/servers.log" </dev/null &
  servers="$servers $!"
  awaited $! grep -q listening "$out"
  printf '%s\t%s\n' "$(sed -n 's/^listening on //p' "$out")" "$name" >>"$stores"
}
: >"$stores"
at="?host=$folder/pg&user=droplit&sslmode=disable&gssencmode=disable"
serve memory '' memory
serve sqlite '' "sqlite:$folder/plain.db"
serve 'sqlite, fsync 1 ms longer' "$folder/slow_fsync.so" "sqlite:$folder/slow.db"
serve 'postgres, 8 store threads' '' "postgresql:///eight$at"
serve 'postgres, 64 store threads' '' "postgresql:///sixty_four$at" --store-threads 64

# What a synced write of 4 KiB takes here, in milliseconds; into a file that is as long already, as a log mostly is.
dd if=/dev/zero of="$folder/synced" bs=4096 count=500 conv=fsync 2>/dev/null
fsync=$(LC_ALL=C dd if=/dev/zero of="$folder/synced" bs=4096 count=500 conv=notrunc oflag=dsync 2>&1 |
  sed -n 's/.* copied, \([0-9.e-]*\) s,.*/\1/p' | awk '{ printf "%.2f", $1 / 500 * 1000 }')

# NAME CONNECTIONS RATE of each round, the stores in turn
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for n in $connections; do
    while IFS="$(printf '\t')" read -r url name; do
      line=$(timeout $((seconds + 30)) wrk -t1 -c "$n" -d "${seconds}s" -s benchmarks/create.lua "$url" | grep '^RESULT ')
      echo "$line" | awk -v OFS='\t' -v name="$name" -v n="$n" \
        '$4 + $5 != 0 || $2 == 0 { exit 1 } { print name, n, $2 / $3 * 1e6 }' >>"$folder/rates.tsv" || {
        echo "$name, $n connections: not everything is a 201: $line" >&2
        cat "$folder/servers.log" >&2
        exit 1
      }
    done <"$stores"
  done
  echo "round $round of $rounds" >&2
done
[ ! -s "$folder/servers.log" ] || { cat "$folder/servers.log" >&2; exit 1; }

{
  printf 'Measured on %s: %s, %s cores, Linux %s, %s; ' "$(date -u +%Y-%m-%d)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$(g++ --version | head -n 1)"
  for package in libsqlite3-0 postgresql-15 wrk; do dpkg-query -W -f "\${Package} \${Version}, " "$package"; done
  printf 'medians of %s rounds of %s s. A synced write of 4 KiB takes %s ms here' "$rounds" "$seconds" "$fsync"
  printf '; load of the machine when it was over, these programs included: %s.\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
  sort -t "$(printf '\t')" -k 1,1 -k 2,2n -k 3,3g "$folder/rates.tsv" | awk -F '\t' -v connections="$connections" -v must=$must '
    NR == FNR { names[++stores] = $2; next }
    { rate[$1, $2, ++seen[$1, $2]] = $3 }
    function median(name, n, k) {
      k = seen[name, n]
      return k % 2 ? rate[name, n, (k + 1) / 2] : (rate[name, n, k / 2] + rate[name, n, k / 2 + 1]) / 2
    }
    function table(title, kind, line, rule, s, c, value) {
      line = "| " title " |"; rule = "| --- |"
      for (c = 1; c <= columns; ++c) { line = line " " column[c] " |"; rule = rule " ---: |" }
      print "\n" line "\n" rule
      for (s = 1; s <= stores; ++s) {
        if (kind == "itself" && names[s] !~ /^sqlite/) continue
        line = "| " names[s] " |"
        for (c = 1; c <= columns; ++c) {
          value = median(names[s], column[c])
          if (kind == "memory") value /= median("memory", column[c])
          if (kind == "itself") value /= median(names[s], 1)
          line = line " " sprintf(kind == "rate" ? "%.0f" : kind == "memory" ? "%.3f" : "%.1f", value) " |"
        }
        print line
      }
    }
    END {
      columns = split(connections, column, " ")
      table("creates per second, by connections", "rate")
      table("ratio to memory", "memory")
      table("ratio to its own rate at one connection", "itself")
      slow = "sqlite, fsync 1 ms longer"
      gain = median(slow, 64) / median(slow, 1)
      printf "\nGroup commit at 64 connections, where an fsync takes a millisecond or more: %.1f times the rate of one; ", gain
      printf "at least %d are wanted: %s.\n", must, gain >= must ? "met" : "**not met**"
      if (median(slow, 1) > 1000) print "**The disk was not slowed.**"
    }' "$stores" -
} >"$folder/table.md"
cat "$folder/table.md"

if [ $# -eq 0 ]; then
  awk -v file="$folder/table.md" '
    $0 == "<!-- end: storage -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- begin: storage -->" { inside = 1; print ""; while ((getline line <file) > 0) print line; print "" }' \
    "$page" >"$folder/page.md"
  cat "$folder/page.md" >"$page"
fi
! grep -qF '**' "$folder/table.md"
