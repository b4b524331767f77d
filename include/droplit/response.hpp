// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/id.hpp>
#include <droplit/json.hpp>
#include <droplit/outcome.hpp>
#include <droplit/route.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/http/content_type.hpp>
#include <droplit/detail/json/client_reader.hpp>
#include <droplit/detail/json/error_reader.hpp>
#include <droplit/detail/response_writer.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// True if the response to this failure is a 503 with `retry-after: 1`, as `Fault::unavailable` asks: a part is busy or
/// cannot be reached, and certainly applied nothing. Otherwise it is a 500.
inline bool is_unavailable(const Fault& fault) noexcept {
  return fault.status() == 503 && fault.fate() == Fate::not_applied;
}

/// Writes the response for a created client, a 201, into `out`, whose memory is reused.
void write_response(Response& out, const Client& client);

/// The same for a client that was created under a key, with the field `idempotency-replayed`.
void write_response(Response& out, const KeyedClient& created);

/// Writes the response for a refusal. `allow`: the methods that a 405 lists.
void write_response(Response& out, const ApiError& error, std::string_view allow = create_client_route.method);

/// Writes the response for a failure, a 503 or a 500 with nothing of the cause.
void write_response(Response& out, const Fault& fault);

/// Writes the response for an outcome of a `Client` or of a `KeyedClient`.
template <class T>
void write_response(Response& out, const Outcome<T>& outcome) {
  if (outcome.has_value()) return write_response(out, outcome.assume_value());
  if (outcome.has_error()) return write_response(out, outcome.assume_error());
  write_response(out, outcome.assume_exception());
}

/// Writes any response, with its `content-length`; without the field `content-type` if that is empty.
void write_response(Response& out, int status, std::string_view content_type, std::string_view body);

/// The response for a client, an `ApiError`, a `Fault` or an outcome.
template <class T>
Response to_response(const T& what) {
  Response response;
  write_response(response, what);
  return response;
}

/// The field `idempotency-replayed` of a 201: whether it is the response to an earlier request with its key again. Only
/// a service that honours keys sends it. Nothing if it is absent, given twice, or neither `true` nor `false`.
std::optional<bool> read_replayed(const Response& response) noexcept;

/// The refusal in `response`, equal to the one that a server wrote it from; nothing if it is a 201, a 500, a 503, or a
/// response that the contract does not know (one with a content-encoding other than identity among them).
std::optional<ApiError> read_error(const Response& response);

/// What a response means: the client, the refusal that a server wrote it from, or a `Fault`.
///
/// A 503 in exactly the contract's form is not applied. Any other response that the contract does not know is maybe
/// applied and keeps its status and beginning: among them (ours) a client of another ecosystem or type than was
/// requested, a 404 that names another ecosystem, and any with a content-encoding other than identity.
Outcome<Client> read_response(const Response& response, const std::optional<EcosystemId>& requested_ecosystem = {},
                              const std::optional<ClientType>& requested_type = {});

/// What a response to `draft` means.
inline Outcome<Client> read_response(const Response& response, const ClientDraft& draft) {
  return read_response(response, draft.ecosystem_id(), draft.type());
}

namespace detail {

/// The body of a 500.
inline constexpr std::string_view internal_error_body = R"({"errorType":"Internal Server Error"})";

/// Reserves memory for a 500, which can then be written even if no more is left.
inline void reserve_for_fault(Response& response) {
  response.body.reserve(64);
  response.fields.reserve(128);
}

/// Says in a 201 under a key whether it is a replay.
inline constexpr std::string_view replayed_field = "idempotency-replayed";

/// The value of a field that is given once; empty if it is absent or repeated.
inline std::string_view single_value(const Response& response, std::string_view name) noexcept {
  return response.fields.count(name) == 1 ? response.fields.get(name) : std::string_view();
}

/// The seconds of a `retry-after` field that is given once and is a number; nothing for a date.
inline std::optional<std::int64_t> retry_after(const Response& response) noexcept {
  const std::string_view value = single_value(response, "retry-after");
  if (value.empty() || !all_of(value, is_digit)) return std::nullopt;
  constexpr std::uint64_t most = 999'999'999;  // 31 years
  return static_cast<std::int64_t>((std::min)(parse_decimal(value).value_or(most), most));
}

}  // namespace detail

#if defined(DROPLIT_DETAIL_DEFINES)

namespace detail {

inline constexpr std::string_view json_content_type = "application/json";
inline constexpr std::string_view json_lines = "content-type: application/json\r\ncontent-length: ";
inline constexpr std::string_view text_lines = "content-type: text/plain; charset=utf-8\r\ncontent-length: ";

/// What the fields of a response say of its body.
struct BodyFields {
  explicit BodyFields(const Response& response) noexcept {
    std::size_t types = 0;
    for (auto at = response.fields.begin(); at != response.fields.end(); ++at) {
      if (at.has_name("content-type")) {
        content_type = ++types == 1 ? (*at).value : std::string_view();
      } else if (at.has_name("content-encoding") && !is_identity_encoding((*at).value)) {
        encoded = true;
      }
    }
  }

  [[nodiscard]] bool is_json() const noexcept {
    return is_exactly(content_type, json_content_type) || is_content_type(content_type, "application", "json");
  }

  std::string_view content_type;  // empty if it is absent or repeated
  bool encoded = false;           // a content-encoding other than identity was applied
};

/// True for the contract's 503, which proves that nothing was applied; any other may come from a proxy.
inline bool is_exact_unavailable(const Response& response) noexcept {
  return response.status == 503 && response.body.empty() && response.fields.count("content-type") == 0 &&
         single_value(response, "retry-after") == "1" && single_value(response, "content-length") == "0";
}

}  // namespace detail

DROPLIT_DETAIL_INLINE void write_response(Response& out, const Client& client) {
  detail::start(out, 201);
  append_json(out.body, client);
  detail::end(out, detail::json_lines);
}

DROPLIT_DETAIL_INLINE void write_response(Response& out, const KeyedClient& created) {
  detail::start(out, 201);
  append_json(out.body, created.client);
  out.fields.add("content-type", detail::json_content_type);
  out.fields.add(detail::replayed_field, created.replayed ? "true" : "false");
  detail::end(out);
}

DROPLIT_DETAIL_INLINE void write_response(Response& out, const ApiError& error, std::string_view allow) {
  const ApiErrcRow& row = droplit::row(error.code());
  if (row.code == ApiErrc::method_not_allowed) return detail::refuse_method(out, row, std::string(allow));
  detail::start(out, row.status, row.code);
  out.close = row.closes;
  switch (row.form) {
    case ResponseForm::entries: append_json(out.body, error); return detail::end(out, detail::json_lines);
    case ResponseForm::text: out.body = error.violations()[0].message; return detail::end(out, detail::text_lines);
    case ResponseForm::empty:
    default: return detail::end(out);
  }
}

DROPLIT_DETAIL_INLINE void write_response(Response& out, const Fault& fault) {
  auto copy = detail::copy_of(fault);  // which may be the one in `out`
  if (is_unavailable(fault)) {
    detail::start(out, 503);
    out.fields.add("retry-after", "1");
    detail::end(out);
  } else {
    detail::start(out, 500);
    out.body = detail::internal_error_body;
    detail::end(out, detail::json_lines);
  }
  out.fault = std::move(copy);
}

DROPLIT_DETAIL_INLINE void write_response(Response& out, int status, std::string_view content_type,
                                          std::string_view body) {
  std::string own_body(body);  // the arguments may be views of `out`
  HeaderFields fields;
  if (!content_type.empty()) fields.add("content-type", content_type);
  detail::start(out, status);
  out.body = std::move(own_body);
  out.fields = std::move(fields);
  if (status != 204 && status != 304) detail::end(out);  // a length would be that of no body (RFC 9110, section 8.6)
}

DROPLIT_DETAIL_INLINE std::optional<bool> read_replayed(const Response& response) noexcept {
  const std::string_view value = detail::single_value(response, detail::replayed_field);
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

DROPLIT_DETAIL_INLINE std::optional<ApiError> read_error(const Response& response) {
  const detail::BodyFields fields(response);
  if (fields.encoded) return std::nullopt;
  if (response.body.empty() || detail::is_content_type(fields.content_type, "text", "plain")) {
    return detail::error_without_entries(response.status, response.body);
  }
  if (!fields.is_json()) return std::nullopt;
  auto error = detail::ErrorReader().read(response.body);
  if (error && error->status() != response.status) error.reset();
  return error;
}

DROPLIT_DETAIL_INLINE Outcome<Client> read_response(const Response& response,
                                                    const std::optional<EcosystemId>& requested_ecosystem,
                                                    const std::optional<ClientType>& requested_type) {
  const auto unknown = [&response](const char* what) {
    return Fault::unknown_response(response.status, what, response.body, detail::retry_after(response));
  };
  const detail::BodyFields fields(response);
  if (fields.encoded) return unknown("the response has a content-encoding");
  if (response.status == 201) {
    if (!fields.is_json()) return unknown("the response is a 201 of another content type");
    auto client = detail::read_client(response.body);
    if (!client) return unknown("the response is a 201 without a client that the contract knows");
    if (client->ecosystem_id() != requested_ecosystem.value_or(client->ecosystem_id()) ||
        client->type() != requested_type.value_or(client->type())) {
      return unknown("the response is a client of another ecosystem or type than was requested");
    }
    return *std::move(client);
  }
  if (auto error = read_error(response)) {
    if (requested_ecosystem && error->code() == ApiErrc::ecosystem_not_found &&
        *error != ApiError::ecosystem_not_found(*requested_ecosystem)) {
      return unknown("the response is a 404 of another ecosystem than was requested");
    }
    return *std::move(error);
  }
  if (detail::is_exact_unavailable(response)) {
    return Fault::unavailable(FaultSource::response, "the service is unavailable and applied nothing");
  }
  if (response.status == 500) return unknown("the service failed");
  if (response.status == 503) return unknown("a 503 that may be a proxy's");
  return unknown("the contract does not know the response");
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
