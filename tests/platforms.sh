#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# platforms.sh PLATFORM...: builds the tests of tests/platforms for these platforms, runs them there, and prints a table.
#   i386      32-bit x86, without SSE2, on this machine
#   s390x     64-bit, big-endian, under qemu
#   aarch64   64-bit ARM, under qemu
#   windows   x86-64, mingw-w64, under wine
#   libcxx    this machine, clang 19 with libc++
#   portable  this machine, without its instructions for vectors
#   all       all of these
# All with UndefinedBehaviorSanitizer and the checks of the standard library. Installs what is missing. A platform without its
# compiler, its emulator or a test is a failure.
# Optionally JOBS, how many compilers at once; ctest runs as many.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '3,12s/^# //p' "$0" >&2; exit 2; }
[ "$1" != all ] || set -- i386 s390x aarch64 windows libcxx portable

packages() {
  case $1 in
    i386) echo g++-i686-linux-gnu ;;
    s390x) echo g++-s390x-linux-gnu qemu-user ;;
    aarch64) echo g++-aarch64-linux-gnu qemu-user ;;
    windows) echo g++-mingw-w64-x86-64-posix wine64 ;;
    libcxx) echo clang-19 libc++-19-dev libc++abi-19-dev ;;
    portable) echo g++ ;;
    *) echo "platforms.sh: there is no platform $1" >&2; exit 2 ;;
  esac
}

jobs=${JOBS:-$(nproc)}
mkdir -p build/platforms
table=build/platforms/table.txt
: >"$table"
for platform in "$@"; do
  folder=$PWD/build/platforms/$platform
  missing=$(packages "$platform")
  # shellcheck disable=SC2086
  sh docs/examples/install.sh cmake ninja-build libboost1.81-dev catch2 $missing
  cmake -S tests/platforms -B "$folder" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$PWD/tests/platforms/$platform.cmake" \
    >"$folder.log" || { cat "$folder.log" >&2; exit 1; }
  cmake --build "$folder" -j "$jobs"
  # Wine keeps its files apart from those of the user, and is ended when the tests have.
  WINEPREFIX=$folder/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' \
    ctest --test-dir "$folder" --no-tests=error --output-on-failure -V -j "$jobs" >"$folder.log" 2>&1 || {
    grep -vE '^[0-9]+: *$|^test [0-9]+$' "$folder.log" >&2
    exit 1
  }
  [ "$platform" != windows ] || WINEPREFIX=$folder/wine /usr/lib/wine/wineserver64 -k || :
  # "All tests passed (123 assertions in 4 test cases)", once for each program
  awk -v platform="$platform" '
    /All tests passed \(/ {
      sub(/.*\(/, ""); sub(/\r/, "")
      programs += 1; assertions += $1; cases += $4
    }
    END {
      if (cases == 0) exit 1
      printf "%-9s %3d programs %5d test cases %9d assertions\n", platform, programs, cases, assertions
    }' "$folder.log" >>"$table" || { echo "platforms.sh: no test ran on $platform" >&2; exit 1; }
done
cat "$table"
