// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <simdjson.h>

bool dom_accepts(const char* data, std::size_t size) {
  simdjson::dom::parser parser;
  return parser.parse(data, size).error() == simdjson::SUCCESS;
}

// As its pages begin: the members that are wanted are looked up, the others skipped.
bool on_demand_accepts(const char* data, std::size_t size) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string body(data, size);
  simdjson::ondemand::document document;
  if (parser.iterate(body).get(document)) return false;
  for (const char* const name : {"ecosystemId", "type", "name", "description"}) {
    std::string_view text;
    const auto error = document[name].get_string().get(text);
    if (error && error != simdjson::NO_SUCH_FIELD && error != simdjson::INCORRECT_TYPE) return false;
  }
  return true;
}

int main() { return judge({{"simdjson DOM", dom_accepts}, {"simdjson On-Demand, four members", on_demand_accepts}}); }
