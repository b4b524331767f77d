// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Several calls on one CurlTransport, whose peer sends to each what the input says. Calls are parted by the byte 0x1E;
// the first byte of each says how it ends, and 0x1F in what follows is `#` and the number of the call. A request is
// sent once at most, its fate is never less than what its peer saw, and no call gets what was sent to another.
#include "http_mutator.hpp"
#include "target.hpp"

#include <droplit/response.hpp>
#include <droplit/testing/scripted_server.hpp>
#include <droplit/transport/curl.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz::curl {
namespace {

using namespace droplit;

constexpr std::size_t max_calls = 6;

struct Call {
  std::uint8_t how = 0;
  std::string bytes;
  std::atomic<int> requests = 0;
};

std::string any_response(Random& random) {
  const std::string body =
      random.any({"", "{}", "Token type not permitted!", R"({"errorType":"Internal Server Error"})",
                  R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24",)"
                  R"("id":"594b89aea18568c408c3ad25","type":"server"})"});
  std::string out = random.any({"HTTP/1.1 201 Created", "HTTP/1.1 201 Created", "HTTP/1.1 400 Bad", "HTTP/1.1 401 No",
                                "HTTP/1.1 503 Busy", "HTTP/1.1 100 Continue", "HTTP/1.1 103 Early", "HTTP/1.0 200 OK",
                                "HTTP/1.1 204 None", "HTTP/1.1 302 Found"}) +
                    "\r\nx-call: \x1F\r\n";
  if (random.one_in(2)) out += "content-type: application/json\r\n";
  if (random.one_in(4)) out += any_framing(random) + "\r\n";
  if (random.one_in(4)) out += "location: http://127.0.0.1:1/\r\n";
  if (random.one_in(3)) return out + "transfer-encoding: chunked\r\n\r\n" + in_chunks(body, random);
  return out + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void mutate(std::string& input, Random& random) {
  if (random.one_in(3)) {
    input += '\x1E' + std::string(1, random.one_in(2) ? '\0' : '\x01') + any_response(random);
  } else if (random.one_in(3)) {
    input += any_response(random);
  } else {
    mutate_http(input, random);
  }
}

/// What the peer does with a connection: each request gets the bytes of its call.
void serve(ScriptedConnection& connection, std::array<Call, max_calls>& calls) {
  while (const auto request = connection.read_request()) {
    const std::size_t number = static_cast<std::size_t>(request->fields.get("x-call")[0] - '0');
    Call& call = calls[number];
    ++call.requests;
    if (!connection.send(call.bytes) || (call.how & 1) != 0) return;
    if ((call.how & 2) != 0) return connection.reset();
    if (!connection.wait_for_more(std::chrono::milliseconds(2))) return;
  }
}

void check(const Call& call, std::size_t number, const Outcome<Response>& outcome) {
  if (outcome.has_exception()) {
    const Fault& fault = outcome.assume_exception();
    require(fault.fate() == Fate::not_sent || fault.fate() == Fate::maybe_applied, "a transport has two fates");
    require(call.requests == 0 || fault.fate() == Fate::maybe_applied, "what has arrived was sent", fault.what());
    return;
  }
  const Response& response = outcome.assume_value();
  require(call.requests == 1, "a response answers a request");
  require(response.status >= 200 && response.status <= 999, "a response is final");
  const auto is_own = [number](std::string_view text) {
    const std::size_t mark = text.find('#');
    const std::string_view cut = text.substr((std::min)(mark, text.size()));  // perhaps before the number
    return cut.size() < 2 || cut.substr(1, 1) == std::to_string(number);
  };
  require(is_own(response.fields.lines()) && is_own(response.body), "no call gets what was sent to another");
  for (const HeaderField field : response.fields) {
    require(call.bytes.find(field.value) != std::string::npos, "each field was sent", field.value);
  }
  if (response.fields.count("transfer-encoding") != 0) return;
  require(call.bytes.find(response.body) != std::string::npos, "the body was sent", response.body);
}

void run(std::string_view input) {
  std::array<Call, max_calls> calls;
  Input in(input);
  std::size_t size = 0;
  for (; size != max_calls && !in.empty(); ++size) {
    Input part(in.take_until('\x1E'));
    calls[size].how = part.byte();
    for (const char c : part.rest()) {
      if (c == '\x1F') calls[size].bytes += '#' + std::to_string(size);
      if (c != '\x1F' && c != '#') calls[size].bytes += c;
    }
  }
  std::vector<Outcome<Response>> outcomes;
  {
    ScriptedServer server([&calls](ScriptedConnection& connection) { serve(connection, calls); });
    CurlOptions options;
    options.url = server.url();
    options.proxy = "";
    options.max_body = options.max_head = 4096;
    CurlTransport transport("token", options);
    for (std::size_t i = 0; i != size; ++i) {
      Request request{"POST", "/api/clients", {}, "{}"};
      request.fields.add("x-call", std::string(1, static_cast<char>('0' + i)));
      request.fields.add("content-type", "application/json");
      outcomes.push_back(transport.send(request));
    }
  }
  for (std::size_t i = 0; i != size; ++i) {
    require(calls[i].requests <= 1, "no request is sent twice");
    check(calls[i], i, outcomes[i]);
  }
}

const Registered registered({"curl", run, mutate});

}  // namespace
}  // namespace fuzz::curl
