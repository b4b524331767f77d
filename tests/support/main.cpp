// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The main function of Catch2 2, compiled once; Catch2 3 brings its own.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
