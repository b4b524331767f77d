// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program of docs/validation.md: the body of a request, in pieces as they arrive, and all that is invalid in it.
#include <droplit/draft_parser.hpp>

#include <iostream>

int main() {
  droplit::DraftParser parser;
  parser.write(R"({"ecosystemId":"C594b89aea18)");
  parser.write(R"(568c408c3ad2","type":"gate)");
  const auto draft = parser.finish(R"(way","name":7,"colour":"red"})");
  if (draft.has_error()) {
    for (const auto violation : draft.error().violations()) {
      std::cout << to_string(violation.field) << ": " << violation.message << '\n';
    }
  }
}
