#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# hostile.sh: measures what a peer can cost the server, and writes the table of docs/server.md (less than a minute).
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ libboost1.81-dev libboost-json1.81-dev
build=build/benchmarks
mkdir -p $build
g++ -std=c++20 -O3 -DNDEBUG -Wall -Wextra -Wno-maybe-uninitialized -Wno-restrict -Iinclude -Ibenchmarks -o $build/hostile \
  benchmarks/hostile.cpp -lboost_json -pthread
$build/hostile >$build/hostile.md
awk -v table=$build/hostile.md '
  /^\| what is sent \|/ { while ((getline line < table) > 0) print line; skip = 1 }
  skip && !/^\|/ { skip = 0 }
  !skip' docs/server.md >$build/server.md
cp $build/server.md docs/server.md
cat $build/hostile.md
