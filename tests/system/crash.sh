#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# crash.sh [BUILD-FOLDER [KILLS [SEED]]]: the long form of tests/system/crash.cpp, of which the suite runs a short one: 200 kills
# of the server over SQLite, and 200 of PostgreSQL under it. The same with creates that are repeated under keys
# (tests/system/crash_keys.cpp), with half as many kills of PostgreSQL. Then 50,000 creates through two servers over one
# PostgreSQL (tests/system/two_servers.cpp).
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build/dev}
kills=${2:-200}
server=$build/docs/examples/droplit-server
for store in sqlite postgres; do
  timeout 3600 "$build/tests/system/test_crash" "$server" $store "$kills" 0 ${3:+"$3"}
done
timeout 3600 "$build/tests/system/test_crash_keys" "$server" sqlite "$kills" 0 ${3:+"$3"}
timeout 3600 "$build/tests/system/test_crash_keys" "$server" postgres $(((kills + 1) / 2)) 0 ${3:+"$3"}
timeout 600 "$build/tests/system/test_two_servers" "$server" 50000
