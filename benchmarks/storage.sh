#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# storage.sh: installs what is missing, builds droplit-server, measures creates per second over each store (about two
# minutes), and writes the tables of docs/benchmarks.md. Status 1 if a response was anything but a 201, or if SQLite's group
# commit does not bring what it must.
# storage.sh SECONDS ROUNDS [keys]: so long each time and so often, which are 2 and 3; the page is left as it is. With `keys`
# only what a key costs over SQLite is measured.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ gcc libc6-dev cmake ninja-build libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libpq-dev \
  postgresql-15 libcurl4-openssl-dev libcli11-dev wrk
seconds=${1:-2}
rounds=${2:-3}
part=${3:-}
connections='1 16 64 256'
must=10  # times its one-connection rate, for SQLite at 64 connections
most=1.15  # times the processor time of a create without a key, for SQLite at 64 connections
cmake --preset release -DDROPLIT_TESTS=OFF >/dev/null
cmake --build --preset release --target droplit-server >&2

. benchmarks/support/common.sh
. benchmarks/support/servers.sh

# What a key costs over SQLite: the middle of each kind's processor time for a create, the kinds in turn.
measure_keys() {
  serve_droplit none '' "sqlite:$folder/none.db"
  serve_droplit timed '' "sqlite:$folder/timed.db" --idempotency-keys
  serve_droplit random '' "sqlite:$folder/random.db" --idempotency-keys
  round=0
  while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    while IFS=$tab read -r url name pid; do
      if [ "$name" = none ]; then unset KEYS; else export KEYS="$name"; fi
      costs "$name" 64 "$url" "$pid"
      printf '%s\t%s\t%s\n' "$name" "$cost" "$rate" >>"$folder/keys.tsv"
    done <"$stores"
    echo "keys, round $round of $rounds" >&2
  done
  unset KEYS
  quiet
}
keys_table() {
  machine libsqlite3-0 wrk
  printf 'medians of %s rounds of %s s.\n' "$rounds" "$seconds"
  sort -t "$tab" -k 1,1 -k 2,2g "$folder/keys.tsv" | awk -F '\t' -v most=$most '
    { cpu[$1, ++seen[$1]] = $2; sum[$1] += $3 }
    function median(name, k) {
      k = seen[name]
      return k % 2 ? cpu[name, (k + 1) / 2] : (cpu[name, k / 2] + cpu[name, k / 2 + 1]) / 2
    }
    function row(what, name) {
      printf "| %s | %.1f | %.2f | %.0f |\n", what, median(name), median(name) / median("none"), sum[name] / seen[name]
    }
    END {
      print "\n| sqlite, 64 connections | CPU us | / without keys | requests/s |\n| --- | ---: | ---: | ---: |"
      row("without keys", "none")
      row("keys that begin with the time", "timed")
      row("random keys", "random")
      cost = median("timed") / median("none")
      printf "\nA key that begins with the time: at most %.2f is wanted, %.2f reached: %s.\n", most, cost,
        cost <= most ? "met" : "**not met**"
    }'
}
if [ "$part" = keys ]; then
  measure_keys
  keys_table >"$folder/table.md"
  cat "$folder/table.md"
  ! grep -qF '**' "$folder/table.md"
  exit
fi

start_postgres
psql 'CREATE DATABASE eight'
psql 'CREATE DATABASE sixty_four'
serve_droplit memory '' memory
serve_droplit sqlite '' "sqlite:$folder/plain.db"
serve_droplit 'sqlite, fsync 1 ms longer' "$slow_fsync" "sqlite:$folder/slow.db"
serve_droplit 'postgres, 8 store threads' '' "postgresql:///eight$at"
serve_droplit 'postgres, 64 store threads' '' "postgresql:///sixty_four$at" --store-threads 64
fsync=$(synced_write)

# NAME CONNECTIONS RATE of each round, the stores in turn
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for n in $connections; do
    while IFS=$tab read -r url name pid; do
      costs "$name" "$n" "$url" "$pid"
      printf '%s\t%s\t%s\n' "$name" "$n" "$rate" >>"$folder/rates.tsv"
    done <"$stores"
  done
  echo "round $round of $rounds" >&2
done
quiet

{
  machine libsqlite3-0 postgresql-15 wrk
  printf 'medians of %s rounds of %s s. A synced write of 4 KiB takes %s ms here; ' "$rounds" "$seconds" "$fsync"
  load_of_machine
  sort -t "$tab" -k 1,1 -k 2,2n -k 3,3g "$folder/rates.tsv" | awk -F '\t' -v connections="$connections" -v must=$must '
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
      printf "at least %d are wanted: %s.\n", must, (gain >= must ? "met" : "**not met**")
      if (median(slow, 1) > 1000) print "**The disk was not slowed.**"
    }' "$stores" -
} >"$folder/table.md"
cat "$folder/table.md"
[ $# -ne 0 ] || onto_page storage "$folder/table.md"
! grep -qF '**' "$folder/table.md" || exit 1

stop_servers
measure_keys
keys_table >"$folder/table.md"
cat "$folder/table.md"
[ $# -ne 0 ] || onto_page keys "$folder/table.md"
! grep -qF '**' "$folder/table.md"
