// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <httplib.h>

#include <cstdio>

int main() {
  httplib::Server server;
  server.Post(".*", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("accepted", "text/plain");
  });
  std::printf("listening on http://127.0.0.1:%d\n", server.bind_to_any_port("127.0.0.1"));
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
