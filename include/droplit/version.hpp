// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

/// The version of the library, as `MAJOR * 10000 + MINOR * 100 + PATCH`.
#define DROPLIT_VERSION 100
