// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A file without SKIP_PRECOMPILE_HEADERS: CMake precompiles only for a target that has one.
#include "support/precompiled.hpp"
