// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What most tests include and none of our own headers, so that each test still includes all that it uses of ours.
#pragma once

#include "support/catch.hpp"

#include <boost/outcome/std_outcome.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>
