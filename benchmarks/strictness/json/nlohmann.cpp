// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <nlohmann/json.hpp>

bool accepts(const char* data, std::size_t size) {
  return !nlohmann::json::parse(data, data + size, nullptr, false).is_discarded();
}

int main() { return judge({{"nlohmann-json", accepts}}); }
