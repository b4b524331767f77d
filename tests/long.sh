#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# The full matrix, for before a release: every test under every preset, then the model and the failovers in their long form,
# then repetitions that hunt for rare orders, and docs/install.md on a new Debian (as root).
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/run.sh
for preset in dev tsan clang release; do
  sh tests/run.sh "$preset"
done
DROPLIT_LONG=1 ctest --preset release -R '^model/|^remote/creation$|^failover$'
ctest --preset tsan --repeat until-fail:10
sh tests/system/crash.sh build/dev
sh tests/system/bare_root.sh
