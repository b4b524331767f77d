#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# clang_gate.sh PROGRAM: compiled by clang 19, reading takes at most 15 per cent more instructions than in benchmark_counts
# as g++ compiled it, which is PROGRAM.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang++-19 -std=c++20 -O3 -DNDEBUG -fomit-frame-pointer -w "-I$here/../include" "-I$here" "-DDROPLIT_BENCHMARK_DATA=\"$here/data\"" \
  "$here/counts.cpp" "$here/counts_remote.cpp" -o "$work/counts" -lboost_json -pthread
for program in "$1" "$work/counts"; do
  sh "$here/instructions.sh" "$program" read/W1 read/W1v read/W2 read/W3 read/W6
done | awk -F '\t' '
  $1 != "instructions" || $4 != "droplit" { next }
  !($3 in least) { least[$3] = $5; next }
  {
    ratio = $5 / least[$3]; good = ratio <= 1.15; failed += !good; checked++
    printf "%s  read %s, instructions, clang 19 to g++: %.2f, at most 1.15\n", good ? "good" : "BAD ", $3, ratio
  }
  END {
    if (checked != 5) { print "BAD  not everything was counted"; failed++ }
    exit failed != 0
  }'
