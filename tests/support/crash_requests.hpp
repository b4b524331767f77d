// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What tests that kill a droplit-server create through it.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/client_type.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace test {

inline constexpr std::size_t lanes = 8;  ///< connections

/// A text that only this request has: seldom absent, empty or long, else of odd pieces.
inline std::optional<droplit::Text> description_of(std::size_t lane, std::size_t number) {
  static const std::array<std::string_view, 8> pieces{
      "Lobby panel", "\"\\", "\n\x01\x7F", "\xC3\xA9", "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "e\xCC\x81", "'); --"};
  if (number % 11 == 3) return std::nullopt;
  std::minstd_rand random(static_cast<unsigned>(1 + number * lanes + lane));
  std::string text;
  for (auto n = number % 11 == 7 ? 0 : number % 97 == 5 ? 3000 + random() % 9000 : random() % 12; n != 0; --n) {
    text += pieces[random() % pieces.size()];
  }
  return droplit::Text::parse(std::move(text));
}

/// The request `number` of a lane; its name contains the number.
inline droplit::ClientDraft draft_of(std::size_t lane, std::size_t number, droplit::EcosystemId ecosystem) {
  return {ecosystem, number % 2 == 0 ? droplit::ClientType::server : droplit::ClientType::application,
          droplit::Text::parse("\xC3\xBC" + std::to_string(lane) + "-" + std::to_string(number)),
          description_of(lane, number)};
}

inline std::optional<std::pair<std::size_t, std::size_t>> lane_and_number(std::string_view name) {
  std::size_t lane = 0;
  std::size_t number = 0;
  if (!name.starts_with("\xC3\xBC")) return std::nullopt;
  const char* const end = name.data() + name.size();
  const auto first = std::from_chars(name.data() + 2, end, lane);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, number);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return std::pair(lane, number);
}

inline droplit::Client as_client(const droplit::ClientDraft& draft, droplit::ClientId id,
                                 droplit::Timestamp created_at) {
  return {id, created_at, draft.ecosystem_id(), draft.type(), draft.name(), draft.description()};
}

}  // namespace test
