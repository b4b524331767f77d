// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Whether ThreadSanitizer checks this program, which g++ and clang each say in their own way.
#pragma once

namespace test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool has_thread_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool has_thread_sanitizer = true;
#else
inline constexpr bool has_thread_sanitizer = false;
#endif
#else
inline constexpr bool has_thread_sanitizer = false;
#endif

}  // namespace test
