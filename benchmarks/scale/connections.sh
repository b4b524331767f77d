# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: the memory of an idle connection, how many are held, and the processor time of a request at 64
# connections beside a bare epoll loop.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
compiled . benchmarks/scale/connections.cpp "$build/connections"
compiled . benchmarks/scale/epoll_floor.cpp "$build/epoll_floor"
compiled_servers
measuring
. benchmarks/support/servers.sh
pin
seconds=1

# idle NAME COUNT: leaves `before`, `after` and `held`
idle() {
  server=$build/$1
  serve_droplit "$1" '' memory --max-connections 16000
  IFS=$tab read -r url name pid <"$stores"
  # shellcheck disable=SC2046
  set -- $("$build/connections" "${url##*:}" "$pid" "$2")
  before=$1 after=$2 held=$3
  stop_servers
}
idle server_today 5000
reference="today, $before and $after"
idle server 5000
row 'bytes kept for an idle connection, before a request' 2048 1024 "$before" "$reference"
row 'bytes kept for an idle connection, after one' 2048 1024 "$after" "$reference"
idle server 15000
row 'connections held' 15000 15001 "$held" 'connections opened: 15000'

serve epoll_floor "$build/epoll_floor"
serve epoll_rearmed "$build/epoll_floor" rearmed
for program in server_today server; do
  server=$build/$program
  serve_droplit $program '' memory
done
for _ in $(seq "${rounds:-7}"); do
  while IFS=$tab read -r url name pid; do
    costs "$name" 64 "$url" "$pid"
    printf '%s\t%s\n' "$name" "$cost" >>"$folder/figures"
  done <"$stores"
done
medians <"$folder/figures" >"$folder/medians"
beside() { ratio "$folder/medians" "$1" "$folder/medians" epoll_floor; }
row 'processor time of a request over memory, 64 connections' 1.30 1.15 "$(beside server)" \
  "a bare epoll loop; today $(beside server_today)"
row 'the same of a bare epoll loop that asks for each wait, as Asio does' - - "$(beside epoll_rearmed)" 'the same loop'
