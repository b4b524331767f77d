// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the library reads out of a body, in the model's words.
#pragma once

#include <droplit/client_draft.hpp>

#include "contract.hpp"

#include <optional>
#include <string>

namespace model {

inline std::optional<std::string> text_of(const std::optional<droplit::Text>& text) {
  return text ? std::optional(text->str()) : std::nullopt;
}

inline Judged in_models_words(const droplit::Outcome<droplit::ClientDraft>& outcome) {
  Judged judged;
  if (outcome.has_value()) {
    const droplit::ClientDraft& draft = outcome.assume_value();
    judged.draft = {draft.ecosystem_id().text(), std::string(to_string(draft.type())), text_of(draft.name()),
                    text_of(draft.description())};
  } else if (outcome.has_error()) {
    for (const droplit::Violation violation : outcome.assume_error().violations()) {
      judged.entries.push_back({std::string(to_string(violation.code)), std::string(to_string(violation.location)),
                                std::string(violation.message), std::string(to_string(violation.field))});
    }
  }
  return judged;
}

inline bool same(const Judged& a, const Judged& b) { return a.draft == b.draft && a.entries == b.entries; }

}  // namespace model
