// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The macros of windows.h, after the standard library (libstdc++ does not compile with them) and before the core and
// Boost.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define ERROR 0
#define IN
#define OUT
#define near
#define far
#define small char
#define interface struct
#define DELETE 0x00010000L
#define NO_ERROR 0L
#define GetObject GetObjectA
#define SendMessage SendMessageA

#include <droplit/droplit.hpp>

#undef min
#undef max
#undef IN
#undef OUT
#undef near
#undef far
#undef small
#undef interface

#include "support/catch.hpp"

// link_other.cpp has the core in it too.
int link_other(std::string_view body);
const std::error_category& link_other_category();

TEST_CASE("the core in one include, in two files of one program") {
  CHECK(droplit::parse_draft("{}").error().status() == link_other("{}"));
  CHECK(&droplit::api_errc_category() == &link_other_category());
}
