# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: creates through one PostgresStorage by 1, 64 and 256 threads, at one PostgreSQL of our own with fsync
# and synchronous_commit on, each time in a new schema. Pooled sessions go straight to the server.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
for tree in . "$today"; do
  out=$build/postgres
  [ "$tree" = . ] || out=${out}_today
  compiled "$tree" benchmarks/scale/postgres.cpp "$out" -isystem "$(pg_config --includedir)" -lpq
done
measuring
. benchmarks/support/servers.sh
start_postgres
conninfo="host=$folder/pg user=droplit dbname=postgres sslmode=disable gssencmode=disable"
schema=0
for _ in $(seq "${rounds:-2}"); do
  for mode in own pooled; do
    for threads in 1 1 1 64 256; do
      for name in postgres_today postgres; do
        schema=$((schema + 1))
        # shellcheck disable=SC2046
        set -- $("$build/$name" "$conninfo" "benchmark_$schema" $mode $threads 8 1)
        run="$name $mode $threads"
        printf '%s\t%s\n' "$run" "$1" "$run cost" "$2" "$run wait" "$4" >>"$folder/figures"
      done
    done
  done
done
medians <"$folder/figures" >"$folder/medians"
for mode in own pooled; do
  for threads in 1 64 256; do
    floor=3 goal=5
    if [ $threads = 1 ]; then floor=0.95 goal=1; fi
    run="$mode $threads"
    row "PostgreSQL, $mode sessions, threads: $threads, creates a second" $floor $goal \
      "$(ratio "$folder/medians" "postgres $run" "$folder/medians" "postgres_today $run")" \
      "today, $(figure "postgres_today $run" "$folder/medians")"
  done
done
row 'PostgreSQL: the longest of nine deletions under 64 threads, ms' - - "$(figure 'postgres own 64 wait' "$folder/medians")" \
  "today, $(figure 'postgres_today own 64 wait' "$folder/medians")"
