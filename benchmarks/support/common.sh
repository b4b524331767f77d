# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# For scripts that write tables of a page, which read it in at the root of the tree: a folder that does not outlive the
# script, what a table says about the machine, and the way of a table onto the page.
# shellcheck shell=sh disable=SC2034
page=docs/benchmarks.md
tab=$(printf '\t')
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# machine PACKAGE...: the day, the machine and the versions, to begin a sentence with
machine() {
  printf 'Measured on %s: %s, %s cores, Linux %s, %s; ' "$(date -u +%Y-%m-%d)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r | cut -d . -f 1,2)" \
    "$("${CXX:-g++}" --version | head -n 1)"
  for package in "$@"; do dpkg-query -W -f "\${Package} \${Version}, " "$package"; done
}

# load_of_machine: to end that sentence with
load_of_machine() { printf 'load of the machine when it was over: %s.\n' "$(cut -d ' ' -f 1 /proc/loadavg)"; }

# onto_page NAME FILE: puts a table between its marks
onto_page() {
  grep -qx "<!-- begin: $1 -->" "$page" || { echo "$page has no place for the table $1" >&2; return 1; }
  {
    sed "/^<!-- begin: $1 -->\$/q" "$page"
    printf '\n%s\n\n' "$(cat "$2")"
    sed -n "/^<!-- end: $1 -->\$/,\$p" "$page"
  } >"$folder/page.md"
  cat "$folder/page.md" >"$page"
}
