// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The model alone: what a program includes that keeps or shows clients.
#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>
