// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A connection string that lists several servers, of which some do not answer.
#include <droplit/storage/postgres.hpp>
#include <droplit/storage/postgres/hosts.hpp>

#include "support/catch.hpp"
#include "support/postgres_site.hpp"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using detail::postgres::Host;
using detail::postgres::listed_hosts;

/// A port at which the system accepts connections, and nothing answers.
class SilentHost {
 public:
  SilentHost() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, any, size) != 0 || ::listen(socket_, 64) != 0 || ::getsockname(socket_, any, &size) != 0) {
      throw std::runtime_error("no socket");
    }
    port = std::to_string(ntohs(address.sin_port));
  }
  SilentHost(const SilentHost&) = delete;
  SilentHost& operator=(const SilentHost&) = delete;
  ~SilentHost() { ::close(socket_); }

  std::string port;

 private:
  int socket_;
};

std::string conninfo(const std::string& hosts, const std::string& ports) {
  return "host=" + hosts + " port=" + ports +
         " user=droplit dbname=postgres sslmode=disable gssencmode=disable target_session_attrs=read-write";
}

/// Opens a store, of which each listed server gets its share of the limit. Empty, or why that failed.
std::string open_with_growing_limit(const std::string& servers) {
  return with_growing_limit(milliseconds(3000), [&](milliseconds limit) {
    const PostgresOptions options{.connect_timeout = limit, .timeout = milliseconds(60000), .schema = new_schema()};
    const auto opened = PostgresStorage::open(servers, options);
    if (!opened) return opened.exception().what();
    CHECK(opened.assume_value().check());
    return std::string();
  });
}

}  // namespace

TEST_CASE("a server that does not answer is passed over for the next one that is listed") {
  const SilentHost silent;
  const std::string folder = cluster().folder();
  const std::string two = conninfo("127.0.0.1,127.0.0.1," + folder, silent.port + "," + silent.port + ",5432");
  const std::string first = conninfo(folder + ",127.0.0.1", "5432," + silent.port);
  const std::string refused = conninfo("127.0.0.1,/nowhere," + folder, "1,5432,5432");
  PostgresCluster stopped;
  stopped.pause();
  const std::string same_port = conninfo(stopped.folder().string() + "," + folder, "5432,5432");
  for (const std::string& each : {two, first, refused, same_port}) {
    CAPTURE(each);
    CHECK(open_with_growing_limit(each) == "");
  }
}

TEST_CASE("of several servers that do not answer none is waited for beyond the limit of all") {
  const SilentHost silent;
  const std::string all = conninfo("127.0.0.1,127.0.0.1", silent.port + "," + silent.port);
  const auto opened =
      PostgresStorage::open(all, {.connect_timeout = milliseconds(200), .timeout = std::chrono::hours(24)});
  check_unavailable(opened);
}

TEST_CASE("the servers of a connection string are those that libpq would try") {
  const std::vector<Host> unlisted{Host()};
  CHECK(listed_hosts("dbname=d") == unlisted);
  CHECK(listed_hosts("host=a port=1 hostaddr=::1") == unlisted);
  CHECK(listed_hosts("postgresql://a:1,b:2/d") == std::vector<Host>{{"a", "", "1"}, {"b", "", "2"}});
  CHECK(listed_hosts("host=a,b port=5") == std::vector<Host>{{"a", "", "5"}, {"b", "", "5"}});
  CHECK(listed_hosts("postgresql://a,b/d") == std::vector<Host>{{"a", "", "5432"}, {"b", "", "5432"}});
  CHECK(listed_hosts("host=a,/b port=1,") == std::vector<Host>{{"a", "", "1"}, {"/b", "", "5432"}});
  CHECK(listed_hosts("hostaddr=::1,::2") == std::vector<Host>{{"", "::1", ""}, {"", "::2", ""}});
  CHECK(listed_hosts("host=a,b hostaddr=::1,::2 port=1,2") == std::vector<Host>{{"a", "::1", "1"}, {"b", "::2", "2"}});
  CHECK(listed_hosts("host=a,b port=1,2,3") == unlisted);
  CHECK(listed_hosts("host=a hostaddr=::1,::2") == unlisted);
  CHECK(listed_hosts("host=a,b hostaddr=::1") == unlisted);
  CHECK(listed_hosts("host=a,,c") == unlisted);  // the default host
  CHECK(listed_hosts("postgres://[") == unlisted);
  CHECK(listed_hosts("host=a,b service=s") == unlisted);  // which may have the ports
  CHECK(listed_hosts("postgresql://u:p%2Cq%40r@[::1]:1,[::2]:2/d") ==
        std::vector<Host>{{"::1", "", "1"}, {"::2", "", "2"}});
  CHECK(listed_hosts("host=a,b password='p, host=x'") == std::vector<Host>{{"a", "", ""}, {"b", "", ""}});
}

TEST_CASE("the environment completes the servers of a connection string, as libpq has it") {
  const std::string folder = cluster().folder();
  const SilentHost silent;
  const std::string ports = silent.port + ",5432";
  ::setenv("PGPORT", ports.c_str(), 1);
  CHECK(listed_hosts("host=a,b") == std::vector<Host>{{"a", "", silent.port}, {"b", "", "5432"}});
  CHECK(listed_hosts("host=a,b port=''") == std::vector<Host>{{"a", "", ""}, {"b", "", ""}});
  const std::string without_ports = "host=127.0.0.1," + folder + " user=droplit dbname=postgres sslmode=disable";
  const std::string differences = open_with_growing_limit(without_ports);
  const std::string hosts = "127.0.0.1," + folder;
  ::setenv("PGHOST", hosts.c_str(), 1);
  CHECK(listed_hosts("dbname=d") == std::vector<Host>{{"127.0.0.1", "", silent.port}, {folder, "", "5432"}});
  ::unsetenv("PGHOST");
  ::unsetenv("PGPORT");
  CHECK(differences == "");
}
