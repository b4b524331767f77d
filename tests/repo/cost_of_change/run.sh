#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# run.sh CHANGE SOURCE COMPILER: makes a typical change in a copy of the library, counts the places that it takes, and shows
# with one program that the change works. A place is a hunk of `git diff -U0` under include/. CHANGE is one of
#   field  an optional text field `note` of the request and the 201
#   code   an error code with status 409 and a text
# The test fails where the change takes more places or files than its limit, or another number than docs/contributing.md
# states. Needs git.
set -eu
change=$1 source=$2 compiler=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
copy=$folder/copy
mkdir "$copy"
cp -R "$source/include" "$source/docs" "$source/tests" "$copy"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git -C "$copy" init -q
git -C "$copy" add include

# insert HEADER BLOCK LINE TEXT: puts TEXT before the first line that begins with LINE after the line that contains BLOCK; right
# after that one if LINE is empty.
insert() {
  BLOCK=$2 LINE=$3 TEXT=$4 awk '
    { line = $0; sub(/^ +/, "", line) }
    in_block && !done && (ENVIRON["LINE"] == "" || index(line, ENVIRON["LINE"]) == 1) { print ENVIRON["TEXT"]; done = 1 }
    index($0, ENVIRON["BLOCK"]) { in_block = 1 }
    { print }
    END { exit !done }' "$copy/include/droplit/$1" >"$folder/edited" || { echo "$1: no line '$3' after '$2'"; exit 1; }
  cp "$folder/edited" "$copy/include/droplit/$1"
}

# replace HEADER LINE OLD NEW: replaces OLD by NEW in the one line that begins with LINE.
replace() {
  LINE=$2 OLD=$3 NEW=$4 awk '
    index($0, ENVIRON["LINE"]) == 1 && (at = index($0, ENVIRON["OLD"])) {
      $0 = substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["OLD"])); ++done
    }
    { print }
    END { exit done != 1 }' "$copy/include/droplit/$1" >"$folder/edited" || { echo "$1: no '$3' in a line '$2'"; exit 1; }
  cp "$folder/edited" "$copy/include/droplit/$1"
}

case $change in
  field)
    max_places=8 max_files=6 what="A new optional text field"
    includes="-isystem $(pg_config --includedir)" libraries="-lcurl -lsqlite3 -lpthread"
    replace fields.hpp 'enum class Field ' ' };' ', note };'
    insert fields.hpp 'struct ClientParameters {' '};' '  OptionalStringView note = {};'
    insert fields.hpp 'auto client_fields =' '// clang-format on' \
      '    {Field::note, "note", false, FieldKind::text, &ClientParameters::note, "A note on the client."},'
    insert fields.hpp 'auto client_members =' 'detail::field_member(Field::type)' '    detail::field_member(Field::note),'
    insert client_texts.hpp 'description() &&' '' \
      '  [[nodiscard]] const std::optional<Text>& note() const& noexcept { return text(Field::note); }
  [[nodiscard]] std::optional<Text> note() && noexcept { return std::move(*this).text(Field::note); }'
    insert storage/sqlite/schema.hpp 'auto schema_steps =' '});' '    "ALTER TABLE client ADD COLUMN note TEXT; PRAGMA user_version = 3",'
    insert storage/postgres/steps.hpp 'auto steps =' '});' '    {"ALTER TABLE @.clients ADD COLUMN IF NOT EXISTS note text;"},'
    ;;
  code)
    max_places=2 max_files=1 includes= libraries= what="A new error code"
    insert api_errc.hpp 'enum class ApiErrc ' '};' '  name_taken,'
    insert api_errc.hpp 'auto api_errc_table =' '// clang-format on' \
      '    {ApiErrc::name_taken, "Name Taken", 409, ResponseForm::text, "The name is taken.", true, std::errc::file_exists, 1, Source::ours, "Another client has the name."},'
    ;;
  *) echo "unknown change: $change"; exit 1 ;;
esac

git -C "$copy" diff -U0 -- include | awk '
  /^\+\+\+ b\// { file = substr($2, 3) }
  /^@@/ { print file ":" substr($3, 2) }
  /^\+[^+]/ { print }' | tee "$folder/places"
places=$(grep -c '^include/' "$folder/places")
files=$(git -C "$copy" diff --name-only -- include | wc -l)
cost="$places places in $files file$([ "$files" = 1 ] || echo s)"
echo "$what costs $cost."
[ "$places" -le $max_places ] && [ "$files" -le $max_files ] || { echo "the limit is $max_places places in $max_files files"; exit 1; }
tr -s '[:space:]' ' ' <"$source/docs/contributing.md" | grep -q "$what costs $cost[^0-9]" || { echo "docs/contributing.md does not say so"; exit 1; }

# shellcheck disable=SC2086
"$compiler" -std=c++20 -O0 -Wall -Wextra -Werror -I"$copy/include" -I"$copy/tests" $includes "$copy/tests/repo/cost_of_change/$change.cpp" \
  -o "$folder/program" -lboost_json $libraries
HOME=$folder "$folder/program"
