// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/droplit.hpp>

int link_other(std::string_view body) { return droplit::parse_draft(body).error().status(); }

const std::error_category& link_other_category() { return droplit::api_errc_category(); }
