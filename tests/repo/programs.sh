#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# programs.sh SOURCE BUILD: every program of docs/examples, which is where all programs on pages are from (docs.cpp), is run by a test:
# it is the test's command, an argument of it, or passed in DROPLIT_TEST_PROGRAMS, a list with colons.
set -eu
cd "$2"
tests=$(find . -name CTestTestfile.cmake -exec cat {} +)
failed=0
count=0
for source in "$1"/docs/examples/*.cpp; do
  name=$(basename "$source" .cpp)
  count=$((count + 1))
  case $tests in
    *"/docs/examples/$name"[\":]*) ;;
    *)
      echo "no test runs docs/examples/$name.cpp"
      failed=1
      ;;
  esac
done
echo "$count programs"
[ "$count" -ge 10 ] && exit $failed
