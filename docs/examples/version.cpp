// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program of docs/versioning.md.
#include <droplit/version.hpp>

#include <iostream>

#if DROPLIT_VERSION < 100
#error "this program needs droplit 0.1.0 or newer"
#endif

int main() {
  std::cout << "droplit " << DROPLIT_VERSION / 10000 << '.' << DROPLIT_VERSION / 100 % 100 << '.'
            << DROPLIT_VERSION % 100 << '\n';
}
