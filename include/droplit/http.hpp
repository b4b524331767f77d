// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fault.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A header field, as views: the name without case, the value without the spaces around it.
struct HeaderField {
  std::string_view name;   ///< a token of RFC 9110
  std::string_view value;  ///< without the spaces around it
};

namespace detail {
struct WrittenLines;
}

/// Header fields in order, kept as the lines of HTTP/1.1: `name: value` CR LF, and so on.
///
/// What would break a line is refused. Adding a field invalidates iterators and views of the fields.
class HeaderFields {
 public:
  /// Adds a field; false, and nothing added, if the name is not a token or the value has a control character other than
  /// a tab. Name and value may be views of these fields.
  bool add(std::string_view name, std::string_view value) {
    if (!detail::is_token(name) || !detail::all_of(value, detail::is_field_character)) return false;
    value = detail::trim(value);
    const std::size_t size = lines_.size() + name.size() + value.size() + 4;
    if (size <= lines_.capacity()) {
      append_to(lines_, name, value);
    } else {  // name and value may be views of `lines_`
      std::string longer;
      longer.reserve(size + lines_.size());
      longer = lines_;
      append_to(longer, name, value);
      lines_.swap(longer);
    }
    return true;
  }

  /// Removes all fields; the memory is kept.
  void clear() noexcept { lines_.clear(); }

  /// Makes room for `size` characters of lines.
  void reserve(std::size_t size) { lines_.reserve(size); }

  /// All fields as lines, each ended by CR LF; an empty text if there is none.
  [[nodiscard]] std::string_view lines() const& noexcept { return lines_; }
  [[nodiscard]] std::string lines() const&& { return lines_; }

  /// A position among the fields, which is a `std::forward_iterator` and valid until they change.
  class Iterator {
   public:
    ///@{
    /// As the standard says of a forward iterator.
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
    ///@}

    /// Whether the field has this name, compared without case. Costs less than to ask the field.
    [[nodiscard]] bool has_name(std::string_view name) const noexcept {
      return rest_.size() > name.size() && rest_[name.size()] == ':' &&
             detail::equals_ignoring_case(rest_.substr(0, name.size()), name);
    }

   private:
    std::string_view rest_;
  };

  [[nodiscard]] Iterator begin() const& noexcept { return Iterator(lines_); }  ///< the first field
  [[nodiscard]] Iterator end() const& noexcept { return Iterator(); }          ///< after the last field
  Iterator begin() const&& = delete;
  Iterator end() const&& = delete;

  /// How many fields have this name, compared without case.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept {
    std::size_t number = 0;
    for (Iterator at = begin(); at != end(); ++at) {
      if (at.has_name(name)) ++number;
    }
    return number;
  }

  /// The value of the first field with this name, compared without case; empty if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const& noexcept {
    for (Iterator at = begin(); at != end(); ++at) {
      if (at.has_name(name)) return (*at).value;
    }
    return {};
  }
  [[nodiscard]] std::string get(std::string_view name) const&& { return std::string(get(name)); }

  bool operator==(const HeaderFields&) const = default;

 private:
  friend struct detail::WrittenLines;

  static void append_to(std::string& lines, std::string_view name, std::string_view value) {
    lines.append(name).append(": ").append(value).append("\r\n");
  }

  std::string lines_;
};

struct detail::WrittenLines {
  /// Adds valid lines, each with its CR LF, that this library wrote.
  static void add(HeaderFields& fields, std::string_view lines) { fields.lines_ += lines; }
};

/// A whole HTTP request.
struct Request {
  std::string method;   ///< such as `POST`
  std::string target;   ///< the path, and a `?` with the query if there is one
  HeaderFields fields;  ///< in the order on the wire
  std::string body;     ///< decoded from its transfer coding

  bool operator==(const Request&) const = default;
};

/// A whole HTTP response, `content-length` included.
struct Response {
  int status = 0;       ///< the three digits, 200 to 599
  HeaderFields fields;  ///< in the order on the wire
  std::string body;     ///< decoded from its transfer coding
  /// The connection must not serve another request: a hint to the server, which writes `connection: close`.
  bool close = false;
  ///@{
  /// The code or the failure that `write_response` wrote it from, for an `Observer`. Never sent, and not compared.
  std::optional<ApiErrc> code = {};
  std::optional<Fault> fault = {};
  ///@}

  /// Compares what is sent.
  bool operator==(const Response& other) const noexcept {
    return status == other.status && fields == other.fields && body == other.body && close == other.close;
  }
};

template <>
struct detail::Print<HeaderField> {
  static void append(std::string& out, const HeaderField& field) {
    append_escaped(out, field.name);
    out += ": ";
    for (const std::string_view secret : {"authorization", "proxy-authorization", "cookie", "set-cookie"}) {
      if (equals_ignoring_case(field.name, secret)) {
        out += "(not printed)";
        return;
      }
    }
    append_escaped(out, field.value);
  }
};

template <>
struct detail::Print<HeaderFields> {
  static void append(std::string& out, const HeaderFields& fields) {
    PrintedMembers members(out, "");
    for (const HeaderField field : fields) members.add("", field);
    members.end();
  }
};

template <>
struct detail::Print<Request> {
  static void append(std::string& out, const Request& request) {
    append_escaped(out += "Request{", request.method);
    append_escaped(out += ' ', request.target);
    append_printed(out += ' ', request.fields);
    append_quoted(out += ' ', request.body);
    out += '}';
  }
};

template <>
struct detail::Print<Response> {
  static void append(std::string& out, const Response& response) {
    out.append("Response{").append(std::to_string(response.status));
    append_printed(out += ' ', response.fields);
    append_quoted(out += ' ', response.body);
    out += response.close ? " close}" : "}";
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
