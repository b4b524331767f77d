// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The whole core.
#include <droplit/droplit.hpp>
