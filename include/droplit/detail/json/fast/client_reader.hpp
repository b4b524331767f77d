// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The fast reader of clients: reads the body of a 201 in one pass and copies nothing but the texts. Used by
// `read_client` (client_reader.hpp); `ClientReader` reads every body and decides, and gets whatever this reader does
// not know, invalid bodies too. tests/unit/detail/json/fast/client_reader.cpp holds both to the same results.

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/fast/hex.hpp>
#include <droplit/detail/json/fast/scan.hpp>
#include <droplit/detail/json/fast/skip.hpp>
#include <droplit/detail/json/fast/unescape.hpp>
#include <droplit/fields.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads a whole body, unless a name, an id or a word has an escape, or a known member is no string.
class FastClientReader {
 public:
  /// The client, or nothing without a decision.
  std::optional<Client> read(std::string_view body) {
    if (!read_members(body.data(), body.data() + body.size())) return std::nullopt;
    if (!created_at_ || !id_ || !ecosystem_id_ || !type_) return std::nullopt;
    return std::optional<Client>(std::in_place, Text::Checked(), *id_, *created_at_, *ecosystem_id_, *type_, found_);
  }

 private:
  bool read_members(const char* at, const char* end) {
    at = skip_json_char(at, end, '{');
    if (at == nullptr) return false;
    for (;; ++at) {
      at = skip_json_char(at, end, '"');
      if (at != nullptr) at = member(at, end);
      if (at == nullptr) return false;
      at = skip_json_space(at, end);
      if (at == end) return false;
      if (*at != ',') break;
    }
    return *at == '}' && skip_json_space(at + 1, end) == end;
  }

  // Each of these functions returns the end of what begins at `at`, or null where `read` returns nothing.

  // A member after the opening quote of its name. Usually members come in the order of the table.
  const char* member(const char* at, const char* end) {
    for (std::size_t i = 0; i != client_members.size(); ++i) {
      const ClientMemberRow& row = client_members[next_];
      next_ = next_ + 1 == client_members.size() ? 0 : next_ + 1;
      const std::size_t size = row.name.size();
      if (static_cast<std::size_t>(end - at) <= size || at[size] != '"') continue;
      if (std::memcmp(at, row.name.data(), size) != 0) continue;
      at = skip_json_char(at + size + 1, end, ':');
      if (at != nullptr) at = skip_json_char(at, end, '"');
      return at == nullptr ? nullptr : string(at, end, row);
    }
    return unknown_member(at, end);
  }

  const char* string(const char* at, const char* end, const ClientMemberRow& row) {
    if (row.member == ClientMember::created_at) return created_at(at, end);
    if (row.member == ClientMember::id) return id(at, end, id_);
    switch (field_row(row.field).kind) {
      case FieldKind::ecosystem_id: return id(at, end, ecosystem_id_);
      case FieldKind::client_type: return type(at, end);
      case FieldKind::text:
      default: return text(at, end, text_index(row.field));
    }
  }

  DROPLIT_DETAIL_NOINLINE static const char* unknown_member(const char* at, const char* end) noexcept {
    const JsonString name = read_json_string(at, end);
    if (name.close == nullptr || name.escaped) return nullptr;
    at = skip_json_char(name.close + 1, end, ':');
    return at == nullptr ? nullptr : JsonSkip(end).value(at);
  }

  const char* created_at(const char* at, const char* end) noexcept {
    constexpr std::size_t size = Timestamp::text_size;
    if (static_cast<std::size_t>(end - at) <= size || at[size] != '"') return nullptr;
    created_at_ = Timestamp::parse({at, size});
    return created_at_ ? at + size + 1 : nullptr;
  }

  // An id in its usual form, with the letter that its kind has.
  template <class Tag>
  DROPLIT_DETAIL_NOINLINE static const char* id(const char* at, const char* end, std::optional<Id<Tag>>& id) noexcept {
    constexpr std::size_t letters = Tag::letter == '\0' ? 0 : 1;
    constexpr std::size_t size = letters + 24;
    typename Id<Tag>::Bytes bytes;
    if (static_cast<std::size_t>(end - at) <= size || at[size] != '"') return nullptr;
    if ((letters != 0 && *at != Tag::letter) || !read_hex24(at + letters, bytes)) return nullptr;
    id.emplace(bytes);
    return at + size + 1;
  }

  const char* type(const char* at, const char* end) noexcept {
    for (std::size_t i = 0; i != client_type_names.size(); ++i) {
      const std::string_view name = client_type_names[i];
      if (static_cast<std::size_t>(end - at) <= name.size() || at[name.size()] != '"') continue;
      if (std::memcmp(at, name.data(), name.size()) != 0) continue;
      type_ = static_cast<ClientType>(i);
      return at + name.size() + 1;
    }
    return nullptr;
  }

  const char* text(const char* at, const char* end, std::size_t index) {
    unsigned high = 0;
    const char* const stop = scan_plain(at, end, high);
    if (stop == end) return nullptr;
    if (*stop != '"') return escaped_text(at, end, index);
    const std::string_view raw(at, static_cast<std::size_t>(stop - at));
    if (high != 0 && !is_utf8_in_blocks(raw)) return nullptr;
    texts_[index] = {nullptr, raw};
    found_[index] = &texts_[index];
    return stop + 1;
  }

  DROPLIT_DETAIL_NOINLINE const char* escaped_text(const char* at, const char* end, std::size_t index) {
    std::string& text = unescaped_[index];
    text.clear();  // of an earlier member of this name
    at = append_unescaped(at, end, text);
    if (at == end || *at != '"' || !is_utf8_in_blocks(text) || text.find('\0') != std::string::npos) return nullptr;
    texts_[index] = {&text, {}};
    found_[index] = &texts_[index];
    return at + 1;
  }

  std::size_t next_ = 0;  // the member that is expected
  std::optional<Timestamp> created_at_;
  std::optional<ClientId> id_;
  std::optional<EcosystemId> ecosystem_id_;
  std::optional<ClientType> type_;
  std::array<ParsedText, text_count> texts_;
  std::array<const ParsedText*, text_count> found_{};  // null where there is none
  std::array<std::string, text_count> unescaped_;      // texts that had escapes
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
