// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What docs/tour.md, errors.md and access.md show, in one program that runs.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#undef NDEBUG  // the asserts are the point
#include <cassert>
#include <iostream>
#include <string_view>

using namespace droplit::literals;

namespace {

void drafts() {
  const auto draft = droplit::ClientDraft::make({
      .ecosystem_id = "C594b89aea18568c408c3ad24",
      .type = "gateway",
      .name = "Lobby panel",
  });
  assert(draft.has_error());
  assert(draft.error().code() == droplit::ApiErrc::client_type_invalid);

  // From values that are valid already, no error is possible.
  const droplit::ClientDraft valid("C594b89aea18568c408c3ad24"_ecosystem_id, droplit::ClientType::server);
  assert(valid.type() == droplit::ClientType::server);
}

void errors() {
  const auto refused = droplit::parse_draft(R"({"ecosystem":"C594b89aea18568c408c3ad24","type":"gateway","name":7})");
  for (const auto violation : refused.error().violations()) {
    std::cout << to_string(violation.code) << " at " << to_string(violation.field) << ": " << violation.message << '\n';
  }
  assert(refused.error().violations().size() == 4);

  // The error is a std::error_code too, and `.value()` throws the whole of it.
  assert(make_error_code(refused.error()) == droplit::ApiErrc::ecosystem_missing);
  assert(make_error_code(refused.error()) == std::errc::invalid_argument);
  try {
    static_cast<void>(refused.value());
  } catch (const droplit::ApiException& thrown) {
    assert(thrown.error() == refused.error());
  }

  // What goes onto the wire comes back equal.
  const droplit::Response response = to_response(refused.error());
  assert(response.status == 400);
  assert(droplit::read_error(response) == refused.error());
}

/// A store that cannot be reached: its failure is a fault, not an error.
struct UnreachableStorage {
  droplit::Outcome<droplit::Insertion> insert(const droplit::Client&) {
    return droplit::Fault::unavailable(droplit::FaultSource::storage, "not reachable");
  }
};

void faults() {
  UnreachableStorage storage;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const auto created = create_client(
      storage, clock, ids, droplit::ClientDraft("C594b89aea18568c408c3ad24"_ecosystem_id, droplit::ClientType::server));
  assert(created.has_exception());
  assert(created.exception().fate() == droplit::Fate::not_applied);
  assert(to_response(created).status == 503);
}

/// The smallest Access policy: one token that may do everything.
struct OneToken {
  struct Principal {
    bool known;
    droplit::PrincipalKind kind() const {
      return known ? droplit::PrincipalKind::account : droplit::PrincipalKind::none;
    }
  };
  Principal authenticate(std::string_view token) const { return {token == "demo"}; }
  bool authorize(Principal, droplit::EcosystemId) const { return true; }
};
static_assert(droplit::Access<OneToken>);

void endpoint() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const OneToken access;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);

  droplit::Request request{
      "POST", "/api/clients", {}, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})"};
  request.fields.add("authorization", "demo");
  request.fields.add("content-type", "application/json");
  const droplit::Response response = endpoint.handle(request);
  assert(response.status == 201);
  std::cout << response.body << '\n';
}

void token_file() {
  auto access = droplit::TokenFile::parse(R"({"tokens": [
    {"token": "demo-account", "kind": "account"},
    {"token": "demo-server", "kind": "server", "ecosystems": ["C594b89aea18568c408c3ad24"]}
  ]})")
                    .value();
  const auto holder = access.authenticate("demo-server");
  assert(holder.kind() == droplit::PrincipalKind::server);
  assert(access.authorize(holder, "C594b89aea18568c408c3ad24"_ecosystem_id));
  access.revoke("demo-server");
  assert(access.authenticate("demo-server").kind() == droplit::PrincipalKind::none);
}

}  // namespace

int main() {
  drafts();
  errors();
  faults();
  endpoint();
  token_file();
}
