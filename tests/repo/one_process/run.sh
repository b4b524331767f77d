#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh COMPILER...: what is one per process is one, and files that are compiled differently do not run each other's functions.
set -eu
export LC_ALL=C  # what programs say is looked at
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for compiler in "$@"; do
  compile() { "$compiler" -std=c++20 -O0 -Wall -Wextra -Werror -I../../../include "$@"; }

  compile -c with_exceptions.cpp -o "$folder/with.o"
  compile -c -fno-exceptions without_exceptions.cpp -o "$folder/without.o"
  for order in "with without" "without with"; do
    # shellcheck disable=SC2086
    "$compiler" $(printf "$folder/%s.o " $order) -o "$folder/mixed"
    "$folder/mixed" || { echo "BAD   $compiler: linked in the order $order"; exit 1; }
  done
  echo "good  $compiler: files with and without exceptions in one program"

  ours=../consumer
  for kind in exceptions no-exceptions; do
    compile -c -f$kind $ours/asks.cpp -o "$folder/asks_$kind.o"
    compile -c -f$kind $ours/refuses.cpp -o "$folder/refuses_$kind.o"
  done
  for pair in "exceptions no-exceptions" "no-exceptions exceptions"; do
    if "$compiler" "$folder/asks_${pair% *}.o" "$folder/refuses_${pair#* }.o" -lboost_json -o "$folder/both" 2>"$folder/log"; then
      echo "BAD   $compiler: values of ours pass between files with and without exceptions"
      exit 1
    fi
    grep -q 'undefined reference to .refused' "$folder/log" || { cat "$folder/log"; exit 1; }
  done
  echo "good  $compiler: values of ours do not pass between them"

  compile -rdynamic loads_plugin.cpp -o "$folder/loads" -ldl
  for flags in -fexceptions -fno-exceptions -O2; do
    compile -shared -fPIC -fvisibility=hidden -fvisibility-inlines-hidden $flags plugin.cpp -o "$folder/plugin.so"
    "$folder/loads" "$folder/plugin.so" || { echo "BAD   $compiler: a plugin with $flags"; exit 1; }
  done
  echo "good  $compiler: a plugin built with -fvisibility=hidden"
done
