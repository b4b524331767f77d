// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The fast reader of drafts: reads a whole body in one pass and copies nothing before the draft is made. All that is
// hand-made for speed in reading JSON is in this folder, of which only `FastDraftReader` is used, by draft_parser.hpp.
// `DraftStream` reads every body and decides; where this reader is not sure it leaves the body to it, and otherwise
// both have the same results, which tests/unit/detail/json/fast/draft_reader.cpp and the models of tests/system/model
// hold them to. docs/fast_reader.md says what it buys and how to delete it.

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/hex.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/fast/skip.hpp>
#include <droplit/detail/json/fast/unescape.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads a whole body, unless it has something rare: an escape in a name, an id or a type, an unknown member where
/// `ecosystemId` is missing, or a number with a huge exponent.
class FastDraftReader {
 public:
  /// Reads `body`, whose bytes must stay until `finish`. False if it is invalid or `needs_full_parser`.
  bool read(std::string_view body) {
    const char* const end = body.data() + body.size();
    const char* const first = skip_json_char(body.data(), end, '{');
    if (first == nullptr) return false;
    const char* at = first;
    for (;; ++at) {
      at = member(at, end);
      if (at == nullptr) {
        at = skip_json_char(first, end, '}');  // an object without members
        return at != nullptr && skip_json_space(at, end) == end;
      }
      at = skip_json_space(at, end);
      if (at == end) return false;
      if (*at != ',') break;
    }
    if (*at != '}' || skip_json_space(at + 1, end) != end) return false;
    needs_full_parser_ = unknown_ && !fields_.given(Field::ecosystem_id);  // it names the unknown members
    return !needs_full_parser_;
  }

  /// Whether `read` returned false without a decision.
  [[nodiscard]] bool needs_full_parser() const noexcept { return needs_full_parser_; }

  /// The draft, or the refusal of it, once `read` returned true.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query_fields) {
    return fields_.finish(std::move(query_fields));
  }

 private:
  // Each of these functions returns the end of what begins at `at`, or null where `read` returns false.

  const char* member(const char* at, const char* end) {
    at = skip_json_char(at, end, '"');
    if (at == nullptr || at == end) return nullptr;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const char* result = nullptr;
      const bool known = (... || known_member<I>(at, end, result));
      return known ? result : unknown_member(at, end);
    }
    (std::make_index_sequence<client_fields.size()>());
  }

  // The name of a field after its opening quote, with colon and quote as most bodies have them.
  template <std::size_t I>
  static constexpr auto name_and_quotes = [] {
    constexpr std::string_view name = client_fields[I].name;
    std::array<char, name.size() + 3> text{};
    name.copy(text.data(), name.size());
    text[name.size()] = '"';
    text[name.size() + 1] = ':';
    text[name.size() + 2] = '"';
    return text;
  }();

  // Whether the member has the name of this field; `result` is then its end.
  template <std::size_t I>
  bool known_member(const char* at, const char* end, const char*& result) {
    constexpr const auto& text = name_and_quotes<I>;
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

  // A colon and a value, where there is white space or no string.
  template <std::size_t I>
  const char* spaced_value(const char* at, const char* end) {
    at = skip_json_char(at, end, ':');
    if (at == nullptr) return nullptr;
    const char* const begin = skip_json_char(at, end, '"');
    return begin != nullptr ? string<I>(begin, end) : no_string(skip_json_space(at, end), end, client_fields[I].field);
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

  DROPLIT_DETAIL_NOINLINE const char* no_string(const char* at, const char* end, Field field) noexcept {
    fields_.set_no_string(field, skip_json_literal(at, end, "null") != nullptr);
    return skip(at, end);
  }

  DROPLIT_DETAIL_NOINLINE const char* unknown_member(const char* at, const char* end) noexcept {
    unknown_ = true;
    at = plain_string(at, end);
    if (at != nullptr) at = skip_json_char(at, end, ':');
    return at == nullptr ? nullptr : skip(at, end);
  }

  const char* skip(const char* at, const char* end) noexcept {
    constexpr std::ptrdiff_t most = 1'000'000'000;  // so that no number has more digits than Boost.JSON counts
    if (end - at > most) {
      needs_full_parser_ = true;
      return nullptr;
    }
    JsonSkip json(end);
    at = json.value(at);
    needs_full_parser_ = json.is_unsure();
    return at;
  }

  // A string without escapes. An escape could make a name or a word a known one.
  const char* plain_string(const char* at, const char* end) noexcept {
    const JsonString found = read_json_string(at, end);
    if (found.close == nullptr) return nullptr;
    needs_full_parser_ = found.escaped;
    return found.escaped ? nullptr : found.close + 1;
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
    if (const char* const after = skip_json_literal(at, end, "server\"")) {
      fields_.set(ClientType::server);
      return after;
    }
    if (const char* const after = skip_json_literal(at, end, "application\"")) {
      fields_.set(ClientType::application);
      return after;
    }
    return word(at, end, Field::type);
  }

  // An id or a type that is not in its usual form, or invalid.
  DROPLIT_DETAIL_NOINLINE const char* word(const char* at, const char* end, Field field) noexcept {
    const char* const after = plain_string(at, end);
    if (after != nullptr) fields_.set_string(field, {nullptr, {at, static_cast<std::size_t>(after - at) - 1}});
    return after;
  }

  const char* text(const char* at, const char* end, Field field) {
    const JsonString found = read_json_string(at, end);
    if (found.close == nullptr) return nullptr;
    const std::string_view raw(at, static_cast<std::size_t>(found.close - at));
    if (!found.escaped) {
      fields_.set(field, {nullptr, raw});
    } else {
      std::string& unescaped = unescaped_[text_index(field)];
      if (!unescape_json_text(raw, unescaped)) return nullptr;
      fields_.set_string(field, {&unescaped, unescaped});
    }
    return found.close + 1;
  }

  DraftFields fields_;
  std::array<std::string, text_count> unescaped_;  // texts that had escapes
  bool unknown_ = false;                           // there is a member that the contract does not know
  bool needs_full_parser_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
