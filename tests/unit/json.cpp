// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/writer.hpp>
#include <droplit/json.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>

using namespace droplit;

namespace {

template <class T>
concept HasJson = requires(const T& value) {
  to_json(value);
};
static_assert(HasJson<Client> && HasJson<ApiError>);
static_assert(!HasJson<int> && !HasJson<std::string> && !HasJson<Text> && !HasJson<EcosystemId>);

Client client(std::optional<Text> name = {}, std::optional<Text> description = {},
              ClientType type = ClientType::application) {
  return {"594b89aea18568c408c3ad25"_client_id,
          *Timestamp::parse("2018-02-28T15:16:58.941Z"),
          "C594b89aea18568c408c3ad24"_ecosystem_id,
          type,
          std::move(name),
          std::move(description)};
}

/// The text of a time in the JSON of a client.
std::string written(Timestamp time) {
  const Client client("594b89aea18568c408c3ad25"_client_id, time, "C594b89aea18568c408c3ad24"_ecosystem_id,
                      ClientType::server);
  return to_json(client).substr(14, 24);
}

}  // namespace

TEST_CASE("a client's members are in the order of the page") {
  CHECK(to_json(client(Text::parse("n"), Text::parse("d"), ClientType::server)) ==
        R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"d","ecosystemId":"C594b89aea18568c408c3ad24",)"
        R"("id":"594b89aea18568c408c3ad25","name":"n","type":"server"})");
}

TEST_CASE("name and description are left out when they were not given, and only then") {
  CHECK(to_json(client()) == R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24",)"
                             R"("id":"594b89aea18568c408c3ad25","type":"application"})");
  CHECK(to_json(client(Text::parse(""))) ==
        R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24",)"
        R"("id":"594b89aea18568c408c3ad25","name":"","type":"application"})");
  CHECK(to_json(client({}, Text::parse(""))) ==
        R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"","ecosystemId":"C594b89aea18568c408c3ad24",)"
        R"("id":"594b89aea18568c408c3ad25","type":"application"})");
}

TEST_CASE("texts are escaped as JSON.stringify escapes them") {
  CHECK(
      to_json(client(Text::parse("\"\\\n\x01\x7F\xC3\xA9/"))).find(",\"name\":\"\\\"\\\\\\n\\u0001\x7F\xC3\xA9/\",") !=
      std::string::npos);
}

TEST_CASE("a client id's letter is written") {
  const Client one("W594b89aea18568c408c3ad25"_client_id, *Timestamp::from_unix_millis(0),
                   "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server);
  CHECK(to_json(one).find("\"id\":\"W594b89aea18568c408c3ad25\"") != std::string::npos);
}

TEST_CASE("an error's entries have in, message and path") {
  Findings findings;
  findings.query_fields = "a\"b";
  findings.flaws[detail::field_index(Field::type)] = Findings::Flaw::invalid;
  CHECK(to_json(*ApiError::from(findings)) ==
        R"({"errorType":"InvalidParams","errors":[{"in":"query","message":"contains fields that are not allowed: )"
        R"([ a\"b ]","path":"additional parameters"},{"in":"body","message":)"
        R"("field must be one of the following values: application, server","path":"type"}]})");
}

TEST_CASE("every refusal with entries is its violations, one entry each, with the messages escaped") {
  using Flaw = Findings::Flaw;
  const auto entry = [](const Violation& violation) {
    std::string json = R"({"in":")";
    json.append(to_string(violation.location)).append(R"(","message":)");
    detail::append_json_string(json, violation.message);
    return json.append(R"(,"path":")").append(to_string(violation.field)).append("\"}");
  };
  const Flaw flaws[] = {Flaw::none, Flaw::missing, Flaw::invalid, Flaw::characters};
  const std::optional<std::string> names[] = {{}, "a\"b", std::string(255, '\n'), std::string(3000, '"') + "x"};
  std::size_t refusals = 0;
  for (unsigned i = 0; i != 4 * 4 * 4 * 4 * 4 * 4 * 2; ++i) {
    Findings findings{.query_fields = names[i % 4], .body_fields = names[i / 4 % 4]};
    for (unsigned field = 0; field != 4; ++field) findings.flaws[field] = flaws[i / 16 >> 2 * field & 3];
    findings.key_invalid = i / 4096 != 0;
    const auto error = ApiError::from(findings);
    if (!error) continue;
    ++refusals;
    std::string expected;
    for (const Violation violation : error->violations()) {
      expected.append(expected.empty() ? R"({"errorType":"InvalidParams","errors":[)" : ",").append(entry(violation));
    }
    if (to_json(*error) != expected + "]}") FAIL_CHECK(to_json(*error) << " instead of " << expected);
  }
  CHECK(refusals > 7000);
  CHECK(to_json(ApiError::idempotency_key_reused()) ==
        R"({"errorType":"InvalidParams","errors":[{"in":"header","message":)"
        R"("idempotency key was used with other parameters","path":"idempotency-key"}]})");
}

TEST_CASE("append_json appends") {
  std::string out = "x";
  append_json(out, client());
  CHECK(out == "x" + to_json(client()));
}

TEST_CASE("every time is written as its text, whatever was written before it") {
  constexpr std::int64_t first = Timestamp::min_unix_millis;
  for (const std::int64_t millis : {first + 1, first + 1'000'000, first + 1, first, first + 1000, first + 999}) {
    const Timestamp time = Timestamp::clamp_unix_millis(millis);
    CHECK(written(time) == time.text());
  }
  std::mt19937_64 random(3);
  std::int64_t millis = 0;
  for (int i = 0; i != 20'000; ++i) {
    switch (random() % 4) {
      case 0: millis = static_cast<std::int64_t>(random() % 315'569'520'000'000) - 62'167'219'200'000; break;
      case 1: millis += static_cast<std::int64_t>(random() % 2000) - 1000; break;
      case 2: millis = static_cast<std::int64_t>(random() % 4000) - 2000; break;
      default: break;
    }
    const Timestamp time = Timestamp::clamp_unix_millis(millis);
    const std::string text = written(time);
    if (text != time.text()) FAIL_CHECK(time.text() << " is written " << text);
  }
}

TEST_CASE("the first time that a thread writes is written as its text") {
  for (const char* text : {"0000-01-01T00:00:00.000Z", "0000-01-01T00:00:01.000Z", "1970-01-01T00:00:00.000Z"}) {
    std::string first;
    std::thread([&] { first = written(*Timestamp::parse(text)); }).join();
    CHECK(first == text);
  }
}
