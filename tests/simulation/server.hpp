// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A simulated process with the library's own server, endpoint, clock and ids, over a store that fails as stores may.
#pragma once

#include <droplit/clock.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/id_source.hpp>
#include <droplit/router.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage.hpp>

#include "scheduler.hpp"
#include "server_watch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

/// What was found. A simulation that finds nothing is good.
class Findings {
 public:
  void add(std::string what) { all.push_back(std::move(what)); }
  std::vector<std::string> all;
};

inline Findings& findings() {
  static Findings one;
  return one;
}

/// A store as one process sees it.
class ProcessStore {
 public:
  ProcessStore() = default;
  ProcessStore(const ProcessStore&) = delete;
  ProcessStore& operator=(const ProcessStore&) = delete;
  virtual ~ProcessStore() = default;
  virtual droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) = 0;
  virtual droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                                const droplit::IdempotencyKey& key) = 0;
};

/// The store that an endpoint has, which looks at what it is given.
class WatchedStore {
 public:
  explicit WatchedStore(ProcessStore& store) : store_(store) {}

  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    look_at(client);
    return store_.insert(client);
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) {
    look_at(client);
    return store_.insert_once(client, key);
  }

 private:
  void look_at(const droplit::Client& client) {
    const std::int64_t millis = client.created_at().unix_millis();
    if (latest_ && millis < *latest_) findings().add("the time of a process goes backwards");
    latest_ = millis;
    const auto bytes = client.id().bytes();
    const std::int64_t stamp = std::int64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    const std::int64_t seconds = std::clamp<std::int64_t>(millis >= 0 ? millis / 1000 : 0, 0, 0xFFFFFFFF);
    if (stamp != seconds && bytes[11] != 0xEE) findings().add("an id has other seconds than its client");
  }

  ProcessStore& store_;
  std::optional<std::int64_t> latest_;
};

/// The library's ids, and seldom one that another process has made, too.
class CollidingIds {
 public:
  explicit CollidingIds(std::set<std::string>& made) : made_(made) {}

  droplit::Outcome<droplit::ClientId> next(droplit::Timestamp now) {
    if (scheduler().random().one_in(100)) {
      const auto n = static_cast<std::uint8_t>(scheduler().random().below(3));
      return droplit::ClientId({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n, 0xEE});
    }
    auto id = ids_.next(now);
    if (id && !made_.insert(id.assume_value().text()).second) findings().add("an id is made twice");
    return id;
  }

 private:
  droplit::ObjectIds ids_;
  std::set<std::string>& made_;
};

/// Whose tokens are known. An account's token is revoked at a time.
struct Tokens {
  struct Holder {
    droplit::PrincipalKind is;
    [[nodiscard]] droplit::PrincipalKind kind() const noexcept { return is; }
  };
  [[nodiscard]] Holder authenticate(std::string_view token) const {
    if (token == "account" || (token == "revoked" && scheduler().now() < *revocation))
      return {droplit::PrincipalKind::account};
    if (token == "server") return {droplit::PrincipalKind::server};
    return {token == "user" ? droplit::PrincipalKind::other : droplit::PrincipalKind::none};
  }
  [[nodiscard]] bool authorize(Holder holder, droplit::EcosystemId id) const {
    return holder.is == droplit::PrincipalKind::account || id != forbidden;
  }

  const Nanos* revocation;
  droplit::EcosystemId forbidden;
};

using SimEndpoint = droplit::Endpoint<WatchedStore, Tokens, droplit::SystemClock, CollidingIds>;

/// The endpoint, whose store is called by fibers, as by store threads. Counts the pieces of a body.
class FiberHandler {
 public:
  explicit FiberHandler(SimEndpoint& endpoint) : endpoint_(endpoint) {}

  class Steps {
   public:
    explicit Steps(FiberHandler& handler) : steps_(handler.endpoint_) {}

    bool head(const droplit::RequestHead& head, std::string_view lines, droplit::Response& response) {
      pieces_ = 0;
      size_ = 0;
      return steps_.head(head, lines, response);
    }
    bool body(std::string_view piece, droplit::Response& response) {
      size_ += piece.size();
      if (++pieces_ > 8 + size_ / 128) findings().add("a body is parsed in too many pieces");
      return steps_.body(piece, response);
    }
    bool finish(std::string_view last_piece, droplit::Response& response) {
      return steps_.finish(last_piece, response);
    }
    template <class Done>
    void complete(droplit::Response& response, Done done) {
      scheduler().spawn(scheduler().process(), [this, &response, shared = std::make_shared<Done>(std::move(done))] {
        steps_.complete(response);
        (*shared)();
      });
    }
    [[nodiscard]] std::uint32_t max_body() const noexcept { return steps_.max_body(); }

   private:
    SimEndpoint::Steps steps_;
    std::size_t pieces_ = 0;
    std::size_t size_ = 0;
  };

 private:
  SimEndpoint& endpoint_;
};

/// A server that serves until it is stopped or killed.
class Server {
 public:
  Server(droplit::ServerOptions options, bool keys, std::unique_ptr<ProcessStore> store, const Tokens& tokens,
         std::set<std::string>& made_ids)
      : store_(std::move(store)), watched_(*store_), ids_(made_ids), tokens_(tokens), watch(process) {
    scheduler().spawn(&process, [this, options = std::move(options), keys] { run(options, keys); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Ends at once, for all that others can see.
  void kill() {
    if (std::exchange(process.dead, true)) return;
    for (const auto& end : network().all) {
      const auto peer = end->peer();
      if (peer && peer->owner == &process) End::cut(end);
    }
    stop();
  }

  void stop() {
    stopping = true;
    process.stopping = true;
    if (!server_) return;
    Process* const before = scheduler().enter(&process);
    server_->stop();
    scheduler().enter(before);
    process.poke();
  }

  [[nodiscard]] bool is_running() const noexcept { return !stopping && !ended; }

  bool ended = false;
  bool stopping = false;

 private:
  void run(const droplit::ServerOptions& options, bool keys) {
    if (!stopping) {
      SimEndpoint endpoint(watched_, tokens_, clock_, ids_, {.max_body = 256 * 1024, .idempotency_keys = keys});
      FiberHandler handler(endpoint);
      droplit::BeastServer<FiberHandler> server(handler, options);
      server_ = &server;
      server.run();
      server_ = nullptr;
    }
    ended = true;
  }

 public:
  Process process;

 private:
  std::unique_ptr<ProcessStore> store_;
  WatchedStore watched_;
  CollidingIds ids_;
  droplit::SystemClock clock_;
  const Tokens& tokens_;
  droplit::BeastServer<FiberHandler>* server_ = nullptr;

 public:
  ServerWatch watch;
};

}  // namespace sim
