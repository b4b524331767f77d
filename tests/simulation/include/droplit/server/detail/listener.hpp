// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Takes the place of the library's header of this name: a listening socket of the simulated network.
#pragma once

#include <droplit/detail/config.hpp>

#include "simulation/network.hpp"
#include "simulation/server_watch.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

enum class Accepted : std::uint8_t { connection, failed, none, exhausted };

template <class Executor>
class Listener {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  explicit Listener(const Executor& executor) : executor_(executor) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }

  void listen(const Endpoint& where) {
    local_ = where;
    state_->owner = sim::scheduler().process();
    sim::network().ports[where.port()] = state_;
  }
  [[nodiscard]] const Endpoint& local() const noexcept { return local_; }

  template <class Socket>
  Accepted accept(Socket& socket) {
    sim::Random& random = sim::scheduler().random();
    if (state_->pending.empty()) return Accepted::none;
    if (random.one_in(200)) return Accepted::failed;
    if (random.one_in(200)) return Accepted::exhausted;
    state_->pending.front()->owner = state_->owner;
    socket.assign(std::move(state_->pending.front()));
    state_->pending.pop_front();
    return Accepted::connection;
  }
  [[nodiscard]] bool is_readable() noexcept { return !state_->pending.empty(); }

  template <class F>
  void wait(F ready) {
    state_->on_pending = [this, ready] {
      state_->on_pending = nullptr;
      boost::asio::post(executor_, ready);
    };
    if (is_readable()) std::function<void()>(state_->on_pending)();
  }

  void close() noexcept {
    state_->open = false;
    state_->on_pending = nullptr;
    for (const auto& each : std::exchange(state_->pending, {})) each->abort();
  }

 private:
  Executor executor_;
  Endpoint local_;
  std::shared_ptr<sim::Network::Listening> state_ = std::make_shared<sim::Network::Listening>();
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
