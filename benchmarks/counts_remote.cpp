// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include "counts_remote.hpp"

#include "peers/droplit.hpp"
#include "support/responses.hpp"
#include "support/workloads.hpp"

#include <droplit/json.hpp>
#include <droplit/remote/creation.hpp>
#include <droplit/response.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace counts {

std::vector<RemoteCall> remote_calls() {
  std::vector<RemoteCall> calls;
  for (const std::string_view name : {"W1", "W2", "W6"}) {
    const auto parsed = droplit::parse_draft(job::workload(name).bodies[0].view());
    const auto draft = std::make_shared<droplit::ClientDraft>(parsed.value());
    calls.push_back({"encode", name, "droplit", [draft, out = std::string()]() mutable {
                       out.clear();
                       append_json(out, *draft);
                       job::keep(out);
                     }});
    droplit::Response response;
    response.status = 201;
    response.fields.add("content-type", "application/json");
    response.body = to_json(peers::client(job::created_of(peers::tell(parsed))));
    const auto add_decoding = [&](std::string_view who) {
      calls.push_back({"decode", name, who, [draft, response] {
                         const auto outcome = read_response(response, *draft);
                         job::check(outcome.has_value(), "a client", "droplit", "decode");
                         job::keep(outcome);
                       }});
    };
    add_decoding("droplit");
    response.fields.clear();
    for (const auto& [field, value] : {std::pair("Server", "nginx"),
                                       {"Date", "Sat, 28 Nov 2026 18:00:00 GMT"},
                                       {"Content-Type", "application/json; charset=utf-8"},
                                       {"Content-Length", "200"},
                                       {"Connection", "keep-alive"}}) {
      response.fields.add(field, value);
    }
    add_decoding("droplit, five fields");
  }
  return calls;
}

}  // namespace counts
