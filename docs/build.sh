#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Builds the site into build/site, or build.sh FOLDER into FOLDER: the pages, the reference of the public headers, a search.
# Needs the Debian packages doxygen and doxygen-awesome-css, which it installs. Fails if Doxygen warns, as it does of a public name
# without a comment, and if a link leads nowhere.
set -eu
unset CDPATH  # with it, cd prints
root=$(cd "$(dirname "$0")/.." && pwd)
site=${1:-$root/build/site}
mkdir -p "$site"
site=$(cd "$site" && pwd)
if [ -n "$(ls "$site")" ] && [ ! -e "$site/doxygen.css" ]; then
  echo "$site has other files than a site's" >&2
  exit 1
fi
cd "$root"
sh docs/examples/install.sh doxygen doxygen-awesome-css

rm -rf "$site"
mkdir "$site"
SITE=$site doxygen docs/site/Doxyfile
if [ -s "$site.log" ]; then
  sed "s,^$root/,," "$site.log" >&2
  exit 1
fi

cd "$site"
# Anchors as GitHub has them; a label of the search; no link for a text that only begins like one, or to a list of private
# classes, which is not there.
find . '(' -name '*.html' -o -name '*.js' ')' -exec sed -i 's/md--[a-z_]*--//g; s/ id="MSearchField"/& aria-label="Search"/
  s,<a href="https\{0\,1\}://">\([^<]*\)</a>,\1,g' {} +
grep -L ' id="nested-classes"' ./*.html | xargs sed -i 's,<a href="#nested-classes">Classes</a>\( &#124;\)*,,'

# Copies of the other files that pages link to; of a folder, its list of files.
grep -oh 'href="source/[^"#]*\.txt' ./*.html | sort -u | sed 's,.*source/\(.*\)\.txt,\1,' | while read -r file; do
  mkdir -p "source/$(dirname "$file")"
  if [ -d "$root/$file" ]; then
    (cd "$root" && find "$file" -type f | sort) >"source/$file.txt"
  else
    cp "$root/$file" "source/$file.txt"
  fi
done
sh "$root/docs/site/links.sh"
