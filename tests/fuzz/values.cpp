// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The smallest targets, in a program of their own: an engine clears the counters of a whole program for each execution.
#include "field_value.cpp"
#include "query.cpp"
