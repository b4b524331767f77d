// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Callers of a droplit-server that repeat each create under its idempotency key until it has a 201, and what they know
// of them.
#pragma once

#include <droplit/client.hpp>
#include <droplit/id.hpp>
#include <droplit/json.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/response.hpp>
#include <droplit/transport/curl.hpp>

#include "crash_requests.hpp"
#include "server_process.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// What is known of the creates: for each key the bytes of its 201, once there is one. Two lanes call with each key.
class KeyedBook {
 public:
  using Clock = std::chrono::steady_clock;
  using Name = std::pair<std::size_t, std::size_t>;  // lane / 2, number

  explicit KeyedBook(Violations& violations) noexcept : violations_(violations) {}

  void ask(Name name) {
    const std::lock_guard lock(mutex_);
    bodies_[name];
  }

  /// `begin` is when the call that has the 201 was sent.
  void created(std::size_t lane, Name name, const std::string& body, std::optional<bool> replayed,
               Clock::time_point begin, const std::string& who) {
    const std::lock_guard lock(mutex_);
    std::string& known = bodies_.at(name);
    if (!known.empty() && body != known) violations_.add(who + "201 with another body: " + body + " and " + known);
    if (!replayed) violations_.add(who + "201 without idempotency-replayed");
    const bool is_first = replayed == false;
    if (is_first && !firsts_.insert(name).second) violations_.add(who + "created twice");
    if (forbidden_since_ && begin > *forbidden_since_) violations_.add(who + "201 while it must not be acknowledged");
    known = body;
    ++responses_;
    replays_ += is_first ? 0 : 1;
    latest_.at(lane) = std::max(latest_.at(lane), begin);
  }

  void failed() { ++failures_; }

  /// From now until `allow`, no call that is sent may have a 201.
  void forbid() {
    const std::lock_guard lock(mutex_);
    forbidden_since_ = Clock::now();
  }
  void allow() {
    const std::lock_guard lock(mutex_);
    forbidden_since_.reset();
  }

  /// How many lanes have a 201 of a call that was sent after that.
  [[nodiscard]] std::size_t created_since(Clock::time_point begin) const {
    const std::lock_guard lock(mutex_);
    const auto is_later = [begin](Clock::time_point latest) { return latest > begin; };
    return static_cast<std::size_t>(std::count_if(latest_.begin(), latest_.end(), is_later));
  }

  /// Those that have a 201.
  [[nodiscard]] std::map<Name, std::string> settled() const {
    const std::lock_guard lock(mutex_);
    std::map<Name, std::string> settled;
    for (const auto& each : bodies_) {
      if (!each.second.empty()) settled.insert(each);
    }
    return settled;
  }

  [[nodiscard]] bool is_asked(Name name) const {
    const std::lock_guard lock(mutex_);
    return bodies_.contains(name);
  }
  [[nodiscard]] std::size_t keys() const {
    const std::lock_guard lock(mutex_);
    return bodies_.size();
  }
  [[nodiscard]] std::size_t responses() const noexcept { return responses_; }
  [[nodiscard]] std::size_t replays() const noexcept { return replays_; }
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

  /// Compares clients of a store with the 201s that were there before it was read.
  void compare(const std::map<Name, std::string>& settled, const std::vector<droplit::Client>& clients) {
    std::map<Name, std::string> found;
    for (const droplit::Client& client : clients) {
      const std::string name = client.name() ? client.name()->str() : "";
      const auto place = lane_and_number(name);
      if (!place || !is_asked(*place)) {
        violations_.add("a client that was not requested: " + name);
        continue;
      }
      if (!found.emplace(*place, droplit::to_json(client)).second) violations_.add("two clients for one key: " + name);
    }
    for (const auto& [name, body] : settled) {
      const std::string who = std::to_string(name.first) + "-" + std::to_string(name.second);
      const auto there = found.find(name);
      if (there == found.end()) violations_.add("a client that was answered is lost: " + who);
      if (there != found.end() && there->second != body) violations_.add("a client is not as it was answered: " + who);
    }
  }

 private:
  Violations& violations_;
  mutable std::mutex mutex_;
  std::map<Name, std::string> bodies_;
  std::set<Name> firsts_;
  std::optional<Clock::time_point> forbidden_since_;
  std::array<Clock::time_point, lanes> latest_{};  // when the last call with a 201 was sent
  std::atomic<std::size_t> responses_{0};
  std::atomic<std::size_t> replays_{0};
  std::atomic<std::size_t> failures_{0};
};

/// Where a server listens now.
class ServerAddress {
 public:
  void set(std::string url) {
    const std::lock_guard lock(mutex_);
    url_ = std::move(url);
  }
  [[nodiscard]] std::string get() const {
    const std::lock_guard lock(mutex_);
    return url_;
  }

 private:
  mutable std::mutex mutex_;
  std::string url_;
};

/// Callers that never give up: eight connections that create clients one after the other until `finish`. The two that
/// share keys call the first and the last server.
class KeyedLoad {
 public:
  /// For a 201, whatever is killed meanwhile.
  static constexpr std::chrono::seconds longest_wait{60};

  /// `pause`: of a caller that has no 201, before it repeats.
  KeyedLoad(std::vector<const ServerAddress*> addresses, droplit::EcosystemId home, KeyedBook& book,
            Violations& violations, std::chrono::milliseconds pause = std::chrono::milliseconds(2))
      : addresses_(std::move(addresses)), home_(home), book_(book), violations_(violations), pause_(pause) {
    for (std::size_t lane = 0; lane != lanes; ++lane) threads_.emplace_back([this, lane] { run(lane); });
  }
  KeyedLoad(const KeyedLoad&) = delete;
  KeyedLoad& operator=(const KeyedLoad&) = delete;
  ~KeyedLoad() { finish(); }

  /// Ends when each lane has its 201.
  void finish() {
    stop_ = true;
    for (std::thread& each : threads_) each.join();
    threads_.clear();
  }

 private:
  using Clock = KeyedBook::Clock;

  /// A key of any characters, which the number of the request makes the only one.
  static std::string key_of(KeyedBook::Name name) {
    std::string key = std::to_string(name.first) + "-" + std::to_string(name.second) + ":";
    std::minstd_rand random(static_cast<unsigned>(1 + name.first + name.second * lanes));
    for (auto n = random() % 60; n != 0; --n) key += static_cast<char>(0x21 + random() % 94);
    return key;
  }

  void run(std::size_t lane) {
    const ServerAddress& address = lane % 2 == 0 ? *addresses_.front() : *addresses_.back();
    std::minstd_rand random(static_cast<unsigned>(1 + lane));
    for (std::size_t number = 0; !stop_ && violations_.none(); ++number) {
      create(lane, address, {lane / 2, number});
      // The 201 is the same later too, whatever was killed since.
      if (random() % 3 == 0) create(lane, address, {lane / 2, random() % (number + 1)});
    }
  }

  void create(std::size_t lane, const ServerAddress& address, KeyedBook::Name name) {
    const auto draft = draft_of(name.first, name.second, home_);
    const droplit::RemoteCreation creation(draft, {}, 0);
    droplit::Request request = creation.request();
    request.fields.add("idempotency-key", key_of(name));
    const std::string who = "request " + draft.name()->str() + ": ";
    book_.ask(name);  // before it is sent: it may be found whatever happens
    std::optional<droplit::CurlTransport> transport;
    std::string url;
    for (const auto end = Clock::now() + longest_wait; violations_.none();) {
      const auto begin = Clock::now();
      if (begin > end) return violations_.add(who + "no 201, however often it was repeated");
      if (!transport || url != address.get()) {
        url = address.get();
        transport.emplace("crash-token", droplit::CurlOptions{.url = url, .proxy = "", .timeout = longest_wait / 2});
      }
      const auto response = transport->send(request);
      const int status = response ? response.assume_value().status : 0;
      if (status == 201) {
        const droplit::Response& created = response.assume_value();
        return book_.created(lane, name, created.body, droplit::read_replayed(created), begin, who);
      }
      if (status != 0 && status != 500 && status != 503) violations_.add(who + "answered " + std::to_string(status));
      book_.failed();
      std::this_thread::sleep_for(pause_);
    }
  }

  std::vector<const ServerAddress*> addresses_;
  droplit::EcosystemId home_;
  KeyedBook& book_;
  Violations& violations_;
  std::chrono::milliseconds pause_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace test
