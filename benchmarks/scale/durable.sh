# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# shellcheck shell=sh disable=SC2154
# A part of scale.sh: a durable create over HTTP and in process. Servers and programs are pinned to one core, wrk to
# another. Fastify is measured only where benchmarks/server.sh has installed its packages.
set -eu
. benchmarks/support/common.sh
. benchmarks/support/scale.sh
compiled . benchmarks/scale/durable.cpp "$build/durable" -lsqlite3
compiled "$today" benchmarks/scale/durable.cpp "$build/durable_today" -lsqlite3
compiled_servers
measuring
. benchmarks/support/servers.sh
pin
seconds=1
for program in server server_today; do
  server=$build/$program
  serve_droplit $program '' "sqlite:$folder/$program.db"
done
if [ -e build/server/installed ]; then
  for node in "$PWD"/build/server/node/node_modules/node-linux-*/bin; do PATH=$node:$PATH; done
  serve fastify node build/server/fastify.js "$folder/access.json" $active $deleted "$folder/fastify.db"
fi
for _ in $(seq "${rounds:-5}"); do
  for n in 1 64; do
    while IFS=$tab read -r url name pid; do
      costs "$name" $n "$url" "$pid"
      printf '%s\t%s\n' "$name $n" "$rate" "$name $n cost" "$cost" >>"$folder/figures"
    done <"$stores"
  done
  for n in 1 16 64 256; do
    for name in durable durable_today; do
      # shellcheck disable=SC2086
      rate=$($pinned "$build/$name" "$folder/$name.db" $n $((seconds * 1000)) | cut -d ' ' -f 1)
      printf '%s\t%s\n' "$name $n" "$rate" >>"$folder/figures"
    done
  done
done
quiet
medians <"$folder/figures" >"$folder/medians"

# compared WHAT FLOOR GOAL NAME BELOW REFERENCE
compared() { row "durable: $1" "$2" "$3" "$(ratio "$folder/medians" "$4" "$folder/medians" "$5")" "$6, $(figure "$5" "$folder/medians")"; }
compared 'sqlite over HTTP, 64 connections: processor time of a create' 0.55 0.40 'server 64 cost' 'server_today 64 cost' 'today, us'
compared 'sqlite over HTTP, 64 connections: creates a second' 1.6 2.2 'server 64' 'server_today 64' today
compared 'sqlite over HTTP, one connection: creates a second' 0.80 0.87 'server 1' 'durable 1' 'in process'
compared 'sqlite over HTTP, one connection: creates a second' - - 'server 1' 'server_today 1' today
if grep -q '^fastify 1' "$folder/medians"; then
  compared 'sqlite over HTTP, one connection: creates a second' 1.00 1.01 'server 1' 'fastify 1' 'Fastify and better-sqlite3'
fi
for n in 1 16 64 256; do
  compared "sqlite in process, $n threads: creates a second" 0.95 1.00 "durable $n" "durable_today $n" today
done
