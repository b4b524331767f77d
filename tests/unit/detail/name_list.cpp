// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/name_list.hpp>

#include "support/catch.hpp"

#include <random>
#include <set>
#include <string>
#include <vector>

using droplit::detail::NameList;

TEST_CASE("names are listed once each, in order of first appearance") {
  NameList list;
  CHECK(list.empty());
  for (const char* name : {"b", "a", "b", "", "aa", "a", "", "B"}) list.add(name);
  CHECK_FALSE(list.empty());
  CHECK(list.join() == "b, a, , aa, B");
  list.clear();
  CHECK(list.empty());
  list.add("x");
  CHECK(list.join() == "x");
}

TEST_CASE("what is joined has room for the message that it becomes a part of, and for little more") {
  NameList list;
  for (int i = 0; i != 3; ++i) list.add(std::string(1000, 'x'));
  const std::string joined = list.join();
  CHECK(joined.capacity() >= joined.size() + 64);
  CHECK(joined.capacity() <= joined.size() + 128);
}

TEST_CASE("what is joined is what a set and a list would join") {
  std::mt19937 random(7);
  for (int round = 0; round != 200; ++round) {
    NameList list;
    std::set<std::string> seen;
    std::string expected;
    for (auto n = random() % 60; n != 0; --n) {
      std::string name(random() % 4, 'a');
      for (char& c : name) c = static_cast<char>('a' + random() % 3);
      list.add(name);
      if (!seen.insert(name).second) continue;
      expected += (seen.size() == 1 ? "" : ", ") + name;
    }
    REQUIRE(list.join() == expected);
  }
}
