#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# links.sh, in the folder of a site: each link in it leads to a file, and to an anchor of that file if it names one. Links to
# other sites are counted, and only have to be URLs.
set -eu
# shellcheck disable=SC2016
find . '(' -name '*.html' -o -path './search/*.js' ')' -exec awk '
# The values of an attribute in a line, one after another.
function next_value(name,    found) {
  if (!match(rest, "[ \t]" name "=\"[^\"]*\"")) return 0
  value = substr(rest, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
  rest = substr(rest, RSTART + RLENGTH)
  return 1
}
function normal(path) {
  while (sub(/[^\/.]+\/\.\.\//, "", path)) {
  }
  gsub(/(^|\/)\.\//, "/", path)
  sub(/^\//, "", path)
  return path
}
function link(to,    folder) {
  gsub(/&amp;/, "\\&", to)
  if (to ~ /^javascript:/) return
  if (to ~ /^[a-z]+:/) {
    if (to !~ /^https?:\/\/[a-z0-9.-]+(:[0-9]+)?(\/[^ ]*)?$/) fail(to)
    ++others[to]
    return
  }
  folder = file
  sub(/[^\/]*$/, "", folder)
  if (to ~ /^#/) to = substr(file, length(folder) + 1) to
  to = normal(folder to)
  from[to] = from[to] " " file
}
function fail(to) {
  print file ": " to
  failed = 1
}
FNR == 1 {
  file = normal(FILENAME)
  files[file] = 1
}
{
  rest = $0
  while (next_value("id")) anchors[file "#" value] = 1
  rest = $0
  while (next_value("name")) anchors[file "#" value] = 1
  rest = $0
  while (next_value("href")) link(value)
  rest = $0
  while (next_value("src")) link(value)
}
file ~ /\.js$/ {
  rest = $0
  while (match(rest, /\.\.\/[A-Za-z0-9_.\/-]+\.html(#[A-Za-z0-9_-]+)?/)) {
    link(substr(rest, RSTART, RLENGTH))
    rest = substr(rest, RSTART + RLENGTH)
  }
}
END {
  for (to in from) {
    ++links
    path = to
    hash = sub(/#.*/, "", path)
    if (to ~ /#$/) continue
    there = path in files
    if (!there && !hash) {
      there = (getline line <path) >= 0
      close(path)
    }
    if (!there || (hash && !(to in anchors))) {
      print to ", in" from[to]
      failed = 1
    }
  }
  for (to in others) print to ", elsewhere, not tried"
  print links + 0 " links within the site"
  exit failed || links < 500
}
' {} +
