// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The responses that are written: the 201 of a workload, and every refusal there is.
#pragma once

#include "job.hpp"
#include "workloads.hpp"

#include <droplit/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace job {

/// What the 201 to a reading contains, at an instant of the API's pages.
inline Created created_of(const Reading& reading) {
  Created created;
  created.id = {0x59, 0x4b, 0x89, 0xae, 0xa1, 0x85, 0x68, 0xc4, 0x08, 0xc3, 0xad, 0x25};
  created.ecosystem_id = reading.ecosystem_id;
  created.unix_millis = 1519831018941;  // 2018-02-28T15:16:58.941Z
  created.server = reading.server;
  created.name = reading.name;
  created.description = reading.description;
  return created;
}

/// A refusal with a name for the tables.
struct Refusal {
  std::string_view name;
  droplit::ApiError error;
};

template <std::size_t I>
void add_plain_refusal(std::vector<Refusal>& to) {
  constexpr droplit::ApiErrcRow row = droplit::api_errc_table[I];
  if constexpr (row.form != droplit::ResponseForm::entries && !row.has_blank()) {
    to.push_back({row.name, droplit::ApiError::of<row.code>()});
  }
}

/// One refusal for each code, and the longest list that the contract knows.
inline std::vector<Refusal> refusals() {
  using Flaw = droplit::Findings::Flaw;
  std::vector<Refusal> all;
  const auto add = [&all](std::string_view name, droplit::Findings findings) {
    all.push_back({name, *droplit::ApiError::from(std::move(findings))});
  };
  using droplit::Field, droplit::Findings;
  add("Ecosystem Invalid", Findings().with(Field::ecosystem_id, Flaw::invalid));
  add("Ecosystem Missing", Findings().with(Field::ecosystem_id, Flaw::missing));
  add("Ecosystem Missing, with a name", Findings{.body_fields = "ecosystem"}.with(Field::ecosystem_id, Flaw::missing));
  add("Query Field Not Allowed", {.query_fields = "limit"});
  add("Body Parameters Missing", {.body_missing = true});
  add("Client Type Invalid", Findings().with(Field::type, Flaw::invalid));
  add("Client Type Missing", Findings().with(Field::type, Flaw::missing));
  add("Body Parameter Invalid", Findings().with(Field::name, Flaw::invalid));
  add("Body Parameter Characters Invalid", Findings().with(Field::name, Flaw::characters));
  add("six entries", Findings{.query_fields = "limit", .body_fields = "ecosystem"}
                         .with(Field::ecosystem_id, Flaw::missing)
                         .with(Field::type, Flaw::invalid)
                         .with(Field::name, Flaw::invalid)
                         .with(Field::description, Flaw::characters));
  all.push_back({"Ecosystem Not Found",
                 droplit::ApiError::ecosystem_not_found(*droplit::EcosystemId::parse("C594b89aea18568c408c3ad24"))});
  [&]<std::size_t... I>(std::index_sequence<I...>) { (add_plain_refusal<I>(all), ...); }
  (std::make_index_sequence<droplit::api_errc_table.size()>());
  return all;
}

/// The entries of a refusal as the peers write them; views into it.
inline std::vector<Entry> entries_of(const droplit::ApiError& error) {
  std::vector<Entry> entries;
  for (const droplit::Violation violation : error.violations()) {
    entries.push_back({to_string(violation.location), violation.message, to_string(violation.field)});
  }
  return entries;
}

}  // namespace job
