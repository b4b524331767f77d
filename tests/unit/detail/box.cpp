// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/box.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

using droplit::detail::Box;

namespace {

struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

}  // namespace

static_assert(std::regular<Box<std::string>> && sizeof(Box<std::string>) == sizeof(void*));
static_assert(std::is_nothrow_default_constructible_v<Box<std::string>>);
static_assert(std::is_nothrow_move_constructible_v<Box<std::string>> &&
              std::is_nothrow_move_assignable_v<Box<std::string>> &&
              !std::is_nothrow_copy_assignable_v<Box<std::string>>);

TEST_CASE("a box is empty until its value is made") {
  Box<std::string> box;
  CHECK(box.get() == nullptr);
  CHECK(box == Box<std::string>());
  box.get_or_make() = "a";
  REQUIRE(box.get() != nullptr);
  CHECK(*box.get() == "a");
  CHECK(&box.get_or_make() == box.get());
  CHECK(box.try_get_or_make() == box.get());
  CHECK_FALSE(box == Box<std::string>());
}

TEST_CASE("a box is copied and compared as its value, and moved as a pointer") {
  Box<std::string> box;
  box.get_or_make() = "a";
  Box<std::string> copy = box;
  CHECK(copy == box);
  CHECK(copy.get() != box.get());
  copy.get_or_make() = "b";
  CHECK_FALSE(copy == box);
  const std::string* const held = copy.get();
  Box<std::string> moved = std::move(copy);
  CHECK(moved.get() == held);
  box = std::move(moved);
  CHECK(*box.get() == "b");
  CHECK(moved.get() == nullptr);
  const Box<std::string>& itself = box;
  box = itself;
  CHECK(*box.get() == "b");
  box = Box<std::string>();
  CHECK(box.get() == nullptr);
}

TEST_CASE("a box destroys its value once") {
  {
    Box<Counted> box;
    box.get_or_make();
    Box<Counted> copy = box;
    CHECK(Counted::alive == 2);
    box = std::move(copy);
    CHECK(Counted::alive == 1);
    const Box<Counted> moved = std::move(box);
    CHECK(Counted::alive == 1);
  }
  CHECK(Counted::alive == 0);
}
