// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Where the functions are defined that depend on no template parameter: in the headers and inline; or, in a program all
// of whose files define DROPLIT_SEPARATE_COMPILATION, in the one file that includes <droplit/src.hpp>. Types look the
// same either way. What is defined elsewhere has another name for the linker, so that a file without the macro and one
// with it never share any of that, and cannot call each other where an error passes between them.
#if defined(DROPLIT_SEPARATE_COMPILATION)
#define DROPLIT_DETAIL_INLINE
#define DROPLIT_DETAIL_TAG [[gnu::abi_tag("separate")]]
#else
#define DROPLIT_DETAIL_INLINE inline
#define DROPLIT_DETAIL_TAG
#endif

#define DROPLIT_DETAIL_SEPARATE 1

#if !defined(DROPLIT_SEPARATE_COMPILATION) || defined(DROPLIT_DETAIL_SRC)
#define DROPLIT_DETAIL_DEFINES 1  // this file defines them
#endif
