// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console with idempotency keys, and services that honour them or not, whose responses are lost.
#include <droplit/testing/scripted_server.hpp>
#include "support/catch.hpp"
#include "support/console_run.hpp"
#include "support/misbehaviour.hpp"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using test::Ran, test::create_at;

constexpr std::string_view maybe_created = "; a client may have been created\n";

/// What a service does with a request.
enum class Does { answers, loses, cuts, fails, is_away, refuses, refuses_the_key };

/// A service that does one thing after another, the last one again and again.
class Service {
 public:
  Service(bool honours_keys, std::vector<Does> plan) : honours_keys_(honours_keys), plan_(std::move(plan)) {}

  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::vector<std::string> keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }
  [[nodiscard]] int created() {
    const std::lock_guard lock(mutex_);
    return created_;
  }

 private:
  static constexpr std::string_view json = "content-type: application/json\r\n";

  void serve(droplit::ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      if (!respond(connection, std::string(request->fields.get("idempotency-key")))) return;
    }
  }

  bool respond(droplit::ScriptedConnection& connection, const std::string& key) {
    const std::lock_guard lock(mutex_);
    const Does what = plan_[keys_.size() < plan_.size() ? keys_.size() : plan_.size() - 1];
    keys_.push_back(key);
    switch (what) {
      case Does::is_away:
        return connection.send(test::with_length("503 Service Unavailable", "retry-after: 1\r\n", ""));
      case Does::refuses: return connection.send(test::with_length("403 Forbidden", "", ""));
      case Does::refuses_the_key:
        return connection.send(test::with_length(
            "422 Unprocessable Content", std::string(json),
            R"({"errorType":"InvalidParams","errors":[{"in":"header","message":"idempotency key was used with other parameters","path":"idempotency-key"}]})"));
      default: break;
    }
    const std::string created = create(key);
    switch (what) {
      case Does::loses: return false;
      case Does::cuts: return connection.send(std::string_view(created).substr(0, created.size() - 9)) && false;
      case Does::fails:
        return connection.send(test::with_length("500 Internal Server Error", std::string(json),
                                                 R"({"errorType":"Internal Server Error"})"));
      default: return connection.send(created);
    }
  }

  std::string create(const std::string& key) {
    const bool remembers = honours_keys_ && !key.empty();
    const bool replays = remembers && bodies_.contains(key);
    std::string body = replays ? bodies_[key] : std::string(test::a_created);
    if (!replays) {
      const std::string number = std::to_string(++created_);
      body.replace(body.find("594b89aea18568c408c3ad25") + 24 - number.size(), number.size(), number);
      if (remembers) bodies_[key] = body;
    }
    std::string fields(json);
    if (remembers) fields.append("idempotency-replayed: ").append(replays ? "true\r\n" : "false\r\n");
    return test::with_length("201 Created", fields, body);
  }

  std::mutex mutex_;
  bool honours_keys_;
  std::vector<Does> plan_;
  std::map<std::string, std::string> bodies_;  // by key
  std::vector<std::string> keys_;              // of the requests
  int created_ = 0;
  droplit::ScriptedServer server_{[this](droplit::ScriptedConnection& connection) { serve(connection); }};
};

bool is_made_key(std::string_view key) {
  return key.size() == 44 && key.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The key that is printed for going on by hand; empty if none is.
std::string printed_key(const Ran& ran) {
  const std::string_view before = "droplit: to go on: the same command with --idempotency-key ";
  const std::size_t at = ran.err.find(before);
  if (at == std::string::npos) return {};
  return ran.err.substr(at + before.size(), ran.err.find(' ', at + before.size()) - at - before.size());
}

}  // namespace

TEST_CASE("with --retry, whatever is lost on the way, one client is created and printed") {
  for (const std::vector<Does>& plan : {std::vector<Does>{Does::answers},
                                        {Does::loses, Does::answers},
                                        {Does::cuts, Does::fails, Does::answers},
                                        {Does::fails, Does::is_away, Does::answers},
                                        {Does::is_away, Does::answers}}) {
    Service service(true, plan);
    const Ran ran = create_at(service.url(), {"--retry", "2"});
    INFO(ran.err);
    CHECK(ran.status == 0);
    CHECK(ran.out.find("594b89aea18568c408c3ad21") != std::string::npos);
    CHECK(ran.err.empty());
    CHECK(service.created() == 1);
    REQUIRE(service.keys().size() == plan.size());
    CHECK(is_made_key(service.keys().front()));
    for (const std::string& key : service.keys()) CHECK(key == service.keys().front());
  }
}

TEST_CASE("after a fault with --retry the key is printed, and with it a person finds the client") {
  Service service(true, {Does::loses, Does::loses, Does::loses, Does::answers});
  const Ran lost = create_at(service.url(), {"--retry=2"});
  INFO(lost.err);
  CHECK(lost.status == 4);
  CHECK(lost.out.empty());
  CHECK(lost.err.find(maybe_created) != std::string::npos);
  REQUIRE(service.keys().size() == 3);
  REQUIRE(printed_key(lost) == service.keys().front());

  const Ran found = create_at(service.url(), {"--idempotency-key", printed_key(lost), "--json"});
  CHECK(found.status == 0);
  CHECK(found.out.find("594b89aea18568c408c3ad21") != std::string::npos);
  CHECK(service.created() == 1);
  CHECK(service.keys().size() == 4);
}

TEST_CASE("without --retry or a key none is sent, and a request is sent once") {
  Service service(true, {Does::loses});
  const Ran ran = create_at(service.url());
  CHECK(ran.status == 4);
  CHECK(printed_key(ran).empty());
  CHECK(service.keys() == std::vector<std::string>{""});
}

TEST_CASE("a key of the caller is sent once by itself, as often as --retry says with it, and never printed") {
  const std::string key = "\"canary\\";
  Service service(true, {Does::loses});
  const Ran once = create_at(service.url(), {"--idempotency-key=" + key});
  CHECK(once.status == 4);
  CHECK(service.keys() == std::vector<std::string>{"\"\\\"canary\\\\\""});
  const Ran retried = create_at(service.url(), {"--idempotency-key", key, "--retry", "1"});
  CHECK(retried.status == 4);
  CHECK(service.keys().size() == 3);
  for (const Ran& ran : {once, retried}) {
    INFO(ran.err);
    CHECK(ran.err.find("canary") == std::string::npos);
    CHECK(ran.err.ends_with(maybe_created));
  }
}

TEST_CASE("of a service that does not honour keys the Console says so, and names no way to go on") {
  const std::string found_out = "droplit: the service does not honour keys (status 201)" + std::string(maybe_created);
  for (const bool json : {false, true}) {
    std::vector<std::string> brought{"--idempotency-key", "k"};
    std::vector<std::string> made{"--retry", "3"};
    if (json) brought.emplace_back("--json");
    if (json) made.emplace_back("--json");
    Service first(false, {Does::answers});
    const Ran at_once = create_at(first.url(), brought);
    CHECK(at_once.status == 4);
    CHECK(at_once.err == found_out);
    CHECK(at_once.out.empty());

    Service second(false, {Does::loses, Does::answers});
    const Ran after_a_loss = create_at(second.url(), made);
    CHECK(after_a_loss.status == 4);
    CHECK(after_a_loss.err == found_out);
    CHECK(second.keys().size() == 2);

    Service third(false, {Does::answers});  // nothing is doubtful
    CHECK(create_at(third.url(), made).status == 0);
    CHECK(third.created() == 1);
  }
}

TEST_CASE("a refusal after an attempt that may have been applied is a fault with its status") {
  Service service(true, {Does::loses, Does::refuses});
  const Ran ran = create_at(service.url(), {"--retry", "5"});
  INFO(ran.err);
  CHECK(ran.status == 4);
  CHECK(ran.err.starts_with(
      "droplit: the service refused the request after an attempt that may have been applied (status 403)" +
      std::string(maybe_created)));
  CHECK(printed_key(ran) == service.keys().front());
  CHECK(service.keys().size() == 2);

  Service strict(true, {Does::refuses});
  CHECK(create_at(strict.url(), {"--retry", "5"}).status == 3);
  CHECK(strict.keys().size() == 1);
}

TEST_CASE("a key that was used with other parameters is a refusal that names the option") {
  Service service(true, {Does::refuses_the_key});
  const Ran ran = create_at(service.url(), {"--idempotency-key", "k"});
  CHECK(ran.status == 1);
  CHECK(ran.err ==
        "droplit: --idempotency-key: idempotency key was used with other parameters "
        "[docs/errors.md#idempotency-key-reused]\n");
}

TEST_CASE("where nothing can have been created, no key is printed") {
  std::string unused_url;
  {
    droplit::ScriptedServer gone([](droplit::ScriptedConnection&) {});
    unused_url = gone.url();
  }
  const Ran unreachable = create_at(unused_url, {"--retry", "2"});
  CHECK(unreachable.status == 4);
  CHECK(unreachable.err.ends_with("; nothing was sent\n"));
  Service away(true, {Does::is_away});
  const Ran busy = create_at(away.url(), {"--retry", "1"});
  CHECK(busy.status == 4);
  CHECK(busy.err.ends_with("; nothing was created\n"));
  CHECK(away.keys().size() == 2);
}
