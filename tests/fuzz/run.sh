#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Runs fuzz targets: run.sh [FOLDER [AMOUNT [TARGET...]]]. FOLDER is what a build has made, build/dev/tests/fuzz by default.
# AMOUNT is `ci` for as many executions as targets.txt says, x50 for fifty times that (the default with DROPLIT_LONG=1), or
# a time such as 60s. Without a target all run, one on each processor. What is found is kept in FOLDER/findings; it belongs
# into tests/data/fuzz/TARGET, where it is run by every later test.
set -eu
unset CDPATH  # with it, cd prints
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/dev/tests/fuzz}
amount=${2:-${DROPLIT_LONG:+x50}}
amount=${amount:-ci}
if [ $# -le 2 ]; then
  sed -n 's/^\([a-z_]*\) .*/\1/p' "$here/targets.txt" | xargs -P "$(nproc)" -n 1 sh "$0" "$folder" "$amount"
  exit
fi
shift 2
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
if [ "$amount" = ci ]; then  # half faster; fuzz/replay and longer runs look for uses of what a function or an execution left behind
  ASAN_OPTIONS=$ASAN_OPTIONS:detect_stack_use_after_return=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64
fi

for target; do
  line=$(grep "^$target " "$here/targets.txt")
  # shellcheck disable=SC2086
  set -- $line
  longest=$4
  least=$5
  limit=
  case $amount in
    ci) ;;
    x*) least=$((least * ${amount#x})) ;;
    *s) least=1 limit=-max_total_time=${amount%s} ;;
    *) echo "no amount: $amount" >&2; exit 2 ;;
  esac
  work=$(mktemp -d)
  mkdir -p "$work/corpus" "$folder/findings"
  runs=-runs=$least
  [ -z "$limit" ] || runs=
  status=0
  # shellcheck disable=SC2086
  "$folder/out/$target" $runs $limit -max_len="$longest" -dict="$folder/out/$target.dict" -seed="${DROPLIT_SEED:-1}" \
    -reload=0 -print_funcs=0 -print_final_stats=1 -artifact_prefix="$folder/findings/$target-" "$work/corpus" \
    "$folder/work/corpora/$target" >"$work/log" 2>&1 || status=$?
  number() { sed -n "s/^stat::$1: *//p" "$work/log"; }
  executed=$(number number_of_executed_units)
  if [ $status -ne 0 ] || [ "${executed:-0}" -lt "$least" ]; then
    tail -n 60 "$work/log"
    echo "$target: ended with status $status after ${executed:-no} of $least executions"
    rm -rf "$work"
    exit 1
  fi
  echo "$target: $executed executions, $(number average_exec_per_sec) a second, $(find "$work/corpus" -type f | wc -l) new inputs"
  rm -rf "$work"
done
