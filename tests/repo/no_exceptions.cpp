// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Built with -fno-exceptions: the whole core, from the bytes of a request to those of the answer. Boost.JSON itself
// stays the compiled library, built with exceptions: 1.81's <boost/json/src.hpp> does not compile without them.
#include <droplit/droplit.hpp>

#include <boost/throw_exception.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

#if defined(__cpp_exceptions)
#error "this is about a build without exceptions"
#endif

// What Boost asks of a program without exceptions.
void boost::throw_exception(const std::exception&) { std::abort(); }
void boost::throw_exception(const std::exception&, const boost::source_location&) { std::abort(); }

namespace {

using namespace droplit;

struct OneEcosystem {
  Insertion insert(const Client& client) noexcept {
    if (client.ecosystem_id() != "C594b89aea18568c408c3ad24"_ecosystem_id) return Insertion::ecosystem_unknown;
    ++kept;
    return Insertion::inserted;
  }
  int kept = 0;
};

struct AwayStorage {
  Outcome<Insertion> insert(const Client&) { return Fault::unavailable(FaultSource::storage, "away"); }
};

struct OneToken {
  struct Principal {
    bool known;
    PrincipalKind kind() const noexcept { return known ? PrincipalKind::account : PrincipalKind::none; }
  };
  Principal authenticate(std::string_view token) const noexcept { return {token == "token"}; }
  bool authorize(Principal, EcosystemId) const noexcept { return true; }
};

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  ++failures;
  std::fprintf(stderr, "failed: %s\n", what);
}

template <class S>
int status(S& storage, const char* body) {
  OneToken access;
  SystemClock clock;
  ObjectIds ids;
  Endpoint endpoint(storage, access, clock, ids);
  Request request{"POST", "/api/clients", {}, body};
  request.fields.add("authorization", "token");
  request.fields.add("content-type", "application/json");
  return endpoint.handle(request).status;
}

}  // namespace

int main() {
  OneEcosystem storage;
  SystemClock clock;
  ObjectIds ids;
  const auto client =
      create_client(storage, clock, ids, ClientDraft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server));
  check(client.has_value() && storage.kept == 1, "a client is created");
  const auto refused =
      create_client(storage, clock, ids, ClientDraft("C594b89aea18568c408c3ad25"_ecosystem_id, ClientType::server));
  check(refused.has_error() && refused.error().code() == ApiErrc::ecosystem_invalid, "a refusal is an error");
  AwayStorage away;
  const auto failed =
      create_client(away, clock, ids, ClientDraft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server));
  check(failed.has_exception() && failed.exception().fate() == Fate::not_applied, "a fault arrives");

  check(status(storage, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})") == 201, "201");
  check(status(storage, R"({"ecosystemId" "C594b89aea18568c408c3ad24"})") == 400, "400");
  check(status(away, R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})") == 503, "503");
  if (failures == 0) std::puts("the core works without exceptions");
  return failures == 0 ? 0 : 1;
}
