// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A shared object, built with -fvisibility=hidden, that a program loads while it runs. What it says crosses in plain
// types.
#include "plugin.hpp"

#include <droplit/clock.hpp>
#include <droplit/id_source.hpp>

#define SAYS extern "C" __attribute__((visibility("default")))

SAYS int is_unauthorized(const std::error_code* code) { return *code == droplit::ApiErrc::unauthorized ? 1 : 0; }

SAYS void make_unauthorized(std::error_code* code) { *code = droplit::ApiErrc::unauthorized; }

SAYS long long now_millis() { return droplit::SystemClock().now().unix_millis(); }

SAYS void next_id(unsigned char* bytes) {
  const auto id = droplit::ObjectIds().next(droplit::Timestamp::clamp_unix_millis(0));
  for (const auto byte : id.assume_value().bytes()) *bytes++ = byte;
}
