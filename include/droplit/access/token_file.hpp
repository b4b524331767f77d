// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/access/token_file/reader.hpp>
#include <droplit/access/token_file/text.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The tokens of a JSON file, read once:
///
///     {"tokens": [{"token": "...", "kind": "account", "ecosystems": ["C594b89aea18568c408c3ad24"]}]}
///
/// `kind` is `account`, `server`, `client` or `user`; the latter two may not create clients. Without `ecosystems` an
/// account may create clients in every ecosystem and a server in none. A token is 1 to 4096 visible ASCII characters.
/// The file is refused if anything in it is malformed, repeated or unknown.
///
/// Thread-safe. `authenticate` compares with every token of the same length, whole, so that its instruction count
/// depends on nothing but lengths; it is linear in the number of tokens, which should be some thousands at most. No
/// message has a token in it.
class TokenFile {
 public:
  /// The holder of a token; valid as long as the `TokenFile` exists, also after the token was revoked.
  class Principal {
   public:
    /// None for an unknown token; else what `kind` in the file says.
    [[nodiscard]] PrincipalKind kind() const noexcept { return entry_ ? entry_->kind : PrincipalKind::none; }

   private:
    friend class TokenFile;
    explicit Principal(const detail::TokenEntry* entry) noexcept : entry_(entry) {}
    const detail::TokenEntry* entry_;
  };

  /// Reads a regular file of at most 16 MiB; a pipe or a device is refused without opening it. The `Fault` says why the
  /// file is invalid, with the line and field.
  static Outcome<TokenFile> load(const std::string& path) {
    auto file = detail::read_token_file(path);
    if (!file) return std::move(file).as_failure();
    auto read = parse(file.assume_value().text);
    if (read) read.assume_value().open_to_others_ = file.assume_value().open_to_others;
    return read;
  }

  /// Reads the text of such a file.
  static Outcome<TokenFile> parse(std::string_view text) {
    detail::TokenFileReader reader;
    if (const std::string flaw = reader.read(text); !flaw.empty()) return detail::token_file_fault(flaw);
    TokenFile file;
    file.entries_ = std::move(reader.entries());
    return file;
  }

  /// The holder of the token, of kind none if no token of the file is equal.
  [[nodiscard]] Principal authenticate(std::string_view token) const noexcept { return Principal(find(token)); }

  /// True if the file lets the holder create clients in this ecosystem, whether or not that exists.
  [[nodiscard]] bool authorize(const Principal& holder, EcosystemId ecosystem) const noexcept {
    const detail::TokenEntry* const entry = holder.entry_;
    if (entry == nullptr) return false;
    if (!entry->limited) return entry->kind == PrincipalKind::account;
    return std::binary_search(entry->ecosystems.begin(), entry->ecosystems.end(), ecosystem);
  }

  /// True if the mode of the file, when it was loaded, gave its group or all users any access: worth a warning, since
  /// tokens are secrets. False for a parsed text.
  [[nodiscard]] bool is_open_to_others() const noexcept { return open_to_others_; }

  /// Makes the token unknown from now on; false if it was already. Requests that were authenticated before continue.
  /// The file is not written.
  bool revoke(std::string_view token) noexcept {
    detail::TokenEntry* const found = find(token);
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

  [[nodiscard]] detail::TokenEntry* find(std::string_view token) const noexcept {
    detail::TokenEntry* found = nullptr;
    for (detail::TokenEntry& entry : entries_) {
      if (equal(entry.token, token) && !entry.revoked.load()) found = &entry;
    }
    return found;
  }

  mutable std::deque<detail::TokenEntry> entries_;  // only `revoked` ever changes
  bool open_to_others_ = false;
};

static_assert(Access<TokenFile>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
