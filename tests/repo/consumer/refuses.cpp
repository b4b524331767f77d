// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The other file: what it gives back is compared with what it would say itself.
#include <droplit/draft_parser.hpp>

droplit::Outcome<droplit::ClientDraft> refused(droplit::Outcome<droplit::ClientDraft> draft);

droplit::Outcome<droplit::ClientDraft> refused(droplit::Outcome<droplit::ClientDraft> draft) {
  if (draft.has_error() && draft.error() == droplit::parse_draft("{}").error()) return draft;
  return droplit::Fault();
}
