// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Up to four requests to one endpoint: each response is the model's to the byte, whole or in steps, and so is what is
// stored. A byte says whether keys are taken and where bodies are cut. Requests are parted by the byte 0x1E.
#include "message.hpp"
#include "target.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/storage/memory.hpp>

#include "support/model/contract.hpp"
#include "support/model/drafts.hpp"
#include "support/model/service.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fuzz::endpoint {
namespace {

using namespace droplit;
using Service = model::Service<MemoryStorage>;
using Steps = decltype(Service::endpoint)::Steps;

/// The response that the steps of an endpoint give, as a server would call them.
Response in_steps(Steps& steps, const Request& request, Random& cuts) {
  Response response;
  RequestHead head(request.method, request.target);
  for (const HeaderField field : request.fields) head.add(field.name, field.value);
  if (!steps.head(head, request.fields.lines(), response)) return response;
  std::string_view body = request.body;
  while (body.size() > 1 && !cuts.one_in(3)) {
    const std::size_t size = 1 + cuts.below(body.size() - 1);
    if (!steps.body(test::Piece(body.substr(0, size)), response)) return response;
    body.remove_prefix(size);
  }
  if (steps.finish(test::Piece(body), response)) steps.complete(response);
  return response;
}

/// What the model reads: a path and a query without a space, a control character or a fragment.
bool is_origin_form(std::string_view target) {
  return target.starts_with('/') && std::all_of(target.begin(), target.end(), [](char c) {
           return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '#';
         });
}

std::optional<model::Draft> kept(const MemoryStorage& storage, ClientId id) {
  const auto client = storage.find_client(id);
  if (!client) return std::nullopt;
  return model::Draft{client->ecosystem_id().text(), std::string(to_string(client->type())),
                      model::text_of(client->name()), model::text_of(client->description())};
}

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t how = in.byte();
  Random cuts(how);
  model::World world = model::world();
  world.takes_keys = how % 2 != 0;
  MemoryStorage whole_storage;
  MemoryStorage step_storage;
  Service whole(whole_storage, world.takes_keys);
  Service stepped(step_storage, world.takes_keys);
  Steps steps(stepped.endpoint);
  for (std::uint32_t number = 1; number != 5 && !in.empty(); ++number) {
    const Message message = read_message(in.take_until('\x1E'));
    model::Request request;
    const std::size_t space = message.first_line.find(' ');
    request.method = message.first_line.substr(0, space);
    if (space != std::string_view::npos) request.target = message.first_line.substr(space + 1);
    if (!is_origin_form(request.target)) return;
    request.body = message.body;
    Request plain{request.method, request.target, {}, request.body};
    for (const HeaderField field : message.fields) {
      if (detail::equals_ignoring_case(field.name, "content-length")) continue;
      if (plain.fields.add(field.name, field.value)) request.fields.emplace_back(field.name, field.value);
    }
    whole.ids.number = stepped.ids.number = number;
    const ClientId id = whole.ids.next(Timestamp::clamp_unix_millis(0));
    world.client_id = id.text();
    std::optional<model::Draft> client;
    const model::Response expected = model::respond(world, request, &client);
    const auto check = [&](const Response& response, const MemoryStorage& storage, const char* how_asked) {
      const model::Response got = model::from_library(response);
      if (got != expected) {
        broken(how_asked, model::shown(expected) + "\n-- but it is --\n" + model::shown(got));
      }
      require(kept(storage, id) == client, "what is kept is what the response says");
    };
    check(whole.endpoint.handle(plain), whole_storage, "a whole request");
    check(in_steps(steps, plain, cuts), step_storage, "a request in steps");
  }
}

const Registered registered({"endpoint", run, mutate_message, 1});

}  // namespace
}  // namespace fuzz::endpoint
