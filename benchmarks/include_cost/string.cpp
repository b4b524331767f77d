// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What everything is compared with.
#include <string>
