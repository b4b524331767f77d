#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh: installs what is missing, builds, measures everything (about five minutes on two cores), prints medians and
# ratios, and writes the tables of docs/benchmarks.md.
# run.sh FILTER...: only the benchmarks whose names, QUESTION/WORKLOAD/WHO, match one of these regular expressions, such as
# `read/W1/` or `write`, or `counts` for instructions and allocations; the page is left as it is, because figures of
# different runs must not stand beside each other.
# DROPLIT_BENCHMARK_BUILD says where to build, DROPLIT_BENCHMARK_REPETITIONS how often everything is repeated.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ cmake ninja-build libboost1.81-dev libboost-json1.81-dev libbenchmark-dev nlohmann-json3-dev \
  rapidjson-dev libsimdjson-dev libvalijson-dev valgrind jq
build=${DROPLIT_BENCHMARK_BUILD:-build/benchmarks}
filter=$(IFS='|'; echo "$*")
out=$build/results
. benchmarks/support/common.sh
mkdir -p "$out"

cmake -S benchmarks -B "$build" -G Ninja >"$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }

# The programs that a filter asks for, or all.
programs=
for word in "$@"; do
  case $word in
    read*) programs="$programs read_draft" ;;
    write* | refuse*) programs="$programs write_response" ;;
    create* | endpoint* | remote* | counts) programs="$programs ${word%%/*}" ;;
    *) programs=; break ;;
  esac
done
[ -n "$programs" ] || programs="read_draft write_response create endpoint remote counts"
programs=$(echo "$programs" | xargs -n 1 | sort -u)
# shellcheck disable=SC2046,SC2086
cmake --build "$build" --target $(printf "benchmark_%s " $programs)
rm -f "$out"/*

# Medians as `QUESTION WORKLOAD WHO NANOSECONDS`, in the order of the programs, not in the shuffled one.
: >"$out/times.tsv"
for program in $programs; do
  [ "$program" != counts ] || continue
  "$build/benchmark_$program" --benchmark_list_tests --benchmark_filter="${filter:-.}" >"$out/$program.list" 2>/dev/null || true
  grep -q / "$out/$program.list" || continue
  echo "running $program" >&2
  "$build/benchmark_$program" --benchmark_filter="${filter:-.}" --benchmark_enable_random_interleaving=true \
    --benchmark_repetitions="${DROPLIT_BENCHMARK_REPETITIONS:-15}" --benchmark_min_time=0.02 \
    --benchmark_report_aggregates_only=true --benchmark_out="$out/$program.json" --benchmark_out_format=json \
    >"$out/$program.log" 2>&1 || { cat "$out/$program.log" >&2; exit 1; }
  if jq -e 'any(.benchmarks[]; .error_occurred == true)' "$out/$program.json" >/dev/null; then
    jq -r '.benchmarks[] | select(.error_occurred == true) | .run_name + ": " + .error_message' "$out/$program.json" >&2
    exit 1
  fi
  jq -r '.benchmarks[] | select(.aggregate_name == "median") | [.run_name, .cpu_time] | @tsv' "$out/$program.json" |
    awk -F '\t' 'NR == FNR { time[$1] = $2; next } $0 in time { name = $0; gsub("/", "\t", name); print name "\t" time[$0] }' \
      - "$out/$program.list" >>"$out/times.tsv"
done
: >"$out/counts.tsv"
case $programs in
  *counts*) sh benchmarks/instructions.sh "$build/benchmark_counts" >"$out/counts.tsv" ;;
esac

# matrix FILE QUESTION BASE [flip]: the lines `QUESTION WORKLOAD WHO NUMBER` of a file as a table, a row for each WHO and a column
# for each WORKLOAD, or the other way round; as ratios to BASE if one is named.
matrix() {
  micro=
  [ "$1 $2 $3" != "$out/times.tsv read " ] || micro=yes
  awk -F '\t' -v wanted="$2" -v base="$3" -v flip="${4:-}" -v micro="$micro" '
    function in_micro(column) { return micro && (column == "W7" || column == "W8") }
    function show(value, column) {
      if (in_micro(column)) value /= 1000
      if (value == int(value) && value < 1e6) return value
      return value >= 99.5 ? sprintf("%.0f", value) : value >= 9.95 ? sprintf("%.1f", value) : sprintf("%.2f", value)
    }
    $1 != wanted { next }
    {
      row = flip ? $2 : $3; column = flip ? $3 : $2
      if (!(row in rows)) { rows[row] = 1; row_names[++n] = row }
      if (!(column in columns)) { columns[column] = 1; column_names[++m] = column }
      value[row, column] = $4; has[row, column] = 1
    }
    END {
      if (n == 0) exit
      line = "| |"; rule = "| --- |"
      for (c = 1; c <= m; ++c) {
        unit = in_micro(column_names[c]) ? " us" : ""
        line = line " " column_names[c] unit " |"; rule = rule " ---: |"
      }
      print line "\n" rule
      for (r = 1; r <= n; ++r) {
        line = "| " row_names[r] " |"
        for (c = 1; c <= m; ++c) {
          row = row_names[r]; column = column_names[c]
          below = flip ? row SUBSEP base : base SUBSEP column
          if (!has[row, column]) cell = "-"
          else if (base == "") cell = show(value[row, column], column)
          else cell = has[below] && value[below] > 0 ? sprintf("%.2f", value[row, column] / value[below]) : "-"
          line = line " " cell " |"
        }
        print line
      }
    }' "$1"
}

# What we aim at, and what this run reached.
targets() {
  cat "$out/times.tsv" "$out/counts.tsv" | awk -F '\t' '
    $1 == "instructions" || $1 == "allocations" { count[$1, $2, $3, $4] = $5; next }
    NF == 4 { time[$1, $2, $3] = $4 }
    function row(what, least, goal, reached, worse) {
      printf "| %s | %s | %s | %s | %s |\n", what, least, goal, reached, worse <= 0 ? "yes" : "**no**"
    }
    function ratio(what, least, goal, question, workload, base, mine) {
      mine = time[question, workload, "droplit"] / time[question, workload, base]
      row(what, least, goal, sprintf("%.2f", mine), mine - least)
    }
    function number(what, least, goal, kind, question, workload, mine) {
      mine = count[kind, question, workload, "droplit"]
      row(what, least, goal, mine, mine - least)
    }
    END {
      dom = "Boost.JSON DOM"
      print "| | floor | goal | reached | floor met |\n| --- | ---: | ---: | ---: | --- |"
      ratio("W1 read, time / DOM", "0.25", "0.17", "read", "W1", dom)
      ratio("W1v read, time / DOM", "0.25", "0.18", "read", "W1v", dom)
      ratio("W2 read, time / DOM", "0.20", "0.12", "read", "W2", dom)
      ratio("W3 read, time / DOM", "0.30", "0.15", "read", "W3", dom)
      ratio("W4 read, time / DOM", "0.35", "0.18", "read", "W4", dom)
      ratio("W5 read, time / DOM", "1.0", "0.6", "read", "W5", dom)
      ratio("W6 read, time / DOM", "0.50", "0.20", "read", "W6", dom)
      ratio("W6a read, time / DOM", "0.55", "0.40", "read", "W6a", dom)
      ratio("W7 read, time / DOM", "0.32", "0.20", "read", "W7", dom)
      mine = time["read", "W8", "droplit"]
      row("W8 refused, us", "1.0", "0.1", sprintf("%.2f", mine / 1000), mine - 1000)
      ratio("W1 read, time / simdjson strict", "0.50", "0.35", "read", "W1", "simdjson On-Demand, strict walk")
      ratio("W6 read, time / simdjson strict", "0.95", "0.85", "read", "W6", "simdjson On-Demand, strict walk")
      ratio("W1 rendered, time / DOM", "0.12", "0.06", "write", "W1", dom)
      whole = time["endpoint", "W1", "handle"] / time["endpoint", "W1", "reading + rendering"]
      row("Endpoint, W1 / reading + rendering", "2.0", "-", sprintf("%.2f", whole), whole - 2)
      number("W1 read, instructions", "1200", "850", "instructions", "read", "W1")
      number("W1 rendered, instructions", "700", "500", "instructions", "write", "W1")
      number("W1 read, allocations", "1", "1", "allocations", "read", "W1")
      number("W2 read, allocations", "0", "0", "allocations", "read", "W2")
      for (i = 3; i <= 8; ++i) if (i < 6 || i == 8) number("W" i " refused, allocations", "1", "0", "allocations", "read", "W" i)
      number("W1 rendered into warm memory, allocations", "0", "0", "allocations", "write", "W1")
    }'
}

counts() { sed -n "s/^$1$tab//p" "$out/counts.tsv" | grep -v "^\(refuse\|endpoint\)"; }

# phases QUESTION: the share of each phase, in percent of the instructions of a workload.
phases() {
  awk -F '\t' -v OFS='\t' -v question="$1" '
    $1 != "phase" || $2 != question { next }
    { total[$3] += $5; all[$4] += $5; count[$3, $4] = $5 }
    !($3 in seen) { seen[$3] = 1; column[++m] = $3 }
    END {
      line = "| |"; rule = "| --- |"
      for (c = 1; c <= m; ++c) { line = line " " column[c] " |"; rule = rule " ---: |" }
      print line "\n" rule
      for (;;) {  # the phase with the greatest shares first
        best = ""
        for (p in all) {
          shares = 0
          for (c = 1; c <= m; ++c) shares += count[column[c], p] / total[column[c]]
          if (best == "" || shares > most || (shares == most && p < best)) { best = p; most = shares }
        }
        if (best == "") break
        delete all[best]
        line = "| " best " |"
        for (c = 1; c <= m; ++c) line = line sprintf(" %.0f %% |", 100 * count[column[c], best] / total[column[c]])
        print line
      }
    }' "$out/counts.tsv"
}

{
  machine libboost-json1.81-dev libbenchmark-dev nlohmann-json3-dev rapidjson-dev libsimdjson-dev libvalijson-dev valgrind
  printf 'medians of %s repetitions; ' "${DROPLIT_BENCHMARK_REPETITIONS:-15}"
  load_of_machine
} >"$out/machine.md"
matrix "$out/times.tsv" read '' >"$out/read.md"
matrix "$out/times.tsv" read 'Boost.JSON DOM' >"$out/read_ratios.md"
matrix "$out/times.tsv" write '' >"$out/write.md"
matrix "$out/times.tsv" write 'Boost.JSON DOM' >"$out/write_ratios.md"
matrix "$out/times.tsv" refuse '' flip >"$out/refuse.md"
matrix "$out/times.tsv" create '' flip >"$out/create.md"
matrix "$out/times.tsv" endpoint '' flip >"$out/endpoint.md"
matrix "$out/times.tsv" endpoint 'reading + rendering' flip >"$out/endpoint_ratios.md"
matrix "$out/times.tsv" remote '' flip >"$out/remote.md"
matrix "$out/times.tsv" remote 'Boost.JSON DOM' flip >"$out/remote_ratios.md"
if [ -s "$out/counts.tsv" ]; then
  counts instructions >"$out/instructions.tsv"
  counts allocations >"$out/allocations.tsv"
  for kind in instructions allocations; do
    for question in read write; do
      matrix "$out/$kind.tsv" "$question" '' >"$out/${kind}_$question.md"
    done
  done
  phases read >"$out/phases_read.md"
  phases write >"$out/phases_write.md"
fi
[ -n "$filter" ] || targets >"$out/targets.md"

for table in targets machine read read_ratios write write_ratios refuse create endpoint endpoint_ratios remote remote_ratios \
  instructions_read instructions_write allocations_read allocations_write phases_read phases_write; do
  [ -s "$out/$table.md" ] || continue
  printf '\n%s\n' "$table"
  cat "$out/$table.md"
  [ -n "$filter" ] || onto_page "$table" "$out/$table.md"
done
