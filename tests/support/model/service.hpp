// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The world of the model as the library's policies, so that both judge the same requests.
#pragma once

#include <droplit/endpoint.hpp>
#include <droplit/http.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include "contract.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace model {

inline const std::string active = "C594b89aea18568c408c3ad24";
inline const std::string deleted = "C594b89aea18568c408c3ad2d";
inline const std::string unknown = "C594b89aea18568c408c3ad2e";
inline const std::string forbidden = "Cff4b89aea18568c408c3ad24";  // to server tokens
inline const std::string created_at = "2018-02-28T15:16:58.941Z";

inline World world() {
  return {.tokens = {{"account-token", TokenKind::account},
                     {"server-token", TokenKind::server},
                     {"client-token", TokenKind::client},
                     {"user-token", TokenKind::user}},
          .ecosystems = {{active, EcosystemState::active},
                         {deleted, EcosystemState::deleted},
                         {forbidden, EcosystemState::active}},
          .forbidden = {forbidden},
          .created_at = created_at,
          .client_id = {},
          .max_body = 1024 * 1024,
          .takes_keys = false,
          .keys = {}};
}

/// Who may call, as `world()` says.
struct Access {
  struct Principal {
    droplit::PrincipalKind is;
    [[nodiscard]] droplit::PrincipalKind kind() const noexcept { return is; }
  };
  [[nodiscard]] Principal authenticate(std::string_view token) const noexcept {
    using droplit::PrincipalKind;
    if (token == "account-token") return {PrincipalKind::account};
    if (token == "server-token") return {PrincipalKind::server};
    return {token == "client-token" || token == "user-token" ? PrincipalKind::other : PrincipalKind::none};
  }
  [[nodiscard]] bool authorize(Principal principal, droplit::EcosystemId id) const {
    return principal.is == droplit::PrincipalKind::account || id.text() != forbidden;
  }
};

/// Makes one id until it is given another.
struct OneId {
  std::uint32_t number = 0;
  [[nodiscard]] droplit::ClientId next(droplit::Timestamp) const noexcept {
    const auto byte = [this](int shift) { return static_cast<std::uint8_t>(number >> shift); };
    return droplit::ClientId({0, 0, 0, 0, 0, 0, 0, 0, byte(24), byte(16), byte(8), byte(0)});
  }
};

/// An endpoint over a store, with the ecosystems of `world()`.
template <class Storage>
struct Service {
  explicit Service(Storage& store, bool takes_keys = false)
      : storage(store), endpoint(storage, access, clock, ids, {.idempotency_keys = takes_keys}) {
    for (const std::string& id : {active, deleted, forbidden}) add(id);
    static_cast<void>(storage.delete_ecosystem(*droplit::EcosystemId::parse(deleted)));
  }
  void add(const std::string& id) { static_cast<void>(storage.add_ecosystem(*droplit::EcosystemId::parse(id))); }

  Storage& storage;
  Access access;
  droplit::FixedClock clock{*droplit::Timestamp::parse(created_at)};
  OneId ids;
  droplit::Endpoint<Storage, Access, droplit::FixedClock, OneId> endpoint;
};

inline droplit::Request to_library(const Request& request) {
  droplit::Request out{request.method, request.target, {}, request.body};
  for (const auto& [name, value] : request.fields) out.fields.add(name, value);
  return out;
}

/// The response in the model's form: fields by name, without those that are the connection's.
inline Response from_library(const droplit::Response& response) {
  Response out{response.status, {}, response.body};
  for (const droplit::HeaderField field : response.fields) {
    const std::string name = lower(std::string(field.name));
    if (name != "date" && name != "connection") out.fields.emplace_back(name, field.value);
  }
  std::sort(out.fields.begin(), out.fields.end());
  return out;
}

inline std::string shown(const Response& response) {
  std::string out = std::to_string(response.status);
  for (const auto& [name, value] : response.fields) out += "\n" + name + ": " + value;
  return out + "\n" + response.body;
}

}  // namespace model
