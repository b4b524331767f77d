// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Catch2, version 3 or 2, whichever is there.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
