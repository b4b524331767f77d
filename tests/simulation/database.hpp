// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A database as PostgreSQL behaves, as far as the statements of `PostgresStorage` go: rows that are visible from their
// commit on, statements that read as of their beginning, locks of ecosystems in the order of arrival, unique ids and
// keys that wait for a commit under way. Sessions of it may end, and a pooler before it may lie.
#pragma once

#include "scheduler.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sim {

using Cell = std::optional<std::string>;
using Cells = std::vector<Cell>;

struct Row {
  Cells client;  ///< the columns, in the order of the statements
  Cell key;
  std::uint64_t committed = 0;  ///< the number of the commit; 0 while it is under way
  Nanos at = 0;                 ///< when it was committed
  bool is_confirmed = true;     ///< by a standby, which then takes over with it
};

enum class StatementKind { settings, batch, insert, insert_again, insert_once, remove };

/// How a statement ended.
struct Reply {
  std::string state;  ///< SQLSTATE, or empty
  Cells row;          ///< of the result, if it has one
  bool crashed = false;
};

/// What becomes of a transaction that succeeds.
enum class Ending { commits, rolls_back, commits_unconfirmed };

struct Transaction {
  StatementKind kind{};
  Cells values;
  std::uint64_t snapshot = 0;
  Nanos lock_end = 0;
  std::function<void(const Reply&)> on_end;
  bool waits = true;
  bool broken = false;  ///< its server crashed
  Ending ending = Ending::commits;
  Row* row = nullptr;      ///< that it has inserted
  Row* expired = nullptr;  ///< that loses its key
  Reply reply;
};

class Database {
 public:
  struct Ecosystem {
    bool deleted = false;
    std::uint64_t deletion = 0;  ///< the number of the commit
    Nanos deleted_at = never;
  };

  std::map<std::string, Ecosystem> ecosystems;
  std::list<Row> rows;
  bool is_up = true;
  int lives = 0;  ///< sessions end with each

  /// Runs a statement as a transaction of its own.
  void run(StatementKind kind, Cells values, Ending ending, std::function<void(const Reply&)> on_end) {
    auto transaction = std::make_shared<Transaction>();
    transaction->kind = kind;
    transaction->ending = ending;
    transaction->values = std::move(values);
    transaction->snapshot = commits_;
    transaction->lock_end = scheduler().now() + 1200 * milli;
    transaction->on_end = std::move(on_end);
    transactions_.push_back(transaction);
    scheduler().at(transaction->lock_end, [this, transaction] {
      if (!transaction->waits || transaction->broken) return;
      transaction->reply.state = "55P03";
      transaction->ending = Ending::rolls_back;
      end(transaction);
    });
    go_on();
  }

  /// What is under way is lost; and, if a standby takes over, what it has not confirmed.
  void crash(bool fails_over) {
    is_up = false;
    ++lives;
    for (const auto& each : std::exchange(transactions_, {})) {
      each->broken = true;
      undo(*each);
      if (each->on_end) each->on_end({"", {}, true});
    }
    if (fails_over) rows.remove_if([](const Row& row) { return !row.is_confirmed; });
  }

 private:
  static constexpr std::size_t id = 0, created_at = 1, ecosystem = 2;
  static constexpr std::size_t columns = 6;

  using Pointer = std::shared_ptr<Transaction>;

  [[nodiscard]] static const std::string& ecosystem_of(const Transaction& transaction) {
    return *transaction.values[transaction.kind == StatementKind::remove ? 0 : ecosystem];
  }

  [[nodiscard]] static bool is_exclusive(const Transaction& transaction) {
    return transaction.kind == StatementKind::remove;
  }

  [[nodiscard]] bool is_visible(const Row& row, const Transaction& to) const {
    return row.committed != 0 && row.committed <= to.snapshot;
  }

  Row* find_id(const std::string& wanted) {
    for (Row& row : rows) {
      if (row.client[id] == wanted) return &row;
    }
    return nullptr;
  }

  Row* find_key(const Transaction& by) {
    for (Row& row : rows) {
      if (row.key && row.key == by.values[columns] && row.client[ecosystem] == by.values[ecosystem]) return &row;
    }
    return nullptr;
  }

  // What has to end before this one can go on: a lock of its ecosystem, which is given in the order of arrival, or a
  // row of its id or key that is not committed yet.
  bool must_wait(const Transaction& transaction) {
    for (const Pointer& other : transactions_) {
      if (other.get() == &transaction) break;
      const bool same = ecosystem_of(*other) == ecosystem_of(transaction);
      if (same && (is_exclusive(*other) || is_exclusive(transaction))) return true;
    }
    if (is_exclusive(transaction)) return false;
    const Row* const by_id = find_id(*transaction.values[id]);
    if (by_id != nullptr && by_id->committed == 0) return true;
    const Row* const by_key = transaction.kind == StatementKind::insert_once ? find_key(transaction) : nullptr;
    return by_key != nullptr && by_key->committed == 0;
  }

  void go_on() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Pointer& each : std::deque<Pointer>(transactions_)) {
        if (!each->waits || must_wait(*each)) continue;
        each->waits = false;
        changed = true;
        execute(*each);
        Random& random = scheduler().random();
        const Nanos most = random.one_in(6) ? 25 * milli : 2 * milli;
        scheduler().after(random.between(50 * micro, most), [this, each] {
          if (!each->broken) end(each);
        });
      }
    }
  }

  static bool is_equal(const Row& row, const Transaction& to) {
    return Cells(to.values.begin(), to.values.begin() + columns) == row.client;
  }

  Cell state(const std::string& name) const {
    const auto found = ecosystems.find(name);
    if (found == ecosystems.end()) return std::nullopt;
    return found->second.deleted ? "deleted" : "active";
  }

  void insert_row(Transaction& by, Cell key) {
    by.row = &rows.emplace_back(Row{Cells(by.values.begin(), by.values.begin() + columns), std::move(key)});
  }

  void execute(Transaction& by) {
    Cells& out = by.reply.row;
    if (by.kind == StatementKind::remove) {
      out = {state(*by.values[0])};
      return;
    }
    const Cell found = state(*by.values[ecosystem]);
    if (by.kind == StatementKind::insert_once) return execute_once(by, found);
    Row* const taken = find_id(*by.values[id]);
    int count = 0;
    if (found == "active" && taken == nullptr) {
      insert_row(by, std::nullopt);
      count = 1;
    } else if (by.kind == StatementKind::insert_again) {
      if (found == "active" && is_equal(*taken, by)) ++count;
      if (taken != nullptr && is_visible(*taken, by) && is_equal(*taken, by)) ++count;
    }
    out = {found, std::to_string(count)};
  }

  void execute_once(Transaction& by, const Cell& found) {
    Cells& out = by.reply.row;
    const std::int64_t expiry = std::stoll(*by.values[columns + 1]);
    Row* holder = find_key(by);
    const auto is_kept = [&](const Row& row) { return std::stoll(*row.client[created_at]) >= expiry; };
    Row* const owner = holder != nullptr && is_visible(*holder, by) && is_kept(*holder) ? holder : nullptr;
    Row* const taken = find_id(*by.values[id]);
    bool inserted = false;
    if (owner == nullptr && found == "active") {
      if (holder != nullptr && is_visible(*holder, by)) {
        by.expired = holder;
        holder = nullptr;
      }
      inserted = holder == nullptr && taken == nullptr;
      if (inserted) {
        if (by.expired != nullptr) by.expired->key.reset();
        insert_row(by, by.values[columns]);
      } else {
        by.expired = nullptr;
      }
    }
    out = owner != nullptr ? owner->client : Cells(columns);
    out.push_back(inserted ? "1" : "0");
    out.push_back(owner != nullptr ? std::nullopt : found);
    Cell before;
    if (owner == nullptr && found == "deleted") {
      before = ecosystems[*by.values[ecosystem]].deletion <= by.snapshot ? "deleted" : "active";
    }
    out.push_back(before);
    Cell equal;
    if (!inserted && taken != nullptr && is_visible(*taken, by)) equal = is_equal(*taken, by) ? "t" : "f";
    out.push_back(equal);
    out.push_back(inserted ? by.values[columns + 1] : std::nullopt);  // as if no other key had expired
  }

  void undo(Transaction& transaction) {
    if (transaction.row == nullptr) return;
    if (transaction.expired != nullptr) transaction.expired->key = transaction.values[columns];
    rows.remove_if([&](const Row& row) { return &row == transaction.row; });
    transaction.row = nullptr;
  }

  void end(const Pointer& transaction) {
    transaction->waits = false;
    transactions_.erase(std::find(transactions_.begin(), transactions_.end(), transaction));
    if (transaction->ending != Ending::rolls_back) {
      const std::uint64_t number = ++commits_;
      if (transaction->row != nullptr) {
        transaction->row->committed = number;
        transaction->row->at = scheduler().now();
        transaction->row->is_confirmed = false;
      }
      if (transaction->ending == Ending::commits) {  // the standby has this commit, and all before it
        for (Row& row : rows) row.is_confirmed = row.is_confirmed || row.committed != 0;
      }
      if (transaction->kind == StatementKind::remove && transaction->reply.row[0] == "active") {
        ecosystems[*transaction->values[0]] = {true, number, scheduler().now()};
      }
    } else {
      undo(*transaction);
    }
    if (transaction->on_end) transaction->on_end(transaction->reply);
    go_on();
  }

  std::deque<Pointer> transactions_;
  std::uint64_t commits_ = 1;
};

/// The database that simulated connections reach, and how often what goes wrong, in a thousand.
struct DatabaseSite {
  Database* database = nullptr;
  unsigned trouble = 0;
  bool pooler = false;
  std::function<void(const Cells&)> on_lost = {};  ///< called with the values of a statement whose fate gets lost
};

inline DatabaseSite& database_site() {
  static DatabaseSite one;
  return one;
}

}  // namespace sim
