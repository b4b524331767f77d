// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// cases bodies|requests: the ambiguous bytes of tests/data/strictness, a class and hex digits on each line.
#include "support/strictness.hpp"

#include <cstdio>
#include <exception>
#include <string_view>

int main(int argc, char** argv) {
  try {
    const bool wants_bodies = argc == 2 && std::string_view(argv[1]) == "bodies";
    for (const strictness::Case& one : wants_bodies ? strictness::bodies() : strictness::requests()) {
      std::printf("%s\t", one.kind.c_str());
      for (const char c : one.bytes) std::printf("%02x", static_cast<unsigned char>(c));
      std::putchar('\n');
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
