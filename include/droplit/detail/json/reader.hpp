// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads one JSON object, whole or in pieces, and reports its members as events; a thin layer over Boost.JSON's parser
// that has one handler type for all, since each takes 50 KB of code and a second to compile. Used by the streaming
// reader of drafts and by the readers of responses and of token files. The parser is only known where functions are
// defined, so that files that are compiled separately do not include Boost.JSON.

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/depth.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#endif

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

enum class JsonKind : std::uint8_t { null, boolean, number, object, array };

/// Receives the parts of a JSON object in order. Strings may come in pieces, cut anywhere, of which the last one is
/// marked; put together they are UTF-8, as are names.
class JsonEvents {
 public:
  /// A member's name, whole.
  virtual void name(std::string_view name) = 0;
  /// A piece of a string.
  virtual void string(std::string_view piece, bool last) = 0;
  /// A null, a boolean or a number, whose value is not reported.
  virtual void scalar(JsonKind kind) = 0;
  /// An object or array begins. If this returns false, nothing in it is reported, nor its end.
  virtual bool begin(JsonKind kind) = 0;
  /// An object or array for which `begin` returned true ends. The end of the whole object is not reported.
  virtual void end() = 0;

 protected:
  ~JsonEvents() = default;
};

/// Reads one JSON object, strictly as RFC 8259 has it, whole or in pieces.
///
/// Text that is not UTF-8, escapes of unpaired surrogates, a byte order mark and more than 32 levels are invalid. Not
/// copyable; one thread at a time.
class JsonReader {
 public:
  static constexpr std::size_t max_depth = max_json_depth;

  explicit JsonReader(JsonEvents& events);
  ~JsonReader();

  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Reads a piece; false once no further piece can make the whole valid.
  bool write(std::string_view piece) { return write(piece, true); }

  /// Reads the last piece, which may be empty; true if all of it was exactly one object.
  bool finish(std::string_view piece) {
    const bool valid = write(piece, false);
    failed_ = true;  // nothing more is read until `reset`
    return valid;
  }

  /// Ready for another object.
  void reset() noexcept;

 private:
  class Parser;

  bool write(std::string_view piece, bool more);
  bool parse(std::string_view piece, bool more);
  Parser& parser() noexcept;

  bool fresh_ = true;         // whether the next piece is the first
  bool in_exponent_ = false;  // whose digits are dropped
  bool failed_ = false;
  // Storage in place, so that the type is needed only where functions are defined. It must not be the first member:
  // Boost JSON 1.81 uses the parser's own address as a sentinel (its issue 828), and so no piece may end there.
  alignas(std::max_align_t) unsigned char parser_[256];
};

#if defined(DROPLIT_DETAIL_DEFINES)

/// Boost.JSON's parser with one handler type for every body there is, so that it is instantiated once.
class JsonHandler {
  using string_view = boost::json::string_view;
  using error_code = boost::system::error_code;  // whose alias in Boost.JSON ended with 1.87

 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  explicit JsonHandler(JsonEvents& events) noexcept : events_(events) {}

  /// Writes the shortest beginning of an object that leaves a parser in an exponent, where this one is, to `parser`.
  template <class Parser>
  void resume_in_exponent(Parser& parser) {
    const std::size_t depth = depth_;
    const std::size_t hidden = std::exchange(hidden_, 1);  // nothing is reported a second time
    std::string beginning;
    for (std::size_t i = 0; i != depth; ++i) beginning += (arrays_ >> i & 1U) != 0 ? "[" : R"({"":)";
    beginning += "0e0";
    depth_ = 0;
    error_code ec;
    parser.reset();
    parser.write_some(true, beginning.data(), beginning.size(), ec);
    hidden_ = hidden;
  }

  void reset() noexcept {
    depth_ = 0;
    hidden_ = 0;
    name_.clear();
  }

  bool on_document_begin(error_code&) const noexcept { return true; }
  bool on_document_end(error_code&) const noexcept { return true; }
  bool on_object_begin(error_code&) {
    arrays_ &= ~(std::uint32_t{1} << depth_);
    if (depth_++ != 0) begin(JsonKind::object);
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    end();
    return true;
  }
  bool on_array_begin(error_code& ec) {
    if (depth_ == 0) return not_an_object(ec);
    arrays_ |= std::uint32_t{1} << depth_++;
    begin(JsonKind::array);
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    end();
    return true;
  }
  bool on_key_part(string_view piece, std::size_t, error_code&) {
    if (hidden_ == 0) name_.append(piece.data(), piece.size());
    return true;
  }
  bool on_key(string_view piece, std::size_t, error_code&) {
    if (hidden_ != 0) return true;
    if (name_.empty()) {
      events_.name({piece.data(), piece.size()});
    } else {
      name_.append(piece.data(), piece.size());
      events_.name(std::exchange(name_, {}));  // its memory is freed: a request's is counted (server/detail)
    }
    return true;
  }
  bool on_string_part(string_view piece, std::size_t, error_code& ec) { return string(piece, false, ec); }
  bool on_string(string_view piece, std::size_t, error_code& ec) { return string(piece, true, ec); }
  bool on_number_part(string_view, error_code&) const noexcept { return true; }
  bool on_int64(std::int64_t, string_view, error_code& ec) { return scalar(JsonKind::number, ec); }
  bool on_uint64(std::uint64_t, string_view, error_code& ec) { return scalar(JsonKind::number, ec); }
  bool on_double(double, string_view, error_code& ec) { return scalar(JsonKind::number, ec); }
  bool on_bool(bool, error_code& ec) { return scalar(JsonKind::boolean, ec); }
  bool on_null(error_code& ec) { return scalar(JsonKind::null, ec); }
  bool on_comment_part(string_view, error_code&) const noexcept { return true; }
  bool on_comment(string_view, error_code&) const noexcept { return true; }

 private:
  static bool not_an_object(error_code& ec) noexcept {
    ec = boost::json::error::not_object;
    return false;
  }

  void begin(JsonKind kind) {
    if (hidden_ != 0 || !events_.begin(kind)) ++hidden_;
  }

  void end() {
    --depth_;
    if (hidden_ != 0) {
      --hidden_;
    } else if (depth_ != 0) {
      events_.end();
    }
  }

  bool string(string_view piece, bool last, error_code& ec) {
    if (depth_ == 0) return not_an_object(ec);
    if (hidden_ == 0) events_.string({piece.data(), piece.size()}, last);
    return true;
  }

  bool scalar(JsonKind kind, error_code& ec) {
    if (depth_ == 0) return not_an_object(ec);
    if (hidden_ == 0) events_.scalar(kind);
    return true;
  }

  JsonEvents& events_;
  std::size_t depth_ = 0;     // objects and arrays that are open
  std::size_t hidden_ = 0;    // of those, the innermost ones that are not reported
  std::string name_;          // the pieces of a name that were received
  std::uint32_t arrays_ = 0;  // which of the open ones are arrays, one bit each
  static_assert(max_json_depth <= 32);
};

class JsonReader::Parser : public boost::json::basic_parser<JsonHandler> {
 public:
  explicit Parser(JsonEvents& events) : basic_parser({.max_depth = max_depth}, events) {}
};

DROPLIT_DETAIL_INLINE JsonReader::JsonReader(JsonEvents& events) {
  static_assert(sizeof(Parser) <= sizeof parser_ && alignof(Parser) <= alignof(std::max_align_t));
  ::new (static_cast<void*>(parser_)) Parser(events);
}

DROPLIT_DETAIL_INLINE JsonReader::~JsonReader() { parser().~Parser(); }

DROPLIT_DETAIL_INLINE JsonReader::Parser& JsonReader::parser() noexcept {
  return *std::launder(reinterpret_cast<Parser*>(parser_));
}

DROPLIT_DETAIL_INLINE void JsonReader::reset() noexcept {
  parser().reset();
  parser().handler().reset();
  fresh_ = true;
  in_exponent_ = false;
  failed_ = false;
}

DROPLIT_DETAIL_INLINE bool JsonReader::write(std::string_view piece, bool more) {
  if (failed_) return false;
  failed_ = true;  // and stays so if the events throw
  if (!std::exchange(fresh_, false)) {
    // Boost.JSON's buffer for texts with escapes has no room for the bytes of a character of which a part was in an
    // earlier piece (its issue 876; 1.81 writes beyond the end). So that it is never full, it gets less at a time.
    constexpr std::size_t most = BOOST_JSON_STACK_BUFFER_SIZE - 3;
    for (; piece.size() > most; piece.remove_prefix(most)) {
      if (!parse(piece.substr(0, most), true)) return false;
    }
  }
  failed_ = !parse(piece, more);
  return !failed_;
}

// Boost.JSON computes numbers, and refuses exponents beyond `int`. No value of a number is used here, so the digits of
// such an exponent are dropped, and a parser that has read a small one goes on.
DROPLIT_DETAIL_INLINE bool JsonReader::parse(std::string_view piece, bool more) {
  for (;;) {
    if (in_exponent_) piece.remove_prefix((std::min)(piece.find_first_not_of("0123456789"), piece.size()));
    in_exponent_ = in_exponent_ && piece.empty();
    boost::system::error_code ec;
    const std::size_t read = parser().write_some(more, piece.data(), piece.size(), ec);
    // Less is read where something follows the object.
    if (ec != boost::json::error::exponent_overflow) return !ec && read == piece.size();
    piece.remove_prefix(read);
    parser().handler().resume_in_exponent(parser());
    in_exponent_ = true;
  }
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
