// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client.hpp"
#include "client_type.hpp"
#include "detail/json_text.hpp"
#include "error.hpp"
#include "id.hpp"
#include "timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace droplit {

namespace detail {

/// Short pieces of text put together before they are appended to a string at once.
class JsonPieces {
 public:
  template <std::size_t Size>
  JsonPieces& operator<<(const char (&text)[Size]) noexcept {
    std::memcpy(end_, text, Size - 1);
    end_ += Size - 1;
    return *this;
  }
  template <class Tag>
  JsonPieces& operator<<(Id<Tag> id) noexcept {
    end_ = id.write(end_);
    return *this;
  }
  JsonPieces& operator<<(Timestamp time) noexcept;
  JsonPieces& operator<<(ClientType type) noexcept {
    const std::string_view name = to_string(type);
    end_ += name.copy(end_, name.size());
    return *this;
  }

  void append_to(std::string& out) {
    out.append(text_, static_cast<std::size_t>(end_ - text_));
    end_ = text_;
  }

 private:
  char text_[160];  // the longest run of pieces that one string's end and another's beginning stand around
  char* end_ = text_;
};

// The text up to the second is that of the time before, mostly.
inline JsonPieces& JsonPieces::operator<<(Timestamp time) noexcept {
  constexpr std::size_t size_of_second = Timestamp::text_size - 4;
  struct Latest {
    std::int64_t second;
    char text[Timestamp::text_size];
  };
  thread_local Latest latest{0, {"1970-01-01T00:00:00.000"}};
  const std::int64_t millis = time.unix_millis();
  const std::int64_t second = millis / 1000;
  if (second != latest.second || millis < 0) {
    time.write(latest.text);
    latest.second = millis < 0 ? -1 : second;
  }
  std::memcpy(end_, latest.text, size_of_second);
  const auto rest = static_cast<unsigned>(millis - second * 1000 + (millis < 0 ? 1000 : 0)) % 1000;
  end_[size_of_second - 1] = '.';
  end_[size_of_second] = static_cast<char>('0' + rest / 100);
  end_[size_of_second + 1] = static_cast<char>('0' + rest / 10 % 10);
  end_[size_of_second + 2] = static_cast<char>('0' + rest % 10);
  end_[size_of_second + 3] = 'Z';
  end_ += Timestamp::text_size;
  return *this;
}

}  // namespace detail

/// Appends the body of a 201: one JSON object with the members in the order of the API's page, and `name` and
/// `description` only where they were given.
inline void append_json(std::string& out, const Client& client) {
  const auto size = [](const std::optional<Text>& text) { return text ? text->str().size() : 0; };
  out.reserve(out.size() + 192 + size(client.name()) + size(client.description()));
  detail::JsonPieces pieces;
  pieces << "{\"createdAt\":\"" << client.created_at();
  if (client.description()) {
    (pieces << "\",\"description\":\"").append_to(out);
    detail::append_json_text(out, client.description()->str());
  }
  pieces << "\",\"ecosystemId\":\"" << client.ecosystem_id() << "\",\"id\":\"" << client.id();
  if (client.name()) {
    (pieces << "\",\"name\":\"").append_to(out);
    detail::append_json_text(out, client.name()->str());
  }
  (pieces << "\",\"type\":\"" << client.type() << "\"}").append_to(out);
}

/// Appends the `InvalidParams` body of a 400, one entry for each violation; of an error whose row says so, since the
/// others have no such body.
inline void append_json(std::string& out, const ApiError& error) {
  std::size_t size = out.size() + 64;
  for (const Violation violation : error.violations()) size += violation.message.size() + 64;
  out.reserve(size);
  out += "{\"errorType\":\"InvalidParams\",\"errors\":[";
  bool first = true;
  for (const Violation violation : error.violations()) {
    out.append(first ? "{\"in\":\"" : ",{\"in\":\"").append(to_string(violation.place)).append("\",\"message\":");
    detail::append_json_string(out, violation.message);
    out.append(",\"path\":\"").append(to_string(violation.field)).append("\"}");
    first = false;
  }
  out += "]}";
}

template <class T>
requires requires(std::string& out, const T& value) { append_json(out, value); }
std::string to_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace droplit
