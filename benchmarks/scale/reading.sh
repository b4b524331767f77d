# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: reading a body in pieces, beside the same body whole and beside today's headers. Time is the median
# of runs that take turns.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
program=benchmarks/scale/reading.cpp
compiled . $program "$build/reading"
compiled "$today" $program "$build/reading_today"
measuring
for _ in 1 2 3; do
  "$build/reading" >>"$folder/ours"
  "$build/reading_today" >>"$folder/today"
done
medians <"$folder/ours" >"$folder/ours.median"
medians <"$folder/today" >"$folder/today.median"
cp "$folder/ours.median" "$folder/whole.median"
pieces_row() {
  row "reading: $1 $2, time" "$3" "$4" "$(ratio "$folder/ours.median" "$1 $2" "$folder/whole.median" "$1")" 'the same body whole'
}
pieces_row W1 'in two halves' 2.0 1.5
for body in 'ASCII text' 'unknown members' 'escapes and UTF-8'; do
  pieces_row "1 MiB of $body" 'in pieces of 4 KiB' 1.3 1.15
done
row 'reading: W1 in single bytes, time' 0.4 - \
  "$(ratio "$folder/ours.median" 'W1 in single bytes' "$folder/today.median" 'W1 in single bytes')" today
