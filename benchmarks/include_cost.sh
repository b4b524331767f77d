#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# include_cost.sh: installs what is missing, measures what it costs to include us (about eight minutes on two cores), prints
# the tables and writes them into docs/benchmarks.md. Status 1 if something does not compile or two programs that shall
# respond alike do not; a target that is missed is only told.
# include_cost.sh ROUNDS COMPILES: front ends so often and whole compilations so often, which are 15 and 7; the page is
# left as it is.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libpq-dev libcurl4-openssl-dev pkg-config \
  valgrind
rounds=${1:-15}
compiles=${2:-7}
units='string values contracts core'
programs='body separate src body_dom'
. benchmarks/support/common.sh
. benchmarks/include_cost/measure.sh

# note WHAT NAME NUMBER
note() { printf '%s\t%s\t%s\n' "$@" >>"$folder/notes.tsv"; }

# timed WHAT NAME COMMAND...: notes its user time in milliseconds; sh's own clock is too coarse
timed() {
  what=$1 name=$2
  shift 2
  LC_ALL=C bash -c 'TIMEFORMAT=%3U; time "$@" 2>&3' bash "$@" 3>&2 2>"$folder/time"
  note "$what" "$name" "$(tr -d . <"$folder/time")"
}

# lines UNIT: how many the preprocessor leaves, without empty ones, and whose they are: OF UNIT NUMBER
lines() {
  compile -E "$(source_of "$1")" | awk -v unit="$1" -v OFS='\t' '
    /^# [0-9]+ "/ {
      split($0, part, "\"")
      of = part[2] ~ /^include\/|^benchmarks\// ? "droplit" : part[2] ~ /\/boost\// ? "Boost" : "standard"
      next
    }
    NF { number[of]++ }
    END { for (of in number) print of, unit, number[of] }'
}

echo "preprocessing" >&2
for unit in $units; do lines "$unit" >>"$folder/notes.tsv"; done
surprises >"$folder/surprises"

echo "counting instructions" >&2
noted() { note "$1" "$2" "$(shift 2 && "$@")"; }
{
  for unit in string values contracts core; do noted instructions $unit count $unit; done
  for program in body separate body_dom; do noted count.O0 $program count_program O0 $program; done
} &
others=$!
for program in body separate body_dom; do noted count.O2 $program count_program O2 $program; done
wait $others

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for unit in $units; do timed front "$unit" "$compiler" -std=c++20 -Iinclude -fsyntax-only "$(source_of "$unit")"; done
done
echo "timed $rounds front ends" >&2
round=0
while [ "$round" -lt "$compiles" ]; do
  round=$((round + 1))
  for level in O0 O2; do
    for program in $programs; do
      # shellcheck disable=SC2046
      timed $level "$program" "$compiler" -std=c++20 -Iinclude -$level $(flags_of "$program") -c "$(source_of "$program")" \
        -o "$folder/$program.$level.o"
    done
  done
done
echo "timed $compiles compilations" >&2

echo 'int main() {}' >"$folder/empty.cpp"
compile -O2 -c "$folder/empty.cpp" -o "$folder/empty.O2.o"
for program in body separate body_dom empty; do
  link "$program"
  note size "$program" "$(size_of "$program")"
done
same_responses

{
  machine libboost1.81-dev libboost-json1.81-dev valgrind
  printf 'medians of %s front ends and %s compilations; ' "$rounds" "$compiles"
  load_of_machine
  sort -t "$tab" -k 1,1 -k 2,2 -k 3,3g "$folder/notes.tsv" | awk -F '\t' -v units="$units" -v limits="$folder/limits.tsv" '
    { value[$1, $2, ++seen[$1, $2]] = $3 }
    function median(what, name, n) {
      n = seen[what, name]
      return n % 2 ? value[what, name, (n + 1) / 2] : n ? (value[what, name, n / 2] + value[what, name, n / 2 + 1]) / 2 : 0
    }
    function total(name) { return median("droplit", name) + median("Boost", name) + median("standard", name) }
    function verdict(ratio, most) { return sprintf("%g | %s |", most, ratio <= most ? "yes" : "**no**") }
    function pair(title, what, limit, scale, format, dom) {
      dom = median(what, "body_dom")
      printf "| %s | " format " | " format " | %.2f | " format " | %.2f | %s\n", title, dom / scale, median(what, "body") / scale,
        median(what, "body") / dom, median(what, "separate") / scale, median(what, "separate") / dom,
        limit == "" ? "- | - |" : verdict(median(what, "separate") / dom, most[limit, "separate"])
    }
    END {
      n = split(units, unit, " ")
      title["string"] = "`<string>`"
      title["values"] = "values"
      title["contracts"] = "values and policies: create_client.hpp"
      title["core"] = "the whole core: droplit.hpp"
      while ((getline <limits) > 0) most[$1, $2] = $3
      print "\nThe front end (`g++ -std=c++20 -fsyntax-only`) for a file that only includes. The instructions, which hardly vary, are judged;"
      print "the times, which depend on caches and other programs, are beside them. Lines are those that the preprocessor leaves, empty ones"
      print "aside, and whose they are.\n"
      print "| included | instructions, M | / `<string>` | at most | met | user time, ms | / `<string>` | lines | droplit | Boost | standard |"
      print "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
      for (i = 1; i <= n; ++i) {
        u = unit[i]
        cost = median("instructions", u); time = median("front", u)
        ratio = cost / median("instructions", "string")
        printf "| %s | %.0f | %.2f | %s %.0f | %.2f | %d | %d | %d | %d |\n", title[u], cost / 1e6, ratio,
          ("instructions", u) in most ? verdict(ratio, most["instructions", u]) : "- | - |", time, time / median("front", "string"), total(u),
          median("droplit", u), median("Boost", u), median("standard", u)
      }
      print "\nThe smallest program with a JSON body, [body.cpp](../benchmarks/include_cost/body.cpp): `parse_draft`, `create_client` over"
      print "`MemoryStorage`, the response printed; and the same responses written by hand on the DOM of Boost.JSON."
      print "Compiled separately means `-DDROPLIT_SEPARATE_COMPILATION`, as Boost.JSON is compiled elsewhere in both; that is judged."
      printf "`<droplit/src.hpp>`, once in a program, takes %.1f s at -O0 and %.1f s at -O2.\n", median("O0", "src") / 1000,
        median("O2", "src") / 1000
      printf "Linked statically with `-O2 -Wl,--gc-sections -s`; an empty program is %.0f KB so.\n\n", median("size", "empty") / 1000
      print "| | DOM | header-only | ratio | compiled separately | ratio | at most | met |"
      print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
      pair("program, KB", "size", "size", 1000, "%.0f")
      pair("compiling at -O0, instructions, M", "count.O0", "O0", 1e6, "%.0f")
      pair("compiling at -O2, instructions, M", "count.O2", "O2", 1e6, "%.0f")
      pair("compiling at -O0, user time, s", "O0", "", 1000, "%.2f")
      pair("compiling at -O2, user time, s", "O2", "", 1000, "%.2f")
    }'
  # shellcheck disable=SC2016
  printf '\nNo header opens `<iostream>`, `<regex>`, `<filesystem>`, `<fstream>` or `<future>`; none of the core but chrono.hpp `<chrono>`; none but the\nserver Boost.Beast or Boost.Asio; none of values, policies and stores Boost.JSON, and compiled separately none does but src.hpp'
  if [ -s "$folder/surprises" ]; then
    printf ': **not so**.\n\n'
    sed 's/^/- /' "$folder/surprises"
  else
    printf ':\ntrue of each by itself.\n'
  fi
} >"$folder/table.md"
cat "$folder/table.md"

[ $# -ne 0 ] || onto_page include_cost "$folder/table.md"
