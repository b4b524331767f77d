// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/access/token_file/reader.hpp>
#include <droplit/access/token_file/text.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The tokens of a JSON file, read once:
///
///     {"tokens": [{"token": "...", "kind": "account", "ecosystems": ["C594b89aea18568c408c3ad24"]}]}
///
/// `kind` is `account`, `server`, `client` or `user`; the latter two may not create clients. Without `ecosystems` an
/// account may touch every ecosystem and a server none. A token is 1 to 4096 visible ASCII characters. Anything
/// malformed, repeated or unknown in the file refuses the whole of it.
///
/// Thread-safe. `authenticate` compares with every token of the same length, whole, so that its instruction count tells
/// nothing but lengths; it is linear in the number of tokens, fit for some thousands. Nothing here ever prints a token.
class TokenFile {
  struct Token {
    explicit Token(detail::TokenEntry entry) : value(std::move(entry)) {}
    detail::TokenEntry value;
    std::atomic<bool> revoked{false};
  };

 public:
  /// The holder of a token; valid as long as the `TokenFile` is there, also after the token was revoked.
  class Principal {
   public:
    [[nodiscard]] PrincipalKind kind() const noexcept { return token_ ? token_->value.kind : PrincipalKind::none; }

   private:
    friend class TokenFile;
    explicit Principal(const Token* token) noexcept : token_(token) {}
    const Token* token_;
  };

  /// Reads a regular file of at most 16 MiB; a pipe or a device is refused without opening it. A `Fault` names what is
  /// wrong with the file, or the line and the field.
  static Outcome<TokenFile> load(const std::string& path) {
    const detail::TokenFileText file(path);
    if (!file.flaw().empty()) return Fault(FaultSource::access, Fate::not_applied, "access file: " + file.flaw());
    auto read = parse(file.text());
    if (read) read.assume_value().open_to_others_ = file.open_to_others();
    return read;
  }

  /// Reads the text of such a file.
  static Outcome<TokenFile> parse(std::string_view text) {
    detail::TokenFileReader reader;
    if (auto wrong = reader.read(text); !wrong.empty()) {
      return Fault(FaultSource::access, Fate::not_applied, "access file: " + wrong);
    }
    TokenFile file;
    for (detail::TokenEntry& entry : reader.entries()) file.tokens_.emplace_back(std::move(entry));
    return file;
  }

  [[nodiscard]] Principal authenticate(std::string_view token) const noexcept { return Principal(find(token)); }

  [[nodiscard]] bool authorize(const Principal& holder, EcosystemId ecosystem) const noexcept {
    if (holder.token_ == nullptr) return false;
    const detail::TokenEntry& entry = holder.token_->value;
    if (!entry.limited) return entry.kind == PrincipalKind::account;
    return std::binary_search(entry.ecosystems.begin(), entry.ecosystems.end(), ecosystem);
  }

  /// True if the mode of the file, when it was loaded, gave its group or all users any access: worth a warning, since
  /// tokens are secrets. False of a text that was parsed.
  [[nodiscard]] bool is_open_to_others() const noexcept { return open_to_others_; }

  /// Makes the token unknown from now on; false if it was already. Requests that were let in before go on. The file is
  /// not written.
  bool revoke(std::string_view token) noexcept {
    Token* const found = find(token);
    return found != nullptr && !found->revoked.exchange(true);
  }

 private:
  TokenFile() = default;

  static bool equal(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    volatile unsigned char difference = 0;  // volatile: no compiler may stop at the first difference
    for (std::size_t i = 0; i != a.size(); ++i) {
      difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
    }
    return difference == 0;
  }

  [[nodiscard]] Token* find(std::string_view token) const noexcept {
    Token* found = nullptr;
    for (Token& candidate : tokens_) {
      if (equal(candidate.value.token, token) && !candidate.revoked.load()) found = &candidate;
    }
    return found;
  }

  mutable std::deque<Token> tokens_;  // never changed but for `revoked`
  bool open_to_others_ = false;
};

static_assert(Access<TokenFile>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
