// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// How much the model's tests try, and from which seed: DROPLIT_SEED, and DROPLIT_LONG for the long form.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>

namespace model {

inline unsigned seed() {
  const char* const given = std::getenv("DROPLIT_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : 1;
}

inline std::size_t how_many(std::size_t in_ci, std::size_t in_long_form) {
  return std::getenv("DROPLIT_LONG") != nullptr ? in_long_form : in_ci;
}

}  // namespace model
