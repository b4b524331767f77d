// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/draft_parser.hpp>

#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Creates the client that a JSON body asks for, in `storage`: the client as it is stored, the refusal with every
/// violation at once, or a `Fault`. Throws nothing but `std::bad_alloc`, and then nothing was created.
template <Storage S, Clock C, IdSource I>
Outcome<Client> create_client_from_json(S& storage, C& clock, I& ids, std::string_view body) {
  auto draft = parse_draft(body);
  if (!draft) return std::move(draft).as_failure();
  return create_client(storage, clock, ids, std::move(draft).assume_value());
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
