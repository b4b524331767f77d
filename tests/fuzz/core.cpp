// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The core and Boost.JSON, compiled as the targets are, so that an engine sees their branches.
#include <droplit/src.hpp>

#include <boost/json/src.hpp>
