// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/http/head_field.hpp>

#include "support/catch.hpp"

#include <cctype>
#include <string>

using namespace droplit::detail;

TEST_CASE("each field is found by its name in whatever case, and no other name is") {
  for (const HeadFieldRow& row : head_fields) {
    std::string name(row.name);
    CHECK(head_field(name).field == row.field);
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(head_field(name).field == row.field);
    CHECK(head_field(name + "x").field == HeadField::other);
    CHECK(head_field("x" + name).field == HeadField::other);
    if (!name.empty()) CHECK(head_field(name.substr(1)).field == HeadField::other);
  }
  CHECK(head_field("content_type").field == HeadField::other);
  CHECK(head_field("").field == HeadField::other);
  static_assert(head_field("Host").field == HeadField::host);
}

TEST_CASE("a transport reserves what frames the message or says who calls") {
  std::string reserved;
  for (const HeadFieldRow& row : head_fields) {
    if (row.reserved) reserved.append(row.name).append(" ");
  }
  CHECK(reserved == "authorization content-length host transfer-encoding connection expect ");
  CHECK_FALSE(head_field("x-anything").reserved);
}
