// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The server of most tests of servers, which test_server.cpp compiles once.
#pragma once

#include "support/server_parties.hpp"

#include <droplit/server/beast.hpp>

extern template class droplit::BeastServer<test::TestEndpoint>;
