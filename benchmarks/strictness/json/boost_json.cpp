// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "judge.hpp"

#include <boost/json/parse.hpp>

bool accepts(const char* data, std::size_t size) {
  boost::system::error_code error;
  boost::json::parse({data, size}, error);
  return !error;
}

int main() { return judge({{"Boost.JSON", accepts}}); }
