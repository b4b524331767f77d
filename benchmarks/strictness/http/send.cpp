// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// send NAME PORT: sends each request of cases.cpp to the server, on a connection of its own. It is accepted if the
// first response is a 2xx; it is refused if that is another one, or none comes.
#include "support/socket.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// Connects; for five seconds the server may still be starting.
test::RawSocket connect(std::uint16_t port) {
  for (int i = 0; i != 50; ++i) {
    try {
      return test::RawSocket(port, "127.0.0.1", 500ms);
    } catch (const std::system_error&) {
      std::this_thread::sleep_for(100ms);
    }
  }
  return test::RawSocket(port, "127.0.0.1", 500ms);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tab = line.find('\t');
    std::string bytes;
    for (std::size_t i = tab + 1; i + 1 < line.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
    }
    test::RawSocket socket = connect(static_cast<std::uint16_t>(std::atoi(argv[2])));
    socket.send(bytes);
    if (!socket.readable(500ms)) socket.finish_sending();  // it waits for more: no more will come
    const std::string response = socket.receive_all();
    const bool accepted = response.starts_with("HTTP/1.1 2") || response.starts_with("HTTP/1.0 2");
    std::printf("%s\t%s\t%s\n", argv[1], line.substr(0, tab).c_str(), accepted ? "accepted" : "refused");
  }
}
