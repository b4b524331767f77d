// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A JSON reader for the model: RFC 8259, slow and obvious. It shares no code with the library.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace model {

/// A JSON value. Members are kept in order, repeated ones too.
struct Json {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  std::string text = {};  ///< of a string, UTF-8
  std::vector<Json> items = {};
  std::vector<std::pair<std::string, Json>> members = {};
};

/// The code points of `bytes`; nothing if they are not UTF-8 (Unicode, table 3-7).
inline std::optional<std::u32string> code_points(const std::string& bytes) {
  std::u32string points;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto at = [&](std::size_t j) { return j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u; };
    const auto is_tail = [&](std::size_t j) { return at(j) >= 0x80 && at(j) <= 0xBF; };
    const unsigned first = at(i);
    if (first <= 0x7F) {
      points += first;
      i += 1;
    } else if (first >= 0xC2 && first <= 0xDF && is_tail(i + 1)) {
      points += (first & 0x1F) << 6 | (at(i + 1) & 0x3F);
      i += 2;
    } else if (first >= 0xE0 && first <= 0xEF && is_tail(i + 1) && is_tail(i + 2)) {
      const char32_t point = (first & 0x0F) << 12 | (at(i + 1) & 0x3F) << 6 | (at(i + 2) & 0x3F);
      if (point < 0x800 || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
      points += point;
      i += 3;
    } else if (first >= 0xF0 && first <= 0xF4 && is_tail(i + 1) && is_tail(i + 2) && is_tail(i + 3)) {
      const char32_t point =
          (first & 0x07) << 18 | (at(i + 1) & 0x3F) << 12 | (at(i + 2) & 0x3F) << 6 | (at(i + 3) & 0x3F);
      if (point < 0x10000 || point > 0x10FFFF) return std::nullopt;
      points += point;
      i += 4;
    } else {
      return std::nullopt;
    }
  }
  return points;
}

inline void append_utf8(std::string& out, char32_t point) {
  const auto byte = [&out](char32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6);
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3F));
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

/// Reads one document by recursive descent; every function returns false where the text is not JSON.
class JsonReader {
 public:
  JsonReader(std::u32string text, int max_depth) : text_(std::move(text)), max_depth_(max_depth) {}

  std::optional<Json> read() {
    Json value;
    skip_space();
    if (!read_value(value, 0)) return std::nullopt;
    skip_space();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  [[nodiscard]] char32_t peek() const { return at_ < text_.size() ? text_[at_] : U'\xFFFFFFFF'; }

  bool take(char32_t c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  bool take_word(const std::u32string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  bool read_value(Json& out, int depth) {
    switch (peek()) {
      case '{': return read_object(out, depth + 1);
      case '[': return read_array(out, depth + 1);
      case '"': out.kind = Json::Kind::string; return read_string(out.text);
      case 't': out.kind = Json::Kind::boolean; return take_word(U"true");
      case 'f': out.kind = Json::Kind::boolean; return take_word(U"false");
      case 'n': out.kind = Json::Kind::null; return take_word(U"null");
      default: out.kind = Json::Kind::number; return read_number();
    }
  }

  bool read_object(Json& out, int depth) {
    out.kind = Json::Kind::object;
    if (depth > max_depth_ || !take('{')) return false;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      std::string name;
      Json value;
      skip_space();
      if (!read_string(name)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!read_value(value, depth)) return false;
      out.members.emplace_back(std::move(name), std::move(value));
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  bool read_array(Json& out, int depth) {
    out.kind = Json::Kind::array;
    if (depth > max_depth_ || !take('[')) return false;
    skip_space();
    if (take(']')) return true;
    for (;;) {
      Json value;
      skip_space();
      if (!read_value(value, depth)) return false;
      out.items.push_back(std::move(value));
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }

  bool read_string(std::string& out) {
    if (!take('"')) return false;
    for (;;) {
      if (at_ == text_.size()) return false;
      const char32_t c = text_[at_++];
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c != '\\') {
        append_utf8(out, c);
        continue;
      }
      if (at_ == text_.size()) return false;
      switch (text_[at_++]) {
        case '"': out += '"'; break;
        case '\\': out += '\\'; break;
        case '/': out += '/'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u':
          if (!read_unicode_escape(out)) return false;
          break;
        default: return false;
      }
    }
  }

  // After `\u`: four digits, and a second escape where they are the first half of a surrogate pair.
  bool read_unicode_escape(std::string& out) {
    char32_t first = 0;
    if (!read_hex4(first)) return false;
    if (first >= 0xDC00 && first <= 0xDFFF) return false;
    if (first < 0xD800 || first > 0xDBFF) {
      append_utf8(out, first);
      return true;
    }
    char32_t second = 0;
    if (!take('\\') || !take('u') || !read_hex4(second) || second < 0xDC00 || second > 0xDFFF) return false;
    append_utf8(out, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    return true;
  }

  bool read_hex4(char32_t& out) {
    for (int i = 0; i != 4; ++i) {
      const char32_t c = peek();
      const std::u32string digits = U"0123456789abcdef";
      const char32_t lower = c >= 'A' && c <= 'F' ? c + 32 : c;
      const std::size_t value = digits.find(lower);
      if (value == std::u32string::npos) return false;
      out = out * 16 + static_cast<char32_t>(value);
      ++at_;
    }
    return true;
  }

  bool read_number() {
    take('-');
    if (!take('0') && !read_digits()) return false;
    if (take('.') && !read_digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!read_digits()) return false;
    }
    return true;
  }

  bool read_digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != begin;
  }

  std::u32string text_;
  std::size_t at_ = 0;
  int max_depth_;
};

/// The document in `bytes`, at most `max_depth` objects and arrays deep; nothing if it is not one.
inline std::optional<Json> read_json(const std::string& bytes, int max_depth = 32) {
  const auto points = code_points(bytes);
  if (!points) return std::nullopt;
  return JsonReader(*points, max_depth).read();
}

/// `text` as JavaScript's JSON.stringify writes it.
inline std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20) {
          out += "\\u00";
          out += "0123456789abcdef"[byte / 16];
          out += "0123456789abcdef"[byte % 16];
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

}  // namespace model
