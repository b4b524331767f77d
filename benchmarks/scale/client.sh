# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: the side that asks for clients, beside the serving side and a raw loop of libcurl. The times are the
# least of a run's rounds, and their medians over runs that take turns.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
compiled . benchmarks/scale/client.cpp "$build/client" -lcurl -lboost_container
compiled "$today" benchmarks/scale/client.cpp "$build/client_today" -lcurl -lboost_container
measuring
for _ in $(seq "${rounds:-9}"); do # on one core, because a peer on another one makes two kinds of runs
  taskset -c 0 "$build/client" '' 10 >>"$folder/ours"
  taskset -c 0 "$build/client_today" '' 10 >>"$folder/today"
done
medians <"$folder/ours" >"$folder/ours.median"
medians <"$folder/today" >"$folder/today.median"
beside() { ratio "$folder/ours.median" "$1" "$folder/ours.median" "$2"; }
surplus() { echo "$(figure transport "$1") $(figure raw "$1")" | awk '{ print $1 - $2 }'; }
row 'decode the 201' 2.5 1.6 "$(beside decode read)" 'reading W1'
row 'encode a draft' 1.8 1.2 "$(beside encode write)" 'rendering the 201 of W1'
row 'create over CurlTransport, processor time above a raw libcurl loop' 0.4 0.25 \
  "$(echo "$(surplus "$folder/ours.median") $(surplus "$folder/today.median")" | awk '{ printf "%.2f", $1 / $2 }')" 'the same today'
