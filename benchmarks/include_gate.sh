#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# include_gate.sh GATE...: status 1 if including us costs more than we allow ourselves (include_cost/measure.sh), in instructions
# of the compiler and in bytes, never in seconds. Gates: `includes`, what a file costs that only includes; `O0` and `O2`, what
# compiling the smallest program with a JSON body costs; `size`, how large it is and that it responds as its counterpart does;
# `opened`, which standard and foreign headers our headers open.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
. benchmarks/include_cost/measure.sh

failed=0
# judge MEASURE NAME OURS THEIRS: a measure without a limit fails
judge() {
  awk -F '\t' -v measure="$1" -v name="$2" -v ours="$3" -v theirs="$4" '
    $1 == measure && $2 == name { most = $3 }
    END {
      good = most > 0 && ours > 0 && theirs > 0 && ours / theirs <= most
      ratio = theirs > 0 ? ours / theirs : 0
      printf "%s  %s, %s: %.2f (%.0f to %.0f), at most %g\n", good ? "good" : "BAD ", measure, name, ratio, ours, theirs, most
      exit !good
    }' "$folder/limits.tsv" || failed=1
}

for gate in "$@"; do
  case $gate in
    includes)
      string=$(count string)
      for unit in values contracts core; do judge instructions $unit "$(count $unit)" "$string"; done
      ;;
    O0 | O2) judge "$gate" separate "$(count_program "$gate" separate)" "$(count_program "$gate" body_dom)" ;;
    size)
      for program in body separate body_dom; do link $program; done
      same_responses || { echo "BAD   the programs do not respond alike"; failed=1; }
      for program in body separate; do judge size $program "$(size_of $program)" "$(size_of body_dom)"; done
      ;;
    opened)
      surprises >"$folder/surprises"
      [ ! -s "$folder/surprises" ] || { sed 's/^/BAD   /' "$folder/surprises"; failed=1; }
      ;;
    *) echo "there is no gate $gate" >&2; exit 2 ;;
  esac
done
[ $failed -eq 0 ] && echo "good"
