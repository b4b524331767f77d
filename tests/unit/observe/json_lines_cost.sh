#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# json_lines_cost.sh PROGRAM: a line of JSON costs at most a fifth of the instructions of a create into memory, those of the
# thread that writes the lines among them.
set -eu
# count KIND: the instructions of one create
count() {
  for times in 1000 3000; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" $times 2>&1 | sed -n 's/.*Collected : \([0-9][0-9]*\).*/\1/p'
  done | awk 'NR == 1 { least = $1 } END { if (NR == 2) printf "%d\n", ($1 - least) / 2000 }'
}
program=$1
plain=$(count plain)
lines=$(count lines)
echo "a create: $plain instructions, with its line: $lines"
[ "$plain" -gt 1000 ] && [ "$lines" -gt "$plain" ] && [ $(((lines - plain) * 5)) -le "$plain" ]
