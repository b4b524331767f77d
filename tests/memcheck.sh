#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# memcheck.sh BUILD: the fast unit tests of a build without sanitizers under valgrind's memcheck. An error, memory that is lost
# or no program is a failure. Optionally JOBS, how many at once.
# Left out are those that count instructions or bytes themselves, and those that wait for time limits, which valgrind exceeds.
set -eu
build=${1:?}
here=$(dirname "$0")
sh "$here/../docs/examples/install.sh" valgrind >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for program in "$build"/tests/unit/test_*; do
  case ${program##*/} in
    *_cost | *_memory | *_postgres* | *_faults | *_stats | *_upgrade | test_server_* | test_transport_curl* | test_async_*server | test_testing_*) ;;
    *) if [ -f "$program" ] && [ -x "$program" ]; then printf '%s\0' "$program"; fi ;;
  esac
done >"$folder/programs"
count=$(tr -cd '\0' <"$folder/programs" | wc -c)
[ "$count" -gt 60 ] || { echo "memcheck.sh: only $count programs in $build/tests/unit" >&2; exit 1; }
cat >"$folder/one.sh" <<'ONE'
log=$1/${2##*/}
if valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
  --child-silent-after-fork=yes "$2" --warn NoTests >"$log" 2>&1; then
  echo "good  ${2##*/}: $(tail -n 2 "$log" | head -n 1)"
else
  cat "$log"
  echo "BAD   ${2##*/}"
  exit 1
fi
ONE
xargs -0 -n 1 -P "${JOBS:-$(nproc)}" sh "$folder/one.sh" "$folder" <"$folder/programs"
echo "memcheck: $count programs without an error"
