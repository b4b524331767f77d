// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/error.hpp>

#include "support/catch.hpp"
#include "support/findings.hpp"
#include "support/memory.hpp"

#include <concepts>
#include <iterator>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using Flaw = Findings::Flaw;

static_assert(std::copyable<ApiError> && std::equality_comparable<ApiError> &&
              std::is_default_constructible_v<ApiError>);
static_assert(std::is_nothrow_move_constructible_v<ApiError> && std::is_nothrow_move_assignable_v<ApiError>);
static_assert(!std::is_nothrow_copy_assignable_v<ApiError>);
static_assert(!std::is_constructible_v<ApiError, ApiErrc>);
static_assert(std::forward_iterator<ApiError::Violations::Iterator> ||
              std::input_iterator<ApiError::Violations::Iterator>);
static_assert(std::is_same_v<decltype(make_error_code(std::declval<const ApiError&>())), std::error_code>);

namespace {

// Only codes that need no further word have an `of`.
template <ApiErrc Code>
concept HasOf = requires {
  ApiError::of<Code>();
};
static_assert(HasOf<ApiErrc::unauthorized> && HasOf<ApiErrc::token_kind_forbidden> && HasOf<ApiErrc::forbidden> &&
              HasOf<ApiErrc::not_found> && HasOf<ApiErrc::method_not_allowed> && HasOf<ApiErrc::content_too_large> &&
              HasOf<ApiErrc::bad_request> && HasOf<ApiErrc::request_timeout> && HasOf<ApiErrc::uri_too_long> &&
              HasOf<ApiErrc::header_fields_too_large>);
static_assert(!HasOf<ApiErrc::ecosystem_not_found> && !HasOf<ApiErrc::ecosystem_invalid> &&
              !HasOf<ApiErrc::ecosystem_missing> && !HasOf<ApiErrc::query_field_not_allowed> &&
              !HasOf<ApiErrc::body_parameters_missing> && !HasOf<ApiErrc::client_type_invalid> &&
              !HasOf<ApiErrc::client_type_missing> && !HasOf<ApiErrc::body_parameter_invalid> &&
              !HasOf<ApiErrc::body_parameter_characters_invalid>);

// A view into an error that is about to die is refused.
template <class E>
concept HasViolations = requires(E&& error) {
  std::forward<E>(error).violations();
};
static_assert(HasViolations<const ApiError&> && !HasViolations<ApiError> && !HasViolations<const ApiError>);

std::string text_of(const ApiError& error) {
  std::string out;
  for (const Violation one : error.violations()) {
    out.append(to_string(one.code)).append("|").append(to_string(one.location)).append("|");
    out.append(one.message).append("|").append(to_string(one.field)).append("\n");
  }
  return out;
}

std::string text_of(const std::vector<findings::Entry>& entries) {
  std::string out;
  for (const auto& one : entries) {
    out.append(to_string(one.code)).append("|" + one.in + "|" + one.message + "|" + one.path + "\n");
  }
  return out;
}

}  // namespace

TEST_CASE("wire names of fields") {
  CHECK(to_string(Field::none) == "");
  CHECK(to_string(Field::additional_parameters) == "additional parameters");
  CHECK(to_string(Field::ecosystem_id) == "ecosystemId");
  CHECK(to_string(Field::type) == "type");
  CHECK(to_string(Field::name) == "name");
  CHECK(to_string(Field::description) == "description");
  CHECK(to_string(Field::idempotency_key) == "idempotency-key");
  static_assert(to_string(static_cast<Field>(3 + client_fields.size())).empty());
}

TEST_CASE("all findings that there can be give the list that the contract gives them, or no error") {
  std::size_t number = 0;
  findings::for_each(findings::nasty_lists(), [&](const Findings& found) {
    ++number;
    const auto expected = findings::contract_of(found);
    const auto error = ApiError::from(found);
    if (error.has_value() == expected.empty()) FAIL(number);
    if (!error) return;
    if (text_of(*error) != text_of(expected)) FAIL(text_of(*error) << "is not\n" << text_of(expected));
    if (error->code() != expected[0].code || error->status() != 400) FAIL(number);
    if (error->violations().size() != expected.size()) FAIL(number);
    if (make_error_code(*error) != make_error_code(expected[0].code)) FAIL(number);
  });
  CHECK(number == 16 * 16 * 2 * 3 * 3 * 3 * 3 * 2);
}

TEST_CASE("errors are equal if and only if they have the same response") {
  std::map<std::string, ApiError> seen;
  findings::for_each({std::nullopt, "", "x", "x, y"}, [&](const Findings& found) {
    const auto error = ApiError::from(found);
    if (!error) return;
    const auto [place, fresh] = seen.emplace(text_of(*error), *error);
    if (!(place->second == *error)) FAIL(text_of(*error));
  });
  for (const auto& [text_a, a] : seen) {
    for (const auto& [text_b, b] : seen) {
      if ((a == b) != (text_a == text_b)) FAIL(text_a << "and\n" << text_b);
    }
  }
  CHECK(seen.size() > 1000);
}

TEST_CASE("findings that make no difference on the wire make no difference") {
  const Findings unread{{}, {}, true, {Flaw{}, {}, {}, {}}};
  CHECK(ApiError::from(unread) == ApiError::from({{}, "x", true, {Flaw::invalid, Flaw::invalid, Flaw::invalid, {}}}));
  CHECK(ApiError::from(unread) == ApiError::from({{}, {}, false, {Flaw::missing, Flaw::missing, {}, {}}}));
  CHECK(ApiError::from({{}, "x", false, {Flaw::invalid, {}, {}, {}}}) ==
        ApiError::from({{}, {}, false, {Flaw::invalid, {}, {}, {}}}));
  CHECK_FALSE(ApiError::from({}));
  CHECK_FALSE(ApiError::from({{}, "x", false, {Flaw{}, {}, {}, {}}}));
}

TEST_CASE("what is in the blank of a message is read where all around it is there") {
  const auto read = [](std::string_view text) { return detail::read_blank("ab $ bc", text); };
  CHECK(read("ab x y bc") == "x y");
  CHECK(read("ab  bc") == "");
  for (const std::string_view text : {"ab bc", "ab x bd", "bb x bc", "ab ", " bc", ""}) CHECK_FALSE(read(text));
}

TEST_CASE("an error without entries has one violation, without a place") {
  const ApiError errors[] = {ApiError(),
                             ApiError::of<ApiErrc::unauthorized>(),
                             ApiError::of<ApiErrc::token_kind_forbidden>(),
                             ApiError::of<ApiErrc::forbidden>(),
                             ApiError::of<ApiErrc::not_found>(),
                             ApiError::of<ApiErrc::method_not_allowed>(),
                             ApiError::of<ApiErrc::content_too_large>(),
                             ApiError::of<ApiErrc::request_timeout>(),
                             ApiError::of<ApiErrc::uri_too_long>(),
                             ApiError::of<ApiErrc::header_fields_too_large>()};
  const int statuses[] = {400, 401, 403, 403, 404, 405, 413, 408, 414, 431};
  for (std::size_t i = 0; i != std::size(errors); ++i) {
    REQUIRE(errors[i].violations().size() == 1);
    const Violation one = errors[i].violations()[0];
    CHECK(one.code == errors[i].code());
    CHECK(one.location == Location::none);
    CHECK(one.field == Field::none);
    CHECK(one.message == (i == 2 ? "Token type not permitted!" : ""));
    CHECK(errors[i].status() == statuses[i]);
    for (std::size_t j = 0; j != std::size(errors); ++j) CHECK((errors[i] == errors[j]) == (i == j));
  }
  CHECK(ApiError() == ApiError::of<ApiErrc::bad_request>());
}

TEST_CASE("Ecosystem Not Found has the canonical id") {
  const auto error = ApiError::ecosystem_not_found(*EcosystemId::parse("C594B89AEA18568C408C3AD2D"));
  CHECK(error.code() == ApiErrc::ecosystem_not_found);
  CHECK(error.status() == 404);
  REQUIRE(error.violations().size() == 1);
  CHECK(error.violations()[0].message == "Ecosystem with id C594b89aea18568c408c3ad2d does not exist.");
  CHECK(error.violations()[0].location == Location::none);
  CHECK(error == ApiError::ecosystem_not_found("C594b89aea18568c408c3ad2d"_ecosystem_id));
  CHECK(error != ApiError::ecosystem_not_found("C594b89aea18568c408c3ad24"_ecosystem_id));
  CHECK(error != ApiError::of<ApiErrc::not_found>());
}

TEST_CASE("an invalid key joins the other violations of a request: after the query's, before the body's") {
  findings::for_each({std::nullopt, "", "x, y"}, [](const Findings& found) {
    if (!found.key_invalid) return;
    Findings others = found;
    others.key_invalid = false;
    for (const Findings& each : {others, found}) {
      if (ApiError::idempotency_key_invalid(ApiError::from(each)) != ApiError::from(found)) {
        FAIL_CHECK(text_of(*ApiError::from(found)));
      }
    }
  });
  const ApiError alone = ApiError::idempotency_key_invalid();
  CHECK(text_of(alone) == "Idempotency Key Invalid|header|invalid idempotency key|idempotency-key\n");
  CHECK(alone.status() == 400);
}

TEST_CASE("a key that was used with other parameters is a refusal by itself") {
  const ApiError reused = ApiError::idempotency_key_reused();
  CHECK(text_of(reused) ==
        "Idempotency Key Reused|header|idempotency key was used with other parameters|idempotency-key\n");
  CHECK(reused.status() == 422);
  CHECK(reused != ApiError::idempotency_key_invalid());
  CHECK(make_error_code(reused) == std::errc::invalid_argument);
}

TEST_CASE("the longest list has a violation of each part of a request") {
  const auto error =
      ApiError::from({"q", "b", false, {Flaw::missing, Flaw::invalid, Flaw::invalid, Flaw::characters}, true});
  REQUIRE(error);
  CHECK(error->violations().size() == ApiError::max_entries);
}

TEST_CASE("the range of violations can be walked and indexed") {
  const auto error =
      *ApiError::from({"q", "b", false, {Flaw::missing, Flaw::invalid, Flaw::invalid, Flaw::characters}});
  const auto all = error.violations();
  REQUIRE(all.size() == 6);
  std::size_t i = 0;
  for (auto at = all.begin(); at != all.end(); at++, ++i) CHECK(*at == all[i]);
  CHECK(i == 6);
  CHECK(all[0] != all[1]);
}

TEST_CASE("a copy is equal and its views are its own; a moved-from error takes a new value") {
  auto error = *ApiError::from({"query", "body", false, {Flaw::missing, {}, {}, {}}});
  const ApiError copy = error;
  CHECK(copy == error);
  CHECK(copy.violations()[0].message.data() != error.violations()[0].message.data());
  const ApiError moved = std::move(error);
  CHECK(moved == copy);
  error = ApiError::of<ApiErrc::forbidden>();
  CHECK(error.code() == ApiErrc::forbidden);
}

TEST_CASE("an error that cannot be copied for lack of memory leaves the other as it was") {
  const ApiError with_id = ApiError::ecosystem_not_found(*EcosystemId::parse("C594b89aea18568c408c3ad24"));
  ApiError error = *ApiError::from(Findings{.query_fields = "limit"}.with(Field::name, Flaw::invalid));
  const std::string before = text_of(error);
  for (std::size_t n = 1; n != 3; ++n) {  // the box, and the text in it
    memory::fail_at = memory::calls + n;
    CHECK_THROWS_AS(error = with_id, std::bad_alloc);
    memory::fail_at = 0;
    CHECK(text_of(error) == before);
  }
  error = with_id;
  CHECK(error == with_id);
}
