#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# instructions.sh PROGRAM [CALL...]: how many instructions and heap allocations the calls of benchmark_counts take, such as
# `read/W1` or `write`, all if none is given; and where the instructions of ours go in reading and rendering. Lines of
# tab-separated words: `instructions QUESTION WORKLOAD WHO NUMBER`, `allocations ...`, `phase CALL PHASE PER-CALL`.
set -eu
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" "$@"
valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no "$program" "$@" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
number=1  # callgrind numbers its profiles from 1; the last one, at the end, has none
while [ -e "$work/out.$number" ]; do
  profile=out.$number
  number=$((number + 1))
  awk -F '\t' '
    /^desc: Trigger: Client Request: / { sub(/^desc: Trigger: Client Request: /, ""); call = $1 "\t" $2 "\t" $3; times = $4 }
    /^(summary|totals): / { split($0, part, " "); total = part[2] }
    END { if (call != "") printf "instructions\t%s\t%.0f\n", call, total / times }' "$work/$profile"
  grep -q -P '^desc: Trigger: Client Request: (read|write)\t[^\t]*\tdroplit\t' "$work/$profile" || continue
  awk '
    function name_of(text,  id) {  # "(12) name" the first time, "(12)" from then on
      id = text
      sub(/\).*/, ")", id)
      if (text != id) { sub(/^\([0-9]+\) /, "", text); names[substr(key, 1, 2) == "fn" ? "fn" id : "file" id] = text }
      return names[(substr(key, 1, 2) == "fn" ? "fn" : "file") id]
    }
    function phase() {
      if (fn ~ /malloc|^_int_|^free|^cfree|operator new|operator delete|^tcache|::take/) return "allocator"
      if (fn ~ /^(__)?mem(cpy|move|set|chr|cmp)/) return "copying and comparing bytes"
      if (file ~ /boost\/json/) return "Boost.JSON parser"
      if (file ~ /droplit\/(json|draft_parser|detail\/(json|utf8|bytes16))|\/[a-z]mmintrin/) return "our scanner or writer, SSE2 of ids too"
      if (file ~ /droplit\/(client_draft|error|fault|api_errc|text|detail\/(name_list|box))/) return "form of the draft and findings"
      if (file ~ /droplit\/(id|timestamp|client_type|client|detail\/http\/grammar)/) return "ids, types and times"
      if (file ~ /droplit\//) return "other headers of ours"
      if (file ~ /outcome/) return "Outcome"
      if (file ~ /c\+\+\/[0-9]+/ || fn ~ /^std::/) return "strings, optionals and other standard parts"
      return "the call itself"
    }
    /^desc: Trigger: Client Request: / { sub(/^desc: Trigger: Client Request: /, ""); split($0, word, "\t"); call = word[1] "\t" word[2]; times = word[4]; next }
    /^(fl|fi|fe|fn|cfi|cfl|cfn|cob|ob)=/ {
      key = substr($0, 1, index($0, "=") - 1)
      value = substr($0, index($0, "=") + 1)
      if (key == "ob" || key == "cob") next
      if (key == "cfi" || key == "cfl") { key = "file"; name_of(value); next }
      if (key == "cfn") { key = "fn"; name_of(value); next }
      if (key == "fn") fn = name_of(value)
      else file = name_of(value)
      next
    }
    /^calls=/ { getline; next }  # the line behind it is what the called one took
    /^[0-9+*-]/ { cost[phase()] += $2 }
    END { for (p in cost) printf "phase\t%s\t%s\t%.0f\n", call, p, cost[p] / times }' "$work/$profile" | sort -t "$(printf '\t')" -k 5 -rn
done
