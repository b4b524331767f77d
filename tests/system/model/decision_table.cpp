// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The decision table of the contract, exhausted: query x content type x each of the four members x unknown members x
// ecosystem x token, each response against the model's, to the last byte.
//
// Two classes represent more than one cell of the product: an ecosystem's state is tried only where the member that
// counts is a well-formed id, since nothing else reads it; and of the tokens that end a request before its body (none,
// unknown, user) each is tried with every query, content type and member, but with one ecosystem and unknown members
// none and two. DROPLIT_LONG tries the whole product.
#include <droplit/storage/memory.hpp>

#include "support/catch.hpp"
#include "support/model/contract.hpp"
#include "support/model/service.hpp"
#include "support/model/size.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace {

/// What a member may be: absent, null, valid, of another type, of another value, and repeated, where the last counts.
enum class Member { absent, null, valid, wrong_type, wrong_value, valid_last, valid_first };
constexpr std::array members{Member::absent,      Member::null,       Member::valid,      Member::wrong_type,
                             Member::wrong_value, Member::valid_last, Member::valid_first};

void add(std::string& body, const std::string& name, const std::string& value) {
  body += (body.empty() ? "" : ",") + model::json_string(name) + ":" + value;
}

void add(std::string& body, Member member, const std::string& name, const std::string& valid,
         const std::string& wrong_value, const std::string& wrong_type) {
  switch (member) {
    case Member::absent: return;
    case Member::null: return add(body, name, "null");
    case Member::valid: return add(body, name, valid);
    case Member::wrong_type: return add(body, name, wrong_type);
    case Member::wrong_value: return add(body, name, wrong_value);
    case Member::valid_last: add(body, name, wrong_value); return add(body, name, valid);
    case Member::valid_first: add(body, name, valid); return add(body, name, wrong_value);
  }
}

bool is_valid(Member member) { return member == Member::valid || member == Member::valid_last; }

}  // namespace

TEST_CASE("every cell of the decision table is what the model says") {
  droplit::MemoryStorage storage;
  model::Service service(storage);
  model::World world = model::world();

  const bool all = model::how_many(0, 1) != 0;
  const std::vector<std::string> ecosystems{model::active, model::deleted, model::unknown, model::forbidden};
  const std::vector<std::string> tokens{"", "unknown-token", "user-token", "account-token", "server-token"};
  const std::vector<std::vector<std::string>> content_types{
      {"application/json"}, {"text/plain"}, {"application/json", "application/json"}};
  droplit::Response response;
  std::size_t cells = 0;
  std::uint32_t id = 0;
  std::vector<std::size_t> by_status(600);

  for (const std::string query : {"", "?a=1", "?a=1&b"}) {
    for (const auto& types : content_types) {
      for (const Member ecosystem_id : members) {
        for (const Member type : members) {
          for (const Member name : members) {
            for (const Member description : members) {
              for (std::size_t unknown = 0; unknown != 3; ++unknown) {
                for (std::size_t e = 0; e != (all || is_valid(ecosystem_id) ? ecosystems.size() : 1); ++e) {
                  std::string body;
                  if (unknown > 1) add(body, "y", "null");
                  add(body, ecosystem_id, "ecosystemId", '"' + ecosystems[e] + '"', "\"nowhere\"", "7");
                  add(body, type, "type", "\"server\"", "\"Server\"", "[]");
                  add(body, name, "name", "\"n\"", "\"\\u0000\"", "{}");
                  if (unknown > 0) add(body, "x", "{\"type\":1}");
                  add(body, description, "description", "\"d\"", "\"a\\u0000\"", "true");
                  body = "{" + body + "}";
                  for (const std::string& token : tokens) {
                    const bool ends_early = token.empty() || token[0] == 'u';
                    if (ends_early && !all && (e != 0 || unknown == 1)) continue;
                    model::Request request{"POST", "/api/clients" + query, {}, body};
                    if (!token.empty()) request.fields.emplace_back("authorization", token);
                    for (const std::string& each : types) request.fields.emplace_back("content-type", each);

                    service.ids.number = ++id;
                    world.client_id = service.ids.next(droplit::Timestamp::clamp_unix_millis(0)).text();
                    const model::Response expected = model::respond(world, request);
                    service.endpoint.handle(model::to_library(request), response);
                    const model::Response is = model::from_library(response);
                    ++cells;
                    ++by_status[static_cast<std::size_t>(expected.status)];
                    if (is != expected) {
                      FAIL(token << ' ' << request.target << ' ' << body << "\nexpected " << model::shown(expected)
                                 << "\nis " << model::shown(is));
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  CHECK(cells == (all ? 1'296'540 : 370'440));
  for (const std::size_t status : {201u, 400u, 401u, 403u, 404u}) CHECK(by_status[status] > 50);
}
