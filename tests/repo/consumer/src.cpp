// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The one file of a program that is compiled separately.
#include <droplit/src.hpp>
