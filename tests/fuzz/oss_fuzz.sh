#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Builds the fuzz targets as OSS-Fuzz asks for it: with $CXX, $CXXFLAGS and $LIB_FUZZING_ENGINE, into $OUT a program for
# each target, its dictionary and its seeds; $WORK has the rest. Needs the Debian packages libboost1.81-dev, libcli11-dev,
# libcurl4-openssl-dev, libpq-dev and libsqlite3-dev. CI builds with it, too.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
mkdir -p "${WORK:?}" "${OUT:?}"
mutate=  # the engines other than libFuzzer have no LLVMFuzzerMutate
if [ "${FUZZING_ENGINE:-libfuzzer}" = libfuzzer ]; then mutate=-DDROPLIT_FUZZ_MUTATE; fi

# shellcheck disable=SC2086
compile() {
  file=$1
  shift
  ${COMPILER_LAUNCHER:-} "${CXX:?}" ${CXXFLAGS:-} -std=c++20 -DDROPLIT_SEPARATE_COMPILATION $mutate -I"$root/include" \
    -I"$root/tests" -I"$root/docs/examples" -I"$(pg_config --includedir)" "$@" -c "$here/$file.cpp" -o "$WORK/$file.o"
}
compile adapters &
adapters=$!
compile parsers
compile core
compile driver
compile values -UDROPLIT_SEPARATE_COMPILATION
compile seeds -O0 "-DDROPLIT_TEST_DATA=\"$root/tests/data\""
wait $adapters

cd "$WORK"
# shellcheck disable=SC2086
link() {
  "$CXX" ${CXXFLAGS:-} "$@"
}
link seeds.o core.o -o seeds
link driver.o values.o "${LIB_FUZZING_ENGINE:?}" -o values
link driver.o parsers.o core.o "$LIB_FUZZING_ENGINE" -o parsers
link driver.o adapters.o core.o "$LIB_FUZZING_ENGINE" -lcurl -lpq -lsqlite3 -pthread -o adapters
rm -rf corpora
./seeds corpora
grep -v '^#' "$here/targets.txt" | while read -r target program dictionary _; do
  mkdir -p "corpora/$target"
  for seed in "$root/tests/data/fuzz/$target"/*; do cp "$seed" "corpora/$target/"; done
  rm -f "$OUT/$target" "$OUT/${target}_seed_corpus.zip"
  ln "$program" "$OUT/$target" 2>/dev/null || cp "$program" "$OUT/$target"  # a target by the name of its program
  cp "$here/$dictionary.dict" "$OUT/$target.dict"
  (cd "corpora/$target" && cmake -E tar cf "$OUT/${target}_seed_corpus.zip" --format=zip .)
done
