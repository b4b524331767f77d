// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Coroutines on Boost.Asio's `awaitable`: `AsyncStorage`, `async_create_client`, `AsyncEndpoint`, `blocking_store`,
// which makes an `AsyncStorage` of any `Storage`, and `batch_store`, which makes one of a `BatchWriter`.
#pragma once

#include <droplit/async/asio/batch_store.hpp>
#include <droplit/async/asio/blocking_store.hpp>
#include <droplit/async/asio/create_client.hpp>
#include <droplit/async/asio/endpoint.hpp>
