// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Connections between simulated processes: bytes arrive in pieces, later, in order, and not at all once a connection is
// cut. As with TCP, closing while bytes are unread resets, and a reset takes away what the peer has not read yet.
#pragma once

#include "scheduler.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

/// One side of a connection.
class End : public std::enable_shared_from_this<End> {
 public:
  std::string unread;
  bool has_end = false;   ///< the peer sends no more, and all that it had sent is in `unread`
  bool is_reset = false;  ///< nothing can be read or written any more
  bool is_closed = false;
  bool ends = false;               ///< it has said that it sends no more
  bool was_cut = false;            ///< by the network, not by the peer
  std::size_t window = 64 * 1024;  ///< the most that is unread or on the way to here
  std::size_t received = 0;
  std::size_t sent = 0;
  Waiters waiters;
  std::function<void()> on_change;  ///< called for every change
  Process* owner = nullptr;

  /// How much can be sent now.
  [[nodiscard]] std::size_t room() const {
    const auto peer = peer_.lock();
    if (!peer || is_reset) return 0;
    const std::size_t taken = peer->unread.size() + on_way_;
    return taken < peer->window ? peer->window - taken : 0;
  }

  /// Sends as much as there is room for.
  std::size_t send(std::string_view bytes) {
    const std::size_t size = (std::min)(bytes.size(), room());
    sent += size;
    for (std::string_view rest = bytes.substr(0, size); !rest.empty();) {
      Random& random = scheduler().random();
      const std::size_t most = random.one_in(8) ? 1 + random.below(64) : rest.size();
      const std::string_view piece = rest.substr(0, most);
      rest.remove_prefix(piece.size());
      on_way_ += piece.size();
      deliver([piece = std::string(piece)](End& self, End& peer) {
        self.on_way_ -= piece.size();
        if (peer.is_closed) return self.reset();  // it does not read any more
        peer.unread += piece;
        peer.received += piece.size();
      });
    }
    return size;
  }

  void end_sending() {
    if (std::exchange(ends, true) || is_reset) return;
    deliver([](End&, End& peer) { peer.has_end = true; });
  }

  std::string read(std::size_t most) {
    std::string bytes = unread.substr(0, most);
    unread.erase(0, bytes.size());
    if (const auto peer = peer_.lock()) peer->changed();  // there is room again
    return bytes;
  }

  /// Closes: with a reset if something is unread, else after all that was sent.
  void close() {
    if (std::exchange(is_closed, true) || is_reset) return;
    if (!unread.empty()) return abort();
    end_sending();
  }

  /// Resets the connection.
  void abort() {
    is_closed = true;
    if (is_reset) return;
    is_reset = true;
    const auto peer = peer_.lock();
    if (peer) {
      scheduler().after(delay(), [peer] { peer->reset(); });
    }
    changed();
  }

  /// What a reset of the peer does here.
  void reset() {
    if (std::exchange(is_reset, true)) return;
    unread.clear();
    changed();
  }

  /// Both sides are reset, as by a broken wire or a firewall.
  static void cut(const std::shared_ptr<End>& end) {
    const auto peer = end->peer_.lock();
    end->was_cut = true;
    end->reset();
    if (!peer) return;
    peer->was_cut = true;
    peer->reset();
  }

  static void join(const std::shared_ptr<End>& a, const std::shared_ptr<End>& b) {
    a->peer_ = b;
    b->peer_ = a;
    a->keeps_ = b;  // until it is closed and all has arrived
    b->keeps_ = a;
  }

  [[nodiscard]] std::shared_ptr<End> peer() const { return peer_.lock(); }

  /// Breaks the cycle at the end of a simulation.
  void forget() { keeps_.reset(); }

 private:
  static Nanos delay() {
    Random& random = scheduler().random();
    return random.one_in(50) ? random.between(milli, 200 * milli) : random.between(20 * micro, 400 * micro);
  }

  template <class What>
  void deliver(What what) {
    arrival_ = (std::max)(arrival_ + 1, scheduler().now() + delay());
    scheduler().at(arrival_, [self = shared_from_this(), peer = peer_.lock(), what] {
      if (!peer || self->was_cut || peer->is_reset) return;
      what(*self, *peer);
      peer->changed();
    });
  }

  void changed() {
    scheduler().notify(waiters);
    if (on_change) on_change();
  }

  std::weak_ptr<End> peer_;
  std::shared_ptr<End> keeps_;
  std::size_t on_way_ = 0;
  Nanos arrival_ = 0;
};

/// Who listens where.
class Network {
 public:
  struct Listening {
    std::deque<std::shared_ptr<End>> pending;
    std::function<void()> on_pending;
    bool open = true;
    std::size_t backlog = 64;
    Process* owner = nullptr;
  };

  std::map<std::uint16_t, std::shared_ptr<Listening>> ports;

  /// The client's side of a new connection; null if nobody listens there.
  std::shared_ptr<End> connect(std::uint16_t port) {
    const auto found = ports.find(port);
    if (found == ports.end()) return nullptr;
    const Listening& listening = *found->second;
    const bool is_dead = listening.owner != nullptr && listening.owner->dead;
    if (!listening.open || is_dead || listening.pending.size() >= listening.backlog) return nullptr;
    const auto client = std::make_shared<End>();
    const auto server = std::make_shared<End>();
    End::join(client, server);
    all.push_back(client);
    found->second->pending.push_back(server);
    if (found->second->on_pending) found->second->on_pending();
    return client;
  }

  /// Every connection that there was.
  std::vector<std::shared_ptr<End>> all;

  void clear() {
    for (const auto& end : all) {
      if (const auto peer = end->peer()) {
        peer->on_change = nullptr;
        peer->forget();
      }
      end->on_change = nullptr;
      end->forget();
    }
    all.clear();
    ports.clear();
  }
};

inline Network& network() {
  static Network one;
  return one;
}

}  // namespace sim
