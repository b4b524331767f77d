// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// An endpoint over policies that a server's tests can hold up, break and count.
#pragma once

#include <droplit/endpoint.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace test {

class Holder {
 public:
  explicit Holder(droplit::PrincipalKind kind) noexcept : kind_(kind) {}
  [[nodiscard]] droplit::PrincipalKind kind() const noexcept { return kind_; }

 private:
  droplit::PrincipalKind kind_;
};

struct Tokens {
  Holder authenticate(std::string_view token) const {
    if (token == "throws") throw std::runtime_error("canary");
    if (token == "client") return Holder(droplit::PrincipalKind::other);
    return Holder(token == "account" ? droplit::PrincipalKind::account : droplit::PrincipalKind::none);
  }
  bool authorize(const Holder&, droplit::EcosystemId) const { return true; }
};

struct CountingIds {
  droplit::ClientId next(droplit::Timestamp) {
    const std::uint32_t n = ++count;
    const auto byte = [n](int shift) { return static_cast<std::uint8_t>(n >> shift); };
    return droplit::ClientId({0, 0, 0, 0, 0, 0, 0, 0, byte(24), byte(16), byte(8), byte(0)});
  }
  std::atomic<std::uint32_t> count{0};
};

/// A memory storage whose inserts of clients named `slow` wait for `open`, and of those named `broken` throw.
class Store {
 public:
  Store() { memory_.add_ecosystem(*droplit::EcosystemId::parse("C0123456789abcdef01234567")); }

  droplit::Insertion insert(const droplit::Client& client) {
    const std::string_view name = client.name() ? std::string_view(client.name()->str()) : std::string_view();
    if (name == "broken") throw std::runtime_error("canary");
    if (name == "slow") {
      std::unique_lock lock(mutex_);
      waiting_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }
    const auto done = memory_.insert(client);
    if (done == droplit::Insertion::inserted) ++kept;
    return done;
  }

  void wait_for_insert() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_; });
  }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  std::atomic<int> kept{0};

 private:
  droplit::MemoryStorage memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool waiting_ = false;
  bool open_ = false;
};

using TestEndpoint = droplit::Endpoint<Store, Tokens, droplit::FixedClock, CountingIds>;

/// All that an endpoint needs, and the endpoint.
struct Parties {
  explicit Parties(std::uint32_t max_body = 1024 * 1024)
      : endpoint(store, tokens, clock, ids, droplit::EndpointOptions{max_body}) {}

  Store store;
  Tokens tokens;
  droplit::FixedClock clock{*droplit::Timestamp::parse("2018-02-28T15:16:58.941Z")};
  CountingIds ids;
  TestEndpoint endpoint;
};

inline const std::string good_body = R"({"ecosystemId":"C0123456789abcdef01234567","type":"server"})";

inline std::string chunk(std::string_view data) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, data.size(), 16).ptr;
  return std::string(digits, end).append("\r\n").append(data).append("\r\n");
}

/// A request to create a client; `fields` are further lines.
inline std::string post(std::string_view body, std::string_view fields = {}, std::string_view token = "account") {
  return std::string("POST /api/clients HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: ")
      .append(token)
      .append("\r\n")
      .append(fields)
      .append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
}

/// The same with a chunked body, whose chunks are in `wire`.
inline std::string post_chunked(std::string_view wire, std::string_view fields = {}) {
  return std::string(
             "POST /api/clients HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: account\r\n")
      .append(fields)
      .append("Transfer-Encoding: chunked\r\n\r\n")
      .append(wire);
}

/// The statuses of the responses in `wire`, as `201 404 close`: `close` if the last one says so.
inline std::string statuses(std::string_view wire) {
  std::string all;
  while (!wire.empty()) {
    const auto end = wire.find("\r\n\r\n");
    if (!wire.starts_with("HTTP/1.1 ") || end == std::string_view::npos) return all + "garbage";
    const std::string_view head = wire.substr(0, end);
    all.append(all.empty() ? "" : " ").append(head.substr(9, 3));
    if (head.ends_with("\r\nconnection: close")) all += " close";
    std::size_t length = 0;
    if (const auto at = head.find("content-length: "); at != std::string_view::npos) {
      std::from_chars(head.data() + at + 16, head.data() + head.size(), length);
    }
    if (wire.size() < end + 4 + length) return all + " cut";
    wire.remove_prefix(end + 4 + length);
  }
  return all;
}

}  // namespace test
