# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# This machine, clang 19 with libc++.
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_FLAGS_INIT "-stdlib=libc++ -fexperimental-library")  # the tests use std::jthread
