# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# For the parts of scale.sh, which read it in after common.sh. $today is the tree of the commit that figures are compared
# with, $build the folder for programs, $CXX the compiler. A part compiles first, then calls `measuring`.
# shellcheck shell=sh disable=SC2034,SC2154
: "${today:?}" "${build:?}"
compiler=${CXX:-g++}
rounds=${DROPLIT_BENCHMARK_ROUNDS:-}

# compiled TREE SOURCE OUT FLAG...: a program with the headers of a tree, unless it is there and newer than its sources
compiled() {
  tree=$1 source=$2 out=$3
  shift 3
  # shellcheck disable=SC2046
  [ ! -e "$out" ] || [ -n "$(find $(sed -e 's/^[^ ]*: *//' -e 's/\\$//' "$out.d") -newer "$out")" ] || return 0
  echo "compiling $(basename "$out")" >&2
  "$compiler" -std=c++20 -O3 -DNDEBUG -w -MMD -MF "$out.d" "-I$tree/include" -Ibenchmarks \
    "-DDROPLIT_BENCHMARK_DATA=\"$PWD/benchmarks/data\"" "$source" -o "$out" "$@" -lboost_json -pthread
}

# compiled_servers: droplit-server of this tree and of the earlier one, without PostgreSQL
compiled_servers() {
  compiled . docs/examples/droplit-server.cpp "$build/server" -lsqlite3
  compiled "$today" "$today/docs/examples/droplit-server.cpp" "$build/server_today" -lsqlite3
}

# measuring: what comes now is measured; ends the script here if it shall only compile
measuring() { [ -z "${only_compile:-}" ] || exit 0; }

# medians: of lines `NAME<TAB>NUMBER`, one line for each name, in the order of the first ones
medians() {
  awk -F '\t' -v OFS='\t' '
    !seen[$1]++ { names[++n] = $1 }
    { value[$1, seen[$1]] = $2 + 0 }
    END {
      for (i = 1; i <= n; ++i) {
        split("", list)
        k = seen[names[i]]
        for (a = 1; a <= k; ++a) {
          for (b = a - 1; b >= 1 && list[b] > value[names[i], a]; --b) list[b + 1] = list[b]
          list[b + 1] = value[names[i], a]
        }
        print names[i], k % 2 ? list[(k + 1) / 2] : (list[k / 2] + list[k / 2 + 1]) / 2
      }
    }'
}

# figure NAME FILE: the number of one of those lines
figure() { awk -F '\t' -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$2"; }

# ratio FILE NAME BELOW-FILE BELOW-NAME: of two of them
ratio() { awk -v above="$(figure "$2" "$1")" -v below="$(figure "$4" "$3")" 'BEGIN { printf "%.2f", above / below }'; }

# row NAME FLOOR GOAL REACHED REFERENCE
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
