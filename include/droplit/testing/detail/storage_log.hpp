// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The calls that a check made to a store, and what they returned: the history that a broken rule is reported with. It
// is written by several threads while they race for the store, so each thread appends to a list of its own and a call
// costs it two increments and a copy; lines are made when a rule is broken. Used by the fixture of the storage suite.

#include <droplit/testing/detail/suite.hpp>

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The arguments of `insert_once`.
struct KeyedArgument {
  Client client;
  IdempotencyKey key;
};

/// A call to a store. Times are ticks of one counter.
struct LoggedCall {
  using Argument = std::variant<std::monostate, bool, std::size_t, Client, KeyedArgument, EcosystemId, ClientId>;
  using Result = std::variant<std::monostate, Outcome<Insertion>, Outcome<KeyedInsertion>, Outcome<EcosystemState>,
                              Outcome<std::optional<Client>>>;

  const char* function;
  Argument argument;
  Result result;
  std::uint64_t invoked;
  std::uint64_t returned;
};

class StorageLog {
 public:
  /// More threads than a check uses.
  static constexpr std::size_t threads = 40;

  /// Which of the threads this one is; 0 is the one that runs the check.
  static std::size_t& this_thread() noexcept {
    thread_local std::size_t number = 0;
    return number;
  }

  /// The time, which no other call gets.
  std::uint64_t tick() noexcept { return ++ticks_; }

  void add(LoggedCall call) { calls_[this_thread()].push_back(std::move(call)); }

  /// Ends the history: what is called later is not part of it. `about`: the client whose calls it has, those to its
  /// ecosystem included; all calls if absent.
  void end(const std::optional<Client>& about) {
    about_ = about;
    end_ = tick();
  }

  /// Begins the history, unless it has ended.
  void begin() noexcept {
    if (end_ == never) begin_ = tick();
  }

  /// The history, a line for each call in the order in which they began. While no thread adds a call.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::pair<std::uint64_t, std::string>> sorted;
    for (std::size_t thread = 0; thread != threads; ++thread) {
      for (const LoggedCall& call : calls_[thread]) {
        if (call.invoked > begin_ && call.invoked < end_ && is_about(call)) {
          sorted.emplace_back(call.invoked, line(call, thread));
        }
      }
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::string> lines;
    lines.reserve(sorted.size());
    for (auto& [invoked, text] : sorted) lines.push_back(std::move(text));
    return last_lines(std::move(lines), 40);
  }

 private:
  static constexpr std::uint64_t never = UINT64_MAX;

  [[nodiscard]] bool is_about(const LoggedCall& call) const {
    if (!about_) return true;
    if (const auto* const client = std::get_if<Client>(&call.argument)) return client->id() == about_->id();
    if (const auto* const keyed = std::get_if<KeyedArgument>(&call.argument)) return keyed->client.id() == about_->id();
    if (const auto* const id = std::get_if<ClientId>(&call.argument)) return *id == about_->id();
    if (const auto* const id = std::get_if<EcosystemId>(&call.argument)) return *id == about_->ecosystem_id();
    return true;
  }

  // `3-8 thread 2: insert(...) -> inserted`: calls whose ticks overlap were made at the same time.
  [[nodiscard]] std::string line(const LoggedCall& call, std::size_t thread) const {
    std::string out = std::to_string(call.invoked - begin_) + "-" + std::to_string(call.returned - begin_);
    if (thread != 0) out += " thread " + std::to_string(thread);
    out.append(": ").append(call.function) += '(';
    std::visit([&out](const auto& argument) { append(out, argument); }, call.argument);
    out += ')';
    if (!std::holds_alternative<std::monostate>(call.result)) out += " -> ";
    std::visit([&out](const auto& result) { append(out, result); }, call.result);
    return out;
  }

  static void append(std::string&, std::monostate) {}
  static void append(std::string& out, bool value) { out += value ? "true" : "false"; }
  static void append(std::string& out, std::size_t value) { out += std::to_string(value); }
  static void append(std::string& out, const KeyedArgument& keyed) {
    append_printed(out, keyed.client);
    append_printed(out += ", ", keyed.key);
  }
  template <Printable T>
  static void append(std::string& out, const T& value) {
    append_printed(out, value);
  }
  template <class T>
  static void append(std::string& out, const Outcome<T>& outcome) {
    Print<Outcome<T>>::append_content(out, outcome);
  }

  std::array<std::vector<LoggedCall>, threads> calls_;
  std::atomic<std::uint64_t> ticks_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = never;
  std::optional<Client> about_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
