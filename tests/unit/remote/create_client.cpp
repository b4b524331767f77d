// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/remote/create_client.hpp>

#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace droplit;

constexpr auto home = "C594b89aea18568c408c3ad24"_ecosystem_id;

ClientDraft draft() { return ClientDraft(home, ClientType::server); }

Client client() {
  return Client("594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0), home, ClientType::server);
}

/// What may become of one request: whether the service created a client, and what the transport returns.
struct Event {
  const char* name;
  bool applied;
  std::function<Outcome<Response>()> result;
};

Response unknown_response(int status, std::string body = "<html>") {
  Response response{status, {}, std::move(body), false};
  response.fields.add("content-type", "text/html");
  return response;
}

const std::vector<Event>& events() {
  static const std::vector<Event> all{
      {"created", true, [] { return Outcome<Response>(to_response(client())); }},
      {"refused", false, [] { return Outcome<Response>(to_response(ApiError::of<ApiErrc::forbidden>())); }},
      {"not sent", false, [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::not_sent, "refused")); }},
      {"cut, applied", true,
       [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::maybe_applied, "cut")); }},
      {"cut, not applied", false,
       [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::maybe_applied, "cut")); }},
      {"the contract's 503", false,
       [] { return Outcome<Response>(to_response(Fault::unavailable(FaultSource::storage, "away"))); }},
      {"a proxy's 503, applied", true, [] { return Outcome<Response>(unknown_response(503)); }},
      {"500, applied", true,
       [] { return Outcome<Response>(to_response(Fault(FaultSource::storage, Fate::maybe_applied, "x"))); }},
      {"200, applied", true, [] { return Outcome<Response>(unknown_response(200, "ok")); }},
      {"throws a fault that was not sent", false,
       []() -> Outcome<Response> { throw Fault(FaultSource::transport, Fate::not_sent, "refused"); }},
      {"throws anything, applied", true, []() -> Outcome<Response> { throw std::runtime_error("canary"); }},
  };
  return all;
}

/// A service and a way to it where the n-th request meets the n-th event, the last one again and again.
struct Script {
  std::vector<const Event*> plan;
  std::size_t sent = 0;
  int created = 0;
  std::vector<std::string> bodies;

  Outcome<Response> send(const Request& request) {
    bodies.push_back(request.body);
    const Event& event = *plan[sent < plan.size() ? sent : plan.size() - 1];
    ++sent;
    if (event.applied) ++created;
    return event.result();
  }
};

/// Time that passes only while the caller waits.
struct FakeTime {
  std::int64_t time = 1'000'000;
  std::uint32_t bits = 0xFFFFFFFF;
  std::vector<std::int64_t> waits;
  std::int64_t now() { return time; }
  void sleep_until(std::int64_t until) {
    waits.push_back(until - time);
    time = until;
  }
  std::uint32_t random_bits() { return bits; }
};

}  // namespace

static_assert(Transport<Script>);
static_assert(Sleeper<FakeTime>);

TEST_CASE("the body asks for the draft, in the order of the page, and a parser reads it back") {
  for (const auto& name : {std::optional<Text>(), Text::parse(""), Text::parse("\"\\\n\x01\xC3\xA9\xF0\x9F\x98\x80"),
                           Text::parse(std::string(5'000, 'x') + "\n" + std::string(5'000, '\x01'))}) {
    for (const auto& description : {std::optional<Text>(), Text::parse("x")}) {
      const ClientDraft asked(home, ClientType::application, name, description);
      std::string body;
      append_json(body, asked);
      CHECK(parse_draft(body).value() == asked);
    }
  }
  std::string body;
  append_json(body, ClientDraft(home, ClientType::server, Text::parse("a"), Text::parse("b")));
  CHECK(body == R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"a","description":"b"})");
}

TEST_CASE("no failure at any step of a call creates two clients, and the outcome is true") {
  // every sequence of three events, under every policy
  int sequences = 0;
  for (const Event& first : events()) {
    for (const Event& second : events()) {
      for (const Event& third : events()) {
        for (const bool retry_unavailable : {false, true}) {
          for (const std::uint32_t attempts : {1u, 2u, 3u}) {
            Script service{{&first, &second, &third}, 0, 0, {}};
            FakeTime time;
            RetryPolicy policy;
            policy.max_attempts = attempts;
            policy.retry_unavailable = retry_unavailable;
            policy.deadline = 1'000'000;
            const auto outcome = create_client(service, draft(), policy, time);
            ++sequences;
            bool good = service.created <= 1 && service.sent >= 1 && service.sent <= attempts;
            if (outcome.has_value()) good = good && service.created == 1;
            if (outcome.has_error()) good = good && service.created == 0;
            if (outcome.has_exception() && outcome.assume_exception().fate() != Fate::maybe_applied) {
              good = good && service.created == 0;
            }
            for (const std::string& body : service.bodies) good = good && body == service.bodies[0];
            if (!good) {
              FAIL_CHECK(first.name << ", " << second.name << ", " << third.name << "; attempts " << attempts
                                    << (retry_unavailable ? ", 503 too" : ""));
            }
          }
        }
      }
    }
  }
  CHECK(sequences == 11 * 11 * 11 * 6);
}

TEST_CASE("only what was not sent, and the contract's 503 if the policy says so, is sent again") {
  for (const Event& event : events()) {
    for (const bool retry_unavailable : {false, true}) {
      Script service{{&event}, 0, 0, {}};
      FakeTime time;
      RetryPolicy policy;
      policy.max_attempts = 3;
      policy.retry_unavailable = retry_unavailable;
      static_cast<void>(create_client(service, draft(), policy, time));
      const std::string name = event.name;
      const bool again = name == "not sent" || name == "throws a fault that was not sent" ||
                         (name == "the contract's 503" && retry_unavailable);
      INFO(name);
      CHECK(service.sent == (again ? 3 : 1));
    }
  }
}

TEST_CASE("without a policy it is sent once") {
  for (const Event& event : events()) {
    Script service{{&event}, 0, 0, {}};
    static_cast<void>(create_client(service, draft()));
    CHECK(service.sent == 1);
  }
}

TEST_CASE("random bits are asked for only where a request may be sent again") {
  struct Counting : FakeTime {
    int calls = 0;
    std::uint32_t random_bits() {
      ++calls;
      return bits;
    }
  };
  for (const Event& event : events()) {
    Script script{.plan = {&event}, .bodies = {}};
    Counting sleeper;
    static_cast<void>(create_client(script, draft(), {}, sleeper));
    CHECK(sleeper.calls == 0);
    static_cast<void>(create_client(script, draft(), RetryPolicy{.max_attempts = 2}, sleeper));
    CHECK(sleeper.calls == 1);
  }
}

TEST_CASE("delays double up to a limit, with random_bits, and 503 waits as long as it asks") {
  const Event& not_sent = events()[2];
  const Event& unavailable = events()[5];
  RetryPolicy policy;
  policy.max_attempts = 6;
  policy.first_delay = 100;
  policy.max_delay = 500;
  policy.retry_unavailable = true;
  {
    Script service{{&not_sent}, 0, 0, {}};
    FakeTime time;
    static_cast<void>(create_client(service, draft(), policy, time));
    CHECK(time.waits == std::vector<std::int64_t>{100, 200, 400, 500, 500});
  }
  {
    Script service{{&not_sent}, 0, 0, {}};
    FakeTime time;
    time.bits = 0x7FFFFFFF;
    static_cast<void>(create_client(service, draft(), policy, time));
    CHECK(time.waits == std::vector<std::int64_t>{49, 99, 199, 249, 249});
  }
  {
    Script service{{&unavailable}, 0, 0, {}};
    FakeTime time;
    time.bits = 0;
    static_cast<void>(create_client(service, draft(), policy, time));
    CHECK(time.waits == std::vector<std::int64_t>{1000, 1000, 1000, 1000, 1000});
  }
}

TEST_CASE("the shortest delays double too, and no delay is none however often it is doubled") {
  const Event& not_sent = events()[2];
  Script service{{&not_sent}, 0, 0, {}};
  FakeTime time;
  static_cast<void>(create_client(service, draft(), {.max_attempts = 4, .first_delay = 1}, time));
  CHECK(time.waits == std::vector<std::int64_t>{1, 2, 4});
  FakeTime at_once;
  static_cast<void>(create_client(service, draft(), {.max_attempts = 4, .first_delay = 0}, at_once));
  CHECK(at_once.waits == std::vector<std::int64_t>{0, 0, 0});
}

TEST_CASE("with the fields as texts, what the contract refuses is refused before anything is sent") {
  Script service{{&events()[0]}, 0, 0, {}};
  CHECK(create_client(service, {.type = "server", .name = ""}).error() ==
        ClientDraft::make({.type = "server", .name = ""}).error());
  CHECK(service.sent == 0);
  CHECK(create_client(service, {.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server"}).value() == client());
  CHECK(service.sent == 1);
}

TEST_CASE("nothing is sent after the deadline") {
  const Event& not_sent = events()[2];
  RetryPolicy policy;
  policy.max_attempts = 1000;
  policy.first_delay = policy.max_delay = 100;
  for (const std::int64_t deadline : {0, 1, 99, 100, 101, 1000, -5}) {
    policy.deadline = deadline;
    Script service{{&not_sent}, 0, 0, {}};
    FakeTime time;
    const auto outcome = create_client(service, draft(), policy, time);
    INFO(deadline);
    CHECK(outcome.exception().fate() == Fate::not_sent);
    CHECK(time.time - 1'000'000 <= std::max<std::int64_t>(deadline, 0));
    CHECK(service.sent == (deadline <= 0 ? 1 : static_cast<std::size_t>((deadline - 1) / 100 + 1)));
  }
}

TEST_CASE("after sleeping beyond the deadline nothing more is sent") {
  struct Sleepy : FakeTime {
    void sleep_until(std::int64_t until) { time = until + 60'000; }
  } time;
  Script service{{&events()[2]}, 0, 0, {}};
  RetryPolicy policy;
  policy.max_attempts = 5;
  const auto outcome = create_client(service, draft(), policy, time);
  CHECK(service.sent == 1);
  CHECK(outcome.exception().fate() == Fate::not_sent);
}

TEST_CASE(
    "what the contract refuses can be sent unchecked, and the client in the response need not be what was requested") {
  const ClientParameters parameters{.ecosystem_id = "nowhere", .type = "server", .description = ""};
  RemoteCreation creation(parameters, {}, 0);
  CHECK(creation.request().body == R"({"ecosystemId":"nowhere","type":"server","description":""})");
  creation.settle(to_response(client()), 0, 0);
  CHECK(std::move(creation).outcome().value() == client());

  RemoteCreation other({.ecosystem_id = home.text(), .type = "application"}, {}, 0);  // both are known
  other.settle(to_response(client()), 0, 0);
  CHECK(std::move(other).outcome().exception().fate() == Fate::maybe_applied);
}

TEST_CASE("parameters may be views of the text that their body is appended to") {
  for (const bool roomy : {false, true}) {
    std::string out = "a name that is longer than what a string holds in place";
    out.shrink_to_fit();
    if (roomy) out.reserve(1000);
    const std::string before = out;
    append_json(out, ClientParameters{.ecosystem_id = std::string_view(out).substr(0, 1), .name = out});
    CHECK(out == before + R"({"ecosystemId":"a","name":")" + before + "\"}");
  }
  std::string small = "x";  // in the string's own room
  append_json(small, ClientParameters{.type = small, .description = small});
  CHECK(small == R"(x{"type":"x","description":"x"})");
}

TEST_CASE("extreme policies and clocks overflow nothing") {
  const Event& not_sent = events()[2];
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t value : {most, std::numeric_limits<std::int64_t>::min(), std::int64_t{0}, std::int64_t{-1}}) {
    RetryPolicy policy{50, value, value, most, true};
    RemoteCreation creation(draft(), policy, most - 1000);
    for (int i = 0; i != 60 && creation.step() != RemoteCreation::Step::done; ++i) {
      creation.settle(not_sent.result(), most - 1000, 0xFFFFFFFF);
      if (creation.step() == RemoteCreation::Step::wait) CHECK(creation.wait_until() >= most - 1000);
    }
    CHECK(creation.step() == RemoteCreation::Step::done);
  }
}

TEST_CASE("a response outside the contract is a fault with its status and beginning") {
  const auto read = [](Response response) { return read_response(response, draft()); };
  const auto is_unknown = [&](const Response& response) {
    const auto outcome = read(response);
    return outcome.has_exception() && outcome.exception().fate() == Fate::maybe_applied &&
           outcome.exception().source() == FaultSource::response && outcome.exception().status() == response.status &&
           outcome.exception().excerpt() == response.body.substr(0, 256) &&
           outcome.exception().what().find(response.body.substr(0, 5)) ==
               (response.body.empty() ? 0 : std::string::npos);
  };
  const Response good = to_response(client());
  REQUIRE(read(good).value() == client());

  for (
      const std::string& body :
      {std::string(), std::string("{}"), std::string("[]"), good.body.substr(0, good.body.size() - 1), good.body + "x",
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"),
       std::string(
           R"({"createdAt":"1970-01-01 00:00:00","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"server"})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"xyz","type":"server"})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"gateway"})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"server","name":7})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"server","name":"\u0000"})"),
       std::string(
           R"({"createdAt":0,"ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"server"})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad25","id":"594b89aea18568c408c3ad25","type":"server"})"),
       std::string(
           R"({"createdAt":"1970-01-01T00:00:00.000Z","ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","type":"application"})"),
       std::string(100'000, '['), std::string(1'000'000, 'x')}) {
    Response response = good;
    response.body = body;
    INFO(body.substr(0, 200));
    CHECK(is_unknown(response));
  }
  for (const int status : {200, 202, 204, 301, 302, 402, 418, 429, 500, 502, 504, 999, 0, -1}) {
    CHECK(is_unknown(Response{status, {}, "<html>no</html>", false}));
  }
  Response html = good;
  html.fields.clear();
  html.fields.add("content-type", "text/html");
  CHECK(is_unknown(html));
  html.fields.add("content-type", "application/json");
  CHECK(is_unknown(html));

  // other members, null for what is optional, a letter before the id, escapes and spaces are fine
  Response odd = good;
  odd.body =
      R"( {"x":[{}],"createdAt":"1970-01-01T00:00:00.000Z", "ecosystemId":"C594B89aea18568c408c3ad24","id":"K594b89aea18568c408c3ad25","name":null,"description":"a","description":null,"type":"s\u0065rver"} )";
  const auto read_odd = read(odd);
  REQUIRE(read_odd.has_value());
  CHECK(read_odd.value().id().text() == "K594b89aea18568c408c3ad25");
  CHECK_FALSE(read_odd.value().name());
}

TEST_CASE("only the contract's exact 503 proves that nothing was kept") {
  const auto fate = [](int status, const std::vector<HeaderField>& fields, std::string body = "") {
    Response response{status, {}, std::move(body), false};
    for (const auto& [name, value] : fields) REQUIRE(response.fields.add(name, value));
    const auto outcome = read_response(response, draft());
    return outcome.has_exception() ? outcome.assume_exception().fate() : Fate::not_sent;
  };
  const HeaderField after{"retry-after", "1"};
  const HeaderField length{"content-length", "0"};
  CHECK(read_response(to_response(Fault::unavailable(FaultSource::storage, "x")), draft()).exception().fate() ==
        Fate::not_applied);
  CHECK(fate(503, {after, length}) == Fate::not_applied);
  CHECK(fate(503, {{"Content-Length", "0"}, {"date", "x"}, {"Retry-After", " 1 "}}) == Fate::not_applied);
  for (const char* seconds : {"2", "0", "-1", "01", "1.0", "1, 1", "", "Wed, 21 Oct 2015 07:28:00 GMT", "4294967297"}) {
    INFO(seconds);
    CHECK(fate(503, {{"retry-after", seconds}, length}) == Fate::maybe_applied);
  }
  CHECK(fate(503, {length}) == Fate::maybe_applied);
  CHECK(fate(503, {after, {"Retry-After", "1"}, length}) == Fate::maybe_applied);
  CHECK(fate(503, {after}) == Fate::maybe_applied);
  for (const char* size : {"1", "00", "+0", "", "0, 0"}) {
    INFO(size);
    CHECK(fate(503, {after, {"content-length", size}}) == Fate::maybe_applied);
  }
  CHECK(fate(503, {after, length, length}) == Fate::maybe_applied);
  CHECK(fate(503, {after, {"transfer-encoding", "chunked"}}) == Fate::maybe_applied);
  for (const char* type : {"text/html", "application/json", ""}) {
    CHECK(fate(503, {after, length, {"content-type", type}}) == Fate::maybe_applied);
  }
  CHECK(fate(503, {after, length}, "x") == Fate::maybe_applied);
  for (const int status : {500, 502, 504}) CHECK(fate(status, {after, length}) == Fate::maybe_applied);
}

TEST_CASE("a response with a content-encoding is one that the contract does not know, whatever its status") {
  std::vector<Response> known{to_response(client()),
                              to_response(Fault()),
                              to_response(Fault::unavailable(FaultSource::storage, "away")),
                              to_response(*ApiError::from(Findings().with(Field::type, Findings::Flaw::missing))),
                              to_response(ApiError::ecosystem_not_found(home)),
                              to_response(ApiError::of<ApiErrc::token_kind_forbidden>())};
  for (const ApiErrcRow& row : api_errc_table) {
    if (row.form != ResponseForm::empty) continue;
    known.push_back({row.status, {}, "", false});
    known.back().fields.add("content-length", "0");
  }
  struct Case {
    std::vector<const char*> codings;
    bool identity;
  };
  for (const auto& [codings, identity] :
       {Case{{"identity"}, true}, Case{{"Identity, identity"}, true}, Case{{""}, true}, Case{{"gzip"}, false},
        Case{{"GZIP"}, false}, Case{{"br"}, false}, Case{{"identity, gzip"}, false}, Case{{"x"}, false},
        Case{{"identity", "gzip"}, false}, Case{{"gzip", "identity"}, false}, Case{{"identity;q=1"}, false}}) {
    for (const Response& plain : known) {
      Response response = plain;
      for (const char* coding : codings) REQUIRE(response.fields.add("Content-Encoding", coding));
      INFO(plain.status << ", " << codings[0]);
      const auto expected = read_response(plain, draft());
      const auto outcome = read_response(response, draft());
      if (identity) {
        CHECK(outcome.has_value() == expected.has_value());
        CHECK(outcome.has_error() == expected.has_error());
        CHECK(read_error(response) == read_error(plain));
        if (expected.has_exception()) CHECK(outcome.exception().fate() == expected.exception().fate());
      } else {
        CHECK_FALSE(read_error(response));
        REQUIRE(outcome.has_exception());
        CHECK(outcome.exception().fate() == Fate::maybe_applied);
        CHECK(outcome.exception().source() == FaultSource::response);
        CHECK(outcome.exception().status() == plain.status);
      }
    }
  }
}

TEST_CASE("a 404 that names another ecosystem than was requested is one that the contract does not know") {
  const Response own = to_response(ApiError::ecosystem_not_found(home));
  const Response other = to_response(ApiError::ecosystem_not_found("C594b89aea18568c408c3ad99"_ecosystem_id));
  CHECK(read_response(own, draft()).error() == ApiError::ecosystem_not_found(home));
  const auto outcome = read_response(other, draft());
  REQUIRE(outcome.has_exception());
  CHECK(outcome.exception().fate() == Fate::maybe_applied);
  CHECK(outcome.exception().status() == 404);
  CHECK(outcome.exception().excerpt() == other.body);
  CHECK(read_error(other));  // which does not know what was requested
  CHECK(read_response(other).has_error());

  RemoteCreation creation({.ecosystem_id = "c594B89AEA18568C408C3AD24", .type = "x"}, {}, 0);
  creation.settle(own, 0, 0);
  CHECK(std::move(creation).outcome().has_error());  // not an id, so that any response may be to it
  RemoteCreation upper({.ecosystem_id = "C594B89AEA18568C408C3AD24", .type = "server"}, {}, 0);
  upper.settle(own, 0, 0);
  CHECK(std::move(upper).outcome().has_error());
  RemoteCreation elsewhere({.ecosystem_id = "C594B89AEA18568C408C3AD24", .type = "server"}, {}, 0);
  elsewhere.settle(other, 0, 0);
  CHECK(std::move(elsewhere).outcome().has_exception());
}

TEST_CASE("nothing is waited for or sent at the very deadline") {
  const auto failed = [] { return Outcome<Response>(Fault(FaultSource::transport, Fate::not_sent, "refused")); };
  RetryPolicy policy;
  policy.max_attempts = 3;
  policy.first_delay = policy.max_delay = 100;
  policy.deadline = 100;
  RemoteCreation at_it(draft(), policy, 0);
  at_it.settle(failed(), 0, 0xFFFFFFFF);
  CHECK(at_it.step() == RemoteCreation::Step::done);

  policy.deadline = 101;
  for (const std::int64_t woken : {100, 101, 102}) {
    RemoteCreation before_it(draft(), policy, 0);
    before_it.settle(failed(), 0, 0xFFFFFFFF);
    REQUIRE(before_it.step() == RemoteCreation::Step::wait);
    CHECK(before_it.wait_until() == 100);
    before_it.wake(woken);
    INFO(woken);
    CHECK(before_it.step() == (woken < 101 ? RemoteCreation::Step::send : RemoteCreation::Step::done));
  }
}

TEST_CASE("each option of the retries counts as the nearest value within its range") {
  CHECK(RemoteCreation(draft(), RetryPolicy{.max_attempts = 0}, 0).max_attempts() == 1);
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t day = 86'400'000;
  // what is waited before the second request, and when nothing is sent any more
  const auto tried = [](const RetryPolicy& policy, const Fault& fault) {
    RemoteCreation creation(draft(), policy, 1000);
    creation.settle(Outcome<Response>(fault), 1000, 0xFFFFFFFF);
    const bool waits = creation.step() == RemoteCreation::Step::wait;
    return std::pair(waits ? creation.wait_until() - 1000 : -1, creation.deadline() - 1000);
  };
  const Fault not_sent(FaultSource::transport, Fate::not_sent, "refused");
  using Pair = std::pair<std::int64_t, std::int64_t>;
  for (const auto& [value, bounded] :
       {Pair(least, 0), Pair(-1, 0), Pair(0, 0), Pair(1, 1), Pair(day + 1, day), Pair(most, day)}) {
    INFO(value);
    CHECK(tried({.max_attempts = 2, .first_delay = value, .max_delay = day, .deadline = 1000}, not_sent).first ==
          (bounded < 1000 ? bounded : -1));
    CHECK(tried({.max_attempts = 2, .first_delay = 500, .max_delay = value, .deadline = 1000}, not_sent).first ==
          (std::min<std::int64_t>)(bounded, 500));
    CHECK(tried({.max_attempts = 2, .first_delay = 0, .deadline = value}, not_sent) ==
          Pair(bounded > 0 ? 0 : -1, bounded));
  }
  // What a transport returns as a fault instead of a response waits no less.
  CHECK(tried({.max_attempts = 2, .first_delay = 0, .deadline = most, .retry_unavailable = true},
              Fault::unavailable(FaultSource::transport, "x"))
            .first == 1000);
  for (const std::uint32_t attempts : {0u, 1u, 0xFFFFFFFFu}) {
    INFO(attempts);
    CHECK(tried({.max_attempts = attempts, .first_delay = 1}, not_sent).first == (attempts <= 1 ? -1 : 1));
  }
}

TEST_CASE("a sleeper that throws after a request loses no outcome, and nothing is sent again") {
  struct Broken {
    std::string_view breaks;
    bool sent = false;
    std::int64_t now() {
      if (sent && breaks == "now") throw std::runtime_error("canary");
      return 0;
    }
    void sleep_until(std::int64_t) {
      if (breaks == "sleep_until") throw std::runtime_error("canary");
      if (breaks == "now after it") breaks = "now";
    }
    std::uint32_t random_bits() {
      if (breaks == "random_bits") throw std::runtime_error("canary");
      return 1;
    }
  };
  struct Sender {
    Script& script;
    Broken& sleeper;
    Outcome<Response> send(const Request& request) {
      sleeper.sent = true;
      return script.send(request);
    }
  };
  const RetryPolicy policy{.max_attempts = 9, .retry_unavailable = true};
  for (const std::string_view breaks : {"now", "random_bits", "sleep_until", "now after it"}) {
    for (const Event& event : events()) {
      CAPTURE(breaks, event.name);
      Script script{.plan = {&event}, .bodies = {}};
      Broken sleeper{breaks};
      Sender transport{script, sleeper};
      const auto outcome = create_client(transport, draft(), policy, sleeper);
      CHECK(script.sent == 1);
      const auto once = [&] {
        Script again{.plan = {&event}, .bodies = {}};
        return create_client(again, draft(), {}, FakeTime());
      }();
      CHECK(outcome.has_value() == once.has_value());
      CHECK(outcome.has_error() == once.has_error());
      if (once.has_exception()) CHECK(outcome.exception().fate() == once.exception().fate());
    }
  }
}

TEST_CASE("under a key every fault is sent again, and the first 201 with the field ends it") {
  // A service that honours keys, whose responses are lost as often as a test says.
  struct Honouring {
    int lost;
    std::optional<Client> kept = {};
    std::vector<std::string> keys = {};
    Outcome<Response> send(const Request& request) {
      keys.emplace_back(request.fields.get("idempotency-key"));
      Response response = to_response(client());
      response.fields.add("idempotency-replayed", kept ? "true" : "false");
      kept = client();
      if (lost-- > 0) return Fault(FaultSource::transport, Fate::maybe_applied, "cut");
      return response;
    }
  };
  const auto key = *IdempotencyKey::parse("k");
  for (const int lost : {0, 1, 2}) {
    Honouring service{lost};
    FakeTime time;
    const auto outcome = create_client(service, draft(), key, {.max_attempts = 3}, time);
    CHECK(outcome.value() == KeyedClient{client(), lost != 0});
    CHECK(service.keys == std::vector<std::string>(static_cast<std::size_t>(lost) + 1, "k"));
  }
  Honouring service{3};
  FakeTime time;
  const ClientParameters parameters{.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server"};
  const auto first = create_client(service, parameters, key, {.max_attempts = 3}, time);
  CHECK(first.exception().fate() == Fate::maybe_applied);
  CHECK(create_client(service, parameters, key).value() == KeyedClient{client(), true});
  CHECK(create_client(service, {.type = "server"}, key).error().code() == ApiErrc::ecosystem_missing);
  CHECK(service.keys.size() == 4);
}

TEST_CASE("a create sends the request id that it is given, if that is one") {
  const auto draft = ClientDraft(*EcosystemId::parse("C594b89aea18568c408c3ad24"), ClientType::server);
  RemoteCreation creation(draft, {}, 0);
  CHECK_FALSE(creation.set_request_id(""));
  CHECK_FALSE(creation.set_request_id("a b"));
  CHECK(creation.request().fields.count("x-request-id") == 0);
  CHECK(creation.set_request_id("id-1"));
  CHECK(creation.request().fields.get("x-request-id") == "id-1");
}

TEST_CASE("before the first attempt the outcome is a fault that was not sent") {
  const RemoteCreation creation(draft(), {}, 0);
  CHECK(creation.step() == RemoteCreation::Step::send);
  CHECK(creation.attempts() == 0);
  CHECK(creation.outcome().exception().fate() == Fate::not_sent);
  CHECK(creation.outcome().exception().source() == FaultSource::library);
}

TEST_CASE("by default a create is sent once, and the retries that a program asks for are the documented ones") {
  const RetryPolicy policy;
  CHECK(policy.max_attempts == 1);
  CHECK(policy.first_delay == 100);
  CHECK(policy.max_delay == 5'000);
  CHECK(policy.deadline == 30'000);
  CHECK_FALSE(policy.retry_unavailable);
}

TEST_CASE("the body has every text whole, however long") {
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 1000u, 5000u}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    std::string body = "before";
    append_json(body, ClientDraft(home, ClientType::server, Text::parse(text), Text::parse(text + '\n')));
    CHECK(body == R"(before{"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" + text +
                      R"(","description":")" + text + R"(\n"})");
  }
}
