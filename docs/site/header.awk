# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Doxygen's filter of headers: the namespace without its ABI tags, how to include the file, and a sentence for what the
# language defines or repeats. What is outside the namespace, which is specialisations of templates of `std`, Doxygen cannot read.
# Lines stay where they are.
function comment(text,    parts, count, i, out) {
  count = split(text, parts, "`")
  for (i = 1; i <= count; ++i) out = out (i > 1 ? "`" : "") (i % 2 ? prose(parts[i]) : parts[i])
  return out
}

FNR == 1 {
  file = FILENAME
  sub(/.*\/include\//, "", file)
  sub(/^include\//, "", file)
  print "/** @file\n@brief `#include <" file ">` */" $0
  next
}
FNR == 2 && /^#pragma once$/ { next }
/^}  \/\/ namespace droplit/ {
  print $0 " /** @cond */"
  hidden = 1
  next
}
/^namespace droplit/ && hidden {
  $0 = "/** @endcond */ " $0
  hidden = 0
}
{
  sub(/::inline (DROPLIT_DETAIL_ABI|v0)/, "")
  sentence = ""
  if (/operator(==|<=>)\(const [A-Za-z]+&\) const( noexcept)? = default;$/) sentence = "Compares all parts."
  if (/^ +(\[\[nodiscard\]\] )?[A-Za-z].*\)( const)? ?&& .*[{}]$/ && last !~ /^ *\/\/\//) sentence = "The same of a temporary: a value, not a view."
  if (match($0, /\/\/\/.*/)) $0 = substr($0, 1, RSTART - 1) comment(substr($0, RSTART))
  if (sentence != "") $0 = "/** " sentence " */" $0
  last = $0
  print
}
END {
  if (hidden) print "/** @endcond */"
}
