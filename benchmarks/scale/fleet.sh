# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: the test tests/system/failover.cpp, in which a PostgreSQL fails over to its synchronous standby under
# two droplit-servers at full rate. DROPLIT_LONG=1 has 20 failovers of each kind.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
cmake -S . -B "$build/fleet" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDROPLIT_TESTS=ON -DDROPLIT_PROGRAMS=ON -DDROPLIT_EXAMPLES=ON >&2
cmake --build "$build/fleet" -j "${DROPLIT_BENCHMARK_JOBS:-2}" --target test_failover droplit-server >&2
measuring
status=0
DROPLIT_TEST_PROGRAMS=$build/fleet/docs/examples/droplit-server "$build/fleet/tests/system/test_failover" \
  '*failover*,the same through*' >"$folder/out" 2>&1 || status=$?
grep -q '^failover ' "$folder/out" || { cat "$folder/out" >&2; exit 1; }
number=$(grep -c '^failover ' "$folder/out")
longest() { sed -n "s/^failover .* $1 \([0-9]*\).*/\1/p" "$folder/out" | sort -n | tail -n 1; }
counted() { grep -c "$@" "$folder/out" || :; }
row 'failover: until a create succeeds, ms' - - "$(longest 'a 201')" "the longest of $number; the primary was killed at 0"
row 'failover: until all callers have a 201, ms' - - "$(longest 'all callers have one')" 'the same'
row 'failover: acknowledged clients that are lost' 0 0 "$(counted 'is lost')" \
  "$(sed -n 's/.* keys: \([0-9]*\) calls with a 201.*/\1/p' "$folder/out" | awk '{ sum += $1 } END { print sum }') calls with a 201"
row 'failover: keys with two clients' 0 0 "$(counted -e 'two clients for one key' -e 'created twice')" \
  "$(sed -n 's/^\([0-9]*\) keys: .*/\1/p' "$folder/out" | awk '{ sum += $1 } END { print sum }') keys"
[ $status -eq 0 ] || { cat "$folder/out" >&2; exit $status; }
