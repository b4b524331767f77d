# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: a second thread, in process and in droplit-server beside wrk on the same cores; and what a client
# costs in memory.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
compiled . benchmarks/scale/cores.cpp "$build/cores"
compiled_servers
measuring
"$build/cores"
. benchmarks/support/servers.sh
seconds=1
for program in server server_today; do
  server=$build/$program
  for threads in 1 2; do serve_droplit "$program $threads" '' memory --threads $threads; done
done
for _ in $(seq "${rounds:-7}"); do
  while IFS=$tab read -r url name pid; do
    costs "$name" 64 "$url" "$pid"
    printf '%s\t%s\n' "$name" "$rate" >>"$folder/figures"
  done <"$stores"
done
quiet
medians <"$folder/figures" >"$folder/medians"
beside() { ratio "$folder/medians" "$1 2" "$folder/medians" "$1 1"; }
row 'droplit-server --threads 2 beside wrk on the same two cores, creates a second' 1.00 1.01 "$(beside server)" \
  "--threads 1; today $(beside server_today)"
