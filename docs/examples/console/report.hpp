// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/nearest.hpp"
#include "../program/text.hpp"
#include "output.hpp"

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>

#include <string>
#include <string_view>

namespace console {

inline constexpr std::string_view how_to_log_in = "; `droplit login` keeps a token, DROPLIT_TOKEN gives one";

/// What a field accepts, in words.
inline std::string accepted(droplit::FieldKind kind) {
  switch (kind) {
    case droplit::FieldKind::ecosystem_id: return "C and 24 hex digits are accepted, of an ecosystem that exists";
    case droplit::FieldKind::client_type: {
      std::string names;
      for (const std::string_view name : droplit::client_type_names)
        names.append(names.empty() ? "" : " and ").append(name);
      return names + " are accepted";
    }
    case droplit::FieldKind::text:
    default: break;
  }
  return "UTF-8 without U+0000 is accepted";
}

/// The violation in one line that names the option. `parameters` are what was given; of their values nothing is
/// repeated.
inline std::string sentence(const droplit::Violation& violation, const droplit::ClientParameters& parameters) {
  using droplit::ApiErrc;
  const droplit::ApiErrcRow& row = droplit::row(violation.code);
  std::string named = std::string(row.name) + " (" + std::to_string(row.status) + ")";
  switch (violation.code) {
    case ApiErrc::unauthorized: return named + ": the service does not know the token" + std::string(how_to_log_in);
    case ApiErrc::forbidden:
      return named + ": the holder of the token may not touch this ecosystem" + std::string(how_to_log_in);
    case ApiErrc::token_kind_forbidden:
      return std::string(violation.message) + " The token of an account or a server is accepted" +
             std::string(how_to_log_in);
    case ApiErrc::not_found: return named + ": there is no API at this address; --url or DROPLIT_URL may be incorrect";
    case ApiErrc::ecosystem_not_found: return std::string(violation.message);
    default: break;
  }
  if (violation.message.empty()) return named + ": the service refused the request";
  if (violation.field == droplit::Field::additional_parameters) {
    constexpr std::size_t longest = 200;  // the names are untrusted
    const bool whole = violation.message.size() <= longest;
    return escaped(violation.message.substr(0, longest)) + (whole ? "" : "...");
  }
  if (violation.field == droplit::Field::idempotency_key) {
    return std::string("--idempotency-key: ").append(violation.message);
  }
  for (const droplit::FieldRow& field : droplit::client_fields) {
    if (field.field != violation.field) continue;
    std::string text = std::string("--").append(field.name).append(": ").append(violation.message);
    if (violation.code != ApiErrc::client_type_invalid) return text.append(": ").append(accepted(field.kind));
    return text + did_you_mean(parameters.type.value_or(""), droplit::client_type_names);
  }
  return named;
}

/// The line that states a violation, with the section of the documentation about its code.
inline std::string with_section(std::string sentence, droplit::ApiErrc code) {
  return sentence.append(" [").append(droplit::doc_url(code)).append("]");
}

/// Prints all violations of a refusal.
inline void complain(const droplit::ApiError& error, const droplit::ClientParameters& parameters) {
  bool unreadable = false;  // the contract says only that there is no body; the name of the option helps more
  for (const droplit::FieldRow& field : droplit::client_fields) {
    const auto& given = parameters.*field.parameter;
    if (!given || droplit::Text::parse(std::string(*given))) continue;  // no argument has a NUL
    unreadable = true;
    complain(with_section(std::string("--").append(field.name).append(": is not UTF-8: ").append(accepted(field.kind)),
                          error.code()));
  }
  if (unreadable) return;
  for (const droplit::Violation violation : error.violations()) {
    complain(with_section(sentence(violation, parameters), violation.code));
  }
}

/// Prints a failure in one line, and what became of the request.
inline void complain(const droplit::Fault& fault) {
  std::string text = escaped(fault.what());
  if (fault.status()) text += " (status " + std::to_string(*fault.status()) + ")";
  switch (fault.fate()) {
    case droplit::Fate::not_sent: text += "; nothing was sent"; break;
    case droplit::Fate::not_applied: text += "; nothing was created"; break;
    case droplit::Fate::maybe_applied:
    default: text += "; a client may have been created"; break;
  }
  complain(text);
}

/// The client for people: one line for each value that it has.
inline std::string record(const droplit::Client& client, bool colours) {
  std::string out;
  const auto line = [&out, colours](std::string_view name, std::string_view value) {
    constexpr std::size_t width = 13;
    const std::string text = escaped(value);
    if (colours) out += "\x1B[1m";
    out += name;
    if (colours) out += "\x1B[0m";
    if (!text.empty()) out.append(width - name.size(), ' ').append(text);
    out += '\n';
  };
  line("id", client.id().text());
  for (const droplit::FieldRow& field : droplit::client_fields) {
    switch (field.kind) {
      case droplit::FieldKind::ecosystem_id: line(field.name, client.ecosystem_id().text()); break;
      case droplit::FieldKind::client_type: line(field.name, to_string(client.type())); break;
      case droplit::FieldKind::text:
      default:
        if (const auto& text = client.text(field.field)) line(field.name, text->str());
    }
  }
  line("createdAt", client.created_at().text());
  return out;
}

}  // namespace console
