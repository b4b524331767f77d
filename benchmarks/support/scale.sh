# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# For the parts of scale.sh, which read it in at the root of the tree. $today is the tree of the commit that figures are
# compared with, $build the folder for programs, $CXX the compiler.
# shellcheck shell=sh disable=SC2034,SC2154
: "${today:?}" "${build:?}"
compiler=${CXX:-g++}
tab=$(printf '\t')
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# compiled TREE SOURCE OUT FLAG...: a program of ours with the headers of a tree
compiled() {
  tree=$1 source=$2 out=$3
  shift 3
  "$compiler" -std=c++20 -O3 -DNDEBUG -w "-I$tree/include" -Ibenchmarks "-DDROPLIT_BENCHMARK_DATA=\"$PWD/benchmarks/data\"" \
    "$source" -o "$out" "$@" -lboost_json -pthread
}

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

# ratio FILE NAME BELOW-FILE BELOW-NAME: of two medians
ratio() {
  awk -F '\t' -v a="$2" -v b="$4" -v file="$1" '
    FILENAME == file && $1 == a { above = $2 }
    FILENAME != file && $1 == b { below = $2 }
    END { if (!(below > 0)) exit 1; printf "%.2f", above / below }' "$1" "$3"
}

# row NAME FLOOR GOAL REACHED REFERENCE
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
