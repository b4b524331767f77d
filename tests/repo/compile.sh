#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# compile.sh TEST...: what compiles where, without running anything. A missing compiler is a failure. The tests:
#   boost       all headers and what uses Boost of the examples, against a copy of Boost without the names that later versions removed
#   compilers   all headers, with each compiler, standard library and standard that is supported
#   macros      all headers, after the macros that other libraries define
#   warnings    examples that use every part of the library, optimised, with more warnings than the presets have, as errors
set -eu
unset CDPATH  # with it, cd prints
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# All headers in one file; src.hpp is included another way.
(cd include && find droplit -name '*.hpp' ! -name src.hpp | LC_ALL=C sort | sed 's/.*/#include <&>/') >"$folder/headers.cpp"
[ "$(wc -l <"$folder/headers.cpp")" -gt 80 ] || { echo "where are the headers?" >&2; exit 1; }
echo '#include <droplit/src.hpp>' >"$folder/src.cpp"
# Ours are included with -I, so that their warnings count; foreign headers as the system's, so that theirs do not.
foreign=$(pkg-config --cflags libpq cpp-httplib | sed 's/-I */-isystem /g')
switches="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Wnull-dereference -Wswitch-default -Werror -DDROPLIT_POSTGRES=1 -Iinclude $foreign"
gcc_switches="$switches -Wuseless-cast -Wduplicated-cond"

# good NAME COMMAND...: fails if the command fails, or is not there.
good() {
  name=$1
  shift
  "$@" || { echo "BAD   $name" >&2; exit 1; }
  echo "good  $name"
}

# together EXAMPLE...: prints a file of all headers and these examples, each in a namespace of its own, so that what they share is
# compiled once. What they include comes first; a second time their guards leave it out.
together() {
  {
    grep -rhE '^ *# *include <' include docs/examples/console docs/examples/program docs/examples/server
    for example in "$@"; do grep -h '^#include <' "docs/examples/$example.cpp"; done
  } | grep -v '<droplit/' | LC_ALL=C sort -u
  cat "$folder/headers.cpp"
  (cd docs/examples && find console program server -name '*.hpp') | LC_ALL=C sort | sed 's/.*/#include "&"/'
  for example in "$@"; do
    echo "namespace $(echo "$example" | tr - _)_example {"
    cat "docs/examples/$example.cpp"
    echo '}'
  done
}

# refuses FILE COMMAND...: fails unless the command succeeds with the plain Boost and fails with the edited one.
refuses() {
  if ! "$@" || "$@" -isystem "$folder/newer" 2>"$folder/log"; then
    echo "BAD   the same with plain and edited Boost: $(tail -n 1 "$folder/removed.cpp")" >&2
    exit 1
  fi
}

# What later versions of Boost removed, as far as it could be used here:
# - Boost.JSON in 1.87: its aliases of what is Boost.System's and Boost.Container's;
# - Asio in 1.87: what BOOST_ASIO_NO_DEPRECATED takes away in earlier versions; in 1.89: deadline_timer.
boost_test() {
  plain=$(echo '#include <boost/version.hpp>' | g++ -x c++ -M - | tr ' ' '\n' | sed -n 's|/version\.hpp$||p')
  newer=$folder/newer/boost
  mkdir -p "$newer"
  for entry in "$plain"/*; do
    case ${entry##*/} in
      json) cp -r "$entry" "$newer" ;;
      asio) cp -rs "$entry" "$newer" ;;
      *) ln -s "$entry" "$newer" ;;
    esac
  done
  for removed in asio/deadline_timer asio/basic_deadline_timer; do
    rm "$newer/$removed.hpp"
    echo '#error "Boost removed this header"' >"$newer/$removed.hpp"
  done
  # The aliases' own lines go; where Boost.JSON itself uses them, it then says what they were aliases of.
  find "$newer/json" -type f -exec sed -i -E \
    -e '/^ *# *include/b' \
    -e '/^using (error_code|error_category|error_condition|system_error|memory_resource) =/d' \
    -e '/^template< class T >$/{N;/\nusing result =/d}' \
    -e 's/(^|[^:[:alnum:]_])(error_code|error_category|error_condition|system_error)\b/\1boost::system::\2/g' \
    -e 's/(^|[^:[:alnum:]_])result</\1boost::system::result</g' \
    -e 's/(^|[^:[:alnum:]_])memory_resource\b/\1boost::container::pmr::memory_resource/g' {} +
  for name in error_code error_category error_condition system_error 'result<int>' memory_resource; do
    echo "#include <boost/json.hpp>
using Removed = boost::json::$name;" >"$folder/removed.cpp"
    refuses g++ -std=c++20 -fsyntax-only "$folder/removed.cpp"
  done
  echo '#include <boost/asio/deadline_timer.hpp>' >"$folder/removed.cpp"
  refuses g++ -std=c++20 -fsyntax-only "$folder/removed.cpp"
  set -- g++ -std=c++20 -fsyntax-only -DBOOST_ASIO_NO_DEPRECATED -DDROPLIT_POSTGRES=1 -Iinclude -isystem "$folder/newer" $foreign
  good "boost: src.hpp" "$@" -DDROPLIT_SEPARATE_COMPILATION "$folder/src.cpp"
  together droplit-server droplit own_transport coroutine_server >"$folder/examples.cpp"  # which use all that we use of Boost
  good "boost: all headers, examples" "$@" -Idocs/examples "$folder/examples.cpp"
}

# Without DROPLIT_LONG two are left out: what preset dev compiles everything with, and the compiler between the others.
compilers_test() {
  for standard in c++20 c++2b; do
    good "g++-12 $standard" g++-12 -std=$standard -fsyntax-only $gcc_switches "$folder/headers.cpp"
    for compiler in clang++-14 clang++-16 clang++-19 "clang++-19 -stdlib=libc++"; do
      case "${DROPLIT_LONG:-}$compiler $standard" in "clang++-19 c++20" | "clang++-16 c++2b") continue ;; esac
      good "$compiler $standard" $compiler -std=$standard -fsyntax-only $switches "$folder/headers.cpp"
    done
  done
}

# All foreign headers come first, since their own names are not what is tested.
macros_test() {
  grep -rhoE '^ *# *include <[^>]+>' include | grep -v '<droplit/' | LC_ALL=C sort -u >"$folder/macros.cpp"
  cat tests/repo/compile/macros.hpp "$folder/headers.cpp" >>"$folder/macros.cpp"
  good "macros" g++ -std=c++20 -fsyntax-only -Iinclude $foreign "$folder/macros.cpp"
}

warnings_test() {
  # Some warnings are only seen where code is optimised, and Asio's own then count as ours where they are inlined.
  separate=-DBOOST_ASIO_SEPARATE_COMPILATION
  # Inside of a namespace main needs its return statement; outside it is compiled by the presets.
  together droplit-server sdk own_storage own_transport own_operation >"$folder/examples.cpp"  # which use every part
  for optimised in -O2 "-O1 -fsanitize=address"; do
    [ "$optimised" = -O2 ] || [ -n "${DROPLIT_LONG:-}" ] || continue  # it takes long
    good "$optimised examples" g++ -std=c++20 $optimised -S -o /dev/null $gcc_switches -Wno-return-type $separate -Idocs/examples \
      "$folder/examples.cpp"
    good "$optimised src.hpp" g++ -std=c++20 $optimised -S -o /dev/null $gcc_switches -DDROPLIT_SEPARATE_COMPILATION "$folder/src.cpp"
  done
}

[ $# -gt 0 ] || set -- boost compilers macros warnings
for test in "$@"; do
  "${test}_test"
done
