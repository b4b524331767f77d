#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh SOURCE COMPILER: other projects use droplit. It is configured and installed where nothing but Boost is found; the package
# is moved, and used with and without what it can find; then the source is used as a subdirectory, and with the core compiled once:
# by the program itself, by the build, and installed. Then pkg-config, the single header, and what must not go together.
set -eu
export LC_ALL=C  # what programs say is looked at
source=$1 compiler=$2
here=$source/tests/repo/consumer
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "$*"
  exit 1
}
quietly() { "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }; }
configure() { quietly cmake -G Ninja -DCMAKE_CXX_COMPILER="$compiler" "$@"; }
# use NAME ARGUMENT...: the project builds, and its program runs.
use() {
  name=$1
  shift
  configure -S "$here" -B "$folder/$name" "$@"
  quietly cmake --build "$folder/$name"
  "$folder/$name/consumer" "$folder/$name.db" || fail "$name: the program fails"
  echo "$name: good"
}
# fails MESSAGE COMMAND...
fails() {
  message=$1
  shift
  ! "$@" >"$folder/log" 2>&1 || fail "should fail: $*"
  grep -q "$message" "$folder/log" || { cat "$folder/log"; exit 1; }
}
without_json=-DCMAKE_DISABLE_FIND_PACKAGE_boost_json=ON

# The same package wherever it is made, without a build, and at any place.
configure -S "$source" -B "$folder/rich"
configure -S "$source" -B "$folder/poor" $without_json -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON \
  -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON \
  -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON -DCMAKE_DISABLE_FIND_PACKAGE_Catch2=ON
for machine in rich poor; do quietly cmake --install "$folder/$machine" --prefix "$folder/from_$machine"; done
quietly diff -r "$folder/from_rich" "$folder/from_poor"
rm -r "$folder/rich" "$folder/poor" "$folder/from_rich"
mv "$folder/from_poor" "$folder/prefix"
(cd "$folder/prefix" && find . -type f | sed 's,^./include/droplit/.*hpp,HEADER,' | sort -u) >"$folder/files"
diff - "$folder/files" <<'FILES'
./include/droplit-single/droplit/droplit.hpp
./share/cmake/droplit/droplit-config-version.cmake
./share/cmake/droplit/droplit-config.cmake
./share/cmake/droplit/droplit-dependencies.cmake
./share/cmake/droplit/droplit-storage_postgres-targets.cmake
./share/cmake/droplit/droplit-storage_sqlite-targets.cmake
./share/cmake/droplit/droplit-targets.cmake
./share/cmake/droplit/droplit-transport_curl-targets.cmake
./share/pkgconfig/droplit-storage_postgres.pc
./share/pkgconfig/droplit-storage_sqlite.pc
./share/pkgconfig/droplit-transport_curl.pc
./share/pkgconfig/droplit.pc
HEADER
FILES
diff -r "$source/include/droplit" "$folder/prefix/include/droplit"
! grep -rE "$source|$folder|/usr/" "$folder/prefix/share" || fail "a path of this machine is in the package"
echo "the package: good"

configure -S "$here/finds" -B "$folder/finds" -DCMAKE_PREFIX_PATH="$folder/prefix"
fails '^  storage_sqlite needs SQLite (Debian: libsqlite3-dev)$' cmake -S "$here" -B "$folder/missing" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON
use installed -DCMAKE_PREFIX_PATH="$folder/prefix"
# With libc++ the compiled Boost.JSON of Debian does not link.
use without_json -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_CXX_FLAGS=-stdlib=libc++ $without_json
configure -S "$here" -B "$folder/subdirectory" -DDROPLIT_SOURCE="$source"
grep -q "isystem $source/include" "$folder/subdirectory/build.ninja" || fail "a subdirectory's headers are not the system's"
use own_json -DDROPLIT_SOURCE="$source" -DOWN_JSON=ON $without_json
quietly cmake --install "$folder/own_json" --prefix "$folder/bare"
[ "$(cd "$folder/bare" && find . -type f)" = ./bin/consumer ] || fail "a subdirectory installs files of ours"
use own_source -DDROPLIT_SOURCE="$source" -DOWN_SOURCE=ON
use separate -DDROPLIT_SOURCE="$source" -DDROPLIT_SEPARATE_COMPILATION=ON -DDROPLIT_INSTALL=ON
quietly cmake --install "$folder/separate" --prefix "$folder/made"
mv "$folder/made" "$folder/separate_prefix"
use installed_separate -DCMAKE_PREFIX_PATH="$folder/separate_prefix"

modules=$(find "$folder/separate_prefix" -name pkgconfig)
(
  export PKG_CONFIG_PATH="$folder/prefix/share/pkgconfig"
  for module in droplit:-lboost_json droplit-storage_sqlite:-lsqlite3 droplit-storage_postgres:-lpq droplit-transport_curl:-lcurl; do
    flags=$(pkg-config --cflags --libs "${module%:*}")
    case " $flags" in
      *" -I$folder/prefix/share/pkgconfig/../../include "*"${module#*:}"*) ;;
      *) fail "${module%:*}: $flags" ;;
    esac
  done
)
# shellcheck disable=SC2046
"$compiler" -std=c++20 "$here/asks.cpp" "$here/refuses.cpp" -o "$folder/configured" \
  $(PKG_CONFIG_PATH=$modules pkg-config --cflags --libs droplit)
"$folder/configured"
echo "pkg-config: good"

mkdir -p "$folder/alone/droplit"
cp "$folder/prefix/include/droplit-single/droplit/droplit.hpp" "$folder/alone/droplit"
"$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Werror -I"$folder/alone" "$source/docs/examples/first.cpp" \
  -o "$folder/first" -lboost_json
"$folder/first" | grep -q '^ecosystemId: invalid id$' || fail "the single header does not do what the others do"
echo '#include <droplit/droplit.hpp>' >"$folder/alone.cpp"
alone() { "$compiler" -std=c++20 -fsyntax-only -I"$folder/alone" -I"$source/include" "$@" "$folder/alone.cpp"; }
fails 'no other headers of droplit beside it' alone -include droplit/error.hpp
fails 'do not define DROPLIT_SEPARATE_COMPILATION' alone -DDROPLIT_SEPARATE_COMPILATION
echo "#include <droplit/error.hpp>" >>"$folder/alone.cpp"
fails 'no other headers of droplit beside it' alone
echo "the single header: good"

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
