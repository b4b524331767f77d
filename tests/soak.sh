#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# soak.sh [MINUTES]: a server over SQLite for 30 minutes, or for so many, at 60 % of its highest rate
# (tests/system/soak/soak.cpp says what happens meanwhile, and what must hold).
set -eu
cd "$(dirname "$0")/.."
minutes=${1:-30}
cmake --preset release -DDROPLIT_TESTS=ON >/dev/null
cmake --build --preset release --target soak soak_server
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
build/release/tests/system/soak build/release/tests/system/soak_server "$folder" $((minutes * 60))
