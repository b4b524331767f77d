#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# printing.sh PROGRAM...: runs programs whose assertions fail, one for each test framework, and reads what they print: every value as
# itself, none as {?} or as its bytes, and no token. White space does not count: Catch2 breaks lines.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/expected" <<'EXPECTED'
Client{createdAt: 2018-02-28T15:16:58.941Z, ecosystemId: C594b89aea18568c408c3ad24, id: 594b89aea18568c408c3ad25, type: server}
id: 594b89aea18568c408c3ad25, name: "two\nlines", type: server}
ClientDraft{ecosystemId: C594b89aea18568c408c3ad24, type: application}
a00000000000000000000000f
C00000000000000000000000f
application
1970-01-01T00:00:00.000Z
"two\nlines"
Ecosystem{id: C594b89aea18568c408c3ad24, state: deleted}
unknown
URI Too Long
ApiError{Violation{Ecosystem Invalid, body, ecosystemId: "invalid id"}}
ApiError{Violation{Forbidden}}
Violation{Bad Request}
query
not applied
clock
id_taken
Response{400 {content-type: application/json, content-length: 98} "{"errorType":"InvalidParams","errors":[{"in":"body","message":"invalid id","path":"ecosystemId"}]}"}
Request{POST /api/clients {authorization: (not printed)} "b"}
Outcome{Fault{storage, maybe applied: "insert"}}
replayed Client{createdAt: 2018-02-28T15:16:58.941Z
created Client{createdAt: 2018-02-28T15:16:58.941Z
"second-key"
rules: 39, broken: 1, not checked: 22
broken: deleted_is_refused: In a deleted ecosystem an insert returns ecosystem_deleted. But: the first one does not.
3-4: delete_ecosystem(C000000000000000000000001) -> active
not checked: deletion_is_final: it rests on deleted_is_refused
EXPECTED

failed=0
for program in "$@"; do
  ! "$program" >"$folder/out" 2>&1 || { echo "$program: its assertions do not fail"; failed=1; }
  tr -d '[:space:]' <"$folder/out" >"$folder/plain"
  while read -r line; do
    grep -qF -e "$(printf '%s' "$line" | tr -d '[:space:]')" "$folder/plain" || { echo "$program does not print: $line"; failed=1; }
  done <"$folder/expected"
  for never in '{?}' byteobject canary; do
    ! grep -qF -e "$never" "$folder/plain" || { echo "$program prints $never: $(grep -F -e "$never" "$folder/out")"; failed=1; }
  done
done
exit $failed
