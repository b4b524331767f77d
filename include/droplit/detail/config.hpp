// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The configuration that every header of the library begins with: macros and nothing else.
//
// DROPLIT_DETAIL_ABI is the inline namespaces that everything lives in: `v0`, and inside it one more where the file is
// compiled without exceptions, with DROPLIT_SEPARATE_COMPILATION, or both. Files compiled differently thus share no
// function and no type: each calls its own, and where one hands a value of ours to the other, the program does not
// link. What a process has only once (the error category, the clock's latest instant, the ids' random bytes and
// counter) is in `v0` alone.
//
// DROPLIT_DETAIL_SHARED is on what a process has only once: visible outside a shared object, whatever -fvisibility
// says.
//
// DROPLIT_DETAIL_DEFINES: this file defines the functions that depend on no template parameter. Every file does, or, in
// a program all of whose files define DROPLIT_SEPARATE_COMPILATION, the one that includes <droplit/src.hpp>.
// DROPLIT_DETAIL_INLINE is in front of those definitions.

#if defined(__GNUC__) && __cplusplus < 202002L
#error "droplit needs C++20: compile with -std=c++20 or newer"
#endif

#if defined(DROPLIT_SEPARATE_COMPILATION)
#define DROPLIT_DETAIL_INLINE
#else
#define DROPLIT_DETAIL_INLINE inline
#endif

#if !defined(DROPLIT_SEPARATE_COMPILATION) || defined(DROPLIT_DETAIL_SRC)
#define DROPLIT_DETAIL_DEFINES 1
#endif

#if defined(__cpp_exceptions) && !defined(DROPLIT_SEPARATE_COMPILATION)
#define DROPLIT_DETAIL_ABI v0
#elif defined(__cpp_exceptions)
#define DROPLIT_DETAIL_ABI v0::inline separate
#elif !defined(DROPLIT_SEPARATE_COMPILATION)
#define DROPLIT_DETAIL_ABI v0::inline no_exceptions
#else
#define DROPLIT_DETAIL_ABI v0::inline no_exceptions_separate
#endif

#if defined(__GNUC__)
#define DROPLIT_DETAIL_SHARED [[gnu::visibility("default")]]
#else
#define DROPLIT_DETAIL_SHARED
#endif
