# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: the instructions that the compiler takes for one program, which are the same in every run. Those of
# the earlier tree are therefore kept in $build.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
separate=-DDROPLIT_SEPARATE_COMPILATION
program=benchmarks/scale/readme_program.cpp

# counted TREE FILE FLAG...: writes the number into the file
counted() {
  tree=$1 file=$2
  shift 2
  "$compiler" -std=c++20 "-I$tree/include" -O2 "$@" -S -o /dev/null $program \
    -wrapper "valgrind,--tool=cachegrind,--cache-sim=no,--cachegrind-out-file=/dev/null,--log-file=$folder/log"
  sed -n 's/.*I *refs: *//p' "$folder/log" | tr -d , >"$file"
}
[ -s "$build/compiling_today" ] || counted "$today" "$build/compiling_today"
[ -s "$build/compiling_today_separate" ] || counted "$today" "$build/compiling_today_separate" $separate
measuring
counted . "$folder/whole"
counted . "$folder/separate" $separate

# compared WHAT FLOOR GOAL FILE BELOW-FILE
compared() {
  row "compiling: the program of the README at -O2, $1" "$2" "$3" \
    "$(cat "$4" "$5" | awk 'NR == 1 { above = $1 } NR == 2 { printf "%.3f", above / $1 }')" "today, $(cat "$5")"
}
compared header-only 0.9 0.75 "$folder/whole" "$build/compiling_today"
compared 'compiled separately' 1.0 - "$folder/separate" "$build/compiling_today_separate"
