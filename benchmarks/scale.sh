#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# scale.sh: installs what is missing, measures what the library costs with more threads, more connections, durable stores
# and long texts, beside the library as it was before it was made for that, and writes the tables of docs/benchmarks.md.
# Half an hour on two cores, most of it for compiling. Status 1 if a floor is missed.
# scale.sh PART...: only these parts, such as `writing`, and their tables: each part is a run of its own.
# scale.sh --compile PART...: only compiles what these need.
#
# A part is benchmarks/scale/PART.sh. It prints a line for each row: `ROW<TAB>FLOOR<TAB>GOAL<TAB>REACHED<TAB>REFERENCE`. The
# floor is a number that must not be exceeded; where the goal is greater than the floor, it must be reached. `-` is for
# none. DROPLIT_BENCHMARK_BUILD says where to build, DROPLIT_BENCHMARK_ROUNDS how often everything is repeated.
set -eu
cd "$(dirname "$0")/.."
only_compile=
if [ "${1:-}" = --compile ]; then only_compile=yes && shift; fi
parts=${*:-cores durable postgres fleet connections reading client writing compiling}
longest=900 # seconds for a part
sh docs/examples/install.sh g++ gcc libc6-dev cmake ninja-build git libboost1.81-dev libboost-json1.81-dev libsqlite3-dev \
  libpq-dev postgresql-15 pgbouncer pgpool2 libcurl4-openssl-dev libcli11-dev libsimdjson-dev catch2 wrk curl pkg-config \
  valgrind util-linux
. benchmarks/support/common.sh

# What "today" is in the tables: the commit that these figures were first compared with.
reference=0437ff64732f389fdbb217902e19c1692a6cfe17
build=${DROPLIT_BENCHMARK_BUILD:-$PWD/build/scale}
today=$build/$reference
if [ ! -e "$today/README.md" ]; then
  mkdir -p "$today"
  if ! git archive "$reference" >"$folder/today.tar"; then
    echo "scale.sh: this clone has no commit $reference; fetch the whole history" >&2
    exit 2
  fi
  tar -x -C "$today" -f "$folder/today.tar"
fi
export today build only_compile

# table: of the rows of a part
table() {
  machine
  load_of_machine
  awk -F '\t' '
    BEGIN { print "\n| | floor | goal | reached | reference | floor met |\n| --- | ---: | ---: | ---: | --- | --- |" }
    NF != 5 { print "scale.sh: no row: " $0 >"/dev/stderr"; failed = 1; next }
    {
      met = "-"
      if ($2 != "-") {
        least = $3 != "-" && $3 + 0 > $2 + 0
        met = $4 ~ /^[0-9]/ && (least ? $4 + 0 >= $2 + 0 : $4 + 0 <= $2 + 0) ? "yes" : "**no**"
      }
      printf "| %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, met
    }
    END { exit failed || NR == 0 }'
}

missed=0
for part in $parts; do
  if [ -n "$only_compile" ]; then
    sh "benchmarks/scale/$part.sh"
    continue
  fi
  echo "measuring $part" >&2
  timeout $longest sh "benchmarks/scale/$part.sh" >"$folder/rows.tsv"
  table <"$folder/rows.tsv" >"$folder/table.md"
  cat "$folder/table.md"
  onto_page "scale_$part" "$folder/table.md"
  ! grep -qF '**no**' "$folder/table.md" || missed=1
done
exit $missed
