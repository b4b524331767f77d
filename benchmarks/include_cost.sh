#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# include_cost.sh: installs what is missing, measures what it costs to include us (about five minutes on two cores), prints
# the tables and writes them into docs/benchmarks.md. Status 1 if something does not compile or two programs that shall
# answer alike do not; a target that is missed is only told.
# include_cost.sh ROUNDS COMPILES: front ends so often and whole compilations so often, which are 15 and 7; the page is
# left as it is.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ libboost1.81-dev libboost-json1.81-dev valgrind
rounds=${1:-15}
compiles=${2:-7}
page=docs/benchmarks.md
sources=benchmarks/include_cost
units='string values contracts core'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
compile() { g++ -std=c++20 -Iinclude "$@"; }
tab=$(printf '\t')

# note WHAT NAME NUMBER
note() { printf '%s\t%s\t%s\n' "$@" >>"$folder/notes.tsv"; }

# timed WHAT NAME COMMAND...: notes its user time in milliseconds; sh's own clock is too coarse
timed() {
  what=$1 name=$2
  shift 2
  bash -c 'TIMEFORMAT=%3U; time "$@" 2>&3' bash "$@" 3>&2 2>"$folder/time"
  note "$what" "$name" "$(tr -d . <"$folder/time")"
}

# lines FILE: what the preprocessor makes of it: `lines OF NUMBER` without empty lines, and `opened FILE`
lines() {
  compile -E "$1" | awk '
    /^# [0-9]+ "/ {
      split($0, part, "\"")
      file = part[2]
      of = file ~ /^include\/|^benchmarks\// ? "droplit" : file ~ /\/boost\// ? "Boost" : "standard"
      if (!seen[file]++) print "opened\t" file
      next
    }
    NF { count[of]++ }
    END { for (of in count) print "lines\t" of "\t" count[of] }'
}

echo "preprocessing" >&2
for unit in $units; do
  lines "$sources/$unit.cpp" | awk -F '\t' -v unit="$unit" -v OFS='\t' '$1 == "lines" { print $2, unit, $3 }' >>"$folder/notes.tsv"
done
# Whatever is in the core, by itself. The umbrella may see <chrono>, since it includes chrono.hpp.
: >"$folder/surprises"
for header in include/droplit/*.hpp include/droplit/remote/*.hpp; do
  case $header in */droplit.hpp | */chrono.hpp) chrono=expected ;; *) chrono=surprising ;; esac
  lines "$header" 2>/dev/null | awk -F '\t' -v header="${header#include/droplit/}" -v chrono=$chrono '
    $1 != "opened" { next }
    { opened++ }
    $2 ~ /\/c\+\+\/.*\/(iostream|regex|filesystem)$/ || (chrono == "surprising" && $2 ~ /\/c\+\+\/.*\/chrono$/) ||
    $2 ~ /\/boost\/(beast|asio)[.\/]/ { print header " opens " $2 }
    END { if (!opened) print header " does not compile" }' >>"$folder/surprises"
done

echo "counting instructions" >&2
count() {
  compile -fsyntax-only -wrapper "valgrind,--tool=cachegrind,--cache-sim=no,--cachegrind-out-file=/dev/null,--log-file=$folder/$1.log" \
    "$sources/$1.cpp"
  note instructions "$1" "$(sed -n 's/.*I *refs: *//p' "$folder/$1.log" | tr -d ,)"
}
{ count string && count values && count contracts; } &
others=$!
count core
wait $others

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for unit in $units; do timed front "$unit" g++ -std=c++20 -Iinclude -fsyntax-only "$sources/$unit.cpp"; done
done
echo "timed $rounds front ends" >&2
round=0
while [ "$round" -lt "$compiles" ]; do
  round=$((round + 1))
  for level in O0 O2; do
    for program in body body_dom; do
      timed $level $program g++ -std=c++20 -Iinclude -$level -ffunction-sections -fdata-sections -c "$sources/$program.cpp" \
        -o "$folder/$program.$level.o"
    done
  done
done
echo "timed $compiles compilations" >&2

# The same answers but for the ids and times that they make, and the sizes of the programs.
echo 'int main() {}' >"$folder/empty.cpp"
compile -O2 -ffunction-sections -fdata-sections -c "$folder/empty.cpp" -o "$folder/empty.O2.o"
for program in body body_dom empty; do
  g++ -Wl,--gc-sections -static -s "$folder/$program.O2.o" -lboost_json -o "$folder/$program"
  note size $program "$(stat -c %s "$folder/$program")"
done
answers() {
  for body in '{"ecosystemId":"C594b89aea18568c408c3ad24","name":"a \"b\"","type":"server","description":"\u010d"}' \
    '{"type":"application","ecosystemId":"C594B89AEA18568C408C3AD24","other":[{}]}' \
    '{"ecosystemId":"C594b89aea18568c408c3ad24","type":"gateway","name":7}' '{"type":null,"description":"\u0000"}' \
    '{"ecosystemId":"C000000000000000000000000","type":"server"}' '{"ecosystemId":"C59'; do
    "$1" "$body" | sed -E 's/"createdAt":"[^"]{24}"/TIME/; s/"id":"[0-9a-f]{24}"/ID/'
  done
}
answers "$folder/body" >"$folder/ours"
answers "$folder/body_dom" >"$folder/theirs"
cmp "$folder/ours" "$folder/theirs"
[ "$(grep -c '^201 {TIME.*ID.*}$' "$folder/ours")$(grep -c '^400 {' "$folder/ours")" = 24 ]

{
  printf 'Measured on %s: %s, %s cores, Linux %s, %s; ' "$(date -u +%Y-%m-%d)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$(g++ --version | head -n 1)"
  for package in libboost1.81-dev libboost-json1.81-dev valgrind; do dpkg-query -W -f "\${Package} \${Version}; " "$package"; done
  printf 'medians of %s front ends and %s compilations. Load of the machine when it was over, the compiler included: %s.\n' \
    "$rounds" "$compiles" "$(cut -d ' ' -f 1 /proc/loadavg)"
  sort -t "$tab" -k 1,1 -k 2,2 -k 3,3g "$folder/notes.tsv" | awk -F '\t' -v units="$units" '
    { value[$1, $2, ++seen[$1, $2]] = $3 }
    function median(what, name, n) {
      n = seen[what, name]
      return n % 2 ? value[what, name, (n + 1) / 2] : n ? (value[what, name, n / 2] + value[what, name, n / 2 + 1]) / 2 : 0
    }
    function total(name) { return median("droplit", name) + median("Boost", name) + median("standard", name) }
    function verdict(ratio, most) { return sprintf("%g | %s |", most, ratio <= most ? "yes" : "**no**") }
    function pair(title, what, unit, most, scale, format, ours, theirs) {
      ours = median(what, "body")
      theirs = median(what, "body_dom")
      printf "| %s, %s | " format " | " format " | %.2f | %s\n", title, unit, ours / scale, theirs / scale, ours / theirs,
        verdict(ours / theirs, most)
    }
    END {
      n = split(units, unit, " ")
      title["string"] = "`<string>`"
      title["values"] = "values"
      title["contracts"] = "values and contracts: create_client.hpp"
      title["core"] = "the whole core: droplit.hpp"
      most["values"] = 3; most["contracts"] = 4; most["core"] = 8
      print "\nThe front end (`g++ -std=c++20 -fsyntax-only`) for a file that only includes. The instructions, which hardly vary, are judged;"
      print "the times, in which caches and neighbours tell, stand beside them. Lines are those that the preprocessor leaves, empty ones"
      print "aside, and whose they are.\n"
      print "| included | instructions, M | / `<string>` | at most | met | user time, ms | / `<string>` | lines | droplit | Boost | standard |"
      print "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
      for (i = 1; i <= n; ++i) {
        u = unit[i]
        cost = median("instructions", u); time = median("front", u)
        ratio = cost / median("instructions", "string")
        printf "| %s | %.0f | %.2f | %s %.0f | %.2f | %d | %d | %d | %d |\n", title[u], cost / 1e6, ratio,
          u in most ? verdict(ratio, most[u]) : "- | - |", time, time / median("front", "string"), total(u),
          median("droplit", u), median("Boost", u), median("standard", u)
      }
      print "\nThe smallest program with a JSON body, [body.cpp](../benchmarks/include_cost/body.cpp): `parse_draft`, `create_client` over"
      print "`MemoryStorage`, the answer printed; and the same answers written by hand on the DOM of Boost.JSON."
      printf "Linked statically with `-O2 -Wl,--gc-sections -s`; an empty program is %.0f KB so.\n\n", median("size", "empty") / 1000
      print "| | droplit | Boost.JSON DOM | ratio | at most | met |"
      print "| --- | ---: | ---: | ---: | ---: | --- |"
      pair("program", "size", "KB", 1.5, 1000, "%.0f")
      pair("compiling at -O0", "O0", "s", 1.2, 1000, "%.2f")
      pair("compiling at -O2", "O2", "s", 2.2, 1000, "%.2f")
    }'
  # shellcheck disable=SC2016
  printf '\nNo header of the core but chrono.hpp opens `<iostream>`, `<regex>`, `<filesystem>`, `<chrono>`, Boost.Beast or Boost.Asio'
  if [ -s "$folder/surprises" ]; then
    printf ': **not so**.\n\n'
    sed 's/^/- /' "$folder/surprises"
  else
    printf ': true of each by itself.\n'
  fi
} >"$folder/table.md"
cat "$folder/table.md"

if [ $# -eq 0 ]; then
  grep -qx '## What including it costs' "$page" || {
    awk '$0 == "<!-- begin: include_cost -->" { print "## What including it costs\n" } { print }' "$page" >"$folder/page.md"
    cat "$folder/page.md" >"$page"
  }
  awk -v file="$folder/table.md" '
    $0 == "<!-- end: include_cost -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- begin: include_cost -->" { inside = 1; print ""; while ((getline line <file) > 0) print line; print "" }' \
    "$page" >"$folder/page.md"
  cat "$folder/page.md" >"$page"
fi
