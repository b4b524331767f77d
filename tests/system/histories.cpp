// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Random histories of threads that create, repeat, delete, revoke and fail at the same time, over each store. A history
// that no single thread could have seen is printed with the seed; test_histories with DROPLIT_SEED begins with that
// one.
#include <droplit/access/reloadable.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/remote/creation.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/testing/fixed_clock.hpp>

#include "support/catch.hpp"
#include "support/history.hpp"
#include "support/postgres_cluster.hpp"

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace droplit;
using test::History;

namespace {

using Verb = History::Verb;
using Result = History::Result;

constexpr std::size_t threads = 4;
constexpr std::size_t calls_each = 6;
constexpr std::int64_t oldest = 1'700'000'000'000;
constexpr std::int64_t newest = oldest + History::key_age / 2 * 3 + 1;

struct OneToken {
  struct Principal {
    bool known;
    [[nodiscard]] PrincipalKind kind() const { return known ? PrincipalKind::account : PrincipalKind::none; }
  };
  [[nodiscard]] Principal authenticate(std::string_view) const { return {known}; }
  [[nodiscard]] bool authorize(Principal, EcosystemId) const { return true; }
  bool known = true;
};

struct OneId {
  [[nodiscard]] ClientId next(Timestamp) const { return id; }
  ClientId id;
};

/// A store some of whose calls fail, before they did anything or after it.
template <class S>
struct Failing {
  enum class When { never, before, after };

  auto insert(const Client& client) {
    return call([&] { return storage.insert(client); });
  }
  auto insert_once(const Client& client, const IdempotencyKey& key) {
    return call([&] { return storage.insert_once(client, key); });
  }
  template <class Call>
  auto call(Call insert) {
    if (when == When::before) throw Fault::unavailable(FaultSource::storage, "before");
    auto done = insert();
    if (when == When::after) throw std::runtime_error("after");
    return done;
  }

  S& storage;
  When when;
};

ClientId id_of(std::uint64_t history, std::size_t call) {
  ClientId::Bytes bytes{};
  for (std::size_t i = 0; i != 8; ++i) bytes[i] = static_cast<std::uint8_t>(history >> 8 * i);
  bytes[11] = static_cast<std::uint8_t>(call);
  return ClientId(bytes);
}

EcosystemId ecosystem_of(std::uint64_t history, std::size_t number) {
  EcosystemId::Bytes bytes{};
  for (std::size_t i = 0; i != 8; ++i) bytes[i] = static_cast<std::uint8_t>(history >> 8 * i);
  bytes[11] = static_cast<std::uint8_t>(number);
  return EcosystemId(bytes);
}

/// Makes the calls of one history.
template <class S>
class Run {
 public:
  Run(S& storage, std::uint64_t number) : storage_(storage), number_(number) {
    std::mt19937_64 random(number);
    const auto draw = [&random](std::uint64_t n) { return static_cast<std::uint8_t>(random() % n); };
    const Verb verbs[] = {Verb::create, Verb::create, Verb::create, Verb::create, Verb::create, Verb::create,
                          Verb::create, Verb::find,   Verb::add,    Verb::remove, Verb::add,    Verb::create};
    for (std::size_t i = 0; i != threads * calls_each; ++i) {
      History::Call call;
      call.verb = verbs[draw(std::size(verbs))];
      if (i % calls_each == 0 && draw(3) != 0) call.verb = Verb::add;
      call.ecosystem = draw(2);
      if (draw(3) != 0) call.key = draw(2);
      call.variant = draw(2);
      call.created_at = oldest + History::key_age / 2 * draw(4) + draw(2);
      call.of = draw(threads * calls_each);
      calls_.push_back(call);
      fails_.push_back(static_cast<When>(draw(8) < 6 ? 0 : 1 + draw(2)));
    }
    if (draw(3) == 0) calls_[draw(calls_.size())].verb = Verb::revoke;
  }

  std::vector<History::Call> operator()() {
    std::atomic<std::size_t> ready = 0;
    {
      std::vector<std::jthread> running;
      for (std::size_t t = 0; t != threads; ++t) {
        running.emplace_back([this, t, &ready] {
          ++ready;
          while (ready != threads) std::this_thread::yield();
          for (std::size_t i = t * calls_each; i != (t + 1) * calls_each; ++i) make(i);
        });
      }
    }
    for (std::size_t i = 0; i != threads * calls_each; ++i) {  // what is there in the end
      if (calls_[i].verb != Verb::create) continue;
      calls_.push_back({.verb = Verb::find, .of = static_cast<std::uint8_t>(i)});
      make(calls_.size() - 1);
    }
    return calls_;
  }

 private:
  using When = typename Failing<S>::When;

  template <class T>
  static T value_of(Outcome<T> outcome) {
    return std::move(outcome).value();
  }

  void make(std::size_t i) {
    History::Call& call = calls_[i];
    call.invoked = ++tick_;
    switch (call.verb) {
      case Verb::create: create(i, call); break;
      case Verb::add:
        call.state = value_of<EcosystemState>(storage_.add_ecosystem(ecosystem_of(number_, call.ecosystem)));
        call.result = Result::done;
        break;
      case Verb::remove:
        call.state = value_of<EcosystemState>(storage_.delete_ecosystem(ecosystem_of(number_, call.ecosystem)));
        call.result = Result::done;
        break;
      case Verb::revoke:
        access_.replace(OneToken{false});
        call.result = Result::done;
        break;
      case Verb::find:
      default: {
        const auto found = value_of<std::optional<Client>>(storage_.find_client(id_of(number_, call.of)));
        call.result = found ? Result::done : Result::absent;
      }
    }
    call.returned = ++tick_;
  }

  void create(std::size_t i, History::Call& call) {
    Failing<S> storage{storage_, fails_[i]};
    const FixedClock clock(*Timestamp::from_unix_millis(call.created_at));
    const OneId ids{id_of(number_, i)};
    Endpoint<Failing<S>, ReloadableAccess<OneToken>, const FixedClock, const OneId> endpoint(
        storage, access_, clock, ids, {.idempotency_keys = true});
    const ClientDraft draft(ecosystem_of(number_, call.ecosystem), ClientType::server,
                            Text::parse(std::to_string(call.variant)));
    Request request{"POST", "/api/clients", {}, {}};
    append_json(request.body, draft);
    request.fields.add("authorization", "token");
    request.fields.add("content-type", "application/json");
    if (call.key != History::no_key) request.fields.add("idempotency-key", "key-" + std::to_string(call.key));
    const Response response = endpoint.handle(request);
    switch (response.status) {
      case 201: {
        const Client client = read_response(response, draft).value();
        call.result = read_replayed(response) == true ? Result::replayed : Result::created;
        call.of = client.id().bytes()[11];
        if (client.id() != id_of(number_, call.of)) call.of = 255;
        break;
      }
      case 400: call.result = Result::invalid; break;
      case 401: call.result = Result::unauthorized; break;
      case 404: call.result = Result::not_found; break;
      case 422: call.result = Result::key_reused; break;
      case 503: call.result = Result::not_applied; break;
      default: call.result = Result::maybe_applied;
    }
  }

  S& storage_;
  std::uint64_t number_;
  std::vector<History::Call> calls_;
  std::vector<When> fails_;
  ReloadableAccess<OneToken> access_{OneToken{}};
  std::atomic<std::uint64_t> tick_ = 0;
};

template <class S>
void run_histories(S& storage, const char* store) {
  const char* const given = std::getenv("DROPLIT_SEED");
  const char* const is_long = std::getenv("DROPLIT_LONG");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  const std::uint64_t count = is_long != nullptr ? 50'000 : 1'000;
  std::size_t made = 0;
  std::size_t failures = 0;
  for (std::uint64_t number = seed; number != seed + count && failures == 0; ++number) {
    auto calls = Run<S>(storage, number)();
    made += calls.size();
    History history(std::move(calls), newest);
    if (history.is_linearizable()) continue;
    ++failures;
    FAIL_CHECK(store << ": DROPLIT_SEED=" << number << "\n" << history.text());
  }
  WARN(store << ": " << count << " histories, " << made << " calls, from seed " << seed);
}

History::Call create(std::uint64_t invoked, std::uint64_t returned, Result result, std::uint8_t key = History::no_key,
                     std::uint8_t of = 0, std::uint8_t variant = 0, std::int64_t created_at = 0) {
  History::Call call;
  call.verb = Verb::create;
  call.key = key;
  call.variant = variant;
  call.created_at = created_at;
  call.of = of;
  call.result = result;
  call.invoked = invoked;
  call.returned = returned;
  return call;
}

History::Call other(Verb verb, std::uint64_t invoked, std::uint64_t returned, EcosystemState state) {
  History::Call call;
  call.verb = verb;
  call.state = state;
  call.result = Result::done;
  call.invoked = invoked;
  call.returned = returned;
  return call;
}

History::Call find(std::uint64_t invoked, std::uint64_t returned, std::uint8_t of, Result result) {
  History::Call call;
  call.verb = Verb::find;
  call.of = of;
  call.result = result;
  call.invoked = invoked;
  call.returned = returned;
  return call;
}

bool is_good(std::vector<History::Call> calls) { return History(std::move(calls)).is_linearizable(); }

}  // namespace

TEST_CASE("histories that no single thread could have seen are refused") {
  using enum EcosystemState;
  const auto add = other(Verb::add, 1, 2, active);
  const auto remove = other(Verb::remove, 5, 6, active);
  CHECK(is_good({add, create(3, 4, Result::created), find(5, 6, 1, Result::done)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created), find(5, 6, 1, Result::absent)}));  // lost
  CHECK_FALSE(is_good({create(3, 4, Result::created), other(Verb::add, 5, 6, active)}));
  CHECK(is_good({create(3, 6, Result::created), other(Verb::add, 4, 5, active)}));
  CHECK_FALSE(is_good({add, remove, create(7, 8, Result::created)}));  // after the deletion
  CHECK(is_good({add, remove, create(4, 8, Result::created)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::not_found), remove}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::not_applied), find(5, 6, 1, Result::done)}));  // a fate that is a lie
  CHECK(is_good({add, create(3, 4, Result::maybe_applied), find(5, 6, 1, Result::done)}));
  CHECK(is_good({add, create(3, 4, Result::maybe_applied), find(5, 6, 1, Result::absent)}));
  CHECK_FALSE(
      is_good({add, create(3, 4, Result::maybe_applied), find(5, 6, 1, Result::absent), find(7, 8, 1, Result::done)}));
  CHECK(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 0, 1)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::created, 0)}));  // twice for one key
  CHECK_FALSE(is_good({add, create(3, 6, Result::created, 0), create(4, 5, Result::created, 0)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 0, 2)}));  // of another
  CHECK_FALSE(
      is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 1, 1)}));  // of another key
  CHECK(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::key_reused, 0, 0, 1)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 0, 1, 1)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::key_reused, 0), find(5, 6, 1, Result::absent)}));
  CHECK(is_good({add, create(3, 4, Result::created, 0), remove, create(7, 8, Result::replayed, 0, 1)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), remove, create(7, 8, Result::not_found, 0)}));
  const auto age = History::key_age;
  CHECK(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 0, 1, 0, age)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::created, 0, 0, 0, age)}));
  CHECK(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::created, 0, 0, 0, age + 1)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::created, 0), create(5, 6, Result::replayed, 0, 1, 0, age + 1)}));
  CHECK_FALSE(is_good({add, other(Verb::revoke, 3, 4, {}), create(5, 6, Result::created)}));  // by a revoked token
  CHECK(is_good({add, other(Verb::revoke, 3, 6, {}), create(4, 5, Result::created)}));
  CHECK_FALSE(is_good({add, create(3, 4, Result::unauthorized), other(Verb::revoke, 5, 6, {})}));
}

TEST_CASE("a thousand random histories of a MemoryStorage are linearizable") {
  MemoryStorage storage(MemoryOptions{std::chrono::milliseconds(History::key_age)});
  run_histories(storage, "memory");
}

TEST_CASE("a thousand random histories of a SqliteStorage are linearizable") {
  std::string directory = std::filesystem::temp_directory_path() / "droplit-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  {
    SqliteOptions options;
    options.durability = SqliteDurability::normal;  // a sync for each commit would take minutes, and changes no order
    options.max_key_age = std::chrono::milliseconds(History::key_age);
    SqliteStorage storage = SqliteStorage::open(directory + "/clients", options).value();
    run_histories(storage, "sqlite");
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("a thousand random histories of a PostgresStorage are linearizable") {
  const PostgresCluster cluster;
  PostgresOptions options;
  options.max_key_age = std::chrono::milliseconds(History::key_age);
  PostgresStorage storage =
      PostgresStorage::open(cluster.conninfo() + " options='-c synchronous_commit=off'", options).value();
  run_histories(storage, "postgres");
}
