// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The fast reader of drafts: reads a whole body in one pass and copies nothing before the draft is made, or what was
// gathered of one in pieces. All that is hand-made for speed in reading JSON is in this folder, of which drafts need
// only `FastDraftReader` and `DraftPieces`. `DraftStream` decides where this reader is not sure; otherwise both have
// the same results, to which tests/unit/detail/json/fast and tests/system/model hold them. docs/fast_reader.md: how to
// delete it.

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/hex.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/fast/skip.hpp>
#include <droplit/detail/json/fast/unescape.hpp>
#include <droplit/detail/json/fast/utf8.hpp>
#include <droplit/detail/name_list.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The name of a field after its opening quote, with colon and quote as most bodies have them.
template <std::size_t I>
inline constexpr auto name_and_quotes = [] {
  constexpr std::string_view name = client_fields[I].name;
  std::array<char, name.size() + 3> text{};
  name.copy(text.data(), name.size());
  std::string_view(R"(":")").copy(text.data() + name.size(), 3);
  return text;
}();

/// Reads a whole body, unless it has something rare: an escape in a name, an id or a type, or an unknown member where
/// `ecosystemId` is missing. Bodies in pieces have another type: whole ones pay nothing.
template <bool in_pieces>
class BasicFastDraftReader {
 public:
  BasicFastDraftReader() noexcept = default;
  /// Reads a body in pieces, and adds the names of unknown members to `unknown`.
  explicit BasicFastDraftReader(NameList& unknown) noexcept : unknown_(&unknown), open_(Field::none), separator_('{') {}
  BasicFastDraftReader(const BasicFastDraftReader&) = delete;
  BasicFastDraftReader& operator=(const BasicFastDraftReader&) = delete;

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
    needs_full_parser_ = has_unknown_ && !fields_.given(Field::ecosystem_id);  // it names the unknown members
    return !needs_full_parser_;
  }

  /// Reads what it can of `bytes`, which begin with those that an earlier call did not read, and returns those that are
  /// left. If they are not complete, invalid, or what another reader has to decide, they begin before that.
  std::string_view read_some(std::string_view bytes) {
    const char* const end = bytes.data() + bytes.size();
    const char* at = bytes.data();
    if (open_ != Field::none) at = text_part(at, end);
    if (open_ == Field::none) {
      is_whole_ = read_members(at, end, separator_);
      if (open_ != Field::none) at = open_at_;
    }
    if (at != bytes.data()) separator_ = ',';
    return {at, static_cast<std::size_t>(end - at)};
  }

  /// Whether a body ends where the bytes ended.
  [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }

  /// The shortest beginning of a body after which any reader is where `read_some` ended.
  [[nodiscard]] std::string_view shortest() const noexcept {
    if (open_ != Field::none) return R"({"":")";
    return separator_ == '{' ? "" : R"({"":null)";
  }

  /// What was found so far.
  [[nodiscard]] const DraftFields& fields() const noexcept { return fields_; }

  /// Whether `read` returned false without a decision.
  [[nodiscard]] bool needs_full_parser() const noexcept { return needs_full_parser_; }

  /// The draft, or the refusal of it, once `read` returned true.
  Outcome<ClientDraft> finish(std::optional<std::string>&& query) { return fields_.finish(std::move(query)); }

 private:
  // Reads members of a body in pieces from `left` to the end of the object, which is to be at `end`. If it is not,
  // `left` is then where the first member begins, with its separator, that was not read or had nothing after it.
  bool read_members(const char*& left, const char* end, char separator) {
    for (const char* at = left;; separator = ',') {
      const char* const found = skip_json_space(at, end);
      if (found == end) return false;
      left = at;
      if (*found != separator) return *found == '}' && separator == ',' && skip_json_space(found + 1, end) == end;
      at = member(found + 1, end);
      if (at == nullptr) return false;
    }
  }

  // Each of the next functions returns the end of what begins at `at`, or null where `read` returns false.

  DROPLIT_DETAIL_ALWAYS_INLINE const char* member(const char* at, const char* end) {
    at = skip_json_char(at, end, '"');
    if (at == nullptr || at == end) return nullptr;
    return any_member(at, end, std::make_index_sequence<client_fields.size()>());
  }

  template <std::size_t... I>
  DROPLIT_DETAIL_ALWAYS_INLINE const char* any_member(const char* at, const char* end, std::index_sequence<I...>) {
    const char* result = nullptr;
    const bool known = (... || known_member<I>(at, end, result));
    return known ? result : unknown_member(at, end);
  }

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
    return JsonSkip(end).value(at);
  }

  DROPLIT_DETAIL_NOINLINE const char* unknown_member(const char* at, const char* end) {
    has_unknown_ = true;
    const char* const name_end = plain_string(at, end);
    if (name_end == nullptr) return nullptr;
    const char* after = skip_json_char(name_end, end, ':');
    if (after != nullptr) after = JsonSkip(end).value(after);
    if (in_pieces && after != nullptr) unknown_->add({at, static_cast<std::size_t>(name_end - at) - 1});
    return after;
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

  DROPLIT_DETAIL_NOINLINE const char* text(const char* at, const char* end, Field field) {
    if (in_pieces) return open_text(at, end, field);
    unsigned high = 0;
    const char* const stop = scan_plain(at, end, high);
    if (stop == end) return nullptr;
    if (*stop != '"') return escaped_text(at, end, field);
    const std::string_view raw(at, static_cast<std::size_t>(stop - at));
    if (high != 0 && !is_utf8_in_blocks(raw)) return nullptr;
    fields_.set(field, {nullptr, raw});
    return stop + 1;
  }

  DROPLIT_DETAIL_NOINLINE const char* escaped_text(const char* at, const char* end, Field field) {
    std::string& text = unescaped_[text_index(field)];
    text.clear();  // of an earlier member of this name
    at = append_unescaped(at, end, text);
    if (at == end || *at != '"' || !is_utf8_in_blocks(text)) return nullptr;
    fields_.set_string(field, {&text, text});
    return at + 1;
  }

  // A text of a body in pieces. If it has no end, or is invalid, `read_some` goes on in it.
  DROPLIT_DETAIL_NOINLINE const char* open_text(const char* at, const char* end, Field field) {
    open_ = field;
    has_escapes_ = false;
    unescaped_[text_index(field)].clear();
    open_at_ = text_part(at, end);
    return open_ == Field::none ? open_at_ : nullptr;
  }

  // Reads more of the open text and returns the end of that.
  DROPLIT_DETAIL_NOINLINE const char* text_part(const char* at, const char* end) {
    std::string& text = unescaped_[text_index(open_)];
    const std::size_t size = text.size();
    unsigned high = 0;
    const char* stop = scan_plain(at, end, high);
    text.append(at, stop);
    if (stop != end && *stop == '\\') {
      has_escapes_ = true;
      stop = append_unescaped(stop, end, text);
    }
    if (stop == end && stop != at && (stop[-1] & 0x80) != 0) {
      while (stop != at && (*--stop & 0xC0) == 0x80) {  // before the last character, which may be cut
      }
      text.resize(text.size() - static_cast<std::size_t>(end - stop));
    }
    if ((high != 0 || has_escapes_) && !is_utf8_in_blocks(std::string_view(text).substr(size))) {
      text.resize(size);
      return at;
    }
    if (stop == end || *stop != '"') return stop;
    if (has_escapes_) fields_.set_string(open_, {&text, text});
    if (!has_escapes_) fields_.set(open_, {&text, text});  // no U+0000
    open_ = Field::none;
    return stop + 1;
  }

  DraftFields fields_;
  std::array<std::string, text_count> unescaped_;  // texts that had escapes, or all those of a body in pieces
  bool has_unknown_ = false;                       // there is a member that the contract does not know
  bool needs_full_parser_ = false;
  // Those of a body in pieces; a whole one need not pay for them.
  NameList* unknown_;
  Field open_;           // the text that `read_some` goes on with
  bool has_escapes_;     // there are some in it
  const char* open_at_;  // where it began, or goes on
  char separator_;       // before the next member
  bool is_whole_;        // not while a text is open
};

using FastDraftReader = BasicFastDraftReader<false>;

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
