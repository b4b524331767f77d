// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Boost.Asio, compiled once for the tests of servers.
#include <boost/asio/impl/src.hpp>
