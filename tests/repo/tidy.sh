#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# tidy.sh headers | changed | all: clang-tidy 19, as .clang-tidy says, without a finding.
#   headers  all headers, and src.hpp
#   changed  the same if a header differs from `main` (or $BASE), and those examples that do
#   all      headers, and all examples, which use every template
# Fails where clang-tidy is missing.
set -eu
unset CDPATH  # with it, cd prints
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sh docs/examples/install.sh clang-tidy-19 pkg-config libpq-dev libcpp-httplib-dev >&2
foreign=$(pkg-config --cflags libpq cpp-httplib | sed 's/-I */-isystem /g')
failed=0

tidy() {  # tidy FILE SWITCH...
  file=$1
  shift
  # shellcheck disable=SC2086
  if clang-tidy-19 --quiet --config-file=.clang-tidy "$file" -- -std=c++20 -Iinclude -DDROPLIT_POSTGRES=1 $foreign "$@" 2>"$folder/log"; then
    echo "good  $file"
  else
    grep -v 'warnings generated' "$folder/log" >&2 || :
    echo "BAD   $file"
    failed=1
  fi
}

headers() {
  (cd include && find droplit -name '*.hpp' ! -name src.hpp | LC_ALL=C sort | sed 's/.*/#include <&>/') >"$folder/headers.cpp"
  [ "$(wc -l <"$folder/headers.cpp")" -gt 80 ] || { echo "where are the headers?" >&2; exit 1; }
  echo '#include <droplit/src.hpp>' >"$folder/src.cpp"
  tidy "$folder/headers.cpp"
  tidy "$folder/src.cpp" -DDROPLIT_SEPARATE_COMPILATION
}

examples() {
  for example in "$@"; do
    [ ! -e "$example" ] || tidy "$example"
  done
}

# A header with a finding, which must be found.
mkdir -p "$folder/control/include/droplit"
echo 'inline int* null() { return 0; }' >"$folder/control/include/droplit/control.hpp"
echo '#include <droplit/control.hpp>' >"$folder/control/control.cpp"
if (cd "$folder/control" && clang-tidy-19 --quiet --config-file="$OLDPWD/.clang-tidy" control.cpp -- -std=c++20 -Iinclude) >/dev/null 2>&1; then
  echo "BAD   clang-tidy finds nothing where something is" >&2
  exit 1
fi

case ${1:-} in
  headers) headers ;;
  all)
    headers
    examples docs/examples/*.cpp
    ;;
  changed)
    changed=$(git diff --name-only "$(git merge-base HEAD "${BASE:-main}")" -- include docs/examples)
    case $changed in *include/*) headers ;; esac
    # shellcheck disable=SC2046
    examples $(echo "$changed" | grep -x 'docs/examples/[^/]*\.cpp')
    ;;
  *) sed -n '3,7s/^# //p' "$0" >&2; exit 2 ;;
esac
exit $failed
