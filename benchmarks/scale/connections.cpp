// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// connections PORT PID COUNT: opens COUNT connections to the server at PORT of 127.0.0.1, which is the process PID, and
// prints the bytes that it keeps for each: before a request, after one that is refused, and how many of them responded.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

long resident(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/statm");
  long pages = 0;
  status >> pages >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

int open_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  address.sin_port = ::htons(port);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
  return fd;
}

bool responds(int fd) {
  std::array<char, 65'536> response;
  return ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
         ::recv(fd, response.data(), response.size(), 0) > 0;
}

void settle() { std::this_thread::sleep_for(std::chrono::seconds(1)); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const std::string pid = argv[2];
  const long count = std::atol(argv[3]);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int first = open_to(port);
  for (int i = 0; i != 1000; ++i) responds(first);
  settle();
  const long base = resident(pid);
  std::vector<int> all;
  for (long i = 0; i != count; ++i) all.push_back(open_to(port));
  settle();
  const long before = resident(pid);
  long responded = 0;
  for (const int fd : all) responded += responds(fd) ? 1 : 0;
  settle();
  const long after = resident(pid);
  std::printf("%ld %ld %ld\n", (before - base) / count, (after - base) / count, responded);
}
