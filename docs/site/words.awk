# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Text without code, of a page or a comment: a word that is also the name of a type, such as Client, is no link to it (`%`).
function prose(text,    out, word) {
  while (match(text, /[A-Za-z0-9_%:.\/-]+/)) {
    word = substr(text, RSTART, RLENGTH)
    out = out substr(text, 1, RSTART - 1) (word ~ /^[A-Z][a-z]+[:.]?$/ && index(names, " " word_of(word) " ") ? "%" : "") word
    text = substr(text, RSTART + RLENGTH)
  }
  return out text
}
function word_of(word) {
  sub(/[:.]$/, "", word)
  return word
}
BEGIN {
  names = " Access Client Clients Clock Creation Ecosystem Endpoint Exchange Fault Field Handler Id Location Reply Request " \
          "Response Route Router Source Storage Text Timestamp Transport Violation "
}
