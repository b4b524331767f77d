// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Findings of every kind, generated, and the refusal that each must give: written from the contract a second time.
#pragma once

#include <droplit/error.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace findings {

/// An entry of a response, by the contract.
struct Entry {
  droplit::ApiErrc code;
  std::string in, message, path;
};

/// The list that the contract gives these findings.
inline std::vector<Entry> contract_of(const droplit::Findings& f) {
  using droplit::ApiErrc;
  using Flaw = droplit::Findings::Flaw;
  std::vector<Entry> out;
  const auto names = [](const std::string& list) { return "contains fields that are not allowed: [ " + list + " ]"; };
  if (f.query_fields) {
    out.push_back({ApiErrc::query_field_not_allowed, "query", names(*f.query_fields), "additional parameters"});
  }
  if (f.key_invalid) {
    out.push_back({ApiErrc::idempotency_key_invalid, "header", "invalid idempotency key", "idempotency-key"});
  }
  const bool no_id = f.flaw(droplit::Field::ecosystem_id) == Flaw::missing;
  const bool no_type = f.flaw(droplit::Field::type) == Flaw::missing;
  if (f.body_missing || (no_id && no_type && !f.body_fields)) {
    out.push_back({ApiErrc::body_parameters_missing, "body", "field is required", "ecosystemId"});
    out.push_back({ApiErrc::body_parameters_missing, "body", "field is required", "type"});
    if (f.body_missing) return out;
  } else {
    if (no_id && f.body_fields) {
      out.push_back({ApiErrc::ecosystem_missing, "body", names(*f.body_fields), "additional parameters"});
    }
    if (no_id) out.push_back({ApiErrc::ecosystem_missing, "body", "field is required", "ecosystemId"});
    if (f.flaw(droplit::Field::ecosystem_id) == Flaw::invalid) {
      out.push_back({ApiErrc::ecosystem_invalid, "body", "invalid id", "ecosystemId"});
    }
    if (no_type) out.push_back({ApiErrc::client_type_missing, "body", "field is required", "type"});
    if (f.flaw(droplit::Field::type) == Flaw::invalid) {
      out.push_back({ApiErrc::client_type_invalid, "body",
                     "field must be one of the following values: application, server", "type"});
    }
  }
  const auto text = [&](Flaw flaw, const char* field) {
    if (flaw == Flaw::invalid) {
      out.push_back({ApiErrc::body_parameter_invalid, "body", "expected field to be a string", field});
    }
    if (flaw == Flaw::characters) {
      out.push_back(
          {ApiErrc::body_parameter_characters_invalid, "body", "contains characters that are not allowed", field});
    }
  };
  text(f.flaw(droplit::Field::name), "name");
  text(f.flaw(droplit::Field::description), "description");
  return out;
}

/// Calls `call` with every combination of flaws, the name lists drawn from `lists`, of which the first is no list.
template <class Call>
void for_each(const std::vector<std::optional<std::string>>& lists, Call call) {
  using Flaw = droplit::Findings::Flaw;
  for (const auto& query : lists) {
    for (const auto& body : lists) {
      for (const bool missing : {false, true}) {
        for (const Flaw id : {Flaw::none, Flaw::missing, Flaw::invalid}) {
          for (const Flaw type : {Flaw::none, Flaw::missing, Flaw::invalid}) {
            for (const Flaw name : {Flaw::none, Flaw::invalid, Flaw::characters}) {
              for (const Flaw description : {Flaw::none, Flaw::invalid, Flaw::characters}) {
                for (const bool key : {false, true}) {
                  call(droplit::Findings{query, body, missing, {id, type, name, description}, key});
                }
              }
            }
          }
        }
      }
    }
  }
}

/// Name lists that look like something else.
inline std::vector<std::optional<std::string>> nasty_lists() {
  using namespace std::string_literals;
  return {std::nullopt,
          ""s,
          "x"s,
          "a, b"s,
          ", "s,
          " ]"s,
          "[ ] ], contains fields that are not allowed: [ x ]"s,
          "\"\\/\b\f\n\r\t"s,
          "\0"s,
          "a\0b, \x1F\x7F"s,
          "\xC2\x80\xC3\xA9\xE2\x80\xA8"s,
          "\xEF\xBF\xBD"s,
          "\xF0\x9F\x98\x80, \xF4\x8F\xBF\xBF"s,
          "\xEF\xBB\xBF"s,
          "field is required"s,
          "ecosystemId"s};
}

}  // namespace findings
