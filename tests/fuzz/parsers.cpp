// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The targets without input or output of their own, in one file, because they share most headers.
#include "access_file.cpp"
#include "draft.cpp"
#include "endpoint.cpp"
#include "error.cpp"
#include "pieces.cpp"
#include "response.cpp"
#include "session.cpp"
