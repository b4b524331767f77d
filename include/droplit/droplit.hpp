// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/api_errc.hpp>
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/client_type.hpp>
#include <droplit/clock.hpp>
#include <droplit/create_client.hpp>
#include <droplit/create_client_from_json.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/error.hpp>
#include <droplit/error_messages.hpp>
#include <droplit/exchange.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/id.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/json.hpp>
#include <droplit/optional_string_view.hpp>
#include <droplit/outcome.hpp>
#include <droplit/random_key.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/router.hpp>
#include <droplit/sdk.hpp>
#include <droplit/sleeper.hpp>
#include <droplit/static_resource.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>
#include <droplit/transport.hpp>
#include <droplit/version.hpp>

/// The core in one include, and no adapter. Three headers are not here, since few programs need them and they cost more
/// to compile: openapi.hpp, try_it.hpp, and chrono.hpp, which opens <chrono>.
