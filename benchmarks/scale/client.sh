#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# client.sh BEFORE [RUNS]: the rows of the side that asks for clients, as medians of runs of client.cpp compiled with this
# tree and with the one in the folder BEFORE, one after the other. Lines of tab-separated words: row, floor, goal,
# reached, reference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
before=$1
runs=${2:-9}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tree in before now; do
  if [ "$tree" = now ]; then include=$here/../../include; else include=$before/include; fi
  ${CXX:-c++} -std=c++20 -O3 -DNDEBUG -w -I"$include" "$here/client.cpp" -o "$work/$tree" -lcurl -lboost_json -lboost_container
done
run=0
while [ "$run" -lt "$runs" ]; do
  run=$((run + 1))
  for tree in before now; do "$work/$tree" '' 10 | sed "s/^/$tree\t/" >>"$work/out"; done
done
sort -t "$(printf '\t')" -k 1,1 -k 2,2 -k 3,3n "$work/out" | awk -F '\t' '
  { key = $1 "\t" $2; value[key, ++count[key]] = $3 }
  function median(tree, name,  key) { key = tree "\t" name; return value[key, int((count[key] + 1) / 2)] }
  function row(name, floor_is, goal, reached, reference) {
    printf "%s\t%s\t%s\t%.2f\t%s\n", name, floor_is, goal, reached, reference
  }
  END {
    row("decode the 201", 2.5, 1.6, median("now", "decode") / median("now", "read"), "reading W1")
    row("encode a draft", 1.8, 1.2, median("now", "encode") / median("now", "write"), "rendering the 201 of W1")
    surplus = median("before", "transport") - median("before", "raw")
    row("create over CurlTransport, processor time above a raw libcurl loop", 0.4, 0.25,
        (median("now", "transport") - median("now", "raw")) / surplus, "the same before")
  }'
