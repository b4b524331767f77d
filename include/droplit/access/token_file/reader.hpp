// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/id.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

struct TokenEntry {
  std::string token;
  PrincipalKind kind = PrincipalKind::none;
  bool limited = false;                 ///< there is a list of ecosystems
  std::vector<EcosystemId> ecosystems;  ///< sorted
};

/// Reads the text of a `TokenFile`. What it says of a wrong file names lines and known fields, and nothing that stands
/// in it.
class TokenFileReader final : private JsonEvents {
 public:
  /// What is wrong, or an empty text.
  std::string read(std::string_view text) {
    JsonReader reader(*this);
    bool good = true;
    while (good && wrong_.empty()) {
      const std::size_t end = text.find('\n');
      const bool last = end == std::string_view::npos;
      const std::string_view line = text.substr(0, last ? end : end + 1);
      good = last ? reader.finish(line) : reader.write(line);
      if (last) break;
      text.remove_prefix(end + 1);
      if (good && wrong_.empty()) ++line_;
    }
    if (wrong_.empty() && !good) refuse("is not part of a JSON object");
    if (wrong_.empty() && !has_tokens_) refuse("field \"tokens\" is missing");
    if (wrong_.empty()) check_repeated_tokens();
    return wrong_;
  }

  std::vector<TokenEntry>& entries() noexcept { return entries_; }

 private:
  enum class Member : std::uint8_t { none, tokens, token, kind, ecosystems };
  enum class Level : std::uint8_t { file, tokens, entry, ecosystems };

  static std::string_view to_string(Member member) noexcept {
    switch (member) {
      case Member::tokens: return "tokens";
      case Member::token: return "token";
      case Member::kind: return "kind";
      case Member::ecosystems: return "ecosystems";
      case Member::none:
      default: break;
    }
    return "";
  }

  void refuse(std::string_view what) {
    if (wrong_.empty()) wrong_ = "line " + std::to_string(line_) + ": " + std::string(what);
  }

  void refuse_field(Member member, std::string_view what) {
    refuse("field \"" + std::string(to_string(member)) + "\" " + std::string(what));
  }

  void name(std::string_view piece, bool last) final {
    text_ += piece;
    if (!last) return;
    member_ = Member::none;
    for (const Member member : {Member::tokens, Member::token, Member::kind, Member::ecosystems}) {
      if (text_ == to_string(member) && (member == Member::tokens) == (level_ == Level::file)) member_ = member;
    }
    text_.clear();
    if (member_ == Member::none) return refuse("has a field that is not known");
    bool& seen = member_ == Member::tokens ? has_tokens_ : has_[static_cast<std::size_t>(member_)];
    if (seen) refuse_field(member_, "is repeated");
    seen = true;
  }

  void string(std::string_view piece, bool last) final {
    text_ += piece;
    if (!last) return;
    const std::string text = std::move(text_);
    text_.clear();
    if (!wrong_.empty()) return;
    if (level_ == Level::ecosystems) return ecosystem(text);
    if (level_ == Level::entry && member_ == Member::token) return token(text);
    if (level_ == Level::entry && member_ == Member::kind) return kind(text);
    wrong_type();
  }

  void scalar(JsonKind) final { wrong_type(); }

  bool begin(JsonKind kind) final {
    const bool array = kind == JsonKind::array;
    if (level_ == Level::file && member_ == Member::tokens && array) {
      level_ = Level::tokens;
    } else if (level_ == Level::tokens && !array) {
      level_ = Level::entry;
      entries_.emplace_back();
      lines_.push_back(line_);
      std::fill(std::begin(has_), std::end(has_), false);
    } else if (level_ == Level::entry && member_ == Member::ecosystems && array) {
      level_ = Level::ecosystems;
      entries_.back().limited = true;
    } else {
      wrong_type();
      return false;
    }
    return true;
  }

  void end() final {
    switch (level_) {
      case Level::ecosystems: {
        auto& ids = entries_.back().ecosystems;
        std::sort(ids.begin(), ids.end());
        if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
          refuse_field(Member::ecosystems, "has a repeated id");
        }
        level_ = Level::entry;
        break;
      }
      case Level::entry:
        for (const Member member : {Member::token, Member::kind}) {
          if (!has_[static_cast<std::size_t>(member)]) refuse_field(member, "is missing");
        }
        level_ = Level::tokens;
        break;
      case Level::tokens: level_ = Level::file; break;
      case Level::file:
      default: break;
    }
  }

  void wrong_type() {
    const Member member = level_ == Level::tokens ? Member::tokens : member_;
    if (member != Member::none) refuse_field(member, "has a value of the wrong type");
  }

  void token(const std::string& text) {
    const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
    if (text.empty() || text.size() > 4096 || !visible) {
      return refuse_field(Member::token, "must be 1 to 4096 visible ASCII characters");
    }
    entries_.back().token = text;
  }

  void kind(std::string_view text) {
    if (text == "account") {
      entries_.back().kind = PrincipalKind::account;
    } else if (text == "server") {
      entries_.back().kind = PrincipalKind::server;
    } else if (text == "client" || text == "user") {
      entries_.back().kind = PrincipalKind::other;
    } else {
      refuse_field(Member::kind, "must be one of: account, server, client, user");
    }
  }

  void ecosystem(std::string_view text) {
    const auto id = EcosystemId::parse(text);
    if (!id) return refuse_field(Member::ecosystems, "has an id that is not well-formed");
    entries_.back().ecosystems.push_back(*id);
  }

  void check_repeated_tokens() {
    std::vector<std::size_t> order(entries_.size());
    for (std::size_t i = 0; i != order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      const int difference = entries_[a].token.compare(entries_[b].token);
      return difference != 0 ? difference < 0 : a < b;
    });
    const auto repeated = std::adjacent_find(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return entries_[a].token == entries_[b].token;
    });
    if (repeated == order.end()) return;
    line_ = lines_[*std::next(repeated)];
    refuse_field(Member::token, "repeats an earlier one");
  }

  std::vector<TokenEntry> entries_;
  std::vector<std::size_t> lines_;  // where each entry begins
  std::string wrong_;
  std::string text_;  // of the name or string that goes on
  std::size_t line_ = 1;
  Level level_ = Level::file;
  Member member_ = Member::none;
  bool has_tokens_ = false;
  bool has_[5] = {};  // by Member
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
