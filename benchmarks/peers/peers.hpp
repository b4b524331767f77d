// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// All peers, compiled once in peers.cpp. A further one is a header beside this and a line there.
#pragma once

#include "support/job.hpp"

#include <vector>

namespace peers {

const std::vector<job::Reader>& readers();  ///< the first one is Boost.JSON's DOM, the baseline
const std::vector<job::Writer>& writers();  ///< the first one is Boost.JSON's DOM, the baseline
job::Reader reference();                    ///< what the others are checked against: nlohmann-json

}  // namespace peers
