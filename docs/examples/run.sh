#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh        builds droplit-server, starts it on a fresh SQLite file, creates clients over HTTP, by the Console and by
#               the SDK, and provokes each of the page's errors
# run.sh serve  builds it, starts it and leaves it running
set -eu
cd "$(dirname "$0")/../.."
sh docs/examples/install.sh g++ cmake make ninja-build libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libcurl4-openssl-dev libcli11-dev \
  curl ca-certificates
cmake --preset release -DDROPLIT_TESTS=OFF >/dev/null
cmake --build --preset release --target droplit-server droplit sdk

active=C594b89aea18568c408c3ad24
deleted=C594b89aea18568c408c3ad25
token=demo-account-token
folder=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

(umask 077 && echo "{\"tokens\": [{\"token\": \"$token\", \"kind\": \"account\"}]}" >"$folder/access.json")
build/release/docs/examples/droplit-server --listen 127.0.0.1:0 --storage "sqlite:$folder/droplit.db" \
  --access "$folder/access.json" --ecosystem $active --ecosystem $deleted --delete-ecosystem $deleted \
  >"$folder/out" 2>"$folder/log" </dev/null &
server=$!
tries=0
until grep -q '^listening on ' "$folder/out" 2>/dev/null; do
  tries=$((tries + 1))
  if [ $tries -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
    cat "$folder/log" >&2
    exit 1
  fi
  sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$folder/out")

if [ "${1:-}" = serve ]; then
  echo "droplit-server is running at $url (process $server); its files are in $folder. Try:"
  echo
  echo "curl -i $url/api/clients -H 'authorization: $token' -H 'content-type: application/json' -d '{\"ecosystemId\": \"$active\", \"type\": \"application\", \"name\": \"Lobby panel\"}'"
  echo
  echo "Or open $url in a browser, for a form that sends requests; $url/openapi.json describes the API."
  echo "Stop it with: kill $server; rm -r $folder"
  trap - EXIT
  exit 0
fi

wrong=0
number=0
# call TITLE STATUS BODY TARGET CONTENT-TYPE REQUEST-BODY: BODY is a pattern of the shell
call() {
  number=$((number + 1))
  printf '%s. %s\n\n' "$number" "$1"
  printf 'POST %s HTTP/1.1\nauthorization: %s\ncontent-type: %s\n\n%s\n\n' "$4" "$token" "$5" "$6"
  status=$(curl -sS --noproxy '*' --max-time 10 -o "$folder/body" -w '%{http_code}' "$url$4" -H "authorization: $token" \
    -H "content-type: $5" --data-binary "$6")
  body=$(cat "$folder/body")
  printf '%s\n%s\n' "$status" "$body"
  # shellcheck disable=SC2254
  case "$status $body" in
    "$2 "$3) printf '\n' ;;
    *)
      printf '^ WRONG: expected %s %s\n\n' "$2" "$3"
      wrong=1
      ;;
  esac
}
entry() { printf '{"in":"%s","message":"%s","path":"%s"}' "$1" "$2" "$3"; }
refused() { printf '{"errorType":"InvalidParams","errors":\\[%s\\]}' "$1" | sed 's/: \[ \(.*\) \]/: \\[ \1 \\]/'; }

digit='[0-9]'
hex='[0-9a-f]'
hex8=$hex$hex$hex$hex$hex$hex$hex$hex
time="$digit$digit$digit$digit-$digit$digit-${digit}${digit}T$digit$digit:$digit$digit:$digit$digit.$digit$digit${digit}Z"
json=application/json
full="{
    \"ecosystemId\": \"$active\",
    \"type\": \"application\",
    \"name\": \"Lobby panel\",
    \"description\": \"Wall panel by the north entrance\"
}"
call 'A client is created' 201 \
  "{\"createdAt\":\"$time\",\"description\":\"Wall panel by the north entrance\",\"ecosystemId\":\"$active\",\"id\":\"$hex8$hex8$hex8\",\"name\":\"Lobby panel\",\"type\":\"application\"}" \
  /api/clients $json "$full"
call 'Ecosystem Invalid' 400 "$(refused "$(entry body 'invalid id' ecosystemId)")" \
  /api/clients $json '{"ecosystemId": "not-an-id", "type": "application"}'
call 'Ecosystem Missing' 400 \
  "$(refused "$(entry body 'contains fields that are not allowed: [ ecosystem ]' 'additional parameters'),$(entry body 'field is required' ecosystemId)")" \
  /api/clients $json "{\"ecosystem\": \"$active\", \"type\": \"application\"}"
call 'Query Field Not Allowed' 400 \
  "$(refused "$(entry query 'contains fields that are not allowed: [ verbose ]' 'additional parameters')")" \
  '/api/clients?verbose=1' $json "$full"
call 'Body Parameters Missing' 400 \
  "$(refused "$(entry body 'field is required' ecosystemId),$(entry body 'field is required' type)")" \
  /api/clients text/plain "$full"
call 'Client Type Invalid' 400 \
  "$(refused "$(entry body 'field must be one of the following values: application, server' type)")" \
  /api/clients $json "{\"ecosystemId\": \"$active\", \"type\": \"gateway\"}"
call 'Client Type Missing' 400 "$(refused "$(entry body 'field is required' type)")" \
  /api/clients $json "{\"ecosystemId\": \"$active\"}"
call 'Ecosystem Not Found' 404 "Ecosystem with id $deleted does not exist." \
  /api/clients $json "{\"ecosystemId\": \"$deleted\", \"type\": \"application\"}"

# prints TITLE PATTERN COMMAND...: what the command prints must be like the pattern
prints() {
  number=$((number + 1))
  printf '%s. %s\n\n' "$number" "$1"
  pattern=$2
  shift 2
  printf '$ %s\n' "$(basename "$1") ${*#"$1"}" | tr -s ' '
  said=$(HOME="$folder" DROPLIT_URL="$url" DROPLIT_TOKEN="$token" no_proxy='*' "$@" 2>&1) || true
  printf '%s\n' "$said"
  # shellcheck disable=SC2254
  case "$said" in
    $pattern) printf '\n' ;;
    *)
      printf '^ WRONG\n\n'
      wrong=1
      ;;
  esac
}
prints 'The Console creates a client, as on the page' "id  *ecosystemId  *type  *application*createdAt  *" \
  build/release/docs/examples/droplit client create --ecosystemId $active
prints 'The Console says what is invalid, before anything is sent' "droplit: --type: *did you mean application?*" \
  build/release/docs/examples/droplit client create --ecosystemId $active --type aplication
prints 'The SDK creates clients' "created *Ecosystem Invalid*Client Type Invalid*created *" \
  build/release/docs/examples/sdk $active

if [ "$wrong" -ne 0 ] || [ "$number" -ne 11 ]; then
  echo 'Not all eleven responses are as expected.' >&2
  exit 1
fi
echo 'All eleven responses are as expected.'
