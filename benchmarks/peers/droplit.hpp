// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// This library, told in the peers' terms.
#pragma once

#include "support/job.hpp"

#include <droplit/client.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/timestamp.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace peers {

inline job::Reading tell(const droplit::Outcome<droplit::ClientDraft>& outcome) {
  job::Reading reading;
  if (!outcome.has_value()) {
    for (const droplit::Violation violation : outcome.assume_error().violations()) {
      std::string_view message;  // in static text, as an entry has it
      for (const auto& row : droplit::api_errc_table) {
        if (row.message == violation.message) message = row.message;
      }
      reading.errors.push_back({to_string(violation.location), message, to_string(violation.field)});
    }
    return reading;
  }
  const droplit::ClientDraft& draft = outcome.assume_value();
  reading.ecosystem_id = draft.ecosystem_id().bytes();
  reading.server = draft.type() == droplit::ClientType::server;
  if (draft.name()) reading.name = draft.name()->str();
  if (draft.description()) reading.description = draft.description()->str();
  return reading;
}

/// The whole body at once, with a parser of its own.
inline job::Reader droplit_fresh() {
  return {"droplit", true,
          [](std::string_view body) {
            const auto draft = droplit::parse_draft(body);
            job::keep(draft);
          },
          [](std::string_view body) { return tell(droplit::parse_draft(body)); }};
}

inline droplit::DraftParser kept_parser;

/// As a connection does it, whose parser is reset for each request.
inline job::Reader droplit_kept() {
  return {"droplit, kept parser", true,
          [](std::string_view body) {
            const auto draft = kept_parser.finish(body);
            kept_parser.reset();
            job::keep(draft);
          },
          [](std::string_view body) {
            auto reading = tell(kept_parser.finish(body));
            kept_parser.reset();
            return reading;
          }};
}

inline std::optional<droplit::Text> text(const std::optional<std::string>& value) {
  return value ? droplit::Text::parse(*value) : std::nullopt;
}

inline droplit::Client client(const job::Created& created) {
  return {droplit::ClientId(created.id),
          droplit::Timestamp::clamp_unix_millis(created.unix_millis),
          droplit::EcosystemId(created.ecosystem_id),
          created.server ? droplit::ClientType::server : droplit::ClientType::application,
          text(created.name),
          text(created.description)};
}

}  // namespace peers
