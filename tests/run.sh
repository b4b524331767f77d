#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, and runs every test.
# run.sh PRESET does the same with another preset of CMakePresets.json; further arguments go to ctest.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-dev}
[ $# -eq 0 ] || shift
begin=$(date +%s)
stage() {
  seconds=$(($(date +%s) - begin))
  printf '== %s: %s, after %d:%02d minutes\n' "$preset" "$1" $((seconds / 60)) $((seconds % 60))
}

stage install
node='nodejs npm'
if command -v npm >/dev/null; then node=; fi  # Node.js from elsewhere brings its own npm, and Debian's would replace both
# shellcheck disable=SC2086
sh docs/examples/install.sh g++ clang cmake ninja-build libboost1.81-dev libboost-json1.81-dev catch2 libsqlite3-dev libpq-dev \
  postgresql-15 pgbouncer pgpool2 systemd \
  libcpp-httplib-dev libmicrohttpd-dev libpistache-dev nlohmann-json3-dev libcurl4-openssl-dev libssl-dev \
  libcli11-dev git pkg-config make file dpkg-dev \
  libgtest-dev valgrind expect stunnel4 openssl curl prometheus nginx-light \
  ca-certificates clang-16 clang-19 lld-19 clang-tidy-19 llvm-19 libclang-rt-19-dev libc++-19-dev libc++abi-19-dev python3 chromium \
  doxygen doxygen-awesome-css $node
stage configure
cmake --preset "$preset" -DDROPLIT_TESTS=ON
rm -rf "build/$preset/profiles"  # of other tests
stage build
cmake --build --preset "$preset"
stage test
# Two jobs for each processor: most tests take two of them, those that usually wait take one (PROCESSORS).
ctest --preset "$preset" -j $((2 * $(nproc))) "$@"
