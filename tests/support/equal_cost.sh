#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# equal_cost.sh PROGRAM: wrong tokens of one length cost the same number of instructions, however many of their leading bytes
# are right. Counted by valgrind's callgrind inside the program's function `probe`.
set -eu
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
for token in \
  ffffffffffffffffffffffffffffffff \
  0fffffffffffffffffffffffffffffff \
  0123456789abcdef0123456789abcdee \
  fedcba9876543210fedcba9876543211 \
  0123456789abcdefffffffffffffffff; do
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no '--toggle-collect=probe*' "$1" "$token" 2>&1 |
    sed -n 's/.*Collected : \([0-9][0-9]*\).*/\1/p' >>"$counts"
done
cat "$counts"
[ "$(wc -l <"$counts")" -eq 5 ] && [ "$(sort -u "$counts" | wc -l)" -eq 1 ] && [ "$(head -n 1 "$counts")" -gt 100 ]
