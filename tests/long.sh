#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Everything in its long size, for before a release: as root, on a machine with nothing else to do, for a night.
#   long.sh           all stages, one after the other
#   long.sh STAGE...  these
# A stage that fails does not keep the next from running; in the end those that failed are named.
set -eu
cd "$(dirname "$0")/.."
stages='demonstration dev sanitize tsan clang release assertions memcheck tidy analyser hardening platforms
  model failures histories simulation fuzz mutants repeat crash soak bare_root'

# DROPLIT_LONG makes a test take its long size.
run() {
  case $1 in
    demonstration) sh docs/examples/run.sh ;;
    dev | sanitize) sh tests/run.sh "$1" ;;
    release) sh tests/run.sh release && DROPLIT_LONG=1 sh tests/repo/compile.sh compilers warnings && sh benchmarks/include_gate.sh O0 ;;
    tsan) sh tests/run.sh tsan_all ;;  # every test, not only those with threads
    clang) sh tests/run.sh clang && cmake --build --preset clang --target all_verify_interface_header_sets ;;
    assertions) sh tests/run.sh assertions ;;
    memcheck) cmake --preset assertions && cmake --build --preset assertions && sh tests/memcheck.sh build/assertions ;;
    tidy) sh tests/repo/tidy.sh all ;;
    analyser) sh tests/repo/analyse.sh ;;
    hardening) cmake --preset deb && cmake --build --preset deb && sh tests/repo/hardening.sh build/deb/docs/examples/droplit* ;;
    platforms) sh tests/platforms.sh all ;;
    model) DROPLIT_LONG=1 ctest --preset release -R '^model/|^remote/creation$|^failover$' ;;
    failures) DROPLIT_LONG=1 ctest --preset release -R '^failures/|^storage/sqlite_faults$' ;;
    histories) DROPLIT_LONG=1 ctest --preset release -R '^histories$' ;;
    simulation) ctest --preset release -R '^simulation/faults$' && build/release/tests/simulation/test_simulation 1 5000000 ;;
    fuzz) DROPLIT_LONG=1 sh tests/fuzz/run.sh ;;
    mutants) python3 tests/mutants/run.py build/mutants core documents remote session memory sqlite postgres ;;
    repeat) ctest --preset tsan --repeat until-fail:10 ;;  # hunts for rare orders
    crash) sh tests/system/crash.sh build/dev ;;
    soak) sh tests/soak.sh ;;
    bare_root) sh tests/system/bare_root.sh ;;  # docs/install.md on a new Debian
    *)
      echo "long.sh: there is no stage $1, only $stages" >&2
      return 2
      ;;
  esac
}

# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $stages
failed=
for stage in "$@"; do
  printf '==== %s\n' "$stage"
  begin=$(date +%s)
  run "$stage" || failed="$failed $stage"
  seconds=$(($(date +%s) - begin))
  printf '==== %s, %d:%02d minutes\n' "$stage" $((seconds / 60)) $((seconds % 60))
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
