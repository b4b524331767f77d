// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A response as a client reads it: a client only where the model's reader finds a valid one, a refusal only if it is
// written as it was, else a fault of the right fate.
#include "message.hpp"
#include "target.hpp"

#include <droplit/response.hpp>

#include "support/model/contract.hpp"
#include "support/model/drafts.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz::response {
namespace {

using namespace droplit;

/// A valid client in a body, by the model's reader, as the text that a server writes for it.
std::optional<std::string> valid_client(std::string_view body) {
  const auto json = model::read_json(std::string(body));
  if (!json || json->kind != model::Json::Kind::object) return std::nullopt;
  std::map<std::string, model::Json> last;
  for (const auto& [name, value] : json->members) last[name] = value;
  const auto text = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = last.find(name);
    if (found == last.end() || found->second.kind != model::Json::Kind::string) return std::nullopt;
    return found->second.text;
  };
  const auto id = text("id");
  const auto created_at = text("createdAt");
  const auto ecosystem = text("ecosystemId");
  const auto type = text("type");
  if (!id || !created_at || !ecosystem || !type || (*type != "application" && *type != "server")) return std::nullopt;
  const auto canonical = model::ecosystem_id(*ecosystem);
  const bool has_letter = id->size() == 25 && std::isalpha(static_cast<unsigned char>(id->front())) != 0;
  const std::string letter = has_letter ? id->substr(0, 1) : "";
  const auto digits = model::ecosystem_id("C" + id->substr(letter.size()));  // the same digits
  if (!canonical || !digits || !Timestamp::parse(*created_at)) return std::nullopt;
  model::Kept kept{{*canonical, *type, text("name"), text("description")}, letter + digits->substr(1), *created_at};
  for (const auto& [name, value] : {std::pair("name", kept.draft.name), {"description", kept.draft.description}}) {
    const auto found = last.find(name);
    const bool absent = found == last.end() || found->second.kind == model::Json::Kind::null;
    if (!absent && (!value || value->find('\0') != std::string::npos)) return std::nullopt;
  }
  return model::created(kept).body;
}

/// Whether the fields say that the body is JSON: one content-type, and no content-encoding but identity.
bool is_plain_json(const model::Fields& fields) {
  std::vector<std::string> types;
  for (const auto& [name, value] : fields) {
    if (model::lower(name) == "content-type") types.push_back(value);
    if (model::lower(name) == "content-encoding" && !model::is_identity(value)) return false;
  }
  return types.size() == 1 && model::ContentType::is_json(types[0]);
}

void check_fault(const Response& response, const Fault& fault) {
  const auto is = [&](const char* name, const char* value) {
    return response.fields.count(name) == 1 && response.fields.get(name) == value;
  };
  bool identity = true;
  for (const HeaderField field : response.fields) {
    if (!detail::equals_ignoring_case(field.name, "content-encoding")) continue;
    identity = identity && model::is_identity(std::string(field.value));
  }
  const bool exact = response.status == 503 && response.body.empty() && is("retry-after", "1") &&
                     is("content-length", "0") && response.fields.count("content-type") == 0 && identity;
  require((fault.fate() == Fate::not_applied) == exact, "only the exact 503 proves that nothing was applied");
  require(exact || fault.fate() == Fate::maybe_applied, "whatever else is unknown may have been applied");
  require(fault.status() == response.status, "the status is kept");
  require(exact || fault.excerpt() == response.body.substr(0, Fault::max_excerpt), "the beginning is kept");
}

void run(std::string_view input) {
  const Message message = read_message(input);
  Response response;
  const std::string_view digits = message.first_line.substr(0, 3);
  std::from_chars(digits.data(), digits.data() + digits.size(), response.status);
  response.status = std::clamp(response.status, 200, 599);
  model::Fields fields;
  for (const HeaderField field : message.fields) {
    if (response.fields.add(field.name, field.value)) fields.emplace_back(field.name, field.value);
  }
  response.body = message.body;

  const auto outcome = read_response(response);
  const auto expected = response.status == 201 && is_plain_json(fields) ? valid_client(response.body) : std::nullopt;
  require(outcome.has_value() == expected.has_value(), "a client is in a 201 of plain JSON that has a valid one");
  if (expected) require(to_json(outcome.assume_value()) == *expected, "the client is the model's", *expected);
  const auto error = read_error(response);
  require(error.has_value() == outcome.has_error(), "a refusal is a refusal");
  if (error) {
    require(*error == outcome.assume_error() && error->status() == response.status, "the refusal has the status");
    require(read_error(to_response(*error)) == error, "a refusal is read back from what is written of it");
  }
  if (outcome.has_exception()) check_fault(response, outcome.assume_exception());

  const ClientDraft draft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  const auto judged = read_response(response, draft);
  if (judged.has_value()) {
    require(
        judged.assume_value().ecosystem_id() == draft.ecosystem_id() && judged.assume_value().type() == draft.type(),
        "a client of another ecosystem or type is no response");
  }
  if (judged.has_exception()) {
    require(outcome.has_exception() || judged.assume_exception().fate() == Fate::maybe_applied,
            "a response to another request proves nothing");
  } else {
    require(!outcome.has_exception(), "to know the request makes no response known");
  }
  static_cast<void>(read_replayed(response));
}

const Registered registered({"response", run, mutate_message});

}  // namespace
}  // namespace fuzz::response
