#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# gate.sh PROGRAM: benchmark_counts takes no more instructions and heap allocations than we allow ourselves.
set -eu
here=$(dirname "$0")
sh "$here/instructions.sh" "$1" read/W1 read/W2 read/W3 read/W4 read/W5 read/W8 write/W1 write/W2 refuse |
  awk -F '\t' '
    function limit(kind, question, workload, who) {
      if (who !~ /^droplit/) return -1
      if (kind == "instructions" && workload != "W1") return -1
      if (kind == "instructions" && question == "read") return 1200
      if (kind == "instructions" && question == "write" && who == "droplit") return 700
      if (kind == "allocations" && question == "read") return workload == "W2" ? 0 : 1
      if (kind == "allocations") return 0
      return -1
    }
    $1 == "phase" { next }
    { most = limit($1, $2, $3, $4) }
    most < 0 { next }
    { checked[$1 " " $2]++; good = $5 + 0 <= most; failed += !good
      printf "%s  %s %s, %s, %s: %s, at most %d\n", good ? "good" : "BAD ", $2, $3, $4, $1, $5, most }
    END {
      if (checked["instructions read"] < 2 || checked["instructions write"] < 1 || checked["allocations read"] < 12 ||
          checked["allocations write"] < 4 || checked["allocations refuse"] < 15) { print "BAD  not everything was counted"; failed++ }
      exit failed != 0
    }'
