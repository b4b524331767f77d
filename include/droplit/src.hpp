// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#if !defined(DROPLIT_SEPARATE_COMPILATION)
#error "<droplit/src.hpp> is for programs all of whose files define DROPLIT_SEPARATE_COMPILATION; others need it not"
#endif
#if defined(DROPLIT_DETAIL_INLINE)
#error "<droplit/src.hpp> must come before any other header of droplit; it includes the whole core"
#endif
#define DROPLIT_DETAIL_SRC 1

#include <droplit/droplit.hpp>
#include <droplit/openapi.hpp>
