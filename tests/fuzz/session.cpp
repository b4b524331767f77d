// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A connection of the server over a stream in memory. Two bytes say how: where the stream is cut and whether the store
// is asked apart; after which part of it time runs out. The responses are the model's in number, order and content, and
// the memory that is counted for them is bounded and given back.
#include "http_mutator.hpp"
#include "target.hpp"

#include <droplit/server/detail/http_session.hpp>
#include <droplit/storage/memory.hpp>

#include "support/model/connection.hpp"
#include "support/model/contract.hpp"
#include "support/model/service.hpp"
#include "support/piece.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz::session {
namespace {

using namespace droplit;
using Service = model::Service<MemoryStorage>;
using Session = detail::HttpSession<decltype(Service::endpoint)>;

constexpr std::uint32_t max_head = 1024;
constexpr std::uint32_t max_body = 512;
constexpr std::size_t max_wire = 4096;  // so that no limit is reached that the model does not have
constexpr std::uint64_t memory_limit = 1 << 20;

/// What a server writes, its clock's fields apart.
struct Written {
  std::string output;
  std::uint32_t responses = 0;

  void add(std::string_view text) {
    if (text == "HTTP/1.1 100 Continue\r\n\r\n" || text.empty()) return;
    output += text;
    ++responses;
  }
};

/// Feeds a session as a connection does, until it closes.
Written serve(Service& service, Endpoint<MemoryStorage, model::Access, FixedClock, model::OneId>& endpoint,
              std::string_view wire, std::uint8_t how, model::Ending ending) {
  Random cuts(how);
  const bool suspends = how % 2 != 0;
  detail::MemoryBudget budget(memory_limit);
  Written written;
  {
    Session session(endpoint, max_head, suspends, detail::MemoryShare(budget));
    std::string buffered;
    for (;;) {
      service.ids.number = written.responses;
      std::size_t used = 0;
      Session::Action action = session.advance(test::Piece(buffered), used);
      require(used <= buffered.size(), "no more is used than there is");
      require(budget.used() <= memory_limit, "memory is bounded");
      buffered.erase(0, used);
      if (action == Session::Action::complete) {
        require(suspends, "only a session that suspends asks for that");
        session.complete();
        continue;
      }
      if (action == Session::Action::write || action == Session::Action::close) written.add(session.output());
      if (action == Session::Action::close) break;
      if (action == Session::Action::write) continue;
      if (wire.empty()) {
        action = ending == model::Ending::end ? session.end() : session.expire();
        require(action == Session::Action::close, "a connection ends when its peer or its time does");
        written.add(session.output());
        break;
      }
      const std::size_t most = cuts.one_in(2) ? 4 : wire.size();
      const std::size_t size = how < 2 ? wire.size() : 1 + cuts.below(most);
      buffered += wire.substr(0, size);
      wire.remove_prefix(std::min(size, wire.size()));
    }
  }
  require(budget.used() == 0, "memory is given back");
  return written;
}

/// The next response of the output, without what the clock and the connection add; the latter apart.
std::pair<model::Response, std::string> take_response(std::string_view& output, bool with_body) {
  Input in(output);
  model::Response response;
  const std::string_view status_line = in.take_until('\n');
  require(status_line.starts_with("HTTP/1.1 ") && status_line.size() > 12, "a response begins with its status", output);
  response.status = std::stoi(std::string(status_line.substr(9, 3)));
  std::string connection;
  std::size_t length = 0;
  for (std::string_view line = in.take_until('\n'); line != "\r" && !in.empty(); line = in.take_until('\n')) {
    const std::string name(line.substr(0, line.find(':')));
    const std::string value = model::trimmed(std::string(line.substr(name.size() + 1, line.size() - name.size() - 2)));
    if (name == "connection") connection = value;
    if (name == "content-length") length = std::stoul(value);
    if (name != "connection" && name != "date") response.fields.emplace_back(name, value);
  }
  std::sort(response.fields.begin(), response.fields.end());
  if (with_body) response.body = in.take(length);
  output = in.rest();
  return {response, connection};
}

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t how = in.byte();
  const std::uint8_t patience = in.byte();
  std::string_view wire = in.rest();
  if (wire.size() > max_wire) return;
  if (patience != 0) wire = wire.substr(0, wire.size() * patience / 255);
  const model::Ending ending = patience != 0 ? model::Ending::time : model::Ending::end;

  model::World world = model::world();
  world.takes_keys = true;
  world.max_body = max_body;
  MemoryStorage storage;
  Service service(storage, true);
  Endpoint endpoint(storage, service.access, service.clock, service.ids,
                    {.max_body = max_body, .idempotency_keys = true});
  const auto expected = model::Connection::serve(world, wire, max_head, ending, [&world](std::size_t number) {
    world.client_id = model::OneId{static_cast<std::uint32_t>(number)}.next(Timestamp::clamp_unix_millis(0)).text();
  });
  const Written written = serve(service, endpoint, wire, how, ending);
  std::string_view output = written.output;
  for (const model::Sent& sent : expected) {
    require(!output.empty(), "each request has a response", model::shown(sent.response));
    auto [response, connection] = take_response(output, sent.with_body);
    model::Response wanted = sent.response;
    std::sort(wanted.fields.begin(), wanted.fields.end());
    if (!sent.with_body) wanted.body.clear();
    if (response != wanted) {
      broken("a response is the model's", model::shown(wanted) + "\n-- but it is --\n" + model::shown(response));
    }
    require(connection == (sent.closes       ? "close"
                           : sent.keep_alive ? "keep-alive"
                                             : ""),
            "it says what follows it", connection);
  }
  require(output.empty(), "there is no response more", output);
  require(written.responses == expected.size(), "each is written by itself");
}

const Registered registered({"session", run, mutate_http, 2});

}  // namespace
}  // namespace fuzz::session
