// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Built with -fno-exceptions.
#include "store.hpp"

#if defined(__cpp_exceptions)
#error "this is about a file without exceptions"
#endif

int create_without_exceptions();
int create_without_exceptions() { return create_in(Store{0}); }
