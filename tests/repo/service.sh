#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# service.sh SERVER UNIT: systemd can read the unit, as it would start this droplit-server, and finds it hardened.
set -eu
server=$1 unit=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed "s,/usr/bin/droplit-server,$server,; /^Documentation=/d" "$unit" >"$folder/droplit-server.service"
# Users and other units are those of this machine, so what it says of them does not count.
SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --recursive-errors=no "$folder/droplit-server.service" >"$folder/log" 2>&1 || {
  cat "$folder/log"
  exit 1
}
if grep "droplit-server.service" "$folder/log"; then exit 1; fi
# 0 is the best exposure, 100 the worst.
systemd-analyze security --offline=true --threshold=20 --no-pager "$folder/droplit-server.service" >"$folder/log" || {
  cat "$folder/log"
  exit 1
}
# The options of the unit are options of the server, and its limits fit together.
"$server" --help >"$folder/help"
grep -q -- '--access' "$folder/help"
default_of() { sed -n "/^ *$1 /{n;s/.*Default: \\([0-9]*\\)s.*/\\1/p}" "$folder/help"; }
stop=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
[ "$stop" -gt $(($(default_of --stop-grace) + 2 * $(default_of --postgres-timeout))) ] || {
  echo "TimeoutStopSec is not longer than --stop-grace and twice --postgres-timeout"
  exit 1
}
