#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh SOURCE BUILD COMPILER: installs the build to a temporary folder and uses it there from a project of its own; then the
# source as a subdirectory, and that without a compiled Boost.JSON.
set -eu
source=$1 build=$2 compiler=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
use() {
  name=$1
  shift
  cmake -S "$source/tests/consumer" -B "$folder/$name" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" "$@" >"$folder/log" 2>&1 &&
    cmake --build "$folder/$name" >>"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
  "$folder/$name/consumer" "$folder/$name.db" || { echo "$name: the program fails"; exit 1; }
  echo "$name: good"
}
cmake --install "$build" --prefix "$folder/prefix" >"$folder/log"
! find "$folder/prefix" -type f ! -path '*/include/droplit/*' ! -path '*/cmake/droplit/*' | grep . || exit 1
use installed -DCMAKE_PREFIX_PATH="$folder/prefix"
use subdirectory -DDROPLIT_SOURCE="$source"
use header_only -DDROPLIT_SOURCE="$source" -DHEADER_ONLY_JSON=ON -DCMAKE_DISABLE_FIND_PACKAGE_boost_json=ON
