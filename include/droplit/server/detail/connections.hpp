// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The connections of a `BeastServer`, and which of them makes room for a newcomer when there are as many as allowed.
// Each is in the list of all, and in at most one of these, which are in the order of time:
//
//     fresh     it has not sent a byte yet      the oldest is evicted first
//     idle      it waits for its next request   the oldest is evicted if no fresh one can be
//     queued    its request waits for memory    never evicted; the oldest is the next for which there is some
//     leaving   it was evicted, and lingers     not counted any more; the oldest is aborted if there are too many

#include <droplit/detail/config.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The base of a connection that is in a `Connections`, which alone changes it.
template <class Clock>
struct ConnectionEntry {
  enum class Phase : std::uint8_t { fresh, idle, queued, leaving, busy, asked, left };

  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  Hook in_all;
  Hook in_phase;  // in the first four phases
  typename Clock::time_point silent_since;
  Phase phase = Phase::busy;
  bool added = false;  // constant while it is in use
};

/// The open connections of a server. They are removed by their destructors, on any thread. Thread-safe; each function
/// but `all` takes constant time.
template <class Connection, class Clock>
class Connections {
 public:
  using Entry = ConnectionEntry<Clock>;
  using Pointer = std::shared_ptr<Connection>;
  using Time = typename Clock::time_point;

  /// At most `max_leaving` linger after they were evicted.
  explicit Connections(std::size_t max_leaving = 16) noexcept : max_leaving_(max_leaving) {}

  /// The connection was accepted, and waits for its first byte since `now`.
  void add(const Pointer& connection, Time now) noexcept {
    const std::lock_guard lock(mutex_);
    all_.push_back(*connection);
    connection->added = true;
    connection->silent_since = now;
    enter(*connection, Phase::fresh);
    ++serving_;
  }

  /// Also of one that was not added.
  void remove(Entry& connection) noexcept {
    const std::lock_guard lock(mutex_);
    if (!connection.added) return;
    enter(connection, Phase::left);
    all_.erase(all_.iterator_to(connection));
  }

  /// The connection waits for a request since `now`; `fresh`: for its first byte, which changes nothing if it does
  /// already.
  void wait(Entry& connection, Time now, bool fresh) noexcept {
    const std::lock_guard lock(mutex_);
    if (fresh && connection.phase == Phase::fresh) return;
    connection.silent_since = now;
    enter(connection, fresh ? Phase::fresh : Phase::idle);
  }

  /// A request has begun. Whether none is queued, so that it may have memory.
  bool end_wait(Entry& connection) noexcept {
    const std::lock_guard lock(mutex_);
    enter(connection, Phase::busy);
    return of(Phase::queued).empty();
  }

  /// The request waits for memory, after those that do already. Whether it is the first one.
  bool queue(Entry& connection) noexcept {
    const std::lock_guard lock(mutex_);
    if (connection.phase != Phase::queued) enter(connection, Phase::queued);
    return &of(Phase::queued).front() == &connection;
  }

  /// It waits for memory no more. Returns the one that is first now, if it was, or null.
  Pointer leave_queue(Entry& connection) noexcept {
    const std::lock_guard lock(mutex_);
    Members& queued = of(Phase::queued);
    if (connection.phase != Phase::queued) return nullptr;
    const bool was_first = &queued.front() == &connection;
    enter(connection, Phase::busy);
    while (was_first && !queued.empty()) {
      if (auto alive = pointer(queued.front())) return alive;
      enter(queued.front(), Phase::busy);
    }
    return nullptr;
  }

  /// The connection to evict, which waits since `latest` or longer. Null if there is none, and while the one before
  /// neither lingers nor has begun a request nor was removed.
  Pointer take_waiting(Time latest) noexcept {
    const std::lock_guard lock(mutex_);
    if (asked_) return nullptr;
    for (const Phase phase : {Phase::fresh, Phase::idle}) {
      Members& members = of(phase);
      while (!members.empty() && members.front().silent_since <= latest) {
        Entry& entry = members.front();
        auto alive = pointer(entry);
        enter(entry, alive ? Phase::asked : Phase::busy);
        if (alive) return alive;
      }
    }
    return nullptr;
  }

  /// The connection was evicted, and lingers. Returns one to abort, or null.
  Pointer linger(Entry& connection) noexcept {
    const std::lock_guard lock(mutex_);
    enter(connection, Phase::leaving);
    if (of(Phase::leaving).size() <= max_leaving_) return nullptr;
    Entry& oldest = of(Phase::leaving).front();
    enter(oldest, Phase::left);
    return pointer(oldest);
  }

  /// How many there are, without those that were evicted.
  std::size_t serving() noexcept {
    const std::lock_guard lock(mutex_);
    return serving_;
  }

  bool empty() noexcept {
    const std::lock_guard lock(mutex_);
    return all_.empty();
  }

  std::vector<Pointer> all() {
    std::vector<Pointer> all;
    const std::lock_guard lock(mutex_);
    all.reserve(all_.size());
    for (Entry& entry : all_) {
      if (auto alive = pointer(entry)) all.push_back(std::move(alive));
    }
    return all;
  }

 private:
  using Phase = typename Entry::Phase;
  using Hook = typename Entry::Hook;
  template <Hook Entry::*member>
  using List = boost::intrusive::list<Entry, boost::intrusive::member_hook<Entry, Hook, member>>;
  using Members = List<&Entry::in_phase>;

  static bool has_list(Phase phase) noexcept { return phase <= Phase::leaving; }
  static bool is_serving(Phase phase) noexcept { return phase != Phase::leaving && phase != Phase::left; }

  // Null if its destructor has begun.
  static Pointer pointer(Entry& entry) noexcept { return static_cast<Connection&>(entry).weak_from_this().lock(); }

  Members& of(Phase phase) noexcept { return members_[static_cast<std::size_t>(phase)]; }

  void enter(Entry& entry, Phase phase) noexcept {
    if (has_list(entry.phase)) of(entry.phase).erase(of(entry.phase).iterator_to(entry));
    if (has_list(phase)) of(phase).push_back(entry);
    if (is_serving(entry.phase) && !is_serving(phase)) --serving_;
    if (entry.phase == Phase::asked) asked_ = false;
    if (phase == Phase::asked) asked_ = true;
    entry.phase = phase;
  }

  const std::size_t max_leaving_;
  std::mutex mutex_;
  List<&Entry::in_all> all_;
  Members members_[4];  // fresh, idle, queued, leaving
  std::size_t serving_ = 0;
  bool asked_ = false;  // whether one is in that phase
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
