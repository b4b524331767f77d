# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: writing a 201 and a 400, beside today's headers. Time is the median of nine runs that take turns.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
program=benchmarks/scale/writing.cpp
compiled . $program "$build/writing"
compiled "$today" $program "$build/writing_today"
if command -v clang++-19 >/dev/null; then
  compiler=clang++-19
  compiled . $program "$build/writing_clang"
fi
measuring
for _ in $(seq "${rounds:-9}"); do
  "$build/writing" >>"$folder/ours"
  "$build/writing_today" >>"$folder/today"
done
medians <"$folder/ours" >"$folder/ours.median"
medians <"$folder/today" >"$folder/today.median"
time_row() { row "writing: $1, time" "$3" "$4" "$(ratio "$folder/ours.median" "$2" "$folder/today.median" "$2")" today; }
time_row '400 with two entries' 400 0.6 0.35
time_row '400 with two entries, whole response' '400, whole response' - -
time_row 'W6' '201 W6' 1.0 0.85
time_row 'W6a' '201 W6a' 1.0 -
time_row 'W1' '201 W1' 1.0 -
time_row 'W2' '201 W2' - -

# counted PROGRAM: `CALL<TAB>INSTRUCTIONS` for each
counted() {
  rm -f "$folder"/out*
  valgrind --tool=callgrind "--callgrind-out-file=$folder/out" --collect-atstart=no "$1" >/dev/null 2>&1
  for profile in "$folder"/out.*; do
    awk -v OFS='\t' '/^desc: Trigger: Client Request: / { sub(/^desc: Trigger: Client Request: /, ""); call = $0 }
      /^(summary|totals): / { total = $2 }
      END { if (call != "") print call, total }' "$profile"
  done
}
counted "$build/writing" >"$folder/ours.count"
counted "$build/writing_today" >"$folder/today.count"
[ ! -e "$build/writing_clang" ] || counted "$build/writing_clang" >"$folder/clang.count"
count_row() { row "writing: $1, instructions" "$3" "$4" "$(ratio "$folder/ours.count" "$2" "$folder/today.count" "$2")" today; }
count_row '400 with two entries' 400 0.6 0.35
count_row W6 '201 W6' 1.0 0.85
count_row W6a '201 W6a' 1.0 -
count_row W1 '201 W1' 1.0 -
[ -e "$folder/clang.count" ] || exit 0
for call in 400 '201 W1' '201 W2' '201 W6' '201 W6a'; do
  row "writing: ${call#201 }, instructions, clang 19" 1.15 1.08 \
    "$(ratio "$folder/clang.count" "$call" "$folder/ours.count" "$call")" 'g++'
done
