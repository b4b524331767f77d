// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <json-c/json.h>

template <int flags>
bool accepts(const char* data, std::size_t size) {
  json_tokener* const reader = json_tokener_new();
  json_tokener_set_flags(reader, flags);
  json_tokener_parse_ex(reader, data, static_cast<int>(size));
  return json_tokener_get_error(reader) == json_tokener_success && json_tokener_get_parse_end(reader) == size;
}

int main() {
  return judge({{"json-c", accepts<0>}, {"json-c, strict", accepts<JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8>}});
}
