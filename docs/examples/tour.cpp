// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The programs of docs/tour.md, values.md, errors.md, validation.md and access.md, in one that runs.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <boost/outcome/try.hpp>

#undef NDEBUG  // the asserts are the point
#include <cassert>
#include <iostream>
#include <map>
#include <string>

using namespace droplit::literals;

namespace {

void values() {
  // A text becomes a value or it does not; there is no half-made one.
  const auto parsed = droplit::EcosystemId::parse("C594B89AEA18568C408C3AD24");
  assert(parsed && parsed->text() == "C594b89aea18568c408c3ad24");
  assert(!droplit::EcosystemId::parse("594b89aea18568c408c3ad24"));

  // In source, a wrong id does not compile.
  constexpr auto id = "C594b89aea18568c408c3ad24"_ecosystem_id;
  assert(*parsed == id);

  const auto instant = droplit::Timestamp::parse("2018-02-28T15:16:58.941Z");
  assert(instant && instant->unix_millis() == 1519831018941);
  assert(!droplit::Timestamp::parse("2018-02-29T00:00:00.000Z"));

  static_assert(droplit::parse_client_type("server") == droplit::ClientType::server);
  static_assert(droplit::to_string(droplit::ClientType::application) == "application");
}

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

void pieces() {
  // Where a body is cut does not matter.
  droplit::DraftParser parser;
  parser.write(R"({"ecosystemId":"C594b89aea18)");
  parser.write(R"(568c408c3ad24","ty)");
  const auto draft = parser.finish(R"(pe":"server"})");
  assert(draft.has_value());
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

/// A store that finishes later: the Exchange and the Creation are steps around it.
struct LaterStore {
  std::map<droplit::ClientId, droplit::Client> kept;
  droplit::Insertion finish_later(const droplit::Client& client) {
    return kept.try_emplace(client.id(), client).second ? droplit::Insertion::inserted : droplit::Insertion::id_taken;
  }
};

droplit::Response steps(LaterStore& store, const droplit::RequestHead& head, std::string_view piece,
                        std::string_view last) {
  const OneToken access;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const auto run = [&]() -> droplit::Outcome<droplit::Client> {
    droplit::Exchange exchange(access);
    BOOST_OUTCOME_TRYV(exchange.head(head));              // target, method, token, announced length
    BOOST_OUTCOME_TRYV(exchange.body(piece));             // as often as pieces come
    BOOST_OUTCOME_TRY(auto draft, exchange.draft(last));  // query, body, right to the ecosystem
    droplit::Creation creation(std::move(draft));
    while (creation.begin(clock, ids)) {
      const droplit::Insertion insertion = store.finish_later(creation.client());  // co_await it here
      if (creation.settle(insertion)) break;
    }
    return std::move(creation).outcome();
  };
  return to_response(run());
}

}  // namespace

int main() {
  values();
  drafts();
  pieces();
  errors();
  faults();
  endpoint();
  token_file();

  LaterStore store;
  droplit::RequestHead head("POST", "/api/clients");
  head.add("authorization", "demo");
  head.add("content-type", "application/json");
  const auto response = steps(store, head, R"({"ecosystemId":"C594b89aea185)", R"(68c408c3ad24","type":"server"})");
  assert(response.status == 201 && store.kept.size() == 1);
}
