# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# This machine, without the instructions that only its processor has.
set(CMAKE_CXX_COMPILER g++)
set(CMAKE_CXX_FLAGS_INIT -DDROPLIT_PORTABLE)
