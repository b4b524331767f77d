// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A new store and what the checks ask of it; the first thing that is seen to be wrong is remembered. Thread-safe.
template <class S>
class StorageFixture {
 public:
  /// What was first seen to be wrong; empty if nothing was.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 protected:
  template <class Make>
  explicit StorageFixture(Make& make) : storage_(make()) {}

  template <class T>
  static typename T::Bytes bytes(std::uint64_t n) {
    typename T::Bytes bytes{};
    for (std::size_t i = 0; i != 8; ++i) bytes[11 - i] = static_cast<std::uint8_t>(n >> (8 * i));
    return bytes;
  }
  static ClientId id(std::uint64_t n) { return ClientId(bytes<ClientId>(n)); }
  static EcosystemId ecosystem(std::uint64_t n) { return EcosystemId(bytes<EcosystemId>(n)); }
  static std::optional<Text> text(std::string value) { return Text::parse(std::move(value)); }
  static Client client(std::uint64_t n) { return client(n, text("name"), text("description")); }
  static Client client(std::uint64_t n, std::optional<Text> name, std::optional<Text> description) {
    return {id(n), *Timestamp::from_unix_millis(0), ecosystem(1), {}, std::move(name), std::move(description)};
  }

  void expect(bool right, std::string_view otherwise) {
    const std::lock_guard lock(mutex_);
    if (!right && failure_.empty()) failure_ = otherwise;
  }

  std::optional<EcosystemState> add(EcosystemId e) {
    return ask<EcosystemState>("add_ecosystem", [&] { return storage_.add_ecosystem(e); });
  }
  std::optional<EcosystemState> remove(EcosystemId e) {
    return ask<EcosystemState>("delete_ecosystem", [&] { return storage_.delete_ecosystem(e); });
  }
  std::optional<Insertion> insert(const Client& c) {
    return ask<Insertion>("insert", [&] { return storage_.insert(c); });
  }
  std::optional<Client> find(ClientId c) {
    return ask<std::optional<Client>>("find_client", [&] { return storage_.find_client(c); }).value_or(std::nullopt);
  }

  /// What a call gives, what it throws as a fault.
  template <class T, class Call>
  static Outcome<T> answer(Call call) {
    return guarded<T>(FaultSource::storage, Fate::maybe_applied, [&]() -> Outcome<T> { return call(); });
  }

  S& storage() noexcept { return storage_; }

  void comes_back(const Client& c) {
    add(c.ecosystem_id());
    expect(insert(c) == Insertion::inserted, "it is refused");
    expect(find(c.id()) == c, "it is not found, or differs");
  }

  template <class Act>
  static void at_once(std::size_t threads, Act act) {
    std::atomic<std::size_t> ready = 0;
    Running running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.threads.emplace_back([&ready, &running, &act, threads, t] {
        ++ready;
        while (ready != threads && !running.stopped) std::this_thread::yield();
        act(t);
      });
    }
    while (ready != threads) std::this_thread::yield();
  }

 private:
  // Threads, joined at the end of it; std::jthread is experimental in libc++ 19.
  struct Running {
    Running() = default;
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      stopped = true;  // where a thread could not be started, the others do not wait for it
      for (std::thread& thread : threads) thread.join();
    }

    std::atomic<bool> stopped = false;
    std::vector<std::thread> threads;
  };

  template <class T, class Call>
  std::optional<T> ask(std::string_view verb, Call call) {
    Outcome<T> said = answer<T>(call);
    if (said) return std::move(said).assume_value();
    const std::string why = said.has_exception() ? said.assume_exception().what() : "it gave an ApiError";
    expect(false, std::string(verb).append(" failed: ").append(why));
    return std::nullopt;
  }

  S storage_;
  std::mutex mutex_;
  std::string failure_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
