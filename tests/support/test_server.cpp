// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "support/test_server.hpp"

template class droplit::BeastServer<test::TestEndpoint>;
