// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Takes a refusal from another file, which must be compiled in the same way.
#include <droplit/draft_parser.hpp>

droplit::Outcome<droplit::ClientDraft> refused(droplit::Outcome<droplit::ClientDraft> draft);

int main() {
  const auto draft = refused(droplit::parse_draft("{}"));
  return draft.has_error() && draft.error().violations().size() == 2 ? 0 : 1;
}
