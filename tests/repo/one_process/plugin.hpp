// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>

#include <system_error>

extern "C" {
int is_unauthorized(const std::error_code* code);
void make_unauthorized(std::error_code* code);
long long now_millis();
void next_id(unsigned char* bytes);
}
