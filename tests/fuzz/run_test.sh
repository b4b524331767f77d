#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh fails where a target finds something, and where it does not run as often as it must.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/out" "$folder/work/corpora/curl"
least=$(sed -n 's/^curl .* //p' "$here/targets.txt")

# pretend EXECUTIONS STATUS: a target that says so.
pretend() {
  printf '#!/bin/sh\necho "stat::number_of_executed_units: %s"\nexit %s\n' "$1" "$2" >"$folder/out/curl"
  chmod +x "$folder/out/curl"
}
run() { sh "$here/run.sh" "$folder" "$1" curl >"$folder/log" 2>&1; }

pretend "$least" 0
run ci
grep -q "^curl: $least executions" "$folder/log"
pretend "$((2 * least))" 0
run x2
for case in "$least 77" "$((least - 1)) 0"; do
  # shellcheck disable=SC2086
  pretend $case
  if run ci; then
    echo "run.sh is satisfied with: $case"
    exit 1
  fi
done
pretend "$least" 0
if run x2; then
  echo "run.sh is satisfied with half of the executions"
  exit 1
fi
rm "$folder/out/curl"
if run ci; then
  echo "run.sh is satisfied without a program"
  exit 1
fi
