// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <rapidjson/document.h>

template <unsigned flags>
bool accepts(const char* data, std::size_t size) {
  rapidjson::Document document;
  document.Parse<flags>(data, size);
  return !document.HasParseError();
}

int main() {
  return judge({{"RapidJSON", accepts<rapidjson::kParseDefaultFlags>},
                {"RapidJSON, validating UTF-8", accepts<rapidjson::kParseValidateEncodingFlag>}});
}
