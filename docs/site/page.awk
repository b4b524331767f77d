# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Doxygen's filter of pages: headings get the anchors that GitHub gives them, links lead to pages of the site, and text means
# what it means in GitHub's Markdown. Anchors begin with `md--PAGE--`, since Doxygen's are unique in a whole site; docs/build.sh
# removes that. Links to other files of the repository lead to copies in the folder `source`. Lines stay where they are.

# The path `path` of a link in this page, from the root of the repository.
function from_root(path) {
  path = folder path
  while (sub(/[^\/]+\/\.\.\//, "", path)) {
  }
  return path
}

# The name of a page of the site, or nothing if `path` is no page.
function page_of(path) {
  if (path == "README.md") return "index"
  if (path !~ /^docs\/[a-z_]+\.md$/) return ""
  return substr(path, 6, length(path) - 8)
}

function target(link,    hash, anchor, path, name) {
  if (link ~ /^[a-z]+:/) return link
  hash = index(link, "#")
  anchor = hash ? "#" substr(link, hash + 1) : ""
  path = hash ? substr(link, 1, hash - 1) : link
  if (path == "") return page ".html" anchor
  path = from_root(path)
  name = page_of(path)
  if (name != "") return name ".html" anchor
  if (path ~ /^include\/droplit\/.*\.hpp$/ && path !~ /\/detail\//) return "@ref " substr(path, 9)
  return "source/" path ".txt"
}

# Text without code: its links lead to the site; a backslash before a letter is a backslash.
function text(line,    before, out, link) {
  gsub(/\\[A-Za-z]/, "\\\\&", line)
  while (match(line, /\]\([^) ]+\)/)) {
    before = substr(line, 1, RSTART - 1)
    link = substr(line, RSTART + 2, RLENGTH - 3)
    line = substr(line, RSTART + RLENGTH)
    out = out prose(before) "](" target(link) ")"
  }
  return out prose(line)
}

# A heading's anchor, as GitHub makes it.
function slug(heading,    number) {
  heading = tolower(heading)
  gsub(/\]\([^)]*\)/, "", heading)
  gsub(/[^a-z0-9 _-]/, "", heading)
  gsub(/ /, "-", heading)
  number = seen[heading]++
  return number ? heading "-" number : heading
}

FNR == 1 {
  path = FILENAME
  if (index(path, ENVIRON["PWD"] "/") == 1) path = substr(path, length(ENVIRON["PWD"]) + 2)
  folder = path
  sub(/[^\/]*$/, "", folder)
  page = page_of(path)
}

/^```/ {
  code = !code
  if ($0 == "```" && code) $0 = "```unparsed"
  print
  next
}
code {
  print
  next
}
/^# / {
  print page == "index" ? $0 : $0 " {#" page "}"
  next
}
/^##+ / {
  print $0 " {#md--" page "--" slug(substr($0, index($0, " ") + 1)) "}"
  next
}
{
  # Code with a quote, which Doxygen takes for an end, is between two backticks.
  count = split($0, parts, "`")
  line = ""
  for (i = 1; i <= count; ++i) {
    if (i % 2 == 0 && i < count) {
      quotes = parts[i] ~ /'/ ? "``" : "`"
      line = line quotes parts[i] quotes
    } else {
      line = line (i % 2 == 0 ? "`" : "") text(parts[i])
    }
  }
  print line
}
