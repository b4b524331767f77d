#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# connections.sh SERVER BASE [ROUNDS]: measures the droplit-server SERVER against BASE, one of another commit, and against a
# bare epoll loop: the memory of an idle connection, how many are held, and the processor time of a request at 64
# connections. Prints a line for each row: name, floor, goal, reached, reference.
set -eu
cd "$(dirname "$0")/../.."
sh docs/examples/install.sh g++ wrk util-linux
[ $# -ge 2 ] || { echo "connections.sh SERVER BASE [ROUNDS]" >&2; exit 2; }
new=$1 old=$2 rounds=${3:-7}
folder=$(mktemp -d)
pids=
# shellcheck disable=SC2086
trap 'kill $pids 2>/dev/null || :; rm -rf "$folder"' EXIT
for program in connections epoll_floor; do
  g++ -std=c++20 -O3 -DNDEBUG -o "$folder/$program" "benchmarks/scale/$program.cpp"
done
(umask 077 && echo '{"tokens": [{"token": "benchmark-token", "kind": "account"}]}' >"$folder/access")
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }

start() { # NAME PROGRAM [ARGUMENT...]: leaves `pid` and `url`
  name=$1
  shift
  "$@" >"$folder/$name.out" 2>"$folder/$name.err" &
  pid=$!
  pids="$pids $pid"
  for _ in $(seq 200); do
    url=$(sed -n 's/^listening on //p' "$folder/$name.out")
    [ -z "$url" ] || return 0
    sleep 0.05
  done
  echo "$name does not start" >&2
  exit 1
}
start_droplit() { # NAME PROGRAM [ARGUMENT...]
  name=$1 program=$2
  shift 2
  start "$name" $pinned "$program" --listen 127.0.0.1:0 --access "$folder/access" --storage memory \
    --ecosystem C594b89aea18568c408c3ad24 "$@"
}
stop() { kill "$pid" && wait "$pid" || :; }
pinned= client=
if [ "$(nproc)" -ge 2 ]; then pinned='taskset -c 0' client='taskset -c 1'; fi

idle() { # NAME PROGRAM COUNT: leaves `before`, `after` and `held`
  start_droplit "$1" "$2" --max-connections 16000
  # shellcheck disable=SC2046
  set -- $("$folder/connections" "${url##*:}" "$pid" "$3")
  before=$1 after=$2 held=$3
  stop
}
idle old_idle "$old" 5000
reference="$before and $after of the reference commit"
idle new_idle "$new" 5000
row 'bytes kept for an idle connection, before a request' 2048 1024 "$before" "$reference"
row 'bytes kept for an idle connection, after one' 2048 1024 "$after" "$reference"
idle new_held "$new" 15000
row 'connections held' 15000 15000 "$held" ''

ticks() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13; }
start floor $pinned "$folder/epoll_floor"
servers="floor $pid $url"
start_droplit old "$old"
servers="$servers
old $pid $url"
start_droplit new "$new"
servers="$servers
new $pid $url"
for _ in $(seq "$rounds"); do
  echo "$servers" | while read -r name pid url; do
    before=$(ticks "$pid")
    line=$($client wrk -t1 -c64 -d1 -s benchmarks/create.lua "$url" </dev/null | grep RESULT)
    echo "$name $before $(ticks "$pid") $line"
  done
done >"$folder/rounds"
median() { # NAME: hundredths of a microsecond of processor time for a request
  awk -v name="$1" -v tick="$(getconf CLK_TCK)" '$1 == name { print ($4 + $5 - $2 - $3) / tick * 1e8 / $7 }' \
    "$folder/rounds" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
floor=$(median floor)
row 'processor time of a request over memory, 64 connections' 1.30 1.15 "$(ratio "$(median new)" "$floor")" \
  "a bare epoll loop; the reference commit $(ratio "$(median old)" "$floor")"
