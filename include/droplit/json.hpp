// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/error.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/timestamp.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/text.hpp>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Appends the body of a 201: a JSON object with the members of `client_members`, a text only if it was given.
void append_json(std::string& out, const Client& client);

/// Appends the `InvalidParams` body of a 400, one entry for each violation. Only errors whose row has entries have it.
void append_json(std::string& out, const ApiError& error);

/// The text that `append_json` appends.
template <class T>
requires requires(std::string& out, const T& value) { append_json(out, value); }
std::string to_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

#if defined(DROPLIT_DETAIL_DEFINES)

namespace detail {

/// A text and its size between the quotes of a JSON string; an absent one is empty.
struct JsonText {
  explicit JsonText(std::string_view given) noexcept : text(given), size(json_text_size(text)) {}
  explicit JsonText(const std::optional<Text>& given) noexcept
      : JsonText(given ? std::string_view(given->str()) : std::string_view()) {}

  std::string_view text;
  std::size_t size;
};

/// Writes texts one after the other into memory that is large enough.
class JsonWriter {
 public:
  explicit JsonWriter(char* out) noexcept : out_(out) {}

  JsonWriter& operator<<(std::string_view plain) noexcept {
    std::memcpy(out_, plain.data(), plain.size());
    out_ += plain.size();
    return *this;
  }
  template <class Tag>
  JsonWriter& operator<<(Id<Tag> id) noexcept {
    out_ = id.write(out_);
    return *this;
  }
  JsonWriter& operator<<(const JsonText& text) noexcept {
    if (text.size == text.text.size()) return *this << text.text;
    out_ = write_json_text(out_, text.text);
    return *this;
  }

  // Usually the text up to the second is the same as in the call before.
  JsonWriter& operator<<(Timestamp time) noexcept {
    constexpr std::size_t up_to_second = Timestamp::text_size - 4;
    struct Latest {
      std::int64_t second;
      char text[Timestamp::text_size + 1];
    };
    thread_local Latest latest{0, "1970-01-01T00:00:00.000Z"};
    const std::int64_t millis = time.unix_millis();
    if (millis < 0 || millis / 1000 != latest.second) {
      time.write(latest.text);
      latest.second = millis < 0 ? -1 : millis / 1000;
    }
    const auto rest = static_cast<unsigned>((millis % 1000 + 1000) % 1000);
    std::memcpy(out_, latest.text, up_to_second);
    out_[up_to_second] = static_cast<char>('0' + rest / 100);
    out_[up_to_second + 1] = static_cast<char>('0' + rest / 10 % 10);
    out_[up_to_second + 2] = static_cast<char>('0' + rest % 10);
    out_[up_to_second + 3] = 'Z';
    out_ += Timestamp::text_size;
    return *this;
  }

  [[nodiscard]] const char* end() const noexcept { return out_; }

 private:
  char* out_;
};

// What precedes a member's string: the end of the member before it, and its name.
template <std::size_t I>
inline constexpr auto member_opening = [] {
  constexpr std::string_view before = I == 0 ? "{\"" : "\",\"";
  constexpr std::string_view name = client_members[I].name;
  constexpr std::string_view after = "\":\"";
  std::array<char, before.size() + name.size() + after.size()> text{};
  before.copy(text.data(), before.size());
  name.copy(text.data() + before.size(), name.size());
  after.copy(text.data() + before.size() + name.size(), after.size());
  return text;
}();

template <std::size_t I>
void write_member(JsonWriter& json, const Client& client, const std::array<JsonText, text_count>& texts) noexcept {
  constexpr ClientMemberRow row = client_members[I];
  constexpr std::string_view opening(member_opening<I>.data(), member_opening<I>.size());
  if constexpr (row.member == ClientMember::created_at) {
    json << opening << client.created_at();
  } else if constexpr (row.member == ClientMember::id) {
    json << opening << client.id();
  } else if constexpr (field_row(row.field).kind == FieldKind::ecosystem_id) {
    json << opening << client.ecosystem_id();
  } else if constexpr (field_row(row.field).kind == FieldKind::client_type) {
    json << opening << to_string(client.type());
  } else if (client.text(row.field)) {
    json << opening << texts[text_index(row.field)];
  }
}

// The maximum size of a 201's body without its texts.
template <std::size_t... I>
consteval std::size_t most_but_texts(std::index_sequence<I...>) {
  return (member_opening<I>.size() + ...) + Timestamp::text_size + EcosystemId::max_size + ClientId::max_size + 16;
}

template <std::size_t... I, std::size_t... T>
void append_client(std::string& out, const Client& client, std::index_sequence<I...> members,
                   std::index_sequence<T...>) {
  const std::array<JsonText, text_count> texts{JsonText(client.texts()[T])...};
  const std::size_t before = out.size();
  out.resize(before + most_but_texts(members) + (texts[T].size + ...));
  JsonWriter json(out.data() + before);
  (write_member<I>(json, client, texts), ...);
  json << "\"}";
  out.resize(static_cast<std::size_t>(json.end() - out.data()));
}

}  // namespace detail

DROPLIT_DETAIL_INLINE void append_json(std::string& out, const Client& client) {
  detail::append_client(out, client, std::make_index_sequence<client_members.size()>(),
                        std::make_index_sequence<detail::text_count>());
}

DROPLIT_DETAIL_INLINE void append_json(std::string& out, const ApiError& error) {
  constexpr std::size_t most_but_messages = 64;  // in an entry, and around them
  std::size_t size = most_but_messages;
  for (const Violation violation : error.violations()) {
    size += most_but_messages + detail::json_text_size(violation.message);
  }
  const std::size_t before = out.size();
  out.resize(before + size);
  detail::JsonWriter json(out.data() + before);
  json << "{\"errorType\":\"InvalidParams\",\"errors\":[";
  bool first = true;
  for (const Violation violation : error.violations()) {
    if (!first) json << ",";
    first = false;
    json << "{\"in\":\"" << to_string(violation.location) << "\",\"message\":\"" << detail::JsonText(violation.message)
         << "\",\"path\":\"" << to_string(violation.field) << "\"}";
  }
  json << "]}";
  out.resize(static_cast<std::size_t>(json.end() - out.data()));
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
