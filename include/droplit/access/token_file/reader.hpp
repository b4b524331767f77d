// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads the text of a `TokenFile`. A DOM has no lines and keeps only the last of repeated members, but the messages for
// the user who edits the file need both. So the reader handles the events of a `JsonReader`, which gets the text line
// by line; `depth_` is the level of the file that it is in. Messages have a line and the name of a known field, and no
// other text of the file.

#include <droplit/access.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/id.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct TokenEntry {
  std::string token;
  PrincipalKind kind = PrincipalKind::none;
  bool limited = false;                 ///< there is a list of ecosystems
  std::vector<EcosystemId> ecosystems;  ///< sorted
  std::atomic<bool> revoked{false};
};

class TokenFileReader final : private JsonEvents {
 public:
  /// Why the text is invalid, or an empty string.
  std::string read(std::string_view text) {
    JsonReader reader(*this);
    bool is_json = true;
    for (;; ++line_) {
      const std::size_t size = text.find('\n') + 1;  // 0 for the last line
      is_json = size == 0 ? reader.finish(text) : reader.write(text.substr(0, size));
      if (size == 0 || !is_json || !flaw_.empty()) break;
      text.remove_prefix(size);
    }
    if (!is_json) refuse("is not part of a JSON object");
    if (!has_[tokens]) refuse(tokens, "is missing");
    return flaw_;
  }

  std::deque<TokenEntry>& entries() noexcept { return entries_; }

 private:
  enum Member : std::uint8_t { tokens, token, kind, ecosystems, unknown };
  static constexpr std::array<std::string_view, unknown> names{"tokens", "token", "kind", "ecosystems"};

  // Keeps the first message.
  void refuse(const std::string& what) {
    if (flaw_.empty()) flaw_ = "line " + std::to_string(line_) + ": " + what;
  }
  void refuse(Member member, const char* what) { refuse("field \"" + std::string(names[member]) + "\" " + what); }

  void wrong_type() {
    const Member member = depth_ == 1 ? tokens : member_;
    if (member != unknown) refuse(member, "has a value of an invalid type");
  }

  void name(std::string_view name) final {
    const auto* const found = std::find(names.begin(), names.end(), name);
    member_ = static_cast<Member>(found - names.begin());
    if (member_ == unknown || (member_ == tokens) != (depth_ == 0)) {
      member_ = unknown;
      return refuse("has a field that is not known");
    }
    if (std::exchange(has_[member_], true)) refuse(member_, "is repeated");
  }

  void string(std::string_view piece, bool last) final {
    text_ += piece;
    if (!last) return;
    const std::string text = std::exchange(text_, {});
    if (depth_ == 3) return add_ecosystem(text);
    if (depth_ == 2 && member_ == token) return set_token(text);
    if (depth_ == 2 && member_ == kind) return set_kind(text);
    wrong_type();
  }

  void scalar(JsonKind) final { wrong_type(); }

  bool begin(JsonKind is) final {
    const bool array = is == JsonKind::array;
    const bool fits[] = {array && member_ == tokens, !array, array && member_ == ecosystems, false};
    if (!fits[depth_]) {
      wrong_type();
      return false;
    }
    ++depth_;
    if (depth_ == 2) {
      entries_.emplace_back();
      has_ = {true};
    }
    if (depth_ == 3) entries_.back().limited = true;
    return true;
  }

  void end() final {
    if (depth_ == 3) {
      auto& ids = entries_.back().ecosystems;
      std::sort(ids.begin(), ids.end());
      if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) refuse(ecosystems, "has a repeated id");
    }
    if (depth_ == 2 && !has_[token]) refuse(token, "is missing");
    if (depth_ == 2 && !has_[kind]) refuse(kind, "is missing");
    --depth_;
  }

  void set_token(const std::string& text) {
    const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
    if (text.empty() || text.size() > 4096 || !visible) {
      return refuse(token, "must be 1 to 4096 visible ASCII characters");
    }
    if (!seen_.insert(text).second) return refuse(token, "repeats an earlier one");
    entries_.back().token = text;
  }

  void set_kind(std::string_view text) {
    if (text == "account") {
      entries_.back().kind = PrincipalKind::account;
    } else if (text == "server") {
      entries_.back().kind = PrincipalKind::server;
    } else if (text == "client" || text == "user") {
      entries_.back().kind = PrincipalKind::other;
    } else {
      refuse(kind, "must be one of: account, server, client, user");
    }
  }

  void add_ecosystem(std::string_view text) {
    const auto id = EcosystemId::parse(text);
    if (!id) return refuse(ecosystems, "has an id that is not well-formed");
    entries_.back().ecosystems.push_back(*id);
  }

  std::deque<TokenEntry> entries_;
  std::set<std::string> seen_;  // tokens
  std::string flaw_;
  std::string text_;  // of the name or string that is not complete
  std::size_t line_ = 1;
  std::size_t depth_ = 0;  // 0 in the file's object, 1 in its tokens, 2 in a token's object, 3 in its ecosystems
  std::array<bool, names.size()> has_{};
  Member member_ = unknown;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
