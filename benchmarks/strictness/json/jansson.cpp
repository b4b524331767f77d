// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <jansson.h>

bool accepts(const char* data, std::size_t size) {
  json_error_t error;
  return json_loadb(data, size, 0, &error) != nullptr;
}

int main() { return judge({{"jansson", accepts}}); }
