// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A connection of the server as an independent model: all bytes that a peer sent in, all responses out. It reads RFC
// 9112 as strictly as docs/server.md says, from the whole text at once.
#pragma once

#include "contract.hpp"
#include "host.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace model {

/// A response, and how it is sent.
struct Sent {
  Response response;
  bool closes = false;
  bool keep_alive = false;  ///< says so, to a client of HTTP/1.0
  bool with_body = true;
};

/// Why no more bytes come: the peer has ended its side, or time has run out.
enum class Ending { end, time };

/// The status of a refusal, or 0 for none.
using Status = int;

class Connection {
 public:
  static constexpr int max_empty_lines = 4;
  static constexpr std::size_t max_fields = 100;
  static constexpr std::size_t max_trailers = 32;

  /// `Ids` sets the world's next id before the response number `n` is made, counted from 0.
  template <class Ids>
  static std::vector<Sent> serve(World& world, std::string_view wire, std::size_t max_head, Ending ending, Ids set_id) {
    Connection connection(world, wire, max_head, ending);
    do {
      set_id(connection.sent_.size());
    } while (connection.serve_one());
    return connection.sent_;
  }

 private:
  struct Head {
    Request request = {};
    bool http_1_0 = false;
    bool chunked = false;
    bool close = false;
    bool keep_alive = false;
    bool expects = false;
    std::optional<std::uint64_t> length = {};
  };

  Connection(World& world, std::string_view wire, std::size_t max_head, Ending ending)
      : world_(world), rest_(wire), max_head_(max_head), cut_(ending == Ending::end ? 400 : 408) {}

  // False once the connection has ended.
  bool serve_one() {
    int empty_lines = 0;
    for (; empty_lines != max_empty_lines && rest_.starts_with("\r\n"); ++empty_lines) rest_.remove_prefix(2);
    if (rest_.empty() || (rest_ == "\r" && empty_lines != max_empty_lines)) return false;
    std::size_t size = 0;
    if (const Status status = find_head(size); status != 0) return refuse(status);
    Head head;
    if (const Status status = read_head(rest_.substr(0, size), head); status != 0) return refuse(status);
    rest_.remove_prefix(size);

    const bool too_long = head.length.value_or(0) > world_.max_body;
    if (too_long) head.request.body.assign(world_.max_body + 1, ' ');
    if (const auto refusal = refused_by_head(world_, head.request)) {
      const bool has_body = head.chunked || head.length.value_or(0) != 0;
      const bool at_once = refusal->status == 400 || refusal->status == 413;
      if (at_once || (has_body && (head.expects || too_long))) return send(head, *refusal, true);
      std::string dropped;
      const Status status = read_body(head, dropped);
      if (status == 413) return send(head, *refusal, true);
      return status != 0 ? refuse(status) : send(head, *refusal, false);
    }
    if (const Status status = read_body(head, head.request.body); status != 0) return refuse(status);
    return send(head, respond(world_, head.request), false);
  }

  bool send(const Head& head, const Response& response, bool closes) {
    closes = closes || head.close || (head.http_1_0 && !head.keep_alive);
    sent_.push_back({response, closes, head.http_1_0 && !closes, head.request.method != "HEAD"});
    return !closes;
  }

  bool refuse(Status status) {
    sent_.push_back({empty(status), true, false, true});
    return false;
  }

  static bool is_visible(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; }
  static bool is_in_value(char c) { return is_visible(c) || c == ' ' || c == '\t'; }
  static bool is_token(std::string_view text) {
    for (const char c : text) {
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!is_letter && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return false;
    }
    return !text.empty();
  }

  // The size of the head, its empty line included.
  Status find_head(std::size_t& size) const {
    std::size_t line = 0;
    for (std::size_t i = 0; i != rest_.size(); ++i) {
      if (i == max_head_) {
        if (line != 0) return 431;
        const std::string_view method = rest_.substr(0, rest_.substr(0, i).find(' '));
        return method.size() < i && is_token(method) ? 414 : 400;
      }
      const char c = rest_[i];
      const bool after_cr = i != 0 && rest_[i - 1] == '\r';
      if (after_cr ? c != '\n' : !is_in_value(c) && c != '\r') return 400;
      if (c != '\n') continue;
      const std::string_view text = rest_.substr(line, i - 1 - line);
      size = i + 1;
      if (text.empty()) return 0;
      if (line == 0 && (text.size() <= 9 || text.substr(text.size() - 9, 8) != " HTTP/1.")) return 400;
      line = i + 1;
    }
    return cut_;
  }

  static std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(line.size() + 2);
    return line;
  }

  static Status read_head(std::string_view text, Head& head) {
    const std::string_view start = take_line(text);
    const std::size_t first = start.find(' ');
    const std::size_t last = start.rfind(' ');
    if (first == std::string_view::npos || first == last || !is_token(start.substr(0, first))) return 400;
    const std::string target(start.substr(first + 1, last - first - 1));
    if (target.empty() || target.find_first_of(" \t") != std::string::npos) return 400;
    const std::string_view version = start.substr(last + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/1.") || version[7] < '0' || version[7] > '9') return 400;
    head.http_1_0 = version[7] == '0';
    head.request.method = start.substr(0, first);
    head.request.target = in_origin_form(target);

    std::size_t hosts = 0;
    bool is_bad_length = false;
    std::size_t fields = 0;
    for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
      if (++fields > max_fields) return 431;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return 400;
      const std::string name = lower(std::string(line.substr(0, colon)));
      const std::string value = trimmed(std::string(line.substr(colon + 1)));
      head.request.fields.emplace_back(name, value);
      if (name == "host") {
        if (++hosts > 1 || !Host::is_valid(value)) return 400;
      } else if (name == "transfer-encoding") {
        if (head.chunked || lower(value) != "chunked") return 400;
        head.chunked = true;
      } else if (name == "connection") {
        std::size_t begin = 0;
        while (begin <= value.size()) {
          const std::size_t end = std::min(value.find(',', begin), value.size());
          const std::string option = lower(trimmed(value.substr(begin, end - begin)));
          if (option == "close") head.close = true;
          if (option == "keep-alive") head.keep_alive = true;
          begin = end + 1;
        }
      } else if (name == "expect") {
        if (lower(value) == "100-continue") head.expects = true;
      } else if (name == "content-length") {
        const auto length = number(value);
        if (!length || head.length.value_or(*length) != *length) is_bad_length = true;
        if (length) head.length = length;
      }
    }
    if (hosts == 0 && !head.http_1_0) return 400;
    if (is_bad_length || (head.chunked && (head.length || head.http_1_0))) return 400;
    if (head.http_1_0) head.expects = false;
    return 0;
  }

  // A target that is malformed becomes `#`, which is so in any form.
  static std::string in_origin_form(const std::string& target) {
    for (const std::string scheme : {"http://", "https://"}) {
      if (lower(target.substr(0, scheme.size())) != scheme) continue;
      const std::size_t end = std::min(target.find_first_of("/?", scheme.size()), target.size());
      if (!Host::is_valid(target.substr(scheme.size(), end - scheme.size()))) return "#";
      return target.substr(end);
    }
    return target;
  }

  static std::optional<std::uint64_t> number(const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
      const auto digit = static_cast<std::uint64_t>(c - '0');
      if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
      value = value * 10 + digit;
    }
    return value;
  }

  Status read_body(const Head& head, std::string& body) {
    if (head.chunked) return read_chunks(body);
    const std::uint64_t length = head.length.value_or(0);
    if (length > rest_.size()) return cut_;
    body = rest_.substr(0, static_cast<std::size_t>(length));
    rest_.remove_prefix(body.size());
    return 0;
  }

  // One byte, or the status that ends the connection for the lack of it.
  Status take(char& c) {
    if (rest_.empty()) return cut_;
    c = rest_.front();
    rest_.remove_prefix(1);
    return 0;
  }
  Status expect(char wanted) {
    char c = 0;
    if (const Status status = take(c); status != 0) return status;
    return c == wanted ? 0 : 400;
  }

  Status read_chunks(std::string& body) {
    for (;;) {
      std::uint64_t size = 0;
      if (const Status status = read_chunk_head(size); status != 0) return status;
      if (size == 0) return read_trailers();
      if (size > world_.max_body - body.size()) return 413;
      if (size > rest_.size()) return cut_;
      body += rest_.substr(0, static_cast<std::size_t>(size));
      rest_.remove_prefix(static_cast<std::size_t>(size));
      if (const Status status = expect('\r'); status != 0) return status;
      if (const Status status = expect('\n'); status != 0) return status;
    }
  }

  // chunk-size *( ";" token [ "=" ( token / quoted-string ) ] ) CRLF
  Status read_chunk_head(std::uint64_t& size) {
    char c = 0;
    for (int digits = 0;; ++digits) {
      if (const Status status = take(c); status != 0) return status;
      const std::size_t value = std::string_view("0123456789abcdef").find(lower(std::string(1, c))[0]);
      if (value == std::string_view::npos) {
        if (digits == 0 || (c != ';' && c != '\r')) return 400;
        break;
      }
      if (digits == 16) return 400;
      size = size * 16 + value;
    }
    while (c == ';') {
      if (const Status status = read_token(c); status != 0) return status;
      if (c != '=') continue;
      if (!rest_.starts_with('"')) {
        if (const Status status = read_token(c); status != 0) return status;
        if (c == '=') return 400;
        continue;
      }
      rest_.remove_prefix(1);
      for (;;) {
        if (const Status status = take(c); status != 0) return status;
        if (c == '"') break;
        if (!is_in_value(c)) return 400;
        if (c != '\\') continue;
        if (const Status status = take(c); status != 0) return status;
        if (!is_in_value(c)) return 400;
      }
      if (const Status status = take(c); status != 0) return status;
    }
    return c == '\r' ? expect('\n') : 400;
  }

  // A token, and the character after it.
  Status read_token(char& after) {
    for (bool first = true;; first = false) {
      if (const Status status = take(after); status != 0) return status;
      if (is_token(std::string_view(&after, 1))) continue;
      return first ? 400 : 0;
    }
  }

  Status read_trailers() {
    for (std::size_t trailers = 0;; ++trailers) {
      char c = 0;
      if (rest_.starts_with('\r')) {
        rest_.remove_prefix(1);
        return expect('\n');
      }
      if (!rest_.empty() && trailers == max_trailers) return 400;
      if (const Status status = read_token(c); status != 0) return status;
      if (c != ':') return 400;
      do {
        if (const Status status = take(c); status != 0) return status;
      } while (is_in_value(c));
      if (c != '\r') return 400;
      if (const Status status = expect('\n'); status != 0) return status;
    }
  }

  World& world_;
  std::string_view rest_;
  std::size_t max_head_;
  Status cut_;
  std::vector<Sent> sent_;
};

}  // namespace model
