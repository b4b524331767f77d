#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# crash.sh [BUILD-FOLDER [KILLS [SEED]]]: the long form of tests/system/crash.cpp, of which the suite runs a short one: 200 kills
# of the server over SQLite, and 200 of PostgreSQL under it. Then 50,000 creates through two servers over one PostgreSQL
# (tests/system/two_servers.cpp).
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build/dev}
for store in sqlite postgres; do
  timeout 3600 "$build/tests/system/test_crash" "$build/docs/examples/droplit-server" $store "${2:-200}" 0 ${3:+"$3"}
done
timeout 600 "$build/tests/system/test_two_servers" "$build/docs/examples/droplit-server" 50000
