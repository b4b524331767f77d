// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Hostile responses one after another on one transport: no memory error, and each is judged as if it came alone.
#include <droplit/transport/curl.hpp>

#include <droplit/remote/create_client.hpp>

#include <droplit/testing/scripted_server.hpp>
#include "support/catch.hpp"
#include "support/misbehaviour.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace droplit;
using namespace std::chrono_literals;

constexpr std::size_t threads = 8;
constexpr auto active = "C594b89aea18568c408c3ad24"_ecosystem_id;

const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);

CurlOptions options(const ScriptedServer& server, std::chrono::milliseconds timeout = 60'000ms) {
  CurlOptions all;
  all.url = server.url();
  all.proxy = "";
  all.timeout = timeout;
  return all;
}

/// What became of a create, in full.
std::string result_of(const Outcome<Client>& outcome) {
  if (outcome.has_value()) return "created " + to_json(outcome.assume_value());
  if (outcome.has_error()) {
    const ApiError& error = outcome.assume_error();
    std::string all = "refused " + std::to_string(error.status());
    for (const Violation violation : error.violations()) all.append(" ").append(violation.message);
    return all;
  }
  const Fault& fault = outcome.assume_exception();
  return std::string(to_string(fault.fate())) + " " + std::to_string(fault.status().value_or(0)) + " " +
         fault.excerpt();
}

/// A service that sends to each caller the bytes that this caller chose, and then closes or waits for more.
class Service {
 public:
  /// Creates a client through `transport` as caller number `caller`.
  Outcome<Client> create(CurlTransport& transport, std::size_t caller, std::string bytes, bool keep) {
    {
      const std::lock_guard lock(mutex_);
      plans_[caller] = {std::move(bytes), keep};
    }
    ++calls;
    return create_client(transport, ClientDraft(active, ClientType::application, Text::parse(std::to_string(caller))));
  }

  std::atomic<std::size_t> calls = 0;
  std::atomic<std::size_t> led_astray = 0;

 private:
  struct Plan {
    std::string bytes;
    bool keep = false;
  };

  void serve(ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      constexpr std::string_view before = "\"name\":\"";
      const std::size_t at = request->body.find(before);
      if (at == std::string::npos) return;
      Plan plan;
      {
        const std::lock_guard lock(mutex_);
        plan = plans_.at(std::stoul(request->body.substr(at + before.size())));
      }
      // a peer that waits for the rest of an endless body gets its end
      if (!connection.send(plan.bytes) || !plan.keep || !connection.wait_for_more(20ms)) return;
    }
  }

  std::mutex mutex_;
  std::array<Plan, threads> plans_;

 public:
  ScriptedServer elsewhere{[this](ScriptedConnection&) { ++led_astray; }};
  ScriptedServer server{[this](ScriptedConnection& connection) { serve(connection); }};
};

/// Whether `outcome`, of a request on a connection that the service may have closed in the same moment, is what it is
/// `alone`.
bool is_as_alone(const Outcome<Client>& outcome, const std::string& alone) {
  return result_of(outcome) == alone || result_of(outcome) == "maybe applied 0 ";
}

/// The same with a few bytes changed.
std::string mutated(std::string bytes, std::mt19937& random) {
  static constexpr std::string_view odd = "  \t\t\r\n\n:,;=\"{}[]\0\x7F\xFF\x80-0195xHh/.";
  const auto any = [&random](std::size_t size) { return size == 0 ? 0 : random() % size; };
  for (std::size_t i = 1 + any(3); i != 0; --i) {
    const std::size_t line = bytes.find("\r\n");
    const std::size_t at = any(bytes.size());
    switch (any(8)) {
      case 0: bytes.insert(line == std::string::npos ? at : line + 2, any(2) == 0 ? " " : "\t"); break;
      case 1: bytes.insert(at, 1, odd[any(odd.size())]); break;
      case 2: bytes.erase(at, 1 + any(4)); break;
      case 3: bytes.insert(any(bytes.size()), bytes.substr(at, any(40))); break;
      case 4: bytes.resize(at); break;
      case 5: bytes.insert(at, "\r\n"); break;
      case 6: bytes += bytes.substr(0, any(2) == 0 ? bytes.size() : at); break;
      default:
        if (!bytes.empty()) bytes[at] = odd[any(odd.size())];
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("every misbehaviour ends the second and the third request of a connection as it ends the first") {
  std::atomic<int> led_astray{0};
  ScriptedServer elsewhere([&](ScriptedConnection&) { ++led_astray; });
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours(elsewhere.url())) {
    for (const int before : {1, 2}) {
      std::atomic<int> connections{0};
      std::atomic<int> repeated{0};
      ScriptedServer server([&](ScriptedConnection& connection) {
        if (connections++ != 0) {  // where the first ends without a response, libcurl makes a second
          if (connection.read_request()) ++repeated;
          return;
        }
        for (int i = 0; i != before; ++i) {
          if (!connection.read_request() || !connection.send(created)) return;
        }
        misbehaviour.script(connection);
      });
      CurlTransport transport("canary-token", options(server, misbehaviour.is_endless ? 3000ms : 60'000ms));
      const ClientDraft draft(active, ClientType::application);
      INFO(misbehaviour.name << " after " << before);
      for (int i = 0; i != before; ++i) CHECK(result_of(create_client(transport, draft)).starts_with("created"));
      const auto outcome = create_client(transport, draft);
      CHECK(result_of(outcome).starts_with("maybe applied"));
      CHECK(connections <= 2);
      server.stop_listening();
      CHECK(repeated == 0);
    }
  }
  CHECK(led_astray == 0);
}

TEST_CASE("a hostile response ends a create that is sent again") {
  struct NoTime {
    std::int64_t now() const { return 0; }
    void sleep_until(std::int64_t) const {}
    std::uint32_t random_bits() const { return 0; }
  } no_time;
  const std::string unavailable = test::with_length("503 Service Unavailable", "retry-after: 1\r\n", "");
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours("http://127.0.0.1:1")) {
    if (misbehaviour.response.empty()) continue;
    ScriptedServer server([&](ScriptedConnection& connection) {
      for (int i = 0; i != 2; ++i) {
        if (!connection.read_request() || !connection.send(unavailable)) return;
      }
      misbehaviour.script(connection);
    });
    CurlTransport transport("token", options(server));
    const auto outcome = create_client(transport, ClientDraft(active, ClientType::application),
                                       {.max_attempts = 4, .retry_unavailable = true}, no_time);
    INFO(misbehaviour.name);
    CHECK(result_of(outcome).starts_with("maybe applied"));
    CHECK(server.accepted() == 1);
  }
}

TEST_CASE("a hostile response, first, second or third, does not spoil the valid one after it") {
  Service service;
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours(service.elsewhere.url())) {
    if (misbehaviour.response.empty()) continue;
    for (const bool keep : {false, true}) {
      for (const int before : {0, 1, 2}) {
        CurlTransport transport("token", options(service.server));
        INFO(misbehaviour.name << (keep ? ", kept, after " : ", after ") << before);
        for (int i = 0; i != before; ++i) {
          CHECK(result_of(service.create(transport, 0, created, true)).starts_with("created"));
        }
        CHECK(result_of(service.create(transport, 0, misbehaviour.response, keep)).starts_with("maybe applied"));
        const std::string after = result_of(service.create(transport, 0, created, false));
        CHECK((after.starts_with("created") || after == "maybe applied 0 "));  // closed in the same moment
      }
    }
  }
  CHECK(service.led_astray == 0);
}

TEST_CASE("twenty thousand calls: hostile responses and mutated ones in any order are judged as if each came alone") {
  const char* const given = std::getenv("DROPLIT_SEED");
  const auto seed = static_cast<std::uint32_t>(given != nullptr ? std::strtoul(given, nullptr, 10) : 20180228);
  std::cout << "hostile sequences: DROPLIT_SEED=" << seed << '\n';
  constexpr std::size_t calls = 20'000;

  Service service;
  std::vector<std::string> pool{
      created, test::a_response("201 Created", "content-type: application/json\r\ntransfer-encoding: chunked\r\n",
                                test::as_chunk(test::a_created) + "0\r\nx: y\r\n\r\n")};
  for (const ApiError& error : {ApiError::of<ApiErrc::unauthorized>(), ApiError::ecosystem_not_found(active),
                                *ApiError::from(Findings().with(Field::type, Findings::Flaw::missing))}) {
    pool.push_back(to_http(to_response(error)));
  }
  pool.push_back(to_http(to_response(Fault::unavailable(FaultSource::storage, "away"))));
  for (const test::Misbehaviour& each : test::misbehaviours(service.elsewhere.url())) {
    if (!each.response.empty() && each.response.size() < 2048) pool.push_back(each.response);
  }

  std::mutex mutex;
  std::vector<std::string> wrong;
  std::atomic<std::size_t> in_sequences = 0;
  std::atomic<std::size_t> as_alone = 0;
  {
    std::vector<std::jthread> running;
    for (std::size_t caller = 0; caller != threads; ++caller) {
      running.emplace_back([&, caller] {
        std::mt19937 random(seed + static_cast<std::uint32_t>(caller));
        while (service.calls < calls) {
          CurlTransport transport("token", options(service.server));
          std::string sequence;
          for (int i = 0; i != 3; ++i) {
            std::string bytes = pool[random() % pool.size()];
            if (random() % 4 != 0) bytes = mutated(std::move(bytes), random);
            const bool keep = random() % 2 == 0;
            const std::string alone = [&] {
              CurlTransport fresh("token", options(service.server));
              return result_of(service.create(fresh, caller, bytes, false));
            }();
            const auto outcome = service.create(transport, caller, bytes, keep);
            ++in_sequences;
            if (result_of(outcome) == alone) ++as_alone;
            sequence += (keep ? "kept: " : "closed: ") + bytes + "\n----\n";
            if (is_as_alone(outcome, alone)) continue;
            const std::lock_guard lock(mutex);
            wrong.push_back(result_of(outcome) + "\nand alone: " + alone + "\nafter:\n" + sequence);
          }
        }
      });
    }
  }
  for (const std::string& each : wrong) FAIL_CHECK(each);
  CHECK(service.calls >= calls);
  CHECK(as_alone > in_sequences / 20 * 19);  // the few others met a connection that was closed in the same moment
  std::cout << service.calls << " calls, " << in_sequences - as_alone << " of them on a connection that was closed\n";
  CHECK(service.led_astray == 0);
}
