#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# separate.sh COMPILER: where the core is compiled separately each header that is not under detail/ still sees all that it needs.
# Only the compiler's front end is run. Preset dev compiles the examples so.
set -eu
cd "$(dirname "$0")/../.."
compiler=$1
find include -name '*.hpp' ! -path '*/detail/*' ! -name src.hpp | sort |
  COMPILER="$compiler" FLAGS="$(pkg-config --cflags libpq cpp-httplib)" xargs -n 1 sh -c '
  echo "#include \"$0\"" | "$COMPILER" -std=c++20 -x c++ -fsyntax-only -DDROPLIT_SEPARATE_COMPILATION -DDROPLIT_POSTGRES=1 -Iinclude -I. $FLAGS - ||
    { echo "BAD   $0" >&2; exit 1; }
  echo "good  $0"'
