// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/fault.hpp>

#include "support/catch.hpp"
#include "support/memory.hpp"

#include <concepts>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace droplit;

static_assert(std::copyable<Fault> && std::is_nothrow_default_constructible_v<Fault>);
static_assert(std::is_nothrow_move_constructible_v<Fault> && std::is_nothrow_move_assignable_v<Fault>);
static_assert(!std::is_nothrow_copy_assignable_v<Fault>);
static_assert(!std::is_convertible_v<std::string, Fault> && !std::is_base_of_v<std::exception, Fault>);
static_assert(to_string(Fate::not_sent) == "not sent" && to_string(Fate::not_applied) == "not applied");
static_assert(to_string(Fate::maybe_applied) == "maybe applied");
static_assert(to_string(FaultSource::storage) == "storage" && to_string(FaultSource::access) == "access");
static_assert(to_string(FaultSource::clock) == "clock" && to_string(FaultSource::ids) == "ids");
static_assert(to_string(FaultSource::transport) == "transport" && to_string(FaultSource::response) == "response");
static_assert(to_string(FaultSource::library) == "library");
static_assert(to_string(static_cast<Fate>(3)).empty() && to_string(static_cast<FaultSource>(7)).empty());

static_assert(std::is_same_v<decltype(std::declval<const Fault&>().what()), const std::string&>);
static_assert(std::is_same_v<decltype(Fault().what()), std::string>);
static_assert(std::is_same_v<decltype(std::declval<const Fault>().excerpt()), std::string>);
static_assert(std::is_same_v<decltype(Fault().cause()), std::exception_ptr>);

TEST_CASE("accessors of a temporary fault return texts of their own") {
  const std::string words(100, 'w');
  const auto make = [&words] { return Fault::unknown_response(500, words, words); };
  const auto& what = make().what();
  const auto& excerpt = make().excerpt();
  CHECK(what == words);
  CHECK(excerpt == words);
  const auto& cause = Fault(FaultSource::storage, Fate::not_applied, "", std::make_exception_ptr(7)).cause();
  CHECK(cause);
}

TEST_CASE("a fault made of its own texts is whole") {
  Fault fault = Fault::unknown_response(500, std::string(100, 'w'), std::string(200, 'e'));
  fault = Fault::unknown_response(500, fault.what(), fault.excerpt());
  CHECK(fault.what() == std::string(100, 'w'));
  fault = Fault::unknown_response(500, "", fault.excerpt());
  CHECK(fault.excerpt() == std::string(200, 'e'));
  fault = Fault(FaultSource::storage, Fate::not_applied, fault.excerpt());
  CHECK(fault.what() == std::string(200, 'e'));
  fault = *&fault;
  CHECK(fault.what() == std::string(200, 'e'));
}

TEST_CASE("a fault of which nothing is known may have been applied") {
  const Fault fault;
  CHECK(fault.fate() == Fate::maybe_applied);
  CHECK(fault.source() == FaultSource::library);
  CHECK(fault.what().empty());
  CHECK_FALSE(fault.cause());
  CHECK_FALSE(fault.status());
  CHECK_FALSE(fault.retry_after());
}

TEST_CASE("a fault has its source, fate, text and cause") {
  const auto cause = std::make_exception_ptr(std::runtime_error("x"));
  const Fault fault(FaultSource::storage, Fate::not_applied, "insert", cause);
  CHECK(fault.source() == FaultSource::storage);
  CHECK(fault.fate() == Fate::not_applied);
  CHECK(fault.what() == "insert");
  CHECK(fault.cause() == cause);
  CHECK_FALSE(fault.status());
  const Fault copy = fault;
  CHECK(copy.what() == "insert");
  CHECK(copy.cause() == cause);
}

TEST_CASE("an unavailable part surely applied nothing, and is to be tried again after the second that the wire says") {
  const auto cause = std::make_exception_ptr(std::runtime_error("x"));
  const Fault fault = Fault::unavailable(FaultSource::storage, "busy", cause);
  CHECK(fault.fate() == Fate::not_applied);
  CHECK(fault.status() == 503);
  CHECK(fault.retry_after() == 1);
  CHECK(fault.cause() == cause);
  static_assert(!std::is_invocable_v<decltype(Fault::unavailable), FaultSource, std::string, std::int64_t>);
}

TEST_CASE("a fault has no text if there is no memory for it") {
  std::string what = "nothing that fits into a string's own room";
  memory::fail_on = true;
  memory::fail_at = memory::calls + 1;
  const Fault fault(FaultSource::storage, Fate::not_applied, std::move(what));
  const Fault unavailable = Fault::unavailable(FaultSource::access, {});
  memory::fail_at = 0;
  memory::fail_on = false;
  CHECK(fault.what().empty());
  CHECK(fault.source() == FaultSource::storage);
  CHECK(fault.fate() == Fate::not_applied);
  CHECK(unavailable.status() == 503);
  CHECK(unavailable.retry_after() == 1);
}

TEST_CASE("a fault without its texts is the same failure") {
  const Fault fault = Fault::unknown_response(502, "what", "body", 7);
  const Fault bare = fault.without_texts();
  CHECK(bare.what().empty());
  CHECK(bare.excerpt().empty());
  CHECK(bare.source() == fault.source());
  CHECK(bare.fate() == fault.fate());
  CHECK(bare.status() == 502);
  CHECK(bare.retry_after() == 7);
  const auto cause = std::make_exception_ptr(1);
  CHECK(Fault(FaultSource::clock, Fate::not_applied, "what", cause).without_texts().cause() == cause);
}
