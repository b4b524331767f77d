// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/transport/curl.hpp>

#include <droplit/remote/create_client.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/testing/transport_contract.hpp>

#include <droplit/testing/scripted_server.hpp>
#include "support/catch.hpp"
#include "support/misbehaviour.hpp"
#include "support/tls.hpp"
#include "support/world.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <latch>
#include <limits>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace droplit;
using namespace std::chrono_literals;

CurlOptions options(std::string url, std::chrono::milliseconds timeout = 10'000ms) {
  CurlOptions all;
  all.url = std::move(url);
  all.proxy = "";  // overrides the environment
  all.timeout = timeout;
  return all;
}

ClientDraft draft() { return ClientDraft(test::active, ClientType::application); }

Request a_request() {
  Request request{"POST", "/api/clients", {}, "{}"};
  request.fields.add("content-type", "application/json");
  return request;
}

/// A server that sends the same bytes in response to every request, and counts the requests.
struct FixedResponse {
  explicit FixedResponse(std::string text) : bytes(std::move(text)) {}
  std::string bytes;
  std::atomic<int> requests{0};
  ScriptedServer server{[this](ScriptedConnection& connection) {
    while (connection.read_request()) {
      ++requests;
      if (!connection.send(bytes)) return;
    }
  }};
};

struct WithPeer {
  explicit WithPeer(TransportPeer& peer) : server(peer_script(peer)), transport("token", options(server.url())) {}
  Outcome<Response> send(const Request& request) { return transport.send(request); }
  void go_away() { server.stop_listening(); }

  ScriptedServer server;
  CurlTransport transport;
};

std::atomic<int> slow_lookups{0};  // that are under way
std::atomic<bool> name_server_is_silent{false};

/// While there is one, lookups of slow.invalid go on. Its destructor waits until they have ended.
struct SilentNameServer {
  SilentNameServer() { name_server_is_silent = true; }
  SilentNameServer(const SilentNameServer&) = delete;
  SilentNameServer& operator=(const SilentNameServer&) = delete;
  ~SilentNameServer() {
    name_server_is_silent = false;
    while (slow_lookups != 0) std::this_thread::sleep_for(1ms);
  }
};

std::atomic<int> sigactions{0};

// How often the calling thread sent while `watched`, and how often of that in a way that may raise SIGPIPE.
thread_local bool watched = false;
thread_local int sends = 0;
thread_local int unguarded_sends = 0;

bool is_sigpipe_blocked() {
  sigset_t blocked;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return ::sigismember(&blocked, SIGPIPE) == 1;
}

bool is_sigpipe_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGPIPE) == 1;
}

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/// A file with this content; removed by the destructor.
struct TemporaryFile {
  explicit TemporaryFile(const std::string& text) {
    const int fd = ::mkstemp(path.data());
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path.c_str()); }
  std::string path = "/tmp/droplit-test-XXXXXX";
};

/// What became of a create, in a word or two.
std::string result_of(const Outcome<Client>& outcome) {
  if (outcome.has_value()) return "created";
  if (outcome.has_error()) return std::string(to_string(outcome.assume_error().code()));
  return std::string(to_string(outcome.assume_exception().fate()));
}

}  // namespace

// Replaces the system's, in libcurl too: a name server that is silent as long as a test wants, a minute at most.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || std::string_view(name) != "slow.invalid") return real(name, service, hints, found);
  ++slow_lookups;
  for (int i = 0; name_server_is_silent && i != 6000; ++i) std::this_thread::sleep_for(10ms);
  --slow_lookups;
  return EAI_NONAME;
}

// Replaces the system's, in libcurl too: counts the calls.
extern "C" int sigaction(int signal, const struct sigaction* now, struct sigaction* before) {
  using Real = int (*)(int, const struct sigaction*, struct sigaction*);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "sigaction"));
  ++sigactions;
  return real(signal, now, before);
}

// Replace the system's, in libcurl and TLS too: they count while `watched`.
extern "C" ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  using Real = ssize_t (*)(int, const void*, size_t, int);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "send"));
  if (watched) {
    ++sends;
    if ((flags & MSG_NOSIGNAL) == 0 && !is_sigpipe_blocked()) ++unguarded_sends;
  }
  return real(fd, bytes, size, flags);
}
extern "C" ssize_t write(int fd, const void* bytes, size_t size) {
  using Real = ssize_t (*)(int, const void*, size_t);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "write"));
  if (watched && is_socket(fd) && !is_sigpipe_blocked()) ++unguarded_sends;
  return real(fd, bytes, size);
}
extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  using Real = ssize_t (*)(int, const msghdr*, int);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "sendmsg"));
  if (watched && (flags & MSG_NOSIGNAL) == 0 && !is_sigpipe_blocked()) ++unguarded_sends;
  return real(fd, message, flags);
}

TEST_CASE("CurlTransport passes the behaviour suite") {
  CHECK(check_transport_contract([](TransportPeer& peer) { return WithPeer(peer); }, "token"));
}

TEST_CASE("creating through libcurl, a server and a storage gives what the storage gives, for every draft") {
  std::mt19937 random(11);
  test::World here;
  test::World there;
  BeastServer server(there.endpoint);
  std::jthread running([&] { server.run(); });
  CurlTransport transport("token", options(server.url()));
  int created = 0;
  int refused = 0;
  int too_large = 0;
  for (int round = 0; round != 1000; ++round) {
    const bool large = round % 100 == 99;  // encoded, a control character is six bytes
    const ClientDraft given = large
                                  ? ClientDraft(test::active, ClientType::server,
                                                Text::parse(std::string(random() % 2 == 0 ? 170'000 : 180'000, '\x01')))
                                  : test::any_draft(random);
    std::string body;
    append_json(body, given);
    const auto remote = create_client(transport, given);
    if (body.size() > EndpointOptions{}.max_body) {
      CHECK(result_of(remote) == "Content Too Large");
      ++too_large;
      continue;
    }
    const auto direct = create_client(here.storage, here.clock, here.ids, given);
    if (!test::same(direct, remote)) FAIL_CHECK("round " << round << ": " << result_of(remote));
    if (direct.has_value()) {
      const auto id = direct.assume_value().id();
      if (here.storage.find_client(id) != there.storage.find_client(id)) FAIL_CHECK("kept otherwise, round " << round);
    }
    ++(direct.has_value() ? created : refused);
  }
  server.stop();
  CHECK(created > 300);
  CHECK(refused > 300);
  CHECK(too_large > 0);
}

TEST_CASE("a draft far beyond the service's limit is Content Too Large, whether or not the service reads it") {
  test::World there;
  BeastServer server(there.endpoint);
  std::jthread running([&] { server.run(); });
  CurlTransport transport("token", options(server.url()));
  for (const std::size_t size : {1u << 20, 5u << 20, 32u << 20}) {
    const ClientDraft large(test::active, ClientType::server, Text::parse(std::string(size, 'x')));
    CHECK(result_of(create_client(transport, large)) == "Content Too Large");
  }
  CHECK(result_of(create_client(transport, draft())) == "created");
  server.stop();
}

TEST_CASE("a response that is cut anywhere is a fault, maybe applied, and never another response") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  const std::string chunked =
      test::a_response("201 Created", "content-type: application/json\r\ntransfer-encoding: chunked\r\n",
                       test::as_chunk(test::a_created) + "0\r\n\r\n");
  const std::string gone = to_http(to_response(ApiError::ecosystem_not_found(test::active)));
  const std::string missing =
      to_http(to_response(*ApiError::from(Findings().with(Field::type, Findings::Flaw::missing))));
  const std::string unauthorized = to_http(to_response(ApiError::of<ApiErrc::unauthorized>()));
  const std::string unavailable = to_http(to_response(Fault::unavailable(FaultSource::storage, "away")));
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + created;

  for (const std::string& whole : {created, gone, missing, unauthorized, unavailable, interim, chunked}) {
    for (const bool reset : {false, true}) {
      std::atomic<std::size_t> cut{0};
      std::atomic<int> requests{0};
      ScriptedServer server([&](ScriptedConnection& connection) {
        if (!connection.read_request()) return;
        ++requests;
        connection.send(std::string_view(whole).substr(0, cut));
        if (reset) {
          std::this_thread::sleep_for(1ms);  // so that what was sent is read, usually, before the reset overtakes it
          connection.reset();
        }
      });
      CurlTransport transport("token", options(server.url()));
      const std::size_t size = whole.size() - (whole == chunked ? 1 : 0);  // libcurl takes the last LF as read
      for (; cut != size; ++cut) {
        const auto outcome = create_client(transport, draft());
        const bool fault = outcome.has_exception() && outcome.assume_exception().fate() == Fate::maybe_applied;
        if (!fault)
          FAIL_CHECK("cut at " << cut << (reset ? " by a reset: " : ": ") << result_of(outcome) << " of " << whole);
      }
      CHECK(static_cast<std::size_t>(requests) == size);  // one each
      if (reset) continue;
      const auto outcome = create_client(transport, draft());
      INFO(whole);
      CHECK((outcome.has_value() || outcome.has_error() || outcome.assume_exception().fate() == Fate::not_applied));
    }
  }
}

TEST_CASE("every misbehaviour of a service is a fault, maybe applied, and no token goes to another host") {
  std::atomic<int> led_astray{0};
  ScriptedServer elsewhere([&](ScriptedConnection& connection) {
    ++led_astray;
    connection.read_request();
  });
  for (const test::Misbehaviour& misbehaviour : test::misbehaviours(elsewhere.url())) {
    ScriptedServer server(misbehaviour.script);
    CurlTransport transport("canary-token", options(server.url(), misbehaviour.is_endless ? 2000ms : 60'000ms));
    const auto outcome = create_client(transport, draft());
    INFO(misbehaviour.name << ": " << result_of(outcome));
    CHECK(outcome.has_exception());
    if (!outcome.has_exception()) continue;
    const Fault& fault = outcome.assume_exception();
    CHECK(fault.fate() == Fate::maybe_applied);
    CHECK_FALSE(fault.what().empty());
    CHECK(fault.what().find("canary") == std::string::npos);
    CHECK(fault.excerpt().size() <= Fault::max_excerpt);
    CHECK(server.accepted() == 1);  // and nothing was repeated
  }
  CHECK(led_astray == 0);
}

TEST_CASE("a response is understood in every valid framing") {
  const std::string json = "content-type: application/json\r\n";
  for (const std::string& response :
       {test::with_length("201 Created", json, test::a_created), test::a_response("201 Created", json, test::a_created),
        test::a_response("201 Created", json + "transfer-encoding: chunked\r\n",
                         [] {
                           std::string chunks;
                           for (const char c : test::a_created) chunks += test::as_chunk(std::string(1, c));
                           return chunks + "0\r\nx-trailer: y\r\nHTTP/1.1: 500\r\n\r\n";
                         }()),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\ncontent-type: text/html\r\n\r\n" +
            test::with_length("201", json, test::a_created),
        "HTTP/1.0 201 Created\r\n" + json + "\r\n" + test::a_created}) {
    ScriptedServer server([&](ScriptedConnection& connection) {
      if (connection.read_request()) connection.send(response);
    });
    CurlTransport transport("token", options(server.url()));
    INFO(response);
    CHECK(result_of(create_client(transport, draft())) == "created");
  }
}

TEST_CASE("connections are kept, and a request on one that the service closes is not repeated") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  std::atomic<int> requests{0};
  ScriptedServer server([&](ScriptedConnection& connection) {
    for (int i = 0; i != 3 && connection.read_request(); ++i) {
      ++requests;
      if (i < 2) connection.send(created);  // the third gets no response, as when an idle connection is closed
    }
  });
  CurlTransport transport("token", options(server.url()));
  CHECK(result_of(create_client(transport, draft())) == "created");
  CHECK(result_of(create_client(transport, draft())) == "created");
  CHECK(server.accepted() == 1);
  CHECK(result_of(create_client(transport, draft())) == "maybe applied");
  CHECK(requests == 3);  // libcurl alone would have sent it again on a new connection
  CHECK(result_of(create_client(transport, draft())) == "created");
  CHECK(requests == 4);
}

TEST_CASE("unsolicited data on a kept connection is not the response to the next request") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  for (const std::string& late :
       {test::with_length("401 Unauthorized", "", ""),
        test::with_length("408 Request Timeout", "connection: close\r\n", ""),
        test::with_length("503 Service Unavailable", "retry-after: 1\r\n", ""), created, std::string("x")}) {
    std::atomic<int> requests{0};
    std::atomic<int> sent{0};
    ScriptedServer server([&](ScriptedConnection& connection) {
      while (connection.read_request()) {
        ++requests;
        connection.send(created);
        std::this_thread::sleep_for(5ms);
        connection.send(late);
        ++sent;
      }
    });
    CurlTransport transport("token", options(server.url()));
    for (int i = 1; i != 5; ++i) {
      INFO(late);
      CHECK(result_of(create_client(transport, draft())) == "created");
      while (sent != i) std::this_thread::yield();
      std::this_thread::sleep_for(1ms);  // until it has come through the loopback
    }
    CHECK(requests == 4);
    CHECK(server.accepted() == 4);
  }
}

TEST_CASE("what TLS has decrypted beyond a response is not the response to the next request") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  const std::string head = created.substr(0, created.size() - test::a_created.size());
  test::TlsServer tls;
  const TemporaryFile certificate(tls.certificate());
  for (const std::string& rest :
       {created, test::with_length("401 Unauthorized", "", ""), std::string("x"), std::string()}) {
    INFO(rest);
    ScriptedServer server([&](ScriptedConnection& connection) {
      tls.serve(connection.fd(), {head, std::string(test::a_created) + rest});
    });
    CurlOptions over_tls = options("https" + server.url().substr(4));
    over_tls.ca_file = certificate.path;
    CurlTransport transport("token", over_tls);
    for (int i = 0; i != 3; ++i) CHECK(result_of(create_client(transport, draft())) == "created");
    CHECK(server.accepted() == (rest.empty() ? 1 : 3));
  }
}

TEST_CASE("a name server that does not respond delays a request by the time limit at most") {
  CurlTransport transport("token", options("http://slow.invalid", 200ms));
  const SilentNameServer silent;  // destroyed before the transport, which may wait for its lookup
  int tries = 0;
  do {  // on a busy machine the limit may pass before the lookup begins
    CHECK(result_of(create_client(transport, draft())) == "not sent");
    ++tries;
  } while (slow_lookups == 0 && tries != 5);
  CHECK(slow_lookups > 0);  // it still runs
  CHECK(slow_lookups <= tries);
}

TEST_CASE("programs that are started inherit no connection and no file, idle or during a request") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  // What a program would inherit now; libcurl's own socket pairs, with which its threads wake each other, set aside.
  const auto inherited = [] {
    std::set<int> all;
    for (int fd = 0; fd != 1024; ++fd) {
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;
      sockaddr_storage own{};
      socklen_t size = sizeof own;
      const bool is_pair = ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
                           own.ss_family == AF_UNIX && size == sizeof own.ss_family;
      if (!is_pair) all.insert(fd);
    }
    return all;
  };
  test::TlsServer tls;
  const TemporaryFile certificate(tls.certificate());
  const std::set<int> before = inherited();
  std::vector<std::set<int>> during;
  std::size_t connections = 0;
  ScriptedServer plain([&](ScriptedConnection& connection) {
    while (connection.read_request()) {
      during.push_back(inherited());
      if (!connection.send(created)) return;
    }
  });
  ScriptedServer safe([&](ScriptedConnection& connection) { tls.serve(connection.fd(), {created}); });
  {
    CurlOptions over_tls = options("https" + safe.url().substr(4));
    over_tls.ca_file = certificate.path;
    CurlTransport first("token", options(plain.url()));
    CurlTransport second("token", over_tls);
    for (int i = 0; i != 2; ++i) {
      CHECK(result_of(create_client(first, draft())) == "created");
      CHECK(result_of(create_client(second, draft())) == "created");
      CHECK(inherited() == before);
    }
    for (int fd = 0; fd != 1024; ++fd) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET)
        ++connections;
    }
  }
  CHECK(connections == 4);  // both ends of two that are kept; else nothing was checked
  REQUIRE(during.size() == 2);
  for (const std::set<int>& each : during) CHECK(each == before);
}

TEST_CASE("neither libcurl nor TLS sends in a way that may raise SIGPIPE") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  test::TlsServer tls;
  const TemporaryFile certificate(tls.certificate());
  ScriptedServer resetting([](ScriptedConnection& connection) {
    connection.wait_for_more(1000ms);
    connection.reset();
  });
  std::atomic<int> ended{0};
  ScriptedServer safe([&](ScriptedConnection& connection) {
    tls.serve(connection.fd(), {created}, 1);
    connection.close();
    ++ended;
  });
  CurlOptions over_tls = options("https" + safe.url().substr(4));
  over_tls.ca_file = certificate.path;
  sends = unguarded_sends = 0;
  watched = true;
  const auto check = [](const char* what) {
    INFO(what);
    CHECK(sends > 0);
    CHECK(unguarded_sends == 0);
    CHECK_FALSE(is_sigpipe_blocked());
    CHECK_FALSE(is_sigpipe_pending());
    sends = 0;
  };
  {
    CurlTransport transport("token", options(resetting.url()));
    CHECK(result_of(create_client(transport, ClientDraft(test::active, ClientType::server,
                                                         Text::parse(std::string(900'000, 'x'))))) == "maybe applied");
    check("while it sends");
  }
  {
    CurlTransport transport("token", over_tls);
    CHECK(result_of(create_client(transport, draft())) == "created");
    check("TLS");
    while (ended != 1) std::this_thread::yield();
    CHECK(result_of(create_client(transport, draft())) == "created");
    check("the close_notify to a peer that has ended, and a new connection");
  }
  check("the close_notify of the end");

  watched = false;
}

TEST_CASE(
    "a block discards the SIGPIPE that is raised under it, and one that the program raised before stays pending") {
  const auto break_pipe = [] {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    ::close(ends[1]);
    CHECK(::send(ends[0], "", 1, 0) == -1);
    ::close(ends[0]);
  };
  {
    const detail::curl::SigpipeBlock block(true);
    break_pipe();
    CHECK(is_sigpipe_pending());
  }
  CHECK_FALSE(is_sigpipe_pending());
  CHECK_FALSE(is_sigpipe_blocked());
  {
    const detail::curl::SigpipeBlock none(false);
    CHECK_FALSE(is_sigpipe_blocked());
  }

  sigset_t sigpipe;
  ::sigemptyset(&sigpipe);
  ::sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  {
    const detail::curl::SigpipeBlock block(true);
    break_pipe();
  }
  CHECK(is_sigpipe_blocked());
  CHECK(is_sigpipe_pending());
  int signal = 0;
  ::sigwait(&sigpipe, &signal);
  ::pthread_sigmask(SIG_UNBLOCK, &sigpipe, nullptr);
}

TEST_CASE("the heads of a proxy's response to CONNECT are not the service's") {
  test::TlsServer tls;
  const TemporaryFile certificate(tls.certificate());
  const std::string json = "content-type: application/json\r\n";
  for (const std::string& heads :
       {std::string("HTTP/1.1 200 Connection established\r\n\r\n"),
        test::a_response("200 OK", "content-type: text/html\r\ncontent-encoding: gzip\r\nretry-after: 1\r\n", ""),
        test::a_response("200 OK", "x: " + std::string(8'000, 'y') + "\r\n", "")}) {
    for (const auto& [response, expected] :
         {std::pair(test::with_length("201 Created", json, test::a_created), "created"),
          std::pair(test::with_length("401 Unauthorized", "", ""), "Unauthorized"),
          std::pair(test::with_length("503 Service Unavailable", "retry-after: 1\r\n", ""), "not applied")}) {
      ScriptedServer proxy([&, &body = response](ScriptedConnection& connection) {
        const auto request = connection.read_request();
        if (!request || request->method != "CONNECT" || !connection.send(heads)) return;
        tls.serve(connection.fd(), {body});
      });
      CurlOptions tunnel = options("https://127.0.0.1:1");
      tunnel.proxy = proxy.url();
      tunnel.ca_file = certificate.path;
      tunnel.max_head = 1024;
      CurlTransport transport("token", tunnel);
      INFO(heads.substr(0, 200) << response);
      CHECK(result_of(create_client(transport, draft())) == expected);
      CHECK(result_of(create_client(transport, draft())) == expected);
      CHECK(proxy.accepted() == 1);
    }
  }
}

TEST_CASE(
    "no transport changes the program's handling of a signal: at a request, a connection that ended, or its end") {
  const std::string created = test::with_length("201 Created", "content-type: application/json\r\n", test::a_created);
  FixedResponse keeping(created);
  std::atomic<int> ended{0};
  ScriptedServer closing([&](ScriptedConnection& connection) {
    if (connection.read_request()) connection.send(created);
    connection.close();
    ++ended;
  });
  CurlTransport first("token", options(keeping.server.url()));  // initialises libcurl and TLS if it is the first
  sigactions = 0;
  {
    CurlTransport kept("token", options(keeping.server.url()));
    CurlTransport closed("token", options(closing.url()));
    for (int i = 1; i != 4; ++i) {
      CHECK(result_of(create_client(kept, draft())) == "created");
      CHECK(result_of(create_client(closed, draft())) == "created");
      while (ended != i) std::this_thread::yield();
    }
  }
  CHECK(sigactions == 0);
  struct sigaction now {};
  CHECK(::sigaction(SIGPIPE, nullptr, &now) == 0);
  CHECK(sigactions == 1);  // so they are counted
}

TEST_CASE("each option counts as the nearest value within its range") {
  using Limits = std::numeric_limits<std::chrono::milliseconds::rep>;
  using std::chrono::milliseconds;
  static_assert(detail::curl::millis(milliseconds(Limits::min())) == 1);
  static_assert(detail::curl::millis(milliseconds(-1)) == 1);
  static_assert(detail::curl::millis(milliseconds(0)) == 1);
  static_assert(detail::curl::millis(milliseconds(5)) == 5);
  static_assert(detail::curl::millis(milliseconds(Limits::max())) == 86'400'000);
  static_assert(detail::curl::millis<std::int32_t>(milliseconds(std::int64_t{1} << 31)) ==
                86'400'000);  // a long elsewhere
  static_assert(detail::curl::millis<std::int32_t>(milliseconds((std::int64_t{1} << 32) + 7)) == 86'400'000);
  static_assert(detail::curl::millis<std::int32_t>(milliseconds::max()) == 86'400'000);

  const std::string padding = "x: " + std::string(900, 'y') + "\r\n";
  const std::string padded_body = test::a_created + std::string(1024 - test::a_created.size(), ' ');
  const std::string json = "content-type: application/json\r\n";
  FixedResponse small(test::with_length("201 Created", json, test::a_created));
  FixedResponse mean(test::with_length("201 Created", json + padding, padded_body));  // just within the least limits
  FixedResponse long_head(test::with_length("201 Created", json + padding + padding, test::a_created));
  FixedResponse long_body(test::with_length("201 Created", json, padded_body + " "));
  const std::string beyond_64_bits =
      test::a_response("201 Created", json + "content-length: 18446744073709551751\r\n", test::a_created);
  ScriptedServer huge_length([&](ScriptedConnection& connection) {
    if (connection.read_request()) connection.send(beyond_64_bits);
  });
  FixedResponse silent("");
  const auto create = [](const ScriptedServer& to, auto member, auto value) {
    CurlOptions all = options(to.url());
    all.*member = value;
    CurlTransport transport("token", all);
    return result_of(create_client(transport, draft()));
  };
  for (const milliseconds time : {milliseconds::min(), milliseconds(-1), milliseconds(0)}) {
    CHECK(create(silent.server, &CurlOptions::timeout, time) != "created");
    CHECK(create(silent.server, &CurlOptions::timeout, time) != "not applied");
    const std::string connected =
        create(small.server, &CurlOptions::connect_timeout, time);  // within 1 ms, or not at all
    CHECK((connected == "created" || connected == "not sent"));
  }
  CHECK(create(small.server, &CurlOptions::timeout, milliseconds::max()) == "created");
  CHECK(create(small.server, &CurlOptions::connect_timeout, milliseconds::max()) == "created");
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const auto limit : {&CurlOptions::max_head, &CurlOptions::max_body}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1024}}) {
      CHECK(create(mean.server, limit, size) == "created");
      CHECK(create(long_head.server, limit, size) == (limit == &CurlOptions::max_head ? "maybe applied" : "created"));
      CHECK(create(long_body.server, limit, size) == (limit == &CurlOptions::max_body ? "maybe applied" : "created"));
    }
    CHECK(create(long_head.server, limit, most) == "created");
    CHECK(create(long_body.server, limit, most) == "created");
    CHECK(create(huge_length, limit, most) == "maybe applied");
  }
}

TEST_CASE("a burst of requests leaves few connections") {
  std::atomic<int> open{0};
  std::latch all_are_there(20);
  ScriptedServer server([&](ScriptedConnection& connection) {
    ++open;
    if (connection.read_request()) {
      all_are_there.arrive_and_wait();
      connection.send(test::with_length("200 OK", "", ""));
    }
    connection.wait_for_close(10'000ms);
    --open;
  });
  CurlTransport transport("token", options(server.url(), 60'000ms));
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n != 20; ++n) threads.emplace_back([&] { static_cast<void>(transport.send(a_request())); });
  }
  CHECK(server.accepted() == 20);
  for (int i = 0; i != 300 && open > 8; ++i) std::this_thread::sleep_for(10ms);
  CHECK(open == 8);
}

TEST_CASE("a token or a URL that could break a line is refused before a byte is sent") {
  FixedResponse there(test::with_length("201 Created", "content-type: application/json\r\n", test::a_created));
  for (const std::string& token :
       {std::string("a\r\nx: y"), std::string("a\nb"), std::string("a\0b", 3), std::string(" a"), std::string("a "),
        std::string("a\tb\x01"), std::string("\x7F")}) {
    CurlTransport transport(token, options(there.server.url()));
    CHECK(result_of(create_client(transport, draft())) == "not sent");
  }
  const std::string host = there.server.url().substr(7);
  for (const std::string& url :
       {std::string(), std::string("127.0.0.1"), std::string("ftp://") + host, std::string("file:///etc/passwd"),
        std::string("http://user:password@") + host, std::string("http://user@") + host, "http://" + host + "/?a",
        "http://" + host + "/#a", "http://" + host + "\r\nx: y", "http://" + host + " ", std::string("http://a b/"),
        "http://" + host + std::string("/\0", 2), std::string("http://"), std::string("http://\xC3\xA9/"),
        std::string("http://[::1/"), std::string("http://127.0.0.1:99999")}) {
    CurlTransport transport("token", options(url));
    INFO(url);
    CHECK(result_of(create_client(transport, draft())) == "not sent");
  }
  for (const bool in_proxy : {false, true}) {  // what is before the NUL would be taken
    CurlOptions cut = options(there.server.url());
    if (in_proxy) {
      cut.proxy = std::string("\0.example", 9);
    } else {
      cut.ca_file = std::string("\0.pem", 5);
    }
    CurlTransport transport("token", cut);
    CHECK(result_of(create_client(transport, draft())) == "not sent");
  }
  CHECK(there.server.accepted() == 0);
}

TEST_CASE("the path of the URL goes before the target, and nothing of either is changed") {
  std::optional<Request> seen;
  ScriptedServer server([&](ScriptedConnection& connection) {
    seen = connection.read_request();
    if (seen) connection.send(test::with_length("200 OK", "", ""));
  });
  for (const char* slash : {"", "/", "//"}) {
    CurlTransport transport("token", options(server.url() + "/a/./%2e%2E/b" + slash));
    Request request = a_request();
    request.target = "/api/../clients/%41?x=%zz&y";
    CHECK(transport.send(request).value().status == 200);
    CHECK(seen->target == "/a/./%2e%2E/b/api/../clients/%41?x=%zz&y");
  }
}

TEST_CASE("what cannot be reached was not sent") {
  std::string unreachable;
  {
    ScriptedServer gone([](ScriptedConnection&) {});
    unreachable = gone.url();
  }
  CurlTransport refused("token", options(unreachable));
  CHECK(result_of(create_client(refused, draft())) == "not sent");

  CurlTransport unknown("token", options("http://nowhere.invalid"));
  CHECK(result_of(create_client(unknown, draft())) == "not sent");

  FixedResponse plain(test::with_length("201 Created", "content-type: application/json\r\n", test::a_created));
  CurlTransport tls("token", options("https" + plain.server.url().substr(4)));
  CHECK(result_of(create_client(tls, draft())) == "not sent");  // the server has no TLS
  CHECK(plain.requests == 0);

  CurlOptions through = options(plain.server.url());
  through.proxy = unreachable;
  ::setenv("no_proxy", "*", 1);  // does not affect an explicit proxy
  CurlTransport no_proxy("token", through);
  CHECK(result_of(create_client(no_proxy, draft())) == "not sent");
  ::unsetenv("no_proxy");
  CHECK(plain.requests == 0);

  CurlOptions tunnel = options("https://127.0.0.1:1");
  std::string received;
  std::optional<ScriptedServer> proxy(std::in_place, [&](ScriptedConnection& connection) {
    connection.read_request();
    connection.send(test::with_length("407 Proxy Authentication Required", "", ""));
    connection.wait_for_close(2000ms);
    received += connection.received();
  });
  tunnel.proxy = proxy->url();
  {
    CurlTransport refused_tunnel("canary-token", tunnel);
    CHECK(result_of(create_client(refused_tunnel, draft())) == "not sent");
  }
  proxy.reset();  // its script has ended
  CHECK(received.starts_with("CONNECT 127.0.0.1:1 HTTP/1.1\r\n"));
  CHECK(received.find("canary") == std::string::npos);
}

TEST_CASE("a proxy carries the request") {
  std::optional<Request> seen;
  ScriptedServer proxy([&](ScriptedConnection& connection) {
    seen = connection.read_request();
    connection.send(test::with_length("201 Created", "content-type: application/json\r\n", test::a_created));
  });
  CurlOptions all = options("http://service.invalid:8080");
  all.proxy = proxy.url();
  CurlTransport transport("token", all);
  CHECK(result_of(create_client(transport, draft())) == "created");
  CHECK(seen->target == "http://service.invalid:8080/api/clients");
}

TEST_CASE("the service and a proxy's tunnel are each told the user agent once, and the request's own goes first") {
  std::mutex mutex;
  std::vector<Request> seen;
  std::optional<ScriptedServer> server(std::in_place, [&](ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      {
        const std::lock_guard lock(mutex);
        seen.push_back(*request);
      }
      if (!connection.send("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")) return;
    }
  });
  {
    CurlTransport transport("token", options(server->url()));
    Request request = a_request();
    REQUIRE(transport.send(request));
    request.fields.add("user-agent", "canary");
    REQUIRE(transport.send(request));
    CurlOptions tunnel = options("https://127.0.0.1:1");
    tunnel.proxy = server->url();
    CHECK_FALSE(CurlTransport("token", tunnel).send(request));
  }
  server.reset();
  REQUIRE(seen.size() == 3);
  CHECK(seen[2].method == "CONNECT");
  for (const Request& request : seen) CHECK(request.fields.count("user-agent") == 1);
  CHECK(seen[0].fields.get("user-agent") == "droplit");
  CHECK(seen[1].fields.get("user-agent") == "canary");
  CHECK(seen[2].fields.get("user-agent") == "droplit");
}

TEST_CASE("many threads use one transport") {
  ScriptedServer server([](ScriptedConnection& connection) {
    while (const auto request = connection.read_request()) {
      if (!connection.send(test::with_length("200 OK", "", request->body))) return;
    }
  });
  CurlTransport transport("token", options(server.url()));
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n != 8; ++n) {
      threads.emplace_back([&, n] {
        for (int i = 0; i != 50; ++i) {
          Request request = a_request();
          request.body = std::to_string(n * 1000 + i);
          const auto response = transport.send(request);
          if (!response.has_value() || response.assume_value().body != request.body) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
  CHECK(server.accepted() <= 8);
}
