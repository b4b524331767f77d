// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The examples of the OpenAPI document: requests, made of the table of fields, and the responses that an `Endpoint`
// gives to them over a small fixed world. No response is written by hand.

#include <droplit/access.hpp>
#include <droplit/api_errc.hpp>
#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/fields.hpp>
#include <droplit/http.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>
#include <droplit/storage.hpp>
#include <droplit/timestamp.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi {

inline constexpr std::string_view active_ecosystem = "C594b89aea18568c408c3ad24";
inline constexpr std::string_view deleted_ecosystem = "C594b89aea18568c408c3ad2d";
inline constexpr std::string_view foreign_ecosystem = "Cff4b89aea18568c408c3ad24";
inline constexpr std::string_view taken_key = "order-7#1";

/// Policies of the examples: two active ecosystems, one of which the token's holder may not touch, a deleted one, and a
/// key that was used with other parameters.
struct World {
  Insertion insert(const Client& client) const {
    return client.ecosystem_id().text() == deleted_ecosystem ? Insertion::ecosystem_deleted : Insertion::inserted;
  }
  KeyedInsertion insert_once(const Client& client, const IdempotencyKey& key) const {
    return key.str() == taken_key ? KeyedInsertion(Insertion::key_reused) : insert(client);
  }

  struct Principal {
    PrincipalKind is;
    [[nodiscard]] PrincipalKind kind() const noexcept { return is; }
  };
  [[nodiscard]] Principal authenticate(std::string_view token) const noexcept {
    return {token == "account" ? PrincipalKind::account : PrincipalKind::none};
  }
  [[nodiscard]] bool authorize(Principal, EcosystemId id) const { return id.text() != foreign_ecosystem; }

  [[nodiscard]] Timestamp now() const { return *Timestamp::parse("2018-02-28T15:16:58.941Z"); }
  // Returns an outcome, not inlined, because g++ 12 otherwise warns of an uninitialised error in it.
  DROPLIT_DETAIL_NOINLINE [[nodiscard]] Outcome<ClientId> next(Timestamp) const {
    return *ClientId::parse("594b89aea18568c408c3ad25");
  }
};

struct Example {
  std::string name;  ///< of the code, unless it is another example of the same code
  Request request;
  Response response;
  std::optional<ApiErrc> code = {};  ///< of a refusal
  std::string_view sentence = {};    ///< when it is given; empty for the success
  std::string_view asks_for = {};    ///< the field whose value decides by the state of the store, if one does

  [[nodiscard]] std::string_view query() const noexcept {
    const auto mark = request.target.find('?');
    return mark == std::string::npos ? std::string_view() : std::string_view(request.target).substr(mark + 1);
  }
};

/// The value of a field in the examples, as JSON.
inline std::string example_value(const FieldRow& row) {
  switch (row.kind) {
    case FieldKind::ecosystem_id: return std::string("\"").append(active_ecosystem).append("\"");
    case FieldKind::client_type: return std::string("\"").append(client_type_names.front()).append("\"");
    case FieldKind::text:
    default: return std::string("\"Example ").append(row.name).append("\"");
  }
}

/// Makes bodies: the required fields with their examples, but for one field.
struct ExampleBody {
  std::string text;

  void add(std::string_view name, std::string_view value) {
    text.append(text.empty() ? "{\"" : ",\"").append(name).append("\":").append(value);
  }
  /// Without the field if `value` is empty.
  static std::string with(Field field, std::string_view value) {
    ExampleBody body;
    for (const FieldRow& row : client_fields) {
      if (row.field != field && row.required) body.add(row.name, example_value(row));
      if (row.field == field && !value.empty()) body.add(row.name, value);
    }
    return std::move(body).end();
  }
  std::string end() && { return text.empty() ? "{}" : std::move(text) + '}'; }
};

/// Collects examples.
class Examples {
 public:
  /// Whatever `max_body` is: a body that is too long for it shows no other response than that.
  explicit Examples(EndpointOptions options)
      : endpoint_(world_, world_, world_, world_,
                  {.serve_options = options.serve_options, .idempotency_keys = options.idempotency_keys}) {}

  /// The endpoint's response to a request to create a client. The name of a refusal is its code's if `name` is empty;
  /// a second refusal of that name is dropped.
  Example& create(std::string_view name, std::string body, std::string_view query = {}, std::string_view key = {}) {
    Request request{
        std::string(create_client_route.method), std::string(create_client_route.path), {}, std::move(body)};
    if (!query.empty()) request.target.append("?").append(query);
    request.fields.add("authorization", "account");
    request.fields.add("content-type", "application/json");
    if (!key.empty()) request.fields.add(to_string(Field::idempotency_key), key);
    return add(name, std::move(request));
  }

  Example& add(std::string_view name, Request request) {
    Example made{std::string(name), std::move(request), {}};
    made.response = endpoint_.handle(made.request);
    if (const auto error = read_error(made.response)) made.code = error->code();
    return keep(std::move(made));
  }

  void add(std::string_view name, std::string_view sentence, const Fault& fault) {
    keep({std::string(name), {}, to_response(fault), {}, sentence});
  }

  /// Adds the refusals that servers give before the endpoint is asked.
  void add_codes() {
    for (const ApiErrcRow& row : api_errc_table) {
      const std::optional<ApiError> error = CodeOnly::make(row);
      if (error) keep({{}, {}, to_response(*error), row.code, {}});
    }
  }

  std::vector<Example> take() && { return std::move(all_); }

 private:
  Example& keep(Example made) {
    if (made.code) {
      if (made.name.empty()) made.name = row(*made.code).name;
      made.sentence = row(*made.code).sentence;
    }
    const auto same = std::find_if(all_.begin(), all_.end(), [&](const Example& one) { return one.name == made.name; });
    return same != all_.end() ? *same : all_.emplace_back(std::move(made));
  }

  World world_;
  Endpoint<World, World, World, World> endpoint_;
  std::vector<Example> all_;
};

/// An example of each response that the endpoint gives, each refusal's first one named after its code.
inline std::vector<Example> make_examples(const EndpointOptions& options) {
  const std::string_view wrong_type = "5";
  const std::string_view wrong_text = R"("a\u0000b")";
  Examples examples(options);
  ExampleBody all;
  ExampleBody none_valid;
  for (const FieldRow& row : client_fields) {
    all.add(row.name, example_value(row));
    none_valid.add(row.name, wrong_type);
  }
  examples.create("All parameters", std::move(all).end(), {}, options.idempotency_keys ? "order-6" : "");
  examples.create("Required parameters", ExampleBody::with(Field::none, {}));

  for (const FieldRow& row : client_fields) {
    if (row.required) examples.create({}, ExampleBody::with(row.field, {}));
    examples.create({}, ExampleBody::with(row.field, row.required ? R"("invalid")" : wrong_type));
    if (row.kind == FieldKind::text) examples.create({}, ExampleBody::with(row.field, wrong_text));
  }
  examples.create({}, "{}");
  examples.create({}, ExampleBody::with(Field::none, {}), "limit=10");
  ExampleBody misnamed;
  for (const FieldRow& row : client_fields) {
    if (!row.required) continue;
    const bool is_ecosystem = row.field == Field::ecosystem_id;
    misnamed.add(std::string(row.name).append(is_ecosystem ? "s" : ""), example_value(row));
  }
  examples.create("Ecosystem Missing, misnamed", std::move(misnamed).end());
  examples.create("Several violations", std::move(none_valid).end(), "limit=10&offset=0").sentence =
      "The query has fields, and no parameter is valid.";

  const auto in_ecosystem = [](std::string_view id) {
    return ExampleBody::with(Field::ecosystem_id, std::string("\"").append(id).append("\""));
  };
  for (const std::string_view id : {deleted_ecosystem, foreign_ecosystem}) {
    examples.create({}, in_ecosystem(id)).asks_for = to_string(Field::ecosystem_id);
  }
  if (options.idempotency_keys) {
    const std::string body = ExampleBody::with(Field::none, {});
    examples.create({}, body, {}, "order 7");
    examples.create({}, body, {}, taken_key).asks_for = to_string(Field::idempotency_key);
  }

  const std::string path(create_client_route.path);
  examples.add({}, {"GET", path, {}, {}});
  if (options.serve_options) examples.add("OPTIONS", {"OPTIONS", path, {}, {}});
  examples.add_codes();
  examples.add("Internal Server Error", "The server failed. What it did before is not known.",
               Fault(FaultSource::storage, Fate::maybe_applied, {}));
  examples.add("Service Unavailable", "The server is busy and did nothing. The request may be sent again.",
               Fault::unavailable(FaultSource::storage, {}));
  return std::move(examples).take();
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::openapi
