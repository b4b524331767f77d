// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The values and the verb through a storage; no JSON.
#include <droplit/create_client.hpp>
