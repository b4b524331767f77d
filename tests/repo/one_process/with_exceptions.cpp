// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The program: what its store throws must arrive as a fault, although another of its files is compiled without
// exceptions.
#include "store.hpp"

#include <cstdio>
#include <stdexcept>

int create_without_exceptions();

void may_throw(int fails) {
  if (fails != 0) throw std::runtime_error("the store failed");
}

int main() try {
  const bool good = create_in(Store{0}) == 0 && create_in(Store{1}) == 2 && create_without_exceptions() == 0;
  if (!good) std::puts("a wrong outcome");
  return good ? 0 : 1;
} catch (const std::exception&) {
  std::puts("the store's exception escaped from create_client");
  return 1;
}
