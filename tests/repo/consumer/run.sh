#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh SOURCE BUILD COMPILER: installs the build to a temporary folder and uses it there from a project of its own; then the
# source as a subdirectory, that without a compiled Boost.JSON, and that with the core compiled once: by the program itself, by
# the build as a subdirectory, and installed. A subdirectory installs our files only with DROPLIT_INSTALL. And what must not go together does not.
set -eu
source=$1 build=$2 compiler=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
use() {
  name=$1
  shift
  cmake -S "$source/tests/repo/consumer" -B "$folder/$name" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" "$@" >"$folder/log" 2>&1 &&
    cmake --build "$folder/$name" >>"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
  "$folder/$name/consumer" "$folder/$name.db" || { echo "$name: the program fails"; exit 1; }
  echo "$name: good"
}
cmake --install "$build" --prefix "$folder/prefix" >"$folder/log"
! find "$folder/prefix" -type f ! -path '*/include/droplit/*' ! -path '*/cmake/droplit/*' | grep . || exit 1
use installed -DCMAKE_PREFIX_PATH="$folder/prefix"
use subdirectory -DDROPLIT_SOURCE="$source"
cmake --install "$folder/subdirectory" --prefix "$folder/bare" >"$folder/log"
[ "$(cd "$folder/bare" && find . -type f)" = ./bin/consumer ] || { echo "a subdirectory installs files of ours"; exit 1; }
use header_only -DDROPLIT_SOURCE="$source" -DHEADER_ONLY_JSON=ON -DCMAKE_DISABLE_FIND_PACKAGE_boost_json=ON
use own_source -DDROPLIT_SOURCE="$source" -DOWN_SOURCE=ON
use separate -DDROPLIT_SOURCE="$source" -DDROPLIT_SEPARATE_COMPILATION=ON -DDROPLIT_INSTALL=ON
cmake --install "$folder/separate" --prefix "$folder/separate_prefix" >"$folder/log"
find "$folder/separate_prefix" -name libdroplit_compiled.a | grep -q . || { echo "the library is not installed"; exit 1; }
use installed_separate -DCMAKE_PREFIX_PATH="$folder/separate_prefix"

# fails MESSAGE COMMAND...
fails() {
  message=$1
  shift
  if "$@" >"$folder/log" 2>&1; then
    echo "should fail: $*"
    exit 1
  fi
  grep -q "$message" "$folder/log" || { cat "$folder/log"; exit 1; }
}
here=$source/tests/repo/consumer
compile() { "$compiler" -std=c++20 -I"$source/include" "$@"; }
separate=-DDROPLIT_SEPARATE_COMPILATION
compile -c "$here/asks.cpp" -o "$folder/asks.o"
compile -c $separate "$here/asks.cpp" -o "$folder/asks_separate.o"
compile -c "$here/refuses.cpp" -o "$folder/refuses.o"
compile -c $separate "$here/refuses.cpp" -o "$folder/refuses_separate.o"
compile -c $separate "$here/src.cpp" -o "$folder/src.o"
for ours in asks.o asks_separate.o; do
  case $ours in asks.o) theirs=refuses_separate.o ;; *) theirs=refuses.o ;; esac
  fails 'undefined reference to .refused' "$compiler" "$folder/$ours" "$folder/$theirs" "$folder/src.o" -lboost_json
done
fails 'undefined reference to .droplit::v0::separate::parse_draft' "$compiler" "$folder/asks_separate.o" "$folder/refuses_separate.o" -lboost_json
"$compiler" "$folder/asks_separate.o" "$folder/refuses_separate.o" "$folder/src.o" -lboost_json -o "$folder/both"
"$folder/both"
fails 'all of whose files define DROPLIT_SEPARATE_COMPILATION' compile -fsyntax-only "$here/src.cpp"
fails 'before any other header of droplit' compile -fsyntax-only $separate -include droplit/error.hpp "$here/src.cpp"
echo "what must not go together: good"
