// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/json/client_reader.hpp>

#include <droplit/json.hpp>

#include "support/catch.hpp"
#include "support/thread_allocations.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace droplit;

/// What the fast reader says of a body, which has exactly its own memory, so that a sanitizer finds a read beyond it.
std::optional<Client> read_fast(std::string_view body) {
  const auto memory = std::make_unique<char[]>(body.size());
  body.copy(memory.get(), body.size());
  return detail::FastClientReader().read({memory.get(), body.size()});
}

std::optional<Client> read_fully(std::string_view body) { return detail::ClientReader().read(body); }

const std::string created_at = R"("createdAt":"2018-02-28T15:16:58.941Z")";
const std::string description = R"("description":"Wall panel by the north entrance")";
const std::string ecosystem_id = R"("ecosystemId":"C594b89aea18568c408c3ad24")";
const std::string id = R"("id":"594b89aea18568c408c3ad25")";
const std::string name = R"("name":"Lobby panel")";
const std::string type = R"("type":"application")";
const std::string required = created_at + "," + ecosystem_id + "," + id + "," + type;
const std::string whole =
    "{" + created_at + "," + description + "," + ecosystem_id + "," + id + "," + name + "," + type + "}";

bool is_read_fast(std::string_view body) {
  const auto client = read_fast(body);
  return client && client == read_fully(body);
}

}  // namespace

TEST_CASE("what a service usually responds with is read by the fast reader, in any order of members") {
  CHECK(is_read_fast(whole));
  CHECK(to_json(*read_fast(whole)) == whole);
  CHECK(is_read_fast("{" + required + "}"));
  CHECK(is_read_fast("{" + name + "," + type + "," + id + "," + ecosystem_id + "," + created_at + "}"));
  CHECK(is_read_fast(" {\n " + created_at + " ,\r\n\t" + ecosystem_id + "," + id + ", \"type\" : \"server\" } \n"));
  CHECK(is_read_fast("{" + required + R"(,"name":"","description":"\u0041\ud83d\ude00\"\\\/\b\f\n\r\t"})"));
  CHECK(is_read_fast("{" + required + ",\"name\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}"));
  CHECK(is_read_fast("{\"other\":{\"id\":[1,-0.5e+10,null]},\"\":true," + required + ",\"nam\":\"x\",\"names\":{}}"));
}

TEST_CASE("the last of a repeated member counts for the fast reader too") {
  CHECK(is_read_fast("{" + required + R"(,"name":"first","name":"second"})"));
  CHECK(is_read_fast("{" + required + R"(,"name":"\n","name":"second"})"));
  CHECK(is_read_fast("{" + required + R"(,"name":"first","name":"\n"})"));
  CHECK(is_read_fast("{" + required + R"(,"type":"server","id":"000000000000000000000000"})"));
  CHECK(read_fast("{" + required + R"(,"name":"first","name":"second"})")->name()->str() == "second");
  CHECK(read_fast("{" + required + R"(,"name":"first\n","name":"second\n"})")->name()->str() == "second\n");
}

TEST_CASE("what is rare or invalid is left to the reader on Boost.JSON") {
  for (const std::string& body : {std::string(),
                                  std::string("{}"),
                                  std::string("[]"),
                                  std::string("null"),
                                  "{" + created_at + "}",
                                  whole.substr(0, whole.size() - 1),
                                  whole + "x",
                                  "\xEF\xBB\xBF" + whole,
                                  "{" + required + R"(,"name":null})",
                                  "{" + required + R"(,"name":7})",
                                  "{" + required + R"(,"name":"\u0000"})",
                                  "{" + required + R"(,"name":"\ud83d"})",
                                  "{" + required + ",\"name\":\"\xC3\"}",
                                  "{" + required + R"(,"n\u0061me":"x"})",
                                  "{" + required + R"(,"type":"gateway"})",
                                  "{" + required + R"(,"type":"\u0073erver"})",
                                  "{" + required + R"(,"id":"D594b89aea18568c408c3ad25"})",
                                  "{" + required + R"(,"id":"594b89aea18568c408c3ad2"})",
                                  "{" + required + R"(,"id":"g94b89aea18568c408c3ad25"})",
                                  "{" + required + R"(,"ecosystemId":"c594b89aea18568c408c3ad24"})",
                                  "{" + required + R"(,"createdAt":"2018-02-29T15:16:58.941Z"})",
                                  "{" + required + R"(,"createdAt":"2018-02-28T15:16:58.941z"})"}) {
    INFO(body);
    CHECK_FALSE(read_fast(body));
    CHECK(detail::read_client(body) == read_fully(body));
  }
  CHECK(read_fast("{" + required + R"(,"x":1e99999999999})"));
  CHECK(detail::read_client("{" + required + R"(,"x":1e99999999999,"name":null})"));
  CHECK(detail::read_client("{" + required + R"(,"id":"D594b89aea18568c408c3ad25"})"));
  CHECK(detail::read_client("{" + required + R"(,"n\u0061me":"x"})")->name()->str() == "x");
}

TEST_CASE(
    "a client that the fast reader finds is the one that the reader on Boost.JSON finds: 100,000 mutated bodies") {
  std::mt19937 random(14);
  const std::vector<std::string> members{created_at,
                                         description,
                                         ecosystem_id,
                                         id,
                                         name,
                                         type,
                                         R"("name":"\u00e9\n\ud83d\ude00")",
                                         R"("description":"")",
                                         R"("id":"A594B89AEA18568C408C3AD25")",
                                         R"("type":"server")",
                                         R"("createdAt":"0000-02-29T23:59:59.999Z")",
                                         R"("name":null)",
                                         R"("other":[{"id":"x"},1.5e3,true])",
                                         R"("name" : "a\"b\\")"};
  const std::string_view characters = "{}[]\":,\\u0019abcdefTZC-. \n\t\x01\xC3\xA9\x80\xF0n";
  std::size_t fast = 0;
  std::size_t found = 0;
  for (int i = 0; i != 100'000; ++i) {
    std::vector<std::string> chosen{created_at, ecosystem_id, id, type};
    for (auto more = random() % 5; more != 0; --more) chosen.push_back(members[random() % members.size()]);
    std::shuffle(chosen.begin(), chosen.end(), random);
    std::string body = "{";
    for (const std::string& member : chosen) body.append(body.size() == 1 ? "" : ",").append(member);
    body += '}';
    for (auto changes = random() % 3; changes != 0; --changes) {
      const std::size_t at = random() % body.size();
      const char c = characters[random() % characters.size()];
      switch (random() % 4) {
        case 0: body[at] = c; break;
        case 1: body.insert(at, 1, c); break;
        case 2: body.erase(at, 1 + random() % 3); break;
        default: body.resize(at + 1); break;
      }
    }
    const auto client = read_fast(body);
    const auto reference = read_fully(body);
    fast += client.has_value();
    found += reference.has_value();
    if (client && client != reference) {
      INFO(body);
      CHECK(client == reference);
    }
  }
  CHECK(fast > 20'000);
  CHECK(found > fast);
  CHECK(found < 90'000);
}

TEST_CASE("the texts are the only memory that a client takes while it is read") {
  const auto allocations_of = [](std::string_view body) {
    const std::size_t before = test::allocations;
    const bool found = detail::read_client(body).has_value();
    const std::size_t after = test::allocations;
    CHECK(found);
    return after - before;
  };
  CHECK(allocations_of("{" + required + "}") == 0);
  CHECK(allocations_of(whole) == 1);  // the description; the name is stored in place
  CHECK(allocations_of("{" + required + R"(,"description":"Wall panel by the\nnorth entrance"})") == 1);
}
