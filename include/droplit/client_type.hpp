// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a client is (source: the API's page "Create a client"). Every value of the underlying type is one of them.
enum class ClientType : bool { application, server };

/// The wire names, in the order of the enumerators and of the API's error message.
inline constexpr std::array<std::string_view, 2> client_type_names{"application", "server"};

/// The word on the wire.
constexpr std::string_view to_string(ClientType type) noexcept {
  return client_type_names[static_cast<std::size_t>(type)];
}

/// The type with this wire name, exact case, or nothing.
constexpr std::optional<ClientType> parse_client_type(std::string_view name) noexcept {
  for (std::size_t i = 0; i != client_type_names.size(); ++i) {
    if (client_type_names[i] == name) return static_cast<ClientType>(i);
  }
  return std::nullopt;
}

template <>
struct detail::Print<ClientType> : PrintName<ClientType> {};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
