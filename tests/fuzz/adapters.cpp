// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The targets that use files, sockets and foreign libraries, in one file, because they share most headers.
#include "account.cpp"
#include "arguments.cpp"
#include "curl.cpp"
#include "postgres.cpp"
#include "store.cpp"
