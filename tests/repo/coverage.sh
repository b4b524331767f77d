#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# coverage.sh BUILD: which lines and branches of the headers the tests of preset dev ran. Fails below the limits of
# coverage.py, and for an exclusion of coverage_exclusions.txt that is none.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
llvm-profdata-19 merge -sparse -o "$build/coverage.profdata" "$build"/profiles/*.profraw
python3 "$here/coverage.py" "$here/../../include" "$build" "$here/coverage_exclusions.txt"
