#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# faults.sh PROGRAM REQUESTS: the simulation must find each fault of faults.cmake within so many requests, and nothing without
# one. Prints after how many, from which seed.
set -eu
program=$1
requests=$2
"$program" 1 20000
missed=0
for fault in $("$program" --faults); do
  status=0
  found=$("$program" --fault "$fault" 1 "$requests") || status=$?
  case $status in
    0) echo "$fault: not found: $found"; missed=$((missed + 1)) ;;
    1) echo "$fault: $(echo "$found" | head -2 | tr '\n' ' ')" ;;
    *) echo "$fault: crashed, status $status"; missed=$((missed + 1)) ;;
  esac
done
[ "$missed" -eq 0 ]
