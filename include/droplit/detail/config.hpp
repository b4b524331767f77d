// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The configuration that every header of the library includes first: macros and nothing else, and the only place for a
// compiler's own attributes.
//
// DROPLIT_DETAIL_ABI: the inline namespaces that everything is in: `v0`, and inside it one more where the file is
// compiled without exceptions, with DROPLIT_SEPARATE_COMPILATION, or both. Files compiled differently thus share no
// function and no type: each calls its own, and where one passes a value of ours to the other, the program does not
// link. What a process has only once (the error category, the clock's latest instant, the ids' random bytes and
// counter) is in `v0` alone.
//
// DROPLIT_DETAIL_SHARED: for what a process has only once: visible outside a shared object, whatever -fvisibility says.
//
// DROPLIT_DETAIL_NOINLINE: for functions that are called rarely, so that they do not make their callers slower.
//
// DROPLIT_DETAIL_ALWAYS_INLINE: for functions of the usual body, also if they are called in several places.
//
// DROPLIT_DETAIL_SSE2: bytes16.hpp uses the instructions that every x86-64 processor has. The tests define
// DROPLIT_PORTABLE to test the other implementation as well.
//
// DROPLIT_DETAIL_DEFINES: this file defines the functions that depend on no template parameter. Every file does, or, in
// a program all of whose files define DROPLIT_SEPARATE_COMPILATION, the one that includes <droplit/src.hpp>.
// DROPLIT_DETAIL_INLINE precedes those definitions.

#if defined(__GNUC__) && __cplusplus < 202002L
#error "droplit needs C++20: compile with -std=c++20 or newer"
#endif
#if defined(DROPLIT_DETAIL_SINGLE_HEADER)
#error "the single header has no other headers of droplit beside it: include those instead"
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
#define DROPLIT_DETAIL_NOINLINE [[gnu::noinline]]
#define DROPLIT_DETAIL_ALWAYS_INLINE [[gnu::always_inline]]
#else
#define DROPLIT_DETAIL_SHARED
#define DROPLIT_DETAIL_NOINLINE
#define DROPLIT_DETAIL_ALWAYS_INLINE
#endif

#if defined(__SSE2__) && !defined(DROPLIT_PORTABLE)
#define DROPLIT_DETAIL_SSE2 1
#endif
