// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/access/reloadable.hpp>

#include <droplit/access/token_file.hpp>
#include "support/catch.hpp"

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using droplit::PrincipalKind;
using droplit::ReloadableAccess;
using droplit::TokenFile;
using namespace droplit::literals;

constexpr auto one = "C594b89aea18568c408c3ad24"_ecosystem_id;
constexpr auto two = "C594b89aea18568c408c3ad25"_ecosystem_id;

using Reloadable = ReloadableAccess<TokenFile>;
static_assert(droplit::Access<Reloadable>);
static_assert(!std::is_copy_constructible_v<Reloadable>, "a copy would not be replaced");

/// Each of these tokens is a server's, for this ecosystem alone.
TokenFile file(const std::vector<std::string>& tokens, droplit::EcosystemId ecosystem = one) {
  std::string text;
  for (const std::string& token : tokens) {
    text += text.empty() ? R"({"tokens": [)" : ",";
    text += R"({"token": ")" + token + R"(", "kind": "server", "ecosystems": [")" + ecosystem.text() + "\"]}";
  }
  return TokenFile::parse(text + "]}").value();
}

/// Counts how many of its kind are alive.
struct Counted {
  struct Principal {
    const Counted* owner;
    PrincipalKind kind() const { return owner->alive != nullptr ? PrincipalKind::account : PrincipalKind::none; }
  };
  std::shared_ptr<int> alive;
  Principal authenticate(std::string_view) const { return {this}; }
  bool authorize(Principal holder, droplit::EcosystemId) const { return holder.owner == this; }
};

bool may(const Reloadable& access, std::string_view token, droplit::EcosystemId ecosystem) {
  auto holder = access.authenticate(token);
  return holder.kind() == PrincipalKind::server && access.authorize(holder, ecosystem);
}

}  // namespace

TEST_CASE("each request is judged by the policy that is current when it comes") {
  Reloadable access(file({"a", "b"}));
  CHECK(may(access, "a", one));
  CHECK_FALSE(may(access, "a", two));
  access.replace(file({"b", "c"}, two));
  CHECK(access.authenticate("a").kind() == PrincipalKind::none);
  CHECK_FALSE(may(access, "b", one));
  CHECK(may(access, "b", two));
  CHECK(may(access, "c", two));
  CHECK(access.current()->authenticate("c").kind() == PrincipalKind::server);
}

TEST_CASE("a request is judged whole by the policy that authenticated it") {
  Reloadable access(file({"a"}));
  auto holder = access.authenticate("a");
  access.replace(file({"b"}, two));
  CHECK(holder.kind() == PrincipalKind::server);
  CHECK(access.authorize(holder, one));
  CHECK_FALSE(access.authorize(holder, two));
}

TEST_CASE("a policy that was replaced lives as long as a request that it authenticated") {
  const auto alive = std::make_shared<int>(0);
  ReloadableAccess<Counted> access(Counted{alive});
  {
    auto holder = access.authenticate("a");
    access.replace(Counted{});
    CHECK(alive.use_count() == 2);
    CHECK(holder.kind() == PrincipalKind::account);
    CHECK(access.authorize(holder, one));
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE("a holder that is assigned another one lets go of its policy last") {
  struct Ending {
    struct Principal {
      explicit Principal(const bool* policy) : has_ended(policy) {}
      Principal(const Principal&) = default;
      Principal& operator=(const Principal& other) {
        came_too_late = *has_ended;
        has_ended = other.has_ended;
        return *this;
      }
      ~Principal() = default;
      PrincipalKind kind() const { return came_too_late ? PrincipalKind::none : PrincipalKind::server; }
      const bool* has_ended;
      bool came_too_late = false;
    };
    explicit Ending(bool& ended) : has_ended(&ended) {}
    Ending(Ending&& other) noexcept : has_ended(std::exchange(other.has_ended, &moved)) {}
    ~Ending() { *has_ended = true; }
    Principal authenticate(std::string_view) const { return Principal(has_ended); }
    bool authorize(const Principal&, droplit::EcosystemId) const { return true; }
    bool* has_ended;
    bool moved = false;
  };
  bool first = false;
  bool second = false;
  ReloadableAccess<Ending> access{Ending(first)};
  auto holder = access.authenticate("a");
  access.replace(Ending(second));
  CHECK_FALSE(first);
  holder = access.authenticate("a");
  CHECK(first);
  CHECK(holder.kind() == PrincipalKind::server);
}

TEST_CASE("a replacement that fails changes nothing") {
  struct Sometimes : Counted {
    bool fails = false;
    Sometimes() = default;
    Sometimes(Sometimes&& other) : Counted(other), fails(other.fails) {
      if (fails) throw std::bad_alloc();
    }
  };
  ReloadableAccess<Sometimes> access{Sometimes()};
  const auto before = access.current();
  Sometimes next;
  next.fails = true;
  CHECK_THROWS_AS(access.replace(std::move(next)), std::bad_alloc);
  CHECK(access.current() == before);
}

TEST_CASE("from a replacement on no thread accepts a token that it revoked, and none is refused that stays") {
  Reloadable access(file({"stays", "0"}));
  std::atomic<int> revoked_below = 0;  // tokens of smaller numbers are revoked
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> rounds = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const int revoked = revoked_below;
        if (revoked != 0 && may(access, std::to_string(revoked - 1), one)) ++wrong;
        if (!may(access, "stays", one)) ++wrong;
        ++rounds;
      }
    });
  }
  for (int n = 1; n < 300 || rounds < 2000; ++n) {
    access.replace(file({"stays", std::to_string(n)}));
    revoked_below = n;
    if (n % 50 == 0) std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}
