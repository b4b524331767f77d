#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# benchmark_counts, compiled by g++, takes no more instructions and heap allocations than we allow ourselves; and compiled by
# clang 19, reading takes at most 15 per cent more. The limits of endpoint and serve, plain are what they took before
# idempotency keys, observers and async handlers were added, and one per cent: without these features a request costs what it did.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for compiler in g++ clang++-19; do
  "$compiler" -std=c++20 -O3 -DNDEBUG -fomit-frame-pointer -w "-I$here/../include" "-I$here" "-DDROPLIT_BENCHMARK_DATA=\"$here/data\"" \
    "$here/counts.cpp" "$here/counts_remote.cpp" -o "$work/$compiler" -lboost_json -pthread
done
reads='read/W1 read/W2 read/W3 read/W6'
# shellcheck disable=SC2086
sh "$here/instructions.sh" "$work/g++" $reads read/W1v read/W4 read/W5 read/W6a read/W8 write/W1 write/W2 refuse encode/W1 decode/W1 \
  endpoint/W1 serve >"$work/counts"
# shellcheck disable=SC2086
sh "$here/instructions.sh" "$work/clang++-19" $reads read/W1v >"$work/clang"
awk -F '\t' '
    $1 != "instructions" || $2 != "read" || $4 != "droplit" { next }
    FNR == NR { counted[$3] = $5; next }
    {
      ratio = $5 / counted[$3]; good = ratio <= 1.15; failed += !good; checked++
      printf "%s  read %s, instructions, clang 19 to g++: %.2f, at most 1.15\n", good ? "good" : "BAD ", $3, ratio
    }
    END {
      if (checked != 5) { print "BAD  not everything was counted"; failed++ }
      exit failed != 0
    }' "$work/counts" "$work/clang"
awk -F '\t' '
    BEGIN {
      most["instructions", "read", "W1"] = 950; most["instructions", "read", "W2"] = 350
      most["instructions", "read", "W6"] = 30000; most["instructions", "read", "W6a"] = 5500
      most["instructions", "read", "W5"] = 480; most["instructions", "read", "W8"] = 1600
      most["instructions", "write", "W1"] = 650
      most["instructions", "endpoint", "W1"] = 2343 * 1.01
      most["instructions", "serve", "plain"] = 6438 * 1.01; most["instructions", "serve", "not_found"] = 2500
      most["instructions", "serve", "single_bytes"] = 50000  # of a request of 340 bytes
      most["instructions", "serve", "one_byte_chunks"] = 65536 * 400
      most["allocations", "encode", "W1"] = 0; most["allocations", "decode", "W1"] = 1  # the text that is kept
      for (i = 1; i <= 8; ++i) most["allocations", "read", "W" i] = i == 1 || i == 6  # the kept text
      most["allocations", "read", "W6a"] = 1
    }
    $1 == "phase" || $4 !~ /^droplit/ { next }
    { count[$1, $2, $3, $4] = $5 }
    { key = $1 SUBSEP $2 SUBSEP $3 }
    $1 == "allocations" && ($2 == "write" || $2 == "refuse") { most[key] = 0 }
    key in most {
      checked[$1 " " $2]++; good = $5 + 0 <= most[key]; failed += !good
      printf "%s  %s %s, %s, %s: %s, at most %d\n", good ? "good" : "BAD ", $2, $3, $4, $1, $5, most[key]
    }
    function compare(question, with, limit,  ratio) {  # of W1
      ratio = count["instructions", with, "W1", "droplit"]
      if (ratio > 0) ratio = count["instructions", question, "W1", "droplit"] / ratio
      good = ratio > 0 && ratio <= limit; failed += !good
      printf "%s  %s W1, instructions, to %s: %.2f, at most %.1f\n", good ? "good" : "BAD ", question, with, ratio, limit
    }
    END {
      compare("decode", "read", 2.5)
      compare("encode", "write", 1.8)
      parts = count["instructions", "read", "W1", "droplit"] + count["instructions", "write", "W1", "droplit, whole response"]
      ratio = parts > 0 ? count["instructions", "endpoint", "W1", "droplit"] / parts : 0
      good = ratio > 1 && ratio <= 2; failed += !good
      printf "%s  endpoint W1, instructions, to reading and rendering: %.2f, at most 2\n", good ? "good" : "BAD ", ratio
      if (checked["instructions read"] < 12 || checked["instructions write"] < 2 || checked["allocations read"] < 16 ||
          checked["instructions serve"] < 4 || checked["instructions endpoint"] < 2 || checked["allocations write"] < 4 || checked["allocations decode"] < 2 || checked["allocations encode"] < 1 || checked["allocations refuse"] < 15) { print "BAD  not everything was counted"; failed++ }
      exit failed != 0
    }' "$work/counts"
