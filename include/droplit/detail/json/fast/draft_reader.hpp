// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/hex.hpp>
#include <droplit/detail/json/depth.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/fast/skip.hpp>
#include <droplit/detail/json/unescape.hpp>
#include <droplit/detail/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads a whole body that is as nearly all are: one object with members, no escapes in their names. Anything else is
/// left to the streaming reader, which is right about every body; what this one says of a body is the same
/// (tests/detail/plain_body.cpp).
class FastDraftReader {
 public:
  /// Reads `body`, which must stay until `finish`; false if it is wrong or not so plain.
  bool read(std::string_view body) {
    begin_ = body.data();
    const char* const end = begin_ + body.size();
    const char* at = after(begin_, end, '{');
    if (at == nullptr) return false;
    for (;;) {
      at = member(at, end);
      if (at == nullptr || at == end) return false;
      if (*at != ',' && *at != '}') {
        at = skip_json_space(at, end);
        if (at == end) return false;
      }
      if (*at == ',') {
        ++at;
        continue;
      }
      if (*at != '}' || skip_json_space(at + 1, end) != end) return false;
      if (!unknown_ || fields_.given(Field::ecosystem_id)) return true;
      needs_full_parser_ = true;  // where it is missing, the unknown ones are named
      return false;
    }
  }

  /// Whether no reader can make sense of `body`, once this one could not: it knows all but what it was unsure of, and
  /// objects without members.
  [[nodiscard]] bool is_wrong(std::string_view body) const noexcept {
    if (needs_full_parser_) return false;
    const char* const end = body.data() + body.size();
    const char* const at = after(body.data(), end, '{');
    return at == nullptr || after(at, end, '}') == nullptr;
  }

  /// The draft, or the refusal of it, once the body was read.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query_fields) {
    return fields_.finish(std::move(query_fields), nullptr);
  }

 private:
  // What stands behind `c`, which may have white space before it; null if it is not there.
  static const char* after(const char* at, const char* end, char c) noexcept {
    return at != end && *at == c ? at + 1 : after_space(at, end, c);
  }
  [[gnu::noinline]] static const char* after_space(const char* at, const char* end, char c) noexcept {
    at = skip_json_space(at, end);
    return at != end && *at == c ? at + 1 : nullptr;
  }

  template <std::size_t Size>
  static bool is_at(const char* at, const char* end, const char (&text)[Size]) noexcept {
    return static_cast<std::size_t>(end - at) >= Size - 1 && std::memcmp(at, text, Size - 1) == 0;
  }

  // A member's name as nearly every body has it, from its first character to the string of its value.
  template <std::size_t I>
  static constexpr auto opening = [] {
    constexpr std::string_view name = client_fields[I].name;
    std::array<char, name.size() + 3> text{};
    name.copy(text.data(), name.size());
    text[name.size()] = '"';
    text[name.size() + 1] = ':';
    text[name.size() + 2] = '"';
    return text;
  }();

  // The end of a member.
  const char* member(const char* at, const char* end) {
    at = after(at, end, '"');
    if (at == nullptr || at == end) return nullptr;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const char* result = nullptr;
      const bool known = (... || named<I>(at, end, result));
      return known ? result : unknown(at, end);
    }
    (std::make_index_sequence<client_fields.size()>());
  }

  // Whether the member has the name of this field; `result` is then its end.
  template <std::size_t I>
  bool named(const char* at, const char* end, const char*& result) {
    constexpr const auto& text = opening<I>;
    constexpr std::size_t quoted = text.size() - 2;  // the name with its closing quote
    if (*at != text[0]) return false;
    const auto left = static_cast<std::size_t>(end - at);
    if (left >= text.size() && std::memcmp(at, text.data(), text.size()) == 0) {
      result = string<I>(at + text.size(), end);
      return true;
    }
    if (left < quoted || std::memcmp(at, text.data(), quoted) != 0) return false;
    result = spaced_value<I>(at + quoted, end);
    return true;
  }

  // A value after white space, or one that is no string.
  template <std::size_t I>
  const char* spaced_value(const char* at, const char* end) {
    at = after(at, end, ':');
    if (at == nullptr) return nullptr;
    const char* const begin = after(at, end, '"');
    return begin != nullptr ? string<I>(begin, end) : other(skip_json_space(at, end), end, client_fields[I].field);
  }

  template <std::size_t I>
  const char* string(const char* at, const char* end) {
    constexpr FieldRow row = client_fields[I];
    if constexpr (row.kind == FieldKind::ecosystem_id) {
      return ecosystem_id(at, end);
    } else if constexpr (row.kind == FieldKind::client_type) {
      return type(at, end);
    } else {
      return text(at, end, row.field);
    }
  }

  // A value that is no string.
  [[gnu::noinline]] const char* other(const char* at, const char* end, Field field) noexcept {
    is_at(at, end, "null") ? fields_.set_absent(field) : fields_.set_other(field);
    return skip(at, end);
  }

  // A member that the contract does not know.
  [[gnu::noinline]] const char* unknown(const char* at, const char* end) noexcept {
    const PlainRun name = plain_run({at, static_cast<std::size_t>(end - at)});
    if (!name.ascii && !is_utf8({at, name.size})) return nullptr;
    at += name.size;
    if (at == end || *at != '"') {
      needs_full_parser_ = at != end && *at == '\\';
      return nullptr;
    }
    unknown_ = true;
    at = after(at + 1, end, ':');
    return at == nullptr ? nullptr : skip(at, end);
  }

  const char* skip(const char* at, const char* end) noexcept {
    constexpr std::ptrdiff_t most = 1'000'000'000;  // so that no number has more digits than Boost.JSON counts
    if (end - at <= most) return JsonSkip::value(at, end, max_json_depth - 1, needs_full_parser_);
    needs_full_parser_ = true;
    return nullptr;
  }

  const char* ecosystem_id(const char* at, const char* end) noexcept {
    constexpr std::size_t size = EcosystemId::max_size;
    EcosystemId::Bytes bytes;
    if (static_cast<std::size_t>(end - at) <= size || at[size] != '"' || *at != EcosystemTag::letter ||
        !read_hex24(at + 1, bytes)) {
      return word(at, end, Field::ecosystem_id);
    }
    fields_.set(EcosystemId(bytes));
    return at + size + 1;
  }

  const char* type(const char* at, const char* end) noexcept {
    static_assert(client_type_names.size() == 2 && to_string(ClientType::server) == "server" &&
                      to_string(ClientType::application) == "application",
                  "a type that is not read here");
    if (is_at(at, end, "server\"")) {
      fields_.set(ClientType::server);
      return at + 7;
    }
    if (is_at(at, end, "application\"")) {
      fields_.set(ClientType::application);
      return at + 12;
    }
    return word(at, end, Field::type);
  }

  // An id or a type that is none, if nothing in it needs a closer look.
  [[gnu::noinline]] const char* word(const char* at, const char* end, Field field) noexcept {
    const PlainRun run = plain_run({at, static_cast<std::size_t>(end - at)});
    const char* const close = at + run.size;
    if (!run.ascii || close == end || *close != '"') {
      needs_full_parser_ = !run.ascii || (close != end && *close == '\\');
      return nullptr;
    }
    fields_.set_string(field, {nullptr, std::string_view(at, run.size)});
    return close + 1;
  }

  const char* text(const char* at, const char* end, Field field) {
#if defined(DROPLIT_DETAIL_SSE2)
    // Mostly it is short and plain: sixteen bytes at a time, the last ones with some of what was seen before them.
    if (end - begin_ >= 16) {
      __m128i before = _mm_setzero_si128();
      const std::ptrdiff_t size = end - at;
      for (std::ptrdiff_t i = 0; i < size && i < 64; i += 16) {
        const char* const block = at + i;
        const int seen = size - i < 16 ? static_cast<int>(16 - (size - i)) : 0;
        const JsonBlock bytes(block - seen);
        const unsigned ends = bytes.ends() >> seen;
        if (ends == 0) {
          before = _mm_or_si128(before, bytes.bytes);
          continue;
        }
        const char* const close = block + __builtin_ctz(ends);
        const unsigned high = bytes.high() >> seen & (ends - 1) & ~ends;  // of what stands before the first end
        if (*close != '"' || (high_bits(before) | high) != 0) break;
        fields_.set(field, {nullptr, std::string_view(at, static_cast<std::size_t>(close - at))});
        return close + 1;
      }
    }
#endif
    const JsonString found = scan_json_string(at, end);
    if (found.close == nullptr) return nullptr;
    const std::string_view raw(at, static_cast<std::size_t>(found.close - at));
    if (!found.ascii && !is_utf8(raw)) return nullptr;  // what its escapes stand for is
    if (found.escaped) return escaped_text(raw, field);
    fields_.set(field, {nullptr, raw});
    return found.close + 1;
  }

  [[gnu::noinline]] const char* escaped_text(std::string_view raw, Field field) {
    std::string& out = own_[text_index(field)];
    const char* const close = raw.data() + raw.size();
    if (!unescape_json_text(raw.data(), close, out)) return nullptr;
    fields_.set_string(field, {&out, out});
    return close + 1;
  }

  const char* begin_ = nullptr;
  DraftFields fields_;
  std::array<std::string, text_count> own_;  // texts that had escapes
  bool unknown_ = false;                     // there is a member that the contract does not know
  bool needs_full_parser_ = false;           // what was met must be looked at more closely than it is here
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
