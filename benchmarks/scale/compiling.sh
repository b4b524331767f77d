# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: the instructions that the compiler takes for one program, which are the same in every run.
set -eu
. benchmarks/support/scale.sh
program=$PWD/benchmarks/scale/readme_program.cpp
# counted TREE FLAG...
counted() {
  tree=$1
  shift
  "$compiler" -std=c++20 "-I$tree/include" -O2 "$@" -S -o /dev/null "$program" \
    -wrapper "valgrind,--tool=cachegrind,--cache-sim=no,--cachegrind-out-file=/dev/null,--log-file=$folder/log"
  sed -n 's/.*I *refs: *//p' "$folder/log" | tr -d ,
}
compared() { # NAME FLOOR GOAL FLAG...
  name=$1 floor=$2 goal=$3
  shift 3
  ours=$(counted . "$@")
  reference=$(counted "$today" "$@")
  row "compiling: the program of the README at -O2, $name" "$floor" "$goal" \
    "$(echo "$ours $reference" | awk '{ printf "%.3f", $1 / $2 }')" today
}
compared header-only 0.9 0.75
compared 'compiled separately' 1.0 - -DDROPLIT_SEPARATE_COMPILATION
