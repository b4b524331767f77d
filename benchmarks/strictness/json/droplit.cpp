// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <droplit/draft_parser.hpp>

// A body that was read may still lack a member: then it has another error than one that was not read.
bool accepts(const char* data, std::size_t size) {
  const auto draft = droplit::parse_draft({data, size});
  return !draft.has_error() || draft.error().code() != droplit::ApiErrc::body_parameters_missing;
}

int main() { return judge({{"droplit", accepts}}); }
