// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The smallest program with a JSON body: reads one, creates the client in memory and prints the response.
#include <droplit/create_client.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/response.hpp>
#include <droplit/storage/memory.hpp>

#include <cstdio>
#include <string_view>
#include <utility>

using namespace droplit::literals;

namespace {

template <class C, class I>
droplit::Outcome<droplit::Client> create(droplit::MemoryStorage& storage, C& clock, I& ids, std::string_view body) {
  auto draft = droplit::parse_draft(body);
  if (!draft) return std::move(draft).as_failure();
  return droplit::create_client(storage, clock, ids, std::move(draft).assume_value());
}

}  // namespace

int main(int argc, char** argv) {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::Response response = droplit::to_response(create(storage, clock, ids, argc > 1 ? argv[1] : ""));
  std::printf("%d %s\n", response.status, response.body.c_str());
}
