#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# For scale.sh: what a durable create costs over HTTP and in process, beside the tree in $today. The servers and the program
# are pinned to one core, wrk to another. Fastify is measured only where benchmarks/server.sh has installed its packages.
# durable.sh [SECONDS [ROUNDS]]
set -eu
: "${today:?}" "${build:?}"
seconds=${1:-2}
rounds=${2:-3}
cd "$(dirname "$0")/../.."
. benchmarks/support/servers.sh
pinned='taskset -c 0'
client='taskset -c 1'

# compiled TREE NAME SOURCE: a program of ours with the headers of a tree
compiled() {
  "${CXX:-g++}" -std=c++20 -O3 -DNDEBUG -w "-I$1/include" "$3" -o "$build/$2" -lsqlite3 -lboost_json -pthread
}
compiled "$today" process_reference benchmarks/scale/durable.cpp
compiled . process_this benchmarks/scale/durable.cpp
compiled "$today" server_reference "$today/docs/examples/droplit-server.cpp"
compiled . server_this docs/examples/droplit-server.cpp

for name in reference this; do
  server=$build/server_$name
  serve_droplit $name '' "sqlite:$folder/$name.db"
done
if [ -e build/server/installed ]; then
  for node in "$PWD"/build/server/node/node_modules/node-linux-*/bin; do PATH=$node:$PATH; done
  serve fastify node build/server/fastify.js "$folder/access.json" $active $deleted "$folder/fastify.db"
fi

ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
# NAME CONNECTIONS RATE MICROSECONDS of each round, in turn
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for n in 1 64; do
    while IFS=$tab read -r url name pid; do
      before=$(ticks "$pid")
      load "$name" $n "$url"
      echo "$line $before $(ticks "$pid")" | awk -v OFS='\t' -v name="$name" -v n=$n -v tick="$(getconf CLK_TCK)" \
        '{ print name, n, $2 / $3 * 1e6, ($9 - $8) / tick * 1e6 / $2 }' >>"$folder/rates.tsv"
    done <"$stores"
  done
  for n in 1 16 64 256; do
    for name in process_reference process_this; do
      # shellcheck disable=SC2086
      $pinned "$build/$name" "$folder/$name.db" $n $((seconds * 1000)) | awk -v OFS='\t' -v name=$name -v n=$n \
        '{ print name, n, $1, $2 }' >>"$folder/rates.tsv"
    done
  done
  echo "durable, round $round of $rounds" >&2
done
quiet

sort -t "$tab" -k 1,1 -k 2,2n -k 3,3g "$folder/rates.tsv" | awk -F '\t' -v OFS='\t' '
  { rates[$1, $2, ++seen[$1, $2]] = $3; sums[$1, $2] += $4 }
  function rate(name, n, k) {
    k = seen[name, n]
    return k % 2 ? rates[name, n, (k + 1) / 2] : (rates[name, n, k / 2] + rates[name, n, k / 2 + 1]) / 2
  }
  function time(name, n) { return sums[name, n] / seen[name, n] }
  function row(what, least, goal, reached, reference) { print what, least, goal, sprintf("%.2f", reached), reference }
  END {
    row("durable: sqlite over HTTP, 64 connections: processor time of a create", 0.55, "0.40", time("this", 64) / time("reference", 64),
      sprintf("before, %.1f us", time("reference", 64)))
    row("durable: sqlite over HTTP, 64 connections: creates a second", 1.6, 2.2, rate("this", 64) / rate("reference", 64),
      sprintf("before, %.0f", rate("reference", 64)))
    row("durable: sqlite over HTTP, one connection: creates a second", "0.80", "0.87", rate("this", 1) / rate("process_this", 1),
      sprintf("in process, %.0f", rate("process_this", 1)))
    row("durable: sqlite over HTTP, one connection: creates a second", "-", "-", rate("this", 1) / rate("reference", 1),
      sprintf("before, %.0f", rate("reference", 1)))
    if (seen["fastify", 1]) row("durable: sqlite over HTTP, one connection: creates a second", "1.00", "1.01",
      rate("this", 1) / rate("fastify", 1), sprintf("Fastify and better-sqlite3, %.0f", rate("fastify", 1)))
    split("1 16 64 256", threads, " ")
    for (i = 1; i <= 4; ++i) row("durable: sqlite in process, " threads[i] " threads: creates a second", "0.95", "1.00",
      rate("process_this", threads[i]) / rate("process_reference", threads[i]),
      sprintf("before, %.0f", rate("process_reference", threads[i])))
  }'
