// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/response.hpp>
#include <droplit/server/beast.hpp>

#include <cstdio>

// Accepts all that the server passes on, as the others of this folder do.
struct Accept {
  droplit::Response handle(const droplit::Request&) const {
    droplit::Response response;
    write_response(response, 200, "text/plain", "accepted");
    return response;
  }
};

int main() {
  Accept accept;
  droplit::BeastServer server(accept);
  std::printf("listening on http://127.0.0.1:%u\n", server.port());
  std::fflush(stdout);
  server.run();
}
