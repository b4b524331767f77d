// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The calls of the side that asks for clients, for counts.cpp. Compiled by themselves, since what else a file has
// decides what g++ inlines into the readers of requests.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

namespace counts {

struct RemoteCall {
  std::string_view question;
  std::string_view workload;
  std::string_view who;
  std::function<void()> run;
};

std::vector<RemoteCall> remote_calls();

}  // namespace counts
