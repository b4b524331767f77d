#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# scale.sh: installs what is missing, measures what the library costs with more threads, more connections, durable stores
# and long texts, beside the library as it was before it was made for that, and writes the table of docs/benchmarks.md.
# Status 1 if a floor is missed.
# scale.sh PART...: only these parts, such as `writing`; the page is left as it is.
#
# A part is benchmarks/scale/PART.sh, or else PART.cpp, a program without arguments. It prints a line for each row:
# `ROW<TAB>FLOOR<TAB>GOAL<TAB>REACHED<TAB>REFERENCE`. The floor is a number that must not be exceeded; where the goal is
# greater than the floor, it must be reached. `-` is for none.
# DROPLIT_BENCHMARK_BUILD says where to build.
set -eu
cd "$(dirname "$0")/.."
parts=${*:-cores durable postgres fleet connections reading client writing compiling}
sh docs/examples/install.sh g++ gcc libc6-dev cmake ninja-build git libboost1.81-dev libboost-json1.81-dev libsqlite3-dev \
  libpq-dev postgresql-15 libcurl4-openssl-dev libcli11-dev libsimdjson-dev wrk curl pkg-config valgrind util-linux

# What "today" is in the table: the commit that these figures were first compared with.
reference=0437ff64732f389fdbb217902e19c1692a6cfe17
scale=$(mktemp -d)
trap 'rm -rf "$scale"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
today=$scale/today
build=${DROPLIT_BENCHMARK_BUILD:-$PWD/build/scale}
mkdir -p "$today" "$build"
if ! git archive "$reference" >"$scale/today.tar"; then
  echo "scale.sh: this clone has no commit $reference; fetch the whole history" >&2
  exit 2
fi
tar -x -C "$today" -f "$scale/today.tar"
export today build

for part in $parts; do
  echo "measuring $part" >&2
  if [ -e "benchmarks/scale/$part.sh" ]; then
    sh "benchmarks/scale/$part.sh" >>"$scale/rows.tsv"
  else
    "${CXX:-g++}" -std=c++20 -O3 -DNDEBUG -w -Iinclude -Ibenchmarks "-DDROPLIT_BENCHMARK_DATA=\"$PWD/benchmarks/data\"" \
      "benchmarks/scale/$part.cpp" -o "$build/$part" -lboost_json -pthread
    "$build/$part" >>"$scale/rows.tsv"
  fi
done

{
  printf 'Measured on %s: %s, %s cores, Linux %s, %s; load of the machine when it was over: %s.\n\n' "$(date -u +%Y-%m-%d)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r | cut -d . -f 1,2)" \
    "$("${CXX:-g++}" --version | head -n 1)" "$(cut -d ' ' -f 1 /proc/loadavg)"
  awk -F '\t' '
    BEGIN { print "| | floor | goal | reached | reference | floor met |\n| --- | ---: | ---: | ---: | --- | --- |" }
    NF != 5 { print "scale.sh: no row: " $0 >"/dev/stderr"; failed = 1; next }
    {
      met = "-"
      if ($2 + 0 > 0) {
        least = $3 + 0 > $2 + 0
        met = $4 ~ /^[0-9]/ && (least ? $4 + 0 >= $2 + 0 : $4 + 0 <= $2 + 0) ? "yes" : "**no**"
      }
      printf "| %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, met
    }
    END { exit failed }' "$scale/rows.tsv"
} >"$scale/table.md"
cat "$scale/table.md"
if [ $# -eq 0 ]; then
  page=docs/benchmarks.md
  awk -v file="$scale/table.md" '
    $0 == "<!-- end: scale -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- begin: scale -->" { inside = 1; print ""; while ((getline line <file) > 0) print line; print "" }' \
    "$page" >"$scale/page.md"
  cat "$scale/page.md" >"$page"
fi
! grep -qF '**no**' "$scale/table.md"
