// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/transport.hpp>

#include "support/catch.hpp"

#include <string>

namespace {

using droplit::Outcome;
using droplit::Request;
using droplit::Response;
using droplit::Transport;

struct Exemplar {
  Outcome<Response> send(const Request&) { return Response{204, {}, {}, false}; }
};
struct BareResponse {
  Response send(const Request&);
};
struct Quiet {
  Response send(const Request&) const noexcept;
};
struct SendsText {
  std::string send(const Request&);
};
struct SendsNothing {
  void send(const Request&);
};
struct WantsMore {
  Response send(const Request&, int);
};
struct ChangesTheRequest {
  Response send(Request&);
};

}  // namespace

static_assert(Transport<Exemplar>);
static_assert(Transport<BareResponse>);
static_assert(Transport<const Quiet>);
static_assert(!Transport<const Exemplar>);
static_assert(!Transport<SendsText>);
static_assert(!Transport<SendsNothing>);
static_assert(!Transport<WantsMore>);
static_assert(!Transport<ChangesTheRequest>);
static_assert(!Transport<int>);

TEST_CASE("a Transport gives a response or a fault") {
  Exemplar transport;
  CHECK(transport.send(Request{}).value().status == 204);
}
