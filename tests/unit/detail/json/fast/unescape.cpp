// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/fast/unescape.hpp>

#include <droplit/detail/json/draft_stream.hpp>
#include <droplit/detail/json/fast/draft_reader.hpp>
#include <droplit/detail/utf8.hpp>
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"
#include "support/thread_allocations.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace droplit;

namespace {

/// The text between the quotes of a JSON string, in memory of exactly its size.
std::optional<std::string> unescaped(std::string_view json) {
  const auto memory = std::make_unique<char[]>(json.size());
  json.copy(memory.get(), json.size());
  std::string out;
  const char* const end = memory.get() + json.size();
  return detail::append_unescaped(memory.get(), end, out) == end ? std::optional(out) : std::nullopt;
}

/// UTF-8 as RFC 3629 has it.
std::string utf8(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 + c / 64), byte(0x80 + c % 64)};
  if (c < 0x10000) return {byte(0xE0 + c / 4096), byte(0x80 + c / 64 % 64), byte(0x80 + c % 64)};
  return {byte(0xF0 + c / 262144), byte(0x80 + c / 4096 % 64), byte(0x80 + c / 64 % 64), byte(0x80 + c % 64)};
}

std::string escape(std::uint32_t unit) {
  std::string text = "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) text += "0123456789aBcDeF"[unit >> shift & 15];
  return text;
}

bool is_high(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// The characters that two units in a row encode by RFC 8259, section 7.
std::optional<std::string> meaning(std::uint32_t first, std::uint32_t second) {
  if (is_high(first) && is_low(second)) return utf8(0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00));
  for (const std::uint32_t unit : {first, second}) {
    if (is_high(unit) || is_low(unit)) return std::nullopt;
  }
  return utf8(first) + utf8(second);
}

/// Each bound of the surrogates and of the lengths of UTF-8, and its neighbours.
const std::vector<std::uint32_t> bounds{0x0001, 0x007E, 0x007F, 0x0080, 0x0081, 0x07FE, 0x07FF, 0x0800, 0x0801,
                                        0xD7FE, 0xD7FF, 0xD800, 0xD801, 0xDBFE, 0xDBFF, 0xDC00, 0xDC01, 0xDFFE,
                                        0xDFFF, 0xE000, 0xE001, 0xE3FF, 0xE400, 0xFFFE, 0xFFFF};

std::string body_of(std::string_view json) {
  return R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" + std::string(json) + "\"}";
}

/// The name in a body, or nothing if the body is invalid.
std::optional<std::string> name(const Outcome<ClientDraft>& draft) {
  if (!draft.has_value()) return std::nullopt;
  return draft.assume_value().name()->str();
}

std::optional<std::string> read_whole(std::string_view body) {
  detail::FastDraftReader fast;
  if (fast.read(body)) return name(fast.finish(std::nullopt));
  if (fast.needs_full_parser()) FAIL_CHECK("left to the full parser: " << body);
  return std::nullopt;
}

std::optional<std::string> read_in_pieces(std::string_view body, std::size_t size) {
  detail::DraftStream stream;
  for (; body.size() > size; body.remove_prefix(size)) stream.write(body.substr(0, size));
  return name(stream.finish(body, std::nullopt));
}

}  // namespace

TEST_CASE("any two units at the bounds of surrogates are what RFC 8259 says, for every reader") {
  for (const std::uint32_t first : bounds) {
    for (const std::uint32_t second : bounds) {
      const std::optional<std::string> right = meaning(first, second);
      if (right && !detail::is_utf8(*right)) FAIL(escape(first));
      for (const std::size_t before : {0u, 1u, 60u, 100u}) {  // what is long is read in blocks
        for (const std::size_t after : {0u, 100u}) {
          const std::string x(before, 'x');
          const std::string y(after, 'y');
          const std::string json = x + escape(first) + escape(second) + y;
          const auto expected = right ? std::optional(x + *right + y) : std::nullopt;
          if (unescaped(json) != expected) FAIL_CHECK("unescaped otherwise: " << json);
          if (read_whole(body_of(json)) != expected) FAIL_CHECK("read otherwise: " << json);
          if (after == 0 && before < 2 && read_in_pieces(body_of(json), 7) != expected) {
            FAIL_CHECK("read otherwise in pieces: " << json);
          }
        }
      }
    }
  }
}

TEST_CASE("a unit by itself encodes a character exactly if it is no surrogate") {
  for (std::uint32_t unit = 0; unit != 0x10000; ++unit) {
    const auto expected = is_high(unit) || is_low(unit) ? std::nullopt : std::optional(utf8(unit));
    if (unescaped(escape(unit)) != expected) FAIL_CHECK(unit);
  }
}

TEST_CASE("the second half of a pair is an escape, whole and at once") {
  for (const char* const high : {"\\ud800", "\\uDBFF"}) {
    for (const char* const next : {"", "\\", "\\u", "\\ud", "\\udc", "\\udc0", "udc00x", "xudc00", "\\xdc00", "\\Udc00",
                                   "\\udc0g", "\\uzc00", "\\ud c0", "x\\udc00", "\\\\udc00", "/udc00", "\\tdc00"}) {
      for (const std::size_t after : {0u, 1u, 100u}) {
        const std::string json = high + std::string(next) + std::string(after, 'x');
        CHECK_FALSE(unescaped(json).has_value());
        CHECK_FALSE(read_whole(body_of(high + std::string(next) + "\\n" + std::string(after, 'x'))));
      }
    }
  }
}

TEST_CASE("an escape that is cut is wrong, wherever, and one that is whole is not") {
  for (const std::string& whole : {std::string("\\n"), escape(0x41), escape(0x20AC), escape(0xD83D) + escape(0xDE00)}) {
    for (std::size_t before = 0; before != 140; ++before) {
      const std::string x(before, 'x');
      CHECK(unescaped(x + whole));
      for (std::size_t cut = 1; cut != whole.size(); ++cut) {
        if (unescaped(x + whole.substr(0, cut))) FAIL_CHECK(before << " before " << whole.substr(0, cut));
      }
    }
  }
}

TEST_CASE("a digit of an escape is a hex digit, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    for (std::size_t place = 2; place != 6; ++place) {
      std::string json = "\\u0041";
      json[place] = static_cast<char>(c);
      if (unescaped(json).has_value() != digit && !(place == 2 && (c == 'd' || c == 'D'))) FAIL_CHECK(c);
    }
  }
}

TEST_CASE("the short escapes are those of RFC 8259, byte by byte") {
  for (int c = 0; c != 256; ++c) {
    const std::string_view from = "\"\\/bfnrt";
    const std::string_view to = "\"\\/\b\f\n\r\t";
    const std::size_t at = c == 0 ? std::string_view::npos : from.find(static_cast<char>(c));
    const auto expected = at == std::string_view::npos ? std::nullopt : std::optional(std::string(1, to[at]));
    if (unescaped(std::string("\\") + static_cast<char>(c)) != expected) FAIL_CHECK(c);
  }
}

TEST_CASE("a text ends at its quote or at what it cannot have, however long it is") {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 100u, 4095u, 4096u, 4097u, 4127u, 4128u, 5000u, 20'000u}) {
    std::string text;
    std::string json;
    while (json.size() < size) {
      json += json.size() % 5 == 0 ? "\\ud83d\\ude00" : "\xC3\xA9 x";
      text += json.back() == '0' ? "\xF0\x9F\x98\x80" : "\xC3\xA9 x";
    }
    for (const char* const rest : {"", "\"", "\" more \\n", "\"\"", "\n\"", "\\x\"", "\\ud83d\"", "\x1F\\n\""}) {
      const std::string all = json + rest;
      std::string out;
      const std::size_t before = test::allocations;
      const char* const stop = detail::append_unescaped(all.data(), all.data() + all.size(), out);
      const std::size_t after = test::allocations;
      if (stop != all.data() + json.size() || out != text) FAIL_CHECK(size << " bytes before " << rest);
      if (*rest == '"' && after > before + 1) FAIL_CHECK(after - before << " allocations for " << size);
      const std::size_t most = 2 * json.size() + std::string().capacity();
      if (*rest == '"' && out.capacity() > most) FAIL_CHECK(out.capacity() << " bytes for " << size);
    }
  }
}

TEST_CASE("escapes at every place between plain characters, and next to each other") {
  for (std::size_t size = 0; size != 300; ++size) {
    for (const std::size_t step : {1u, 2u, 15u, 16u, 17u, 32u, 33u, 34u, 35u, 63u, 64u, 65u, 97u}) {
      std::string json;
      std::string expected;
      for (std::size_t i = 0; i != size; ++i) {
        const std::size_t kind = i % step == 0 ? i % 3 : 3;
        const std::string plain(1, static_cast<char>('a' + i % 23));
        json += std::array<std::string, 4>{"\\n", "\\ud83d\\ude00", "\\\\", plain}[kind];
        expected += std::array<std::string, 4>{"\n", "\xF0\x9F\x98\x80", "\\", plain}[kind];
      }
      if (unescaped(json) != expected) FAIL_CHECK(json);
    }
  }
}
