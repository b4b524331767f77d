#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# A line of JSON costs at most a fifth of the instructions of a create into memory, those of the thread that writes the lines
# among them, as g++ compiles them: with clang a create costs less, and the line about a fifth.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=$work/json_lines_cost
g++ -std=c++20 -O2 -w "-I$here/../../../include" "-I$here/../.." "$here/json_lines_cost.cpp" -o "$program" -lboost_json -pthread
# count KIND: the instructions of one create
count() {
  for times in 1000 3000; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" $times 2>&1 | sed -n 's/.*Collected : \([0-9][0-9]*\).*/\1/p'
  done | awk 'NR == 1 { least = $1 } END { if (NR == 2) printf "%d\n", ($1 - least) / 2000 }'
}
plain=$(count plain)
lines=$(count lines)
echo "a create: $plain instructions, with its line: $lines"
[ "$plain" -gt 1000 ] && [ "$lines" -gt "$plain" ] && [ $(((lines - plain) * 5)) -le "$plain" ]
