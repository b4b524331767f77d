# shellcheck shell=sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# What include_cost.sh and include_gate.sh share; both source it at the root of the repository. $folder is theirs, for
# files that go away; $CXX is the compiler, a g++.
: "${folder:?}"
compiler=${CXX:-g++}
sources=benchmarks/include_cost
tab=$(printf '\t')
separate=-DDROPLIT_SEPARATE_COMPILATION

# The most that a thing may cost, as a ratio to what stands beside it: MEASURE NAME RATIO. The program that is compiled
# separately is the one to compare: Boost.JSON's DOM is compiled elsewhere too.
cat >"$folder/limits.tsv" <<'LIMITS'
instructions	values	3
instructions	contracts	4
instructions	core	8
size	body	1.5
size	separate	1.5
O0	separate	1.2
O2	separate	1.2
LIMITS

compile() { "$compiler" -std=c++20 -Iinclude "$@"; }

# What a program is compiled with so that the linker can leave out what nobody calls.
sections='-ffunction-sections -fdata-sections'

# The programs: body, header-only; separate, the same compiled separately, which src is a part of; and body_dom.
echo '#include <droplit/src.hpp>' >"$folder/src.cpp"
source_of() {
  case $1 in
    separate) echo $sources/body.cpp ;;
    src) echo "$folder/src.cpp" ;;
    *) echo "$sources/$1.cpp" ;;
  esac
}
flags_of() { case $1 in separate | src) echo "$separate $sections" ;; *) echo "$sections" ;; esac; }

# instructions ARGUMENT...: how many the compiler itself takes for that
instructions() {
  log=$(mktemp "$folder/XXXXXX")
  compile "$@" -wrapper "valgrind,--tool=cachegrind,--cache-sim=no,--cachegrind-out-file=/dev/null,--log-file=$log" >&2
  sed -n 's/.*I *refs: *//p' "$log" | tr -d ,
}

# count NAME, a file that only includes; count_program LEVEL PROGRAM
count() { instructions -fsyntax-only "$(source_of "$1")"; }
# shellcheck disable=SC2046
count_program() { instructions "-$1" $(flags_of "$2") -S -o /dev/null "$(source_of "$2")"; }

# object PROGRAM LEVEL: compiles it, if it is not there yet
# shellcheck disable=SC2046
object() { [ -e "$folder/$1.$2.o" ] || compile "-$2" $(flags_of "$1") -c "$(source_of "$1")" -o "$folder/$1.$2.o"; }

# link PROGRAM: statically, without what nobody calls, and stripped
link() {
  program=$1
  [ "$program" != separate ] || set -- separate src
  for part in "$@"; do
    object "$part" O2
    set -- "$@" "$folder/$part.O2.o"
    shift
  done
  "$compiler" -Wl,--gc-sections -static -s "$@" -lboost_json -o "$folder/$program"
}
size_of() { stat -c %s "$folder/$1"; }

# responses PROGRAM: how it responds to good and bad bodies, but for the ids and times that it makes
responses() {
  for body in '{"ecosystemId":"C594b89aea18568c408c3ad24","name":"a \"b\"","type":"server","description":"\u010d"}' \
    '{"type":"application","ecosystemId":"C594B89AEA18568C408C3AD24","other":[{}]}' \
    '{"ecosystemId":"C594b89aea18568c408c3ad24","type":"gateway","name":7}' '{"type":null,"description":"\u0000"}' \
    '{"ecosystemId":"C000000000000000000000000","type":"server"}' '{"ecosystemId":"C59'; do
    "$folder/$1" "$body" | sed -E 's/"createdAt":"[^"]{24}"/TIME/; s/"id":"[0-9a-f]{24}"/ID/'
  done
}

# same_responses: the three programs, which are linked, do the same
same_responses() {
  for program in body separate body_dom; do responses $program >"$folder/$program.responses"; done
  cmp "$folder/body.responses" "$folder/body_dom.responses"
  cmp "$folder/body.responses" "$folder/separate.responses"
  [ "$(grep -c '^201 {TIME.*ID.*}$' "$folder/body.responses")$(grep -c '^400 {' "$folder/body.responses")" = 24 ]
}

# surprises: what a header opens, by itself, that no reader expects of it, one line each. Every header is read, those of
# the adapters and detail folders too; first as it is, and then for a program that is compiled separately.
surprises() {
  system=$(pkg-config --cflags libpq 2>/dev/null || true)
  for mode in '' $separate; do
    find include/droplit -name '*.hpp' | sort | while read -r header; do
      [ "$mode$header" != include/droplit/src.hpp ] || continue  # which needs the mode
      # shellcheck disable=SC2086
      if compile $mode $system -M "$header" >"$folder/opened"; then
        tr -s ' ' '\n' <"$folder/opened" | sed "s#^#$mode$tab${header#include/droplit/}$tab#"
      else
        printf '%s\t%s\tfailed\n' "$mode" "${header#include/droplit/}"
      fi
    done
  done | awk -F '\t' '
    function tell(what) { if (!told[$1, $2, what]++) print $2 ($1 == "" ? "" : ", compiled separately,") " opens " what }
    function only(what, where) { if ($2 !~ where) tell(what) }
    { read[$2]++ }
    $3 == "failed" { print $2 " cannot be preprocessed" }
    $3 ~ /\/c\+\+\/[0-9.]+\/(iostream|regex|filesystem|fstream|future)$/ { sub(/.*\//, "", $3); tell("<" $3 ">") }
    $3 ~ /\/c\+\+\/[0-9.]+\/chrono$/ { only("<chrono>", "^(chrono|droplit|src)\\.hpp$|^(storage|transport|server|observe)/.|^testing/scripted_") }
    $3 ~ /\/boost\/beast[.\/]/ { only("Boost.Beast", "^server/") }
    $3 ~ /\/boost\/asio[.\/]/ { only("Boost.Asio", "^(server|async)/") }
    $3 ~ /\/boost\/json[.\/]/ {
      if ($1 != "") only("Boost.JSON", "^src\\.hpp$|^detail/openapi/")
      else only("Boost.JSON", "^(draft_parser|response|create_client_from_json|exchange|endpoint|router|static_resource|openapi|try_it|sdk|droplit)\\.hpp$|^detail/(endpoint_base|handler_steps|route_table|openapi/)|^detail/json/((error_|client_)?reader|draft_stream|fast/draft_pieces)|^(remote|access|transport|server|async|observe|testing)/")
    }
    $3 ~ /\/sqlite3\.h$/ { only("SQLite", "^storage/sqlite") }
    $3 ~ /\/libpq-fe\.h$/ { only("libpq", "^storage/postgres") }
    $3 ~ /\/curl\/curl\.h$/ { only("libcurl", "^transport/curl") }
    END { for (header in read) headers++; if (headers < 70) print "only " headers + 0 " headers were read" }'
}
