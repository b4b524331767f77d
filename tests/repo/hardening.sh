#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# hardening.sh PROGRAM...: each of them was compiled and linked as docs/packaging/hardening.cmake says.
# hardening.sh faults PROGRAM: and hardened.cpp ends by SIGABRT, whichever fault it commits.
# shellcheck disable=SC2016,SC2317  # what check calls
set -eu
export LC_ALL=C  # what programs say is looked at
failed=0
check() {  # check WHAT COMMAND...
  what=$1
  shift
  if "$@" >/dev/null; then
    echo "good  $program: $what"
  else
    echo "BAD   $program: $what"
    failed=1
  fi
}
headers() { readelf -W -l -d "$program" | grep -E "$1"; }
imports() { readelf -W --dyn-syms "$program" | grep -E "UND $1"; }
marks() { objdump -d "$program" | awk '/^[0-9a-f]+ <main>:/ { getline; found = /endbr64/ } END { exit !found }'; }
not() { ! "$@"; }
aborts() {
  rc=0
  sh -c 'ulimit -c 0; "$@"; exit $?' sh "$program" "$1" >/dev/null 2>&1 || rc=$?
  [ "$rc" -eq 134 ]
}

faults=
if [ "$1" = faults ]; then
  faults='smash overflow index'
  shift
fi
[ $# -gt 0 ]
for program in "$@"; do
  [ -x "$program" ] || { echo "BAD   $program: there is no such program"; exit 1; }
  check "is position-independent" sh -c 'readelf -h "$1" | grep "Type:.*DYN (Position-Independent Executable"' sh "$program"
  check "its relocations are read-only" headers 'GNU_RELRO'
  check "its functions are bound before it starts" headers 'FLAGS.*(BIND_)?NOW'
  check "its stack is not executable" headers 'GNU_STACK .* RW '
  check "no memory is writable and executable" not headers 'LOAD .* RWE '
  check "a smashed stack ends it" imports '__stack_chk_fail'
  check "an overflow that its C library sees ends it" imports '__[a-z]*(cpy|move|set|cat|printf|read|recv|poll)_chk'
  check "a wrong index into the standard library's containers ends it" imports '_ZSt21__glibcxx_assert_fail'
  if [ "$(uname -m)" = x86_64 ]; then check "its functions begin with endbr64" marks; fi
  for fault in $faults; do
    check "aborts at the fault $fault" aborts "$fault"
  done
done
exit $failed
