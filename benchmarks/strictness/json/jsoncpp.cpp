// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <json/json.h>

#include <exception>

template <bool strict>
bool accepts(const char* data, std::size_t size) try {
  Json::CharReaderBuilder builder;
  if (strict) Json::CharReaderBuilder::strictMode(&builder.settings_);
  Json::Value value;
  return std::unique_ptr<Json::CharReader>(builder.newCharReader())->parse(data, data + size, &value, nullptr);
} catch (const std::exception&) {
  return false;
}

int main() { return judge({{"JsonCpp", accepts<false>}, {"JsonCpp, strict", accepts<true>}}); }
