// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client_type.hpp"
#include "detail/config.hpp"
#include "id.hpp"
#include "text.hpp"
#include "timestamp.hpp"

#include <optional>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A client that was created: what the API answers with a 201.
///
/// A name or description that was not given is absent, which differs from an empty one.
class Client {
 public:
  Client(ClientId id, Timestamp created_at, EcosystemId ecosystem_id, ClientType type, std::optional<Text> name = {},
         std::optional<Text> description = {}) noexcept
      : name_(std::move(name)),
        description_(std::move(description)),
        created_at_(created_at),
        id_(id),
        ecosystem_id_(ecosystem_id),
        type_(type) {}

  [[nodiscard]] ClientId id() const noexcept { return id_; }
  [[nodiscard]] Timestamp created_at() const noexcept { return created_at_; }
  [[nodiscard]] EcosystemId ecosystem_id() const noexcept { return ecosystem_id_; }
  [[nodiscard]] ClientType type() const noexcept { return type_; }
  [[nodiscard]] const std::optional<Text>& name() const& noexcept { return name_; }
  [[nodiscard]] const std::optional<Text>& description() const& noexcept { return description_; }
  [[nodiscard]] std::optional<Text> name() && noexcept { return std::move(name_); }
  [[nodiscard]] std::optional<Text> description() && noexcept { return std::move(description_); }

  bool operator==(const Client&) const = default;

 private:
  std::optional<Text> name_;
  std::optional<Text> description_;
  Timestamp created_at_;
  ClientId id_;
  EcosystemId ecosystem_id_;
  ClientType type_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
