// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// json_lines_cost (plain|lines) NUMBER: serves so many creates into memory, from the bytes of a request to those of its
// response, with a line of JSON for each or without. json_lines_cost.sh counts the instructions of all its threads.
#include <droplit/endpoint.hpp>
#include <droplit/observe/json_lines.hpp>
#include <droplit/server/detail/http_session.hpp>

#include "support/world.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <fcntl.h>

namespace {

// The lines are written from time to time, so that after the first thousand the log's memory grows no more, however
// fast the machine is.
template <class O>
bool serve(int times, const droplit::LineLog& log, O& observer) {
  test::World world;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(world.storage, world.access, world.clock, ids);
  droplit::detail::HttpSession session(endpoint, 16'384, false, {}, observer);
  const std::string body =
      R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"application","name":"Lobby panel",)"
      R"("description":"Wall panel by the north entrance"})";
  const std::string wire =
      "POST /api/clients HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: token\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (int i = 0; i != times; ++i) {
    std::size_t used = 0;
    for (std::string_view rest = wire; !rest.empty(); rest.remove_prefix(used)) session.advance(rest, used);
    if (i % 250 == 249 && !log.drain(std::chrono::minutes(1))) return false;
  }
  return log.lost() == 0;
}

}  // namespace

int main(int, char** arguments) {
  const int times = std::stoi(arguments[2]);
  const droplit::LineLog log(::open("/dev/null", O_WRONLY | O_CLOEXEC),
                             {.format = droplit::LogFormat::json,
                              .delay = std::chrono::milliseconds(10),
                              .max_queued = 16384});
  if (arguments[1] == std::string_view("lines")) {
    droplit::JsonLines lines(log);
    return serve(times, log, lines) ? 0 : 1;
  }
  return serve(times, log, droplit::no_observer) ? 0 : 1;
}
