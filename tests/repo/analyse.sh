#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# analyse.sh [FILE...]: clang 19's static analyser follows the paths of these programs through our headers. Without arguments
# those of all examples and unit tests, which use every template. A finding in include/ is a failure, as is a missing compiler.
# Optionally JOBS, how many at once.
set -eu
cd "$(dirname "$0")/../.."
sh docs/examples/install.sh clang-19 pkg-config libpq-dev libcpp-httplib-dev libmicrohttpd-dev libpistache-dev catch2 >&2
# clang 19 does not compile Pistache's headers.
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(find docs/examples tests/unit -name '*.cpp' ! -name '*pistache*' | LC_ALL=C sort)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/one.sh" <<'ONE'
# one.sh FOLDER FILE
log=$1/$(echo "$2" | tr / _)
shift
foreign=$(pkg-config --cflags libpq cpp-httplib | sed 's/-I */-isystem /g')
# shellcheck disable=SC2086
clang++-19 --analyze -Xclang -analyzer-output=text -std=c++20 -Iinclude -Itests -DDROPLIT_POSTGRES=1 -DBOOST_ASIO_SEPARATE_COMPILATION \
  -DDROPLIT_TEST_DATA='""' -DDROPLIT_TEST_VERSION='""' $foreign "$1" >"$log" 2>&1 || { echo "BAD   $1"; cat "$log"; exit 1; }
# Those in foreign headers and in the tests themselves are not ours.
if grep -E '(^|/)include/droplit/[^:]*:[0-9]+:[0-9]+: warning:' "$log"; then
  echo "BAD   $1"
  exit 1
fi
echo "good  $1"
ONE
# A program with a finding in a header, which must be found.
mkdir -p "$folder/include/droplit"
echo 'inline int read() { int* null = nullptr; return *null; }' >"$folder/include/droplit/control.hpp"
printf '#include "%s"\nint main() { return read(); }\n' "$folder/include/droplit/control.hpp" >"$folder/control.cpp"
if sh "$folder/one.sh" "$folder" "$folder/control.cpp" >/dev/null 2>&1; then
  echo "BAD   the analyser finds nothing where something is" >&2
  exit 1
fi
printf '%s\0' "$@" | xargs -0 -n 1 -P "${JOBS:-$(nproc)}" sh "$folder/one.sh" "$folder"
