// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#if defined(__SSE2__) && !defined(DROPLIT_PORTABLE)  // which the tests define, to have the other way too
#include <emmintrin.h>
#define DROPLIT_DETAIL_SSE2 1
#endif
