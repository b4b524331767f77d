// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/exchange.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using droplit::ApiErrc;
using droplit::Exchange;
using droplit::PrincipalKind;
using droplit::RequestHead;

struct Access {
  struct Holder {
    PrincipalKind is;
    PrincipalKind kind() const { return is; }
  };
  Holder authenticate(std::string_view token) const {
    ++identified;
    if (token == "throws") throw std::runtime_error("canary");
    if (token == "no enumerator") return {static_cast<PrincipalKind>(4)};
    return {token == "account" ? PrincipalKind::account : PrincipalKind::none};
  }
  bool authorize(Holder, droplit::EcosystemId) const {
    ++asked;
    if (right_throws) throw 7;
    return right;
  }
  mutable int identified = 0;
  mutable int asked = 0;
  bool right = true;
  bool right_throws = false;
};

/// Has holders that it counts while they are alive, as one whose holders keep something alive.
struct Counting {
  struct Holder {
    std::shared_ptr<int> alive;
    PrincipalKind is;
    bool throws;
    PrincipalKind kind() const {
      if (throws) throw std::runtime_error("canary");
      return is;
    }
  };
  Holder authenticate(std::string_view token) const {
    if (token == "other") return {alive, PrincipalKind::other, false};
    if (token == "throws") return {alive, PrincipalKind::account, true};
    return {alive, token == "account" ? PrincipalKind::account : PrincipalKind::none, false};
  }
  bool authorize(Holder&, droplit::EcosystemId) const {
    authorized_with = holders();
    if (right_throws) throw 7;
    return right;
  }
  long holders() const { return alive.use_count() - 1; }
  std::shared_ptr<int> alive = std::make_shared<int>();
  mutable long authorized_with = 0;
  bool right = true;
  bool right_throws = false;
};

constexpr std::string_view good = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})";

RequestHead head(std::string_view target = "/api/clients", std::string_view token = "account") {
  RequestHead head("POST", target);
  head.add("authorization", token);
  head.add("content-type", "application/json");
  return head;
}

template <class T>
ApiErrc code(const droplit::Outcome<T>& outcome) {
  REQUIRE(outcome.has_error());
  return outcome.error().code();
}

}  // namespace

static_assert(!std::is_copy_constructible_v<Exchange<Access>>);
static_assert(!std::is_move_constructible_v<Exchange<Access>>);

TEST_CASE("a good request goes through its steps, in any number of pieces") {
  const Access access;
  Exchange exchange(access);
  for (std::size_t size = 1; size <= good.size(); ++size) {
    REQUIRE(exchange.head(head()).has_value());
    std::string_view rest = good;
    for (; rest.size() > size; rest.remove_prefix(size)) REQUIRE(exchange.body(rest.substr(0, size)).has_value());
    CHECK(exchange.draft(rest).has_value());
    exchange.reset();
  }
  CHECK(access.identified == static_cast<int>(good.size()));
  CHECK(access.asked == static_cast<int>(good.size()));
}

TEST_CASE("a holder of a kind without an enumerator may not create clients") {
  const Access access;
  Exchange exchange(access);
  CHECK(code(exchange.head(head("/api/clients", "no enumerator"))) == ApiErrc::token_kind_forbidden);
  CHECK(access.asked == 0);
}

TEST_CASE("head need not outlive its step") {
  const Access access;
  Exchange exchange(access);
  {
    std::string target = "/api/clients?a%62";
    std::string token = "account";
    std::string type = "application/json";
    RequestHead gone("POST", target);
    gone.add("authorization", token);
    gone.add("content-type", type);
    REQUIRE(exchange.head(gone).has_value());
    target = token = type = "xxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  }
  const auto draft = exchange.draft(good);
  CHECK(code(draft) == ApiErrc::query_field_not_allowed);
  CHECK(draft.error().violations()[0].message == "contains fields that are not allowed: [ ab ]");
}

TEST_CASE("a body that grows past the limit is too large, whatever it says, and stays so") {
  const Access access;
  Exchange exchange(access, {.max_body = 100});
  REQUIRE(exchange.head(head("/api/clients?x")).has_value());
  CHECK(exchange.body(std::string(100, 'x')).has_value());
  CHECK(code(exchange.body("x")) == ApiErrc::content_too_large);
  CHECK(code(exchange.body("")) == ApiErrc::content_too_large);
  CHECK(code(exchange.draft()) == ApiErrc::content_too_large);

  exchange.reset();
  REQUIRE(exchange.head(head()).has_value());
  CHECK(code(exchange.draft(std::string(101, ' '))) == ApiErrc::content_too_large);

  exchange.reset();
  RequestHead announces = head();
  announces.add("content-length", "101");
  CHECK(code(exchange.head(announces)) == ApiErrc::content_too_large);
  RequestHead fits = head();
  fits.add("content-length", "100");
  CHECK(exchange.head(fits).has_value());
}

TEST_CASE("a body that does not count is counted") {
  const Access access;
  Exchange exchange(access, {.max_body = 100});
  RequestHead no_type("POST", "/api/clients");
  no_type.add("authorization", "account");
  REQUIRE(exchange.head(no_type).has_value());
  CHECK(code(exchange.draft(good)) == ApiErrc::body_parameters_missing);
  exchange.reset();
  REQUIRE(exchange.head(no_type).has_value());
  CHECK(code(exchange.draft(std::string(101, ' '))) == ApiErrc::content_too_large);
}

TEST_CASE("a body counts if its one content-type is JSON and it is not encoded") {
  const Access access;
  Exchange exchange(access);
  const auto counts = [&](std::initializer_list<const char*> types, const char* encoding = nullptr) {
    RequestHead head("POST", "/api/clients");
    head.add("authorization", "account");
    for (const char* type : types) head.add("content-type", type);
    if (encoding != nullptr) head.add("content-encoding", encoding);
    REQUIRE(exchange.head(head).has_value());
    const auto draft = exchange.draft(good);
    if (!draft) CHECK(code(draft) == ApiErrc::body_parameters_missing);
    return draft.has_value();
  };
  for (const char* type : {"application/json", "Application/JSON", "application/json; charset=utf-8"}) {
    CHECK(counts({type}));
    CHECK(counts({type}, "identity"));
    CHECK_FALSE(counts({type}, "gzip"));
    CHECK_FALSE(counts({type, type}));
    CHECK_FALSE(counts({type, type}, "gzip"));
  }
  for (const char* type : {"text/json", "application/json5", ""}) CHECK_FALSE(counts({type}));
  CHECK_FALSE(counts({}));
}

TEST_CASE("nothing of an earlier request counts for the next") {
  const Access access;
  Exchange exchange(access);
  REQUIRE(exchange.head(head("/api/clients?x=1")).has_value());
  CHECK(exchange.body(R"({"name":7,"zzz":1,)").has_value());
  REQUIRE(exchange.head(head()).has_value());
  CHECK(exchange.draft(good).has_value());
}

TEST_CASE("without a good head no body makes a draft, and no holder is authorized") {
  const Access access;
  {
    Exchange exchange(access);
    CHECK(code(exchange.draft(good)) == ApiErrc::body_parameters_missing);
  }
  for (const auto& [bad, why] :
       {std::pair(head("/elsewhere"), ApiErrc::not_found), std::pair(head("/api/clients#"), ApiErrc::bad_request),
        std::pair(head("/api/clients", "nobody"), ApiErrc::unauthorized)}) {
    Exchange exchange(access);
    CHECK(code(exchange.head(bad)) == why);
    CHECK(exchange.body(good).has_value());
    CHECK(code(exchange.draft()) == ApiErrc::body_parameters_missing);

    REQUIRE(exchange.head(head()).has_value());  // a good head before a bad one does not count either
    CHECK(code(exchange.head(bad)) == why);
    CHECK(code(exchange.draft(good)) == ApiErrc::body_parameters_missing);
  }
  Exchange exchange(access);
  REQUIRE(exchange.head(head()).has_value());
  CHECK(exchange.head(head("/api/clients", "throws")).has_exception());
  CHECK(code(exchange.draft(good)) == ApiErrc::body_parameters_missing);
  CHECK(access.asked == 0);
}

TEST_CASE("a malformed length is a bad request, whatever else is invalid, and no token is authenticated") {
  const Access access;
  Exchange exchange(access);
  for (const char* target : {"/api/clients", "/api/clients?a", "/elsewhere", "#"}) {
    RequestHead with_length = head(target);
    with_length.add("content-length", "1x");
    CHECK(code(exchange.head(with_length)) == ApiErrc::bad_request);
  }
  CHECK(access.identified == 0);
}

TEST_CASE("no token, an empty one and two are refused before anybody is asked whose they are") {
  const Access access;
  Exchange exchange(access);
  RequestHead none("POST", "/api/clients");
  RequestHead blank("POST", "/api/clients");
  blank.add("authorization", " \t ");
  RequestHead two = head();
  two.add("authorization", "account");
  for (const RequestHead& bad : {none, blank, two}) CHECK(code(exchange.head(bad)) == ApiErrc::unauthorized);
  CHECK(access.identified == 0);
}

TEST_CASE("a good body before the limit is not a good body once it went past it") {
  const Access access;
  Exchange exchange(access, {.max_body = static_cast<std::uint32_t>(good.size())});
  REQUIRE(exchange.head(head()).has_value());
  CHECK(exchange.body(good).has_value());
  CHECK(code(exchange.body(" ")) == ApiErrc::content_too_large);
  CHECK(code(exchange.draft()) == ApiErrc::content_too_large);
  CHECK(access.asked == 0);
}

TEST_CASE("the limit of a body goes from none to 1 GiB, and what is beyond counts as that") {
  const Access access;
  constexpr std::uint32_t most = 1 << 30;
  for (const std::uint32_t limit : {most, most + 1, 0xFFFFFFFFu}) {
    Exchange exchange(access, {.max_body = limit});
    REQUIRE(exchange.head(head()).has_value());
    CHECK(exchange.draft(good).has_value());
    RequestHead fits = head();
    fits.add("content-length", "1073741824");
    CHECK(exchange.head(fits).has_value());
    RequestHead announces = head();
    announces.add("content-length", "1073741825");
    CHECK(code(exchange.head(announces)) == ApiErrc::content_too_large);
  }
  Exchange one(access, {.max_body = 1});
  REQUIRE(one.head(head()).has_value());
  CHECK(one.body("{").has_value());
  CHECK(code(one.draft("}")) == ApiErrc::content_too_large);
  Exchange none(access, {.max_body = 0});
  REQUIRE(none.head(head()).has_value());
  CHECK(code(none.draft()) == ApiErrc::body_parameters_missing);
  CHECK(code(none.draft("x")) == ApiErrc::content_too_large);
}

TEST_CASE("what the Access policy throws is a fault that was not applied") {
  Access access;
  Exchange exchange(access);
  const auto thrown = exchange.head(head("/api/clients", "throws"));
  REQUIRE(thrown.has_exception());
  CHECK(thrown.exception().source() == droplit::FaultSource::access);
  CHECK(thrown.exception().fate() == droplit::Fate::not_applied);

  access.right_throws = true;
  REQUIRE(exchange.head(head()).has_value());
  const auto draft = exchange.draft(good);
  REQUIRE(draft.has_exception());
  CHECK(draft.exception().source() == droplit::FaultSource::access);
  CHECK(draft.exception().fate() == droplit::Fate::not_applied);
}

TEST_CASE("a holder is authorized for valid drafts only, and once") {
  Access access;
  access.right = false;
  Exchange exchange(access);
  REQUIRE(exchange.head(head()).has_value());
  CHECK(code(exchange.draft("{}")) == ApiErrc::body_parameters_missing);
  CHECK(access.asked == 0);
  REQUIRE(exchange.head(head()).has_value());
  CHECK(code(exchange.draft(good)) == ApiErrc::forbidden);
  CHECK(access.asked == 1);
}

TEST_CASE("the key of a request is there after a good head where keys are taken, and nowhere else") {
  const Access access;
  const auto with_key = [](std::string_view key) {
    RequestHead keyed = head();
    keyed.add("idempotency-key", key);
    return keyed;
  };
  Exchange exchange(access, {.idempotency_keys = true});
  REQUIRE(exchange.head(head()).has_value());
  CHECK_FALSE(exchange.key());
  REQUIRE(exchange.head(with_key("a")).has_value());
  CHECK(exchange.key() == droplit::IdempotencyKey::parse("a"));
  CHECK(exchange.draft(good).has_value());
  CHECK(exchange.key() == droplit::IdempotencyKey::parse("a"));  // until the next request
  CHECK(std::move(exchange).key() == droplit::IdempotencyKey::parse("a"));
  REQUIRE(exchange.head(with_key("\"b\"")).has_value());
  CHECK(exchange.key() == droplit::IdempotencyKey::parse("b"));
  exchange.reset();
  CHECK_FALSE(exchange.key());

  Exchange without(access);
  REQUIRE(without.head(with_key("a")).has_value());
  CHECK_FALSE(without.key());
  CHECK(without.draft(good).has_value());
  REQUIRE(without.head(with_key("a b")).has_value());
  CHECK(without.draft(good).has_value());
}

TEST_CASE("nothing of an earlier request's key counts for the next") {
  const Access access;
  Exchange exchange(access, {.idempotency_keys = true});
  for (const std::string_view earlier : {"a", "a b", ""}) {
    RequestHead keyed = head();
    keyed.add("idempotency-key", earlier);
    REQUIRE(exchange.head(keyed).has_value());
    REQUIRE(exchange.head(head()).has_value());
    CHECK_FALSE(exchange.key());
    CHECK(exchange.draft(good).has_value());

    REQUIRE(exchange.head(keyed).has_value());
    REQUIRE(exchange.head(head("/elsewhere")).has_error());
    CHECK_FALSE(exchange.key());
    CHECK(code(exchange.draft(good)) == ApiErrc::body_parameters_missing);
  }
}

TEST_CASE("a malformed key is refused with the query and the body, before the holder is authorized") {
  const Access access;
  Exchange exchange(access, {.idempotency_keys = true});
  RequestHead bad = head("/api/clients?q");
  bad.add("idempotency-key", "a b");
  REQUIRE(exchange.head(bad).has_value());
  CHECK_FALSE(exchange.key());
  const auto draft = exchange.draft(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"x"})");
  REQUIRE(draft.has_error());
  const auto violations = draft.error().violations();
  REQUIRE(violations.size() == 3);
  CHECK(violations[0].code == ApiErrc::query_field_not_allowed);
  CHECK(violations[1].code == ApiErrc::idempotency_key_invalid);
  CHECK(violations[2].code == ApiErrc::client_type_invalid);
  CHECK(access.asked == 0);

  RequestHead twice = head();
  twice.add("idempotency-key", "a");
  twice.add("idempotency-key", "a");
  REQUIRE(exchange.head(twice).has_value());
  CHECK(exchange.draft(good).error() == droplit::ApiError::idempotency_key_invalid());
  CHECK(access.asked == 0);
}

TEST_CASE("a holder lives until it was authorized or the request is refused, whatever comes of it") {
  Counting access;
  Exchange exchange(access, {.max_body = 100});
  for (const char* const unknown : {"unknown", "other", "throws"}) {
    CHECK_FALSE(exchange.head(head("/api/clients", unknown)).has_value());
    CHECK(access.holders() == 0);
  }
  RequestHead announces = head();
  announces.add("content-length", "101");
  CHECK(code(exchange.head(announces)) == ApiErrc::content_too_large);
  CHECK(access.holders() == 0);

  const auto begin = [&] {
    REQUIRE(exchange.head(head()).has_value());
    REQUIRE(exchange.body(" ").has_value());
    CHECK(access.holders() == 1);
  };
  begin();
  exchange.reset();
  CHECK(access.holders() == 0);
  begin();
  CHECK_FALSE(exchange.body(std::string(100, 'x')).has_value());
  CHECK(access.holders() == 0);
  for (const std::string& refused : {std::string("{}"), std::string(100, 'x')}) {
    begin();
    CHECK_FALSE(exchange.draft(refused).has_value());
    CHECK(access.holders() == 0);
  }
  CHECK(access.authorized_with == 0);
  for (int way = 0; way != 3; ++way) {
    access.right = way == 1;
    access.right_throws = way == 2;
    access.authorized_with = 0;
    begin();
    CHECK(exchange.draft(good).has_value() == (way == 1));
    CHECK(access.authorized_with == 1);
    CHECK(access.holders() == 0);
  }
}

TEST_CASE("a holder does not outlive a step that has no memory") {
  const std::string text(1000, 'n');
  const std::string body =
      std::string(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")") + text + "\"}";
  Counting access;
  Exchange exchange(access);
  const auto fails = [](auto step) {
    memory::fail_at = memory::calls + 1;
    memory::fail_on = true;
    bool threw = false;
    try {
      step();
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    memory::fail_at = 0;
    return threw;
  };
  REQUIRE(exchange.head(head()).has_value());
  CHECK(access.holders() == 1);
  CHECK(fails([&] { static_cast<void>(exchange.body(body)); }));
  CHECK(access.holders() == 0);
  REQUIRE(exchange.head(head()).has_value());
  CHECK(fails([&] { static_cast<void>(exchange.draft(body)); }));
  CHECK(access.holders() == 0);
  const std::string target = "/api/clients?" + text;
  CHECK(fails([&] { static_cast<void>(exchange.head(head(target))); }));
  CHECK(access.holders() == 0);
}

TEST_CASE("a draft is made once for a head") {
  const Access access;
  Exchange exchange(access);
  for (const std::string_view first : {std::string_view(), good.substr(0, 10)}) {
    REQUIRE(exchange.head(head()).has_value());
    if (!first.empty()) REQUIRE(exchange.body(first).has_value());
    REQUIRE(exchange.draft(good.substr(first.size())).has_value());
    const int asked = access.asked;
    REQUIRE(exchange.body(good).has_value());
    for (const std::string_view again : {std::string_view(), good, std::string_view()}) {
      CHECK(code(exchange.draft(again)) == ApiErrc::body_parameters_missing);
    }
    CHECK(access.asked == asked);
  }
}
