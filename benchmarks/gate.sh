#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# gate.sh PROGRAM: benchmark_counts takes no more instructions and heap allocations than we allow ourselves. The limits of
# endpoint and serve, plain are what they took before idempotency keys, observers and async handlers were added, and one
# per cent: without these features a request costs what it did.
set -eu
here=$(dirname "$0")
sh "$here/instructions.sh" "$1" read/W1 read/W2 read/W3 read/W4 read/W5 read/W6 read/W6a read/W8 write/W1 write/W2 refuse \
  encode/W1 decode/W1 endpoint/W1 serve | awk -F '\t' '
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
    }'
