// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What README.md says of ambiguous bodies and requests: how many there are, and how many of them this library accepts.
#include <droplit/draft_parser.hpp>
#include <droplit/response.hpp>
#include <droplit/server/beast.hpp>

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "support/strictness.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Count {
  std::size_t accepted = 0;
  std::size_t all = 0;
};

/// A handler that responds 200 to every request that it gets.
struct Accept {
  droplit::Response handle(const droplit::Request&) const {
    droplit::Response response;
    write_response(response, 200, "text/plain", "accepted");
    return response;
  }
};

bool accepts_body(std::string_view body) {
  const auto draft = droplit::parse_draft(body);
  return !draft.has_error() || draft.error().code() != droplit::ApiErrc::body_parameters_missing;
}

/// How many of each class of `cases` are accepted, the classes in this order.
template <class Accepts>
std::vector<Count> count(const std::vector<strictness::Case>& cases, std::initializer_list<std::string_view> kinds,
                         const Accepts& accepts) {
  std::vector<Count> counts(kinds.size());
  for (const strictness::Case& one : cases) {
    const auto kind = std::find(kinds.begin(), kinds.end(), one.kind);
    INFO(one.kind);
    REQUIRE(kind != kinds.end());
    Count& count = counts[static_cast<std::size_t>(kind - kinds.begin())];
    ++count.all;
    if (accepts(one.bytes)) ++count.accepted;
  }
  return counts;
}

/// The numbers in a line of a table.
std::vector<std::size_t> numbers(const std::string& line, std::string_view before) {
  std::vector<std::size_t> found;
  for (std::size_t at = line.find(before); at != std::string::npos; at = line.find(before, at + 1)) {
    if (line.find_first_of("0123456789", at) == at + before.size())
      found.push_back(std::stoul(line.substr(at + before.size())));
  }
  return found;
}

/// The table between the marks of README.md has these totals, and these counts in our line.
void check_table(const std::string& name, const std::vector<Count>& counts) {
  std::ifstream readme(DROPLIT_TEST_DATA "/../../README.md");
  std::string line;
  while (std::getline(readme, line) && line != "<!-- begin: " + name + " -->") {
  }
  std::vector<std::size_t> totals;
  std::vector<std::size_t> ours;
  while (std::getline(readme, line) && line != "<!-- end: " + name + " -->") {
    if (line.starts_with("| accepted |")) totals = numbers(line, ", of ");
    if (line.starts_with("| droplit |")) ours = numbers(line, "| ");
  }
  std::vector<std::size_t> expected_totals;
  std::vector<std::size_t> expected_ours;
  for (const Count& count : counts) {
    expected_totals.push_back(count.all);
    expected_ours.push_back(count.accepted);
  }
  CHECK(totals == expected_totals);
  CHECK(ours == expected_ours);
}

}  // namespace

TEST_CASE("no ambiguous body is read, those with a repeated name excepted, and README has the figures") {
  const auto counts = count(strictness::bodies(),
                            {"syntax", "encoding", "utf8", "surrogate", "depth", "repeated", "valid"}, accepts_body);
  for (std::size_t i = 0; i != 5; ++i) CHECK(counts[i].accepted == 0);
  CHECK(counts[5].accepted == counts[5].all);
  CHECK(counts[6].accepted == counts[6].all);
  check_table("strictness_json", counts);
}

TEST_CASE("no handler gets an ambiguous request, and README has the figures") {
  Accept accept;
  droplit::BeastServer server(accept);
  std::thread thread([&] { server.run(); });
  const auto counts = count(strictness::requests(), {"line", "host", "length", "coding", "chunk", "valid"},
                            [&](const std::string& bytes) {
                              test::RawSocket socket(server.port());
                              socket.send(bytes);
                              socket.finish_sending();
                              return socket.receive_all().starts_with("HTTP/1.1 200 ");
                            });
  server.stop();
  thread.join();
  for (std::size_t i = 0; i != 5; ++i) CHECK(counts[i].accepted == 0);
  CHECK(counts[5].accepted == counts[5].all);
  check_table("strictness_http", counts);
}
