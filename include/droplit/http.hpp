// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A header field, as views: the name without case, the value without the spaces around it.
struct HeaderField {
  std::string_view name;
  std::string_view value;
};

namespace detail {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i != a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

/// Whether `text` is `constant`, which the compiler knows: a comparison that is compiled in place.
constexpr bool is_exactly(std::string_view text, std::string_view constant) noexcept {
  return text.size() == constant.size() &&
         std::char_traits<char>::compare(text.data(), constant.data(), constant.size()) == 0;
}

/// `tchar` of RFC 9110, section 5.6.2.
constexpr bool is_token_character(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_token_character(c)) return false;
  }
  return !text.empty();
}

/// `text` without the spaces and tabs around it.
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Lines of a head that are right, each with its CR LF, since this library wrote them.
struct WrittenLines {
  std::string_view text;
};

}  // namespace detail

/// Header fields in order, kept as the very lines of HTTP/1.1: `name: value` CR LF, and so on.
///
/// Nothing that would break a line gets in. Adding a field invalidates iterators and views of the fields.
class HeaderFields {
 public:
  /// Adds a field; false, and nothing added, if the name is not a token or the value has a control character other than
  /// a tab. Name and value may be views of these fields.
  bool add(std::string_view name, std::string_view value) {
    if (!detail::is_token(name)) return false;
    for (const char c : value) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7F') return false;
    }
    value = detail::trim(value);
    const auto append_to = [name, value](std::string& lines) {
      lines.append(name).append(": ").append(value).append("\r\n");
    };
    const std::size_t size = lines_.size() + name.size() + value.size() + 4;
    if (size <= lines_.capacity()) {
      append_to(lines_);
    } else {
      std::string longer;  // the old lines stay meanwhile, for views of them
      longer.reserve(size < 2 * lines_.size() ? 2 * lines_.size() : size);
      append_to(longer.append(lines_));
      lines_ = std::move(longer);
    }
    return true;
  }

  void add(detail::WrittenLines lines) { lines_ += lines.text; }

  void clear() noexcept { lines_.clear(); }

  /// Makes room for `size` characters of lines.
  void reserve(std::size_t size) { lines_.reserve(size); }

  /// All fields as lines, each ended by CR LF; an empty text if there is none.
  [[nodiscard]] std::string_view lines() const& noexcept { return lines_; }
  [[nodiscard]] std::string lines() const&& { return lines_; }

  class Iterator {
   public:
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::string_view rest) noexcept : rest_(rest) {}

    HeaderField operator*() const noexcept {
      const std::size_t colon = rest_.find(':');
      return {rest_.substr(0, colon), rest_.substr(colon + 2, rest_.find('\r') - colon - 2)};
    }
    Iterator& operator++() noexcept {
      rest_.remove_prefix(rest_.find('\n') + 1);
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const noexcept { return rest_.size() == other.rest_.size(); }

   private:
    std::string_view rest_;
  };

  [[nodiscard]] Iterator begin() const& noexcept { return Iterator(lines_); }
  [[nodiscard]] Iterator end() const& noexcept { return Iterator(); }
  Iterator begin() const&& = delete;
  Iterator end() const&& = delete;

  /// How many fields have this name, compared without case.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept {
    std::size_t number = 0;
    for (const HeaderField field : *this) {
      if (detail::equals_ignoring_case(field.name, name)) ++number;
    }
    return number;
  }

  /// The value of the first field with this name, compared without case; empty if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const& noexcept {
    for (const HeaderField field : *this) {
      if (detail::equals_ignoring_case(field.name, name)) return field.value;
    }
    return {};
  }
  [[nodiscard]] std::string get(std::string_view name) const&& { return std::string(get(name)); }

  bool operator==(const HeaderFields&) const = default;

 private:
  std::string lines_;
};

/// A whole HTTP request.
struct Request {
  std::string method;
  std::string target;
  HeaderFields fields;
  std::string body;

  bool operator==(const Request&) const = default;
};

/// A whole HTTP answer, `content-length` included.
struct Response {
  int status = 0;
  HeaderFields fields;
  std::string body;
  bool close =
      false;  ///< the connection must not serve another request; a hint to the server, not on the wire by itself

  bool operator==(const Response&) const = default;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
