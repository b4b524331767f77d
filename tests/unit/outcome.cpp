// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/outcome.hpp>

#include "support/catch.hpp"

#include <boost/outcome/try.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

using namespace droplit;

static_assert(std::is_same_v<Outcome<int>, outcome<int>> &&
              std::is_same_v<outcome<int>, outcome<int, ApiError, Fault>>);
static_assert(std::is_constructible_v<Outcome<int>, ApiError> && std::is_constructible_v<Outcome<int>, Fault>);
static_assert(std::is_same_v<decltype(std::declval<ApiException>().error()), ApiError>);
static_assert(std::is_same_v<decltype(std::declval<FaultException>().fault()), Fault>);
static_assert(std::is_base_of_v<std::system_error, ApiException> && std::is_base_of_v<std::exception, FaultException>);
static_assert(std::is_nothrow_move_constructible_v<Outcome<std::string>>);

namespace {

ApiError long_error() {
  Findings findings;
  findings.query_fields = "a name that is long enough to be in memory of its own";
  findings.flaws[detail::field_index(Field::ecosystem_id)] = Findings::Flaw::invalid;
  return *ApiError::from(std::move(findings));
}

Fault fault() {
  return Fault(FaultSource::storage, Fate::not_applied, "insert",
               std::make_exception_ptr(std::runtime_error("driver")));
}

Outcome<int> half(Outcome<int> number) {
  BOOST_OUTCOME_TRY(const int value, std::move(number));
  return value / 2;
}

Outcome<std::string> text(Outcome<int> number) {  // through functions of different values
  BOOST_OUTCOME_TRY(auto&& value, half(std::move(number)));
  return std::to_string(value);
}

Outcome<void> nothing(Outcome<int> number) {
  BOOST_OUTCOME_TRY(half(std::move(number)));
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace

TEST_CASE("a value is a value") {
  const Outcome<int> outcome = 4;
  REQUIRE(outcome.has_value());
  CHECK(outcome.value() == 4);
  CHECK_FALSE(outcome.has_error());
  CHECK_FALSE(outcome.has_exception());
}

TEST_CASE("value() throws the whole error") {
  const Outcome<int> outcome = long_error();
  REQUIRE(outcome.has_error());
  CHECK(outcome.error() == long_error());
  bool caught = false;
  try {
    static_cast<void>(outcome.value());
  } catch (const ApiException& thrown) {
    caught = true;
    CHECK(thrown.error() == long_error());
    CHECK(thrown.code() == ApiErrc::query_field_not_allowed);
    CHECK(thrown.code() == std::errc::invalid_argument);
    CHECK(ApiException(thrown).error() == long_error());
  }
  CHECK(caught);
}

TEST_CASE("value() of an rvalue throws the whole error, and a system_error's catcher sees the code") {
  bool caught = false;
  try {
    static_cast<void>(Outcome<int>(ApiError::of<ApiErrc::unauthorized>()).value());
  } catch (const std::system_error& thrown) {
    caught = true;
    CHECK(thrown.code() == ApiErrc::unauthorized);
    CHECK(thrown.code() == std::errc::permission_denied);
    CHECK(std::string(thrown.what()).find("Unauthorized") != std::string::npos);
  }
  CHECK(caught);
}

TEST_CASE("value() throws the whole fault") {
  const Outcome<int> outcome = fault();
  REQUIRE(outcome.has_exception());
  CHECK_FALSE(outcome.has_error());
  CHECK(outcome.exception().what() == "insert");  // read without anything being thrown
  bool caught = false;
  try {
    static_cast<void>(outcome.value());
  } catch (const FaultException& thrown) {
    caught = true;
    CHECK(thrown.what() == std::string("insert"));
    CHECK(thrown.fault().fate() == Fate::not_applied);
    CHECK(thrown.fault().source() == FaultSource::storage);
    CHECK(thrown.fault().cause() == outcome.exception().cause());
    CHECK(FaultException(thrown).fault().fate() == Fate::not_applied);
  }
  CHECK(caught);
}

TEST_CASE("BOOST_OUTCOME_TRY hands values on, and errors and faults whole") {
  CHECK(half(8).value() == 4);
  CHECK(text(8).value() == "4");
  CHECK(nothing(8).has_value());
  CHECK(half(long_error()).error() == long_error());
  CHECK(text(long_error()).error() == long_error());
  CHECK(nothing(long_error()).error() == long_error());
  CHECK(text(fault()).exception().what() == "insert");
  CHECK(text(fault()).exception().cause());
  CHECK(nothing(fault()).exception().fate() == Fate::not_applied);
}

TEST_CASE("as_failure hands an error or a fault to an outcome of another value") {
  Outcome<int> refused = long_error();
  const Outcome<std::string> other = std::move(refused).as_failure();
  CHECK(other.error() == long_error());
  Outcome<int> failed = fault();
  const Outcome<void> failure = std::move(failed).as_failure();
  CHECK(failure.exception().what() == "insert");
}
