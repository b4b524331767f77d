// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A second file with the core in it, so that linking shows whether anything is defined twice.
#include <droplit/droplit.hpp>

int refused_violations() {
  const auto refused = droplit::parse_draft("{}");
  return static_cast<int>(refused.error().violations().size());
}
