#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# postgres.sh BASE [ROUNDS]: creates through one PostgresStorage by 1, 64 and 256 threads, against the headers in BASE, the
# library before its inserts shared commits; interleaved, at one PostgreSQL of its own with fsync and synchronous_commit
# on, each time in a new schema. Prints a line for each row: row, floor, goal, reached, reference; a tab between them. Pooled sessions go straight to
# the server.
set -eu
cd "$(dirname "$0")/../.."
base=$1
rounds=${2:-5}
# shellcheck source=benchmarks/support/servers.sh
. benchmarks/support/servers.sh
# build INCLUDE NAME
build() {
  g++ -std=c++20 -O3 -DNDEBUG -I"$1" benchmarks/scale/postgres.cpp -isystem "$(pg_config --includedir)" -lpq -o "$folder/$2"
}
build "$base/include" before
build include after
start_postgres
conninfo="host=$folder/pg user=droplit dbname=postgres sslmode=disable gssencmode=disable"
for round in $(seq "$rounds"); do
  for mode in own pooled; do
    for threads in 1 64 256; do
      for each in before after; do
        "$folder/$each" "$conninfo" "${each}_${mode}_${threads}_$round" "$mode" "$threads" 8 1 >"$folder/line"
        printf '%s\t%s\t%s\t%s\n' "$mode" "$threads" "$each" "$(cat "$folder/line")" >>"$folder/rates.tsv"
      done
    done
  done
  echo "round $round of $rounds" >&2
done
awk -F '\t' -v OFS='\t' '
  { for (i = 4; i <= 7; ++i) { n[$1 $2 $3 i]++; value[$1 $2 $3 i, n[$1 $2 $3 i]] = $i } }
  function median(key,    i, j, k, t, all) {
    k = n[key]
    for (i = 1; i <= k; ++i) all[i] = value[key, i]
    for (i = 2; i <= k; ++i) for (j = i; j > 1 && all[j - 1] > all[j]; --j) { t = all[j]; all[j] = all[j - 1]; all[j - 1] = t }
    return all[int((k + 1) / 2)]
  }
  END {
    split("own pooled", modes, " ")
    split("1 64 256", threads, " ")
    for (m = 1; m <= 2; ++m) for (t = 1; t <= 3; ++t) {
      key = modes[m] threads[t]
      alone = threads[t] == 1
      print "PostgreSQL, " modes[m] " sessions, " threads[t] (alone ? " thread" : " threads") ": creates a second",
        (alone ? 1 : 3), (alone ? 1 : 5), sprintf("%.2f", median(key "after4") / median(key "before4")),
        sprintf("today: %d; now: %d, with %.1f us of processor in the process instead of %.1f", median(key "before4"),
          median(key "after4"), median(key "after5"), median(key "before5"))
    }
    print "PostgreSQL: a deletion under 64 threads, median of its longest wait in ms", "reported", "reported",
      median("own64after7"), "today: " median("own64before7")
  }' "$folder/rates.tsv"
