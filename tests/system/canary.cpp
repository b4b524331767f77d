// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Values that are planted in every part of a request appear in no argument of an observer, no line of a log and no
// metric: of an Endpoint, of a BeastServer over sockets, of droplit-server with all that it has, while its stores work
// and when they fail.
#include <droplit/endpoint.hpp>
#include <droplit/observe/chain.hpp>
#include <droplit/observe/json_lines.hpp>
#include <droplit/observe/prometheus.hpp>
#include <droplit/outcome.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>

#include "support/catch.hpp"
#include "support/observers.hpp"
#include "support/postgres_cluster.hpp"
#include "support/program.hpp"
#include "support/server_process.hpp"
#include "support/socket.hpp"
#include "support/world.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string token = "canary-token";
const std::string good_id = "request-1";  // the one value that may be seen
const std::string good_trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string active = "C594b89aea18568c408c3ad24";
const std::string unknown = "Ccaca0caca0caca0caca0caca";

/// What of a text must not be seen, if anything is in it.
std::optional<std::string> planted(std::string_view text) {
  for (const std::string_view each : {"canary", "Canary", "CANARY", "63616e617279", "cacaca0", "caca0caca",
                                      "C594b89aea18568c408c3ad24", "594b89aea18568c408c3ad24"}) {
    if (text.find(each) != std::string_view::npos) return std::string(each);
  }
  return std::nullopt;
}

void check_clean(std::string_view where, std::string_view text) {
  INFO(where << ": " << text);
  CHECK_FALSE(planted(text).has_value());
}

struct Wire {
  std::string request_line = "POST /api/clients HTTP/1.1";
  std::string fields = "authorization: " + token + "\r\ncontent-type: application/json\r\n";
  std::string body =
      R"({"ecosystemId":")" + active + R"(","type":"server","name":"canary-n","description":"canary-d"})";

  [[nodiscard]] std::string text() const {
    return request_line + "\r\nhost: canary.example\r\n" + fields + "content-length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
};

/// Requests that have a canary in each part that a request can have, valid and not.
std::vector<std::string> requests() {
  std::vector<std::string> all;
  const auto add_body = [&all](const std::string& body) {
    Wire wire;
    wire.body = body;
    all.push_back(wire.text());
  };
  const auto add_fields = [&all](const std::string& fields) {
    Wire wire;
    wire.fields += fields;
    all.push_back(wire.text());
  };
  const auto add_line = [&all](const std::string& line) {
    Wire wire;
    wire.request_line = line;
    all.push_back(wire.text());
  };
  all.push_back(Wire().text());
  add_body(R"({"ecosystemId":"canary","type":"canary","name":"canary\u0000","description":{"canary":"canary"}})");
  add_body(R"({"canary":"canary","ecosystem":"canary"})");
  add_body(R"({"ecosystemId":")" + unknown + R"(","type":"server","name":"canary"})");
  add_body(R"({"ecosystemId":"C594b89aea18568c408c3ad25","type":"server","name":"canary"})");
  add_body("canary");
  add_body(R"(["canary"])");
  add_body("{\"name\":\"canary\xFF\"}");
  add_body(std::string(3000, ' ') + "canary");  // beyond the limit
  add_fields(
      "x-canary: canary\r\nuser-agent: canary\r\ncookie: canary\r\nreferer: canary\r\nforwarded: for=canary\r\n");
  add_fields("x-request-id: canary request\r\n");
  add_fields("x-request-id: canary\r\nx-request-id: canary\r\n");
  add_fields("x-request-id: canary" + std::string(130, 'x') + "\r\n");
  add_fields("traceparent: 00-canary\r\ntracestate: canary=canary\r\nbaggage: canary=canary\r\n");
  add_fields("traceparent: 00-63616e61727963616e61727963616e61-63616e6172796361-01-canary\r\n");
  add_fields("idempotency-key: canary\r\n");
  add_fields("idempotency-key: \"canary\r\n");
  add_fields("x-api-version: canary\r\naccept: canary/canary\r\n");
  add_fields("authorization: canary-second\r\n");
  add_fields("content-encoding: canary\r\n");
  add_fields("x-request-id: " + good_id + "\r\ntraceparent: " + good_trace + "\r\n");
  for (const std::string line :
       {"POST /api/clients?canary=canary&%63anary HTTP/1.1", "POST /canary HTTP/1.1",
        "GET /api/clients/canary HTTP/1.1", "CANARY /api/clients HTTP/1.1", "OPTIONS /api/clients?canary HTTP/1.1",
        "DELETE /api/clients HTTP/1.1", "GET /livez?canary HTTP/1.1", "GET /readyz?canary HTTP/1.1",
        "GET /?canary HTTP/1.1", "GET /metrics?canary HTTP/1.1", "POST http://canary.example/canary HTTP/1.1",
        "POST canary HTTP/1.1", "POST /canary HTTP/canary", "canary"}) {
    add_line(line);
  }
  for (const std::string& fields : std::vector<std::string>{
           "authorization: canary-unknown\r\n", "content-type: canary/canary\r\nauthorization: " + token + "\r\n",
           std::string("canary : canary\r\n"), std::string("canary\r\n"), std::string("transfer-encoding: canary\r\n"),
           std::string("content-length: canary\r\n"), std::string("host: canary canary\r\n"),
           "canary: " + std::string(20'000, 'x') + "canary\r\n"}) {
    Wire wire;
    wire.fields = fields;
    all.push_back(wire.text());
  }
  const std::string start =
      "POST /api/clients HTTP/1.1\r\nhost: a\r\nauthorization: " + token + "\r\ncontent-type: application/json\r\n";
  all.push_back(start +
                "transfer-encoding: chunked\r\n\r\n6;canary=\"canary\"\r\ncanary\r\n0\r\ncanary: canary\r\n\r\n");
  all.push_back(start + "transfer-encoding: chunked\r\n\r\ncanary\r\n");
  all.push_back(start + "content-length: 100\r\n\r\n{\"canary\":");  // and no more
  all.push_back("POST /canary");
  return all;
}

/// Sends each on a connection of its own, and takes what comes back.
void send_all(std::uint16_t port) {
  for (const std::string& request : requests()) {
    test::RawSocket socket(port);
    socket.send(request);
    socket.finish_sending();
    socket.receive_all();
  }
}

/// All that is observed: the arguments, the lines of the log and the page of metrics.
class Observed {
 public:
  void check(std::size_t least_requests) {
    REQUIRE(log_.drain(1h));
    std::ifstream file(path_);
    const std::string lines{std::istreambuf_iterator<char>(file), {}};
    check_clean("the log", lines);
    check_clean("the metrics", counts_.text());
    std::size_t finished = 0;
    bool seen_id = false;
    bool seen_trace = false;
    for (const test::Event& event : recorded_.events()) {
      check_clean("an argument", event.route + "|" + event.method + "|" + event.request_id + "|" + event.traceparent +
                                     "|" + (event.fault ? event.fault->what() : ""));
      if (event.finished) ++finished;
      if (event.request_id == good_id) seen_id = true;
      if (event.traceparent == good_trace) seen_trace = true;
    }
    for (const droplit::Fault& fault : recorded_.faults()) check_clean("a fault", fault.what());
    CHECK(finished >= least_requests);
    CHECK(seen_trace);  // so what is observed is what was sent
    CHECK(lines.find(good_trace) != std::string::npos);
    if (!ids_) return;
    CHECK(seen_id);
    CHECK(lines.find(good_id) != std::string::npos);
  }

  explicit Observed(bool ids) : ids_(ids) {}
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;
  ~Observed() {
    ::close(fd_);
    fs::remove(path_);
  }

 private:
  static int open(std::string& path) {
    path = fs::temp_directory_path() / "droplit-canary-XXXXXX";
    return ::mkstemp(path.data());
  }

  bool ids_;
  std::string path_;
  int fd_ = open(path_);
  test::Recording recorded_;
  droplit::LineLog log_{fd_, {.format = droplit::LogFormat::json, .max_queued = 100'000}};
  droplit::JsonLines lines_{log_};
  droplit::Prometheus counts_{{.lost_lines = [this] { return log_.lost(); }}};

 public:
  droplit::ObserverChain<test::Recording, droplit::JsonLines, droplit::Prometheus> observer{recorded_, lines_, counts_};
};

struct Access {
  using Principal = test::OneToken::Principal;
  Principal authenticate(std::string_view text) const {
    if (throws) throw std::runtime_error("canary: " + std::string(text));
    return {text == token};
  }
  bool authorize(Principal, droplit::EcosystemId) const { return true; }
  bool throws = false;
};

/// A store that fails in one way after another, with the words of a driver.
struct Failing {
  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    const auto cause = std::make_exception_ptr(std::runtime_error("canary: " + client.id().text()));
    switch (calls++ % 4) {
      case 0: return droplit::Fault(droplit::FaultSource::storage, droplit::Fate::maybe_applied, "disk", cause);
      case 1: std::rethrow_exception(cause);
      case 2: throw droplit::Fault::unavailable(droplit::FaultSource::storage, "busy", cause);
      default: throw std::bad_alloc();
    }
  }
  int calls = 0;
};

template <class Storage>
void serve_all(Storage& storage, const Access& access, bool at_socket) {
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  Observed observed(at_socket);
  if (at_socket) {
    droplit::Endpoint endpoint(storage, access, clock, ids, {.max_body = 2000});
    droplit::BeastServer server(endpoint, {.request_ids = true}, observed.observer);
    std::thread thread([&server] { server.run(); });
    send_all(server.port());
    server.stop();
    thread.join();
    return observed.check(requests().size() - 1);
  }
  droplit::Endpoint endpoint(storage, access, clock, ids, {.max_body = 2000}, observed.observer);
  for (const std::string& text : requests()) {  // taken apart without any check
    droplit::Request request;
    const auto line_end = text.find("\r\n");
    const std::string line = text.substr(0, line_end);
    request.method = line.substr(0, line.find(' '));
    request.target = line.substr(std::min(line.size(), line.find(' ') + 1));
    request.target = request.target.substr(0, request.target.find(' '));
    const auto head_end = std::min(text.size(), text.find("\r\n\r\n"));
    for (auto at = line_end; at < head_end;) {
      const auto end = std::min(head_end, text.find("\r\n", at + 2));
      const std::string field = text.substr(at + 2, end - at - 2);
      if (const auto colon = field.find(": "); colon != std::string::npos) {
        request.fields.add(field.substr(0, colon), field.substr(colon + 2));
      }
      at = end;
    }
    request.body = text.substr(std::min(text.size(), head_end + 4));
    endpoint.handle(request);
  }
  observed.check(requests().size());
}

std::string get(std::uint16_t port, const std::string& target) {
  test::RawSocket socket(port);
  const auto response = socket.ask("GET " + target + " HTTP/1.1\r\nhost: a\r\n\r\n");
  return response ? response->response.body : "";
}

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

/// droplit-server with everything that it has. What `fail` does then makes its store fail.
template <class Fail>
void run_server(const std::string& format, const std::string& storage, Fail fail) {
  const fs::path folder = fs::temp_directory_path() / ("droplit-canary-" + std::to_string(::getpid()) + format);
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::owner_all);
  std::ofstream(folder / "access.json") << R"({"tokens":[{"token":")" << token << R"(","kind":"account"},)"
                                        << R"({"token":"canary-user","kind":"user"}]})";
  const std::string log = folder / "log";
  std::string page;
  {
    test::ServerProcess server(
        {test::program_paths().at("droplit-server"), "--listen", "127.0.0.1:0", "--access", folder / "access.json",
         "--metrics", "127.0.0.1:0", "--log", format, "--request-ids", "--idempotency-keys", "--ecosystem", active,
         "--delete-ecosystem", "C594b89aea18568c408c3ad25", "--max-body", "2000", "--storage", storage},
        log);
    const auto url = server.url(60s);
    REQUIRE(url);
    const auto metrics = server.metrics_url(60s);
    REQUIRE(metrics);
    send_all(port_of(*url));
    fail();
    send_all(port_of(*url));
    page = get(port_of(*metrics), "/metrics?canary");
    get(port_of(*metrics), "/canary");
    CHECK(server.end(SIGTERM).status == 0);
  }
  std::ifstream file(log);
  const std::string lines{std::istreambuf_iterator<char>(file), {}};
  check_clean("the log", lines);
  check_clean("the metrics", page);
  CHECK(lines.find("storage") != std::string::npos);  // the faults
  if (format == "json") CHECK(lines.find(good_id) != std::string::npos);
  CHECK(page.find(R"(status="201",code=""} )") != std::string::npos);
  CHECK(page.find(R"(droplit_faults_total{source="storage",fate="not applied"} 0)") == std::string::npos);
  fs::remove_all(folder);
}

}  // namespace

TEST_CASE("a planted value that is observed is found") {
  CHECK(planted("a canary"));
  CHECK(planted(active));
  CHECK(planted(unknown));
  CHECK_FALSE(planted(good_id + good_trace));
}

TEST_CASE("nothing of a request is observed of an endpoint and of a server over sockets") {
  for (const bool at_socket : {false, true}) {
    CAPTURE(at_socket);
    droplit::MemoryStorage storage;
    storage.add_ecosystem(test::active);
    storage.add_ecosystem(test::deleted);
    storage.delete_ecosystem(test::deleted);
    serve_all(storage, {}, at_socket);
    Failing failing;
    serve_all(failing, {}, at_socket);
    CHECK(failing.calls > 4);
    serve_all(storage, {.throws = true}, at_socket);
  }
}

TEST_CASE(
    "nothing of a request is in the log and the metrics of droplit-server, over SQLite, also when the file fails") {
  const fs::path file = fs::temp_directory_path() / ("droplit-canary-" + std::to_string(::getpid()) + ".db");
  run_server("json", "sqlite:" + file.string(), [&file] { fs::remove(file); });
  for (const char* rest : {"", "-wal", "-shm"}) fs::remove(file.string() + rest);
}

TEST_CASE(
    "nothing of a request is in the log and the metrics of droplit-server, over PostgreSQL, also when that ends") {
  auto cluster = std::make_unique<PostgresCluster>();
  const std::string conninfo = "postgresql:///postgres?host=" + cluster->folder().string() +
                               "&port=5432&user=droplit&password=canary-password&sslmode=disable";
  run_server("text", conninfo, [&cluster] { cluster.reset(); });
}
