// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The job that every peer does: a body in, the four fields or all that is wrong with them out; and a response written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace job {

/// One entry of a 400, in static text.
struct Entry {
  std::string_view in;
  std::string_view message;
  std::string_view path;

  bool operator==(const Entry&) const = default;
};

using Id = std::array<std::uint8_t, 12>;

/// What a reader makes of a body: the fields, or, if there are errors, only those.
struct Reading {
  Id ecosystem_id{};
  bool server = false;
  std::optional<std::string> name;
  std::optional<std::string> description;
  std::vector<Entry> errors;

  bool operator==(const Reading&) const = default;
};

/// What a 201 tells.
struct Created {
  Id id{};
  Id ecosystem_id{};
  std::int64_t unix_millis = 0;
  bool server = false;
  std::optional<std::string> name;
  std::optional<std::string> description;

  bool operator==(const Created&) const = default;
};

/// A member of the body as a peer found it.
struct Member {
  enum class Kind : std::uint8_t { absent, text, other };  // null counts as absent
  Kind kind = Kind::absent;
  std::string_view text = {};
};

inline constexpr std::array<std::string_view, 4> names{"ecosystemId", "type", "name", "description"};

inline constexpr std::string_view required = "field is required";
inline constexpr std::string_view wrong_type = "field must be one of the following values: application, server";
inline constexpr std::string_view not_text = "expected field to be a string";
inline constexpr std::string_view wrong_characters = "contains characters that are not allowed";

inline constexpr std::array<std::int8_t, 256> hex_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i != 10; ++i) values[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i != 6; ++i) {
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    values[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return values;
}();

/// Decodes 24 hex digits by a table of bytes.
inline bool parse_hex(std::string_view digits, Id& out) noexcept {
  int bad = 0;
  for (std::size_t i = 0; i != 12; ++i) {
    const int high = hex_values[static_cast<unsigned char>(digits[2 * i])];
    const int low = hex_values[static_cast<unsigned char>(digits[2 * i + 1])];
    bad |= high | low;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return bad >= 0;
}

inline bool parse_ecosystem_id(std::string_view text, Id& out) noexcept {
  return text.size() == 25 && text[0] == 'C' && parse_hex(text.substr(1), out);
}

/// The body is not one that can be read.
inline Reading unreadable() {
  Reading out;
  out.errors = {{"body", required, names[0]}, {"body", required, names[1]}};
  return out;
}

/// The rules of the four fields, in the order of `names`, which every peer shares that checks by hand.
inline Reading judge(const std::array<Member, 4>& members) {
  using Kind = Member::Kind;
  Reading out;
  const auto refuse = [&out](std::string_view message, std::size_t i) {
    out.errors.push_back({"body", message, names[i]});
  };
  if (members[0].kind == Kind::absent) {
    refuse(required, 0);
  } else if (members[0].kind == Kind::other || !parse_ecosystem_id(members[0].text, out.ecosystem_id)) {
    refuse("invalid id", 0);
  }
  out.server = members[1].text == "server";
  if (members[1].kind == Kind::absent) {
    refuse(required, 1);
  } else if (!out.server && members[1].text != "application") {
    refuse(wrong_type, 1);
  }
  const auto take = [&](std::size_t i, std::optional<std::string>& to) {
    if (members[i].kind == Kind::other) return refuse(not_text, i);
    if (members[i].kind == Kind::absent) return;
    if (members[i].text.find('\0') != std::string_view::npos) return refuse(wrong_characters, i);
    to.emplace(members[i].text);
  };
  take(2, out.name);
  take(3, out.description);
  return out;
}

/// A short text in place, so that no peer pays for a string of ours.
class Short {
 public:
  void push_back(char c) noexcept { text_[size_++] = c; }
  operator std::string_view() const noexcept { return {text_.data(), size_}; }  // NOLINT

 private:
  std::array<char, 25> text_{};
  std::size_t size_ = 0;
};

inline Short hex(const Id& id, bool with_letter = false) noexcept {
  Short out;
  if (with_letter) out.push_back('C');
  for (const std::uint8_t byte : id) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

/// `2018-02-28T15:16:58.941Z`; the C library takes the date apart.
inline Short iso8601(std::int64_t unix_millis) noexcept {
  const std::time_t seconds = unix_millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  Short out;
  const auto digits = [&out](std::int64_t value, int count, char after) {
    for (std::int64_t unit = count == 4 ? 1000 : count == 3 ? 100 : 10; unit != 0; unit /= 10) {
      out.push_back(static_cast<char>('0' + value / unit % 10));
    }
    out.push_back(after);
  };
  digits(parts.tm_year + 1900, 4, '-');
  digits(parts.tm_mon + 1, 2, '-');
  digits(parts.tm_mday, 2, 'T');
  digits(parts.tm_hour, 2, ':');
  digits(parts.tm_min, 2, ':');
  digits(parts.tm_sec, 2, '.');
  digits(unix_millis % 1000, 3, 'Z');
  return out;
}

/// The compiler must take `value` for used.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

/// A reader of bodies behind function pointers, so that all are called alike.
struct Reader {
  std::string_view name;
  bool limits_depth;  ///< refuses W8; otherwise it takes any depth
  void (*run)(std::string_view body);
  Reading (*tell)(std::string_view body);
};

/// A writer of responses behind function pointers, into a string that is used again.
struct Writer {
  std::string_view name;
  void (*created)(std::string& out, const Created& created);
  void (*refused)(std::string& out, const std::vector<Entry>& errors);
};

/// The one instance of a peer, which keeps its parser and buffers from call to call.
template <class Peer>
inline Peer instance;

/// A peer as a `Reader`. It has `name`, `limits_depth` and `Reading read(std::string_view)`.
template <class Peer>
Reader reader() {
  return {Peer::name, Peer::limits_depth,
          [](std::string_view body) {
            const Reading reading = instance<Peer>.read(body);
            keep(reading);
          },
          [](std::string_view body) { return instance<Peer>.read(body); }};
}

/// A peer as a `Writer`. It has `write(out, created)` and `write(out, errors)`, which clear `out` first.
template <class Peer>
Writer writer(std::string_view name = Peer::name) {
  return {name, [](std::string& out, const Created& created) { instance<Peer>.write(out, created); },
          [](std::string& out, const std::vector<Entry>& errors) { instance<Peer>.write(out, errors); }};
}

}  // namespace job
