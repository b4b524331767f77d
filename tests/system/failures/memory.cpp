// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each allocation of each public operation fails in turn, once and from then on, those of SQLite too. After
// each, what was returned or thrown is true, the object is usable, nothing is leaked, and the same run succeeds.
#include "support/failing_memory.hpp"
#include "trial.hpp"

#include <droplit/access/reloadable.hpp>
#include <droplit/access/token_file.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/create_client_from_json.hpp>
#include <droplit/droplit.hpp>
#include <droplit/error_messages.hpp>
#include <droplit/observe/chain.hpp>
#include <droplit/observe/json_lines.hpp>
#include <droplit/observe/line_log.hpp>
#include <droplit/observe/prometheus.hpp>
#include <droplit/openapi.hpp>
#include <droplit/random_key.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/sdk.hpp>
#include <droplit/static_resource.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/testing/fixed_clock.hpp>
#include <droplit/transport/loopback.hpp>
#include <droplit/try_it.hpp>

#include "../../../docs/examples/console/account.hpp"
#include "support/sqlite.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace droplit;
using test::Trial;
namespace fs = std::filesystem;

namespace {

bool has_random_bytes = true;

}  // namespace

extern "C" int getentropy(void* bytes, std::size_t size) {
  if (!has_random_bytes) return -1;
  return ::syscall(SYS_getrandom, bytes, size, 0) == static_cast<long>(size) ? 0 : -1;
}

namespace {

constexpr EcosystemId home = "C594b89aea18568c408c3ad24"_ecosystem_id;
const std::string long_text = "a text too long to lie within a string, whatever the library";
const std::string token = "a-token-that-is-too-long-to-lie-within-a-string";
const std::string good_body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":")" + long_text +
                              R"(","description":"\n)" + long_text + "\"}";
const std::string bad_body =
    R"({"ecosystemld":"C594b89aea18568c408c3ad24","type":"serve","name":7,")" + long_text + R"(":[1,{"a":null}]})";

Client client(std::uint32_t n, std::size_t size = 60) {
  return {test::id_number(n), Timestamp::clamp_unix_millis(n),     home,
          ClientType::server, Text::parse(std::string(size, 'n')), Text::parse(long_text)};
}

ClientDraft draft() { return {home, ClientType::server, Text::parse(long_text), Text::parse("\n" + long_text)}; }

IdempotencyKey key(std::uint32_t n) {
  return *IdempotencyKey::parse("a-key-that-is-too-long-to-lie-within-a-string-" + std::to_string(n));
}

Request request(const std::string& body = good_body, const std::string& target = "/api/clients") {
  Request request{"POST", target, {}, body};
  request.fields.add("authorization", token);
  request.fields.add("content-type", "application/json");
  request.fields.add("idempotency-key", "\"" + key(7).str() + "\"");
  return request;
}

template <class T>
std::string printed(const T& value) {
  std::string out;
  detail::append_printed(out, value);
  return out;
}

// ---- policies ----

struct Access {
  struct Holder {
    std::string name;
    [[nodiscard]] PrincipalKind kind() const noexcept { return PrincipalKind::account; }
  };
  Holder authenticate(std::string_view given) const { return {std::string(given)}; }
  bool authorize(const Holder& holder, EcosystemId) const { return !holder.name.empty(); }
};

struct Ids {
  ClientId next(Timestamp) { return test::id_number(++count); }
  std::uint32_t count = 0;
};

/// A server's part, over a store of which nothing that fails is forgotten.
struct Server {
  Server() { storage.add_ecosystem(home); }

  /// How many clients were created.
  [[nodiscard]] int kept() const {
    int kept = 0;
    for (std::uint32_t n = 1; n <= ids.count; ++n) kept += storage.find_client(test::id_number(n)) ? 1 : 0;
    return kept;
  }

  MemoryStorage storage;
  Access access;
  FixedClock clock{Timestamp::clamp_unix_millis(1)};
  Ids ids;
  Endpoint<MemoryStorage, Access, FixedClock, Ids> endpoint{storage, access, clock, ids, {.idempotency_keys = true}};
};

struct Waits {
  std::int64_t time = 0;
  [[nodiscard]] std::int64_t now() const noexcept { return time; }
  void sleep_until(std::int64_t until) noexcept { time = until; }
  [[nodiscard]] std::uint32_t random_bits() const noexcept { return 1; }
};

/// Whether what was returned of a create that is applied `kept` times can be true.
template <class T>
bool is_true(const Outcome<T>& outcome, int kept) {
  if (outcome.has_value()) return kept == 1;
  if (outcome.has_error()) return false;  // there is nothing to refuse
  const Fate fate = outcome.exception().fate();
  return fate == Fate::maybe_applied ? kept <= 1 : kept == 0;
}

// ---- the table ----

/// An operation of a public header.
struct Operation {
  const char* header;
  const char* name;
  std::function<void(Trial&)> run;
  bool has_threads = false;  ///< what it allocates may be freed by other threads
  long step = 1;             ///< of allocations, in the short form
  bool allocates = true;     ///< otherwise none of its calls ever allocates
};

/// Refuses each of the operation's allocations, once and from then on. Returns how many.
long refuse_each(const Operation& operation) {
  CAPTURE(operation.header, operation.name);
  std::vector<std::string> flaws;
  flaws.reserve(16);
  const auto run = [&](test::Failure failure) {
    const long before = memory::live;
    const auto known = flaws.size();
    Trial trial(memory::events, failure, flaws);
    operation.run(trial);
    if (!operation.has_threads && flaws.size() == known) trial.expect(memory::live == before, "nothing is leaked");
    return trial.came();
  };
  run({});  // what is made once is no leak
  flaws.clear();
  run({});
  CHECK(flaws == std::vector<std::string>());
  return test::each_failure(
      [&](test::Failure failure) {
        const bool came = run(failure);
        if (!flaws.empty()) {
          CHECK(flaws == std::vector<std::string>());
          flaws.clear();
        }
        return came;
      },
      {1, test::from_then_on}, test::is_long ? 1 : operation.step);
}

// ---- stores ----

void use_sqlite(Trial& trial) {
  const test::Directory directory;
  const std::string path = directory / "a";
  {
    auto opened = trial([&] { return SqliteStorage::open(path); });
    if (!opened || !*opened) {
      if (opened) trial.expect(opened->exception().fate() == Fate::not_applied, "an opening keeps no client");
      opened = SqliteStorage::open(path);  // memory is back
    }
    test::use(trial, opened->value(), opened->value(), 60, home);
  }
  trial.expect(test::Raw(path).ask("PRAGMA integrity_check") == "ok|", "the file is whole");
  const auto read = trial([&] { return SqliteStorage::inspect(path); });
  if (read && *read) trial.expect(read->value() == StoreState::current, "what is inspected is the store");
  if (read && !*read) trial.expect(read->exception().fate() == Fate::not_applied, "an inspection applies nothing");
}

/// A new client beside one whose key is known. Whether it was inserted.
bool insert_batch(Trial& trial) {
  const test::Directory directory;
  SqliteStorage storage = SqliteStorage::open(directory / "a").value();
  storage.add_ecosystem(home).value();
  const IdempotencyKey known = key(1);
  storage.insert_once(client(1), known).value();
  const Client again = client(2);
  const Client other = client(3);
  BatchInsert replayed(again, &known);
  BatchInsert inserted(other);
  BatchInsert* const batch[] = {&replayed, &inserted};
  trial([&] {
    storage.insert_all(batch);
    return 0;
  });
  const int kept = storage.find_client(other.id()).value() ? 1 : 0;
  trial.expect(is_true(inserted.outcome, kept), "what is said of the new client is true");
  trial.expect(!replayed.outcome || replayed.outcome.value().insertion() == Insertion::replayed, "the key is known");
  trial.expect(!storage.find_client(again.id()).value(), "a replayed client is not kept");
  return inserted.outcome.has_value();
}

// ---- observers ----

const Fault long_fault(FaultSource::storage, Fate::maybe_applied, long_text);

template <class O>
void observe(O& observer) {
  const RequestBegan began{.route = "/a/route/that/is/too/long/to/lie/within/a/string", .method = "POST"};
  RequestFinished finished;
  static_cast<RequestBegan&>(finished) = began;
  finished.status = 500;
  finished.fault = &long_fault;
  observer.began(began);
  observer.finished(finished);
  observer.fault(long_fault);
}

/// A file that is read when all was written to it.
struct Output {
  const test::Directory directory;
  const std::string path = directory / "log";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { ::close(fd); }
  /// Without those that say how many were lost, or repeated.
  [[nodiscard]] std::uint64_t lines() const {
    std::ifstream in(path);
    std::uint64_t lines = 0;
    for (std::string line; std::getline(in, line);) {
      if (line.find("lost") == std::string::npos && line.find("times") == std::string::npos) ++lines;
    }
    return lines;
  }
};

std::vector<Operation> core_operations() {
  std::vector<Operation> all;
  const auto add = [&](const char* header, const char* name, std::function<void(Trial&)> run) {
    all.push_back({header, name, std::move(run)});
  };
  const auto makes = [&](const char* header, const char* name, auto make) {
    add(header, name, [make](Trial& trial) { trial.makes(make); });
  };

  makes("text", "parse", [] { return Text::parse(long_text); });
  makes("client_texts", "copy and print", [] { return printed(ClientTexts(draft())); });
  makes("client_draft", "make", [] {
    return ClientDraft::make({.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .name = long_text});
  });
  makes("client_draft", "make, refused", [] { return ClientDraft::make({.ecosystem_id = "x", .name = long_text}); });
  all.back().allocates = false;
  makes("client_draft", "print", [] { return printed(draft()); });
  makes("client", "copy", [kept = client(1)] { return Client(kept); });
  makes("client", "print", [kept = client(1)] { return printed(kept); });
  makes("id", "print", [] { return printed(home) + printed(test::id_number(1)); });
  makes("ecosystem", "print", [] { return printed(Ecosystem(home, EcosystemState::active)); });
  makes("timestamp", "print", [] { return printed(Timestamp::clamp_unix_millis(1)) + long_text; });
  makes("idempotency_key", "parse", [] { return IdempotencyKey::parse(long_text + "/"); });
  makes("idempotency_key", "parse_field and field_value", [] {
    const auto parsed = IdempotencyKey::parse_field(R"("\"a-key-that-is-too-long-to-lie-within-a-string\\")");
    return parsed ? parsed->field_value() : std::string();
  });
  add("random_key", "random_key", [](Trial& trial) {
    const auto made = trial([] { return random_key(); });
    if (made) trial.expect(!*made || (*made)->str().size() > 20, "a key is whole");
    trial.expect(random_key().has_value(), "there are keys again");
  });
  makes("error", "from, violations and print", [] {
    Findings findings;
    findings.query_fields = long_text;
    findings.body_fields = long_text;
    findings.flaws.fill(Findings::Flaw::missing);
    return printed(*ApiError::from(findings));
  });
  add("error", "assignment", [](Trial& trial) {
    Findings findings;
    findings.query_fields = long_text;
    const ApiError from = *ApiError::from(findings);
    ApiError to = ApiError::ecosystem_not_found(home);
    const ApiError before = to;
    const auto done = trial([&] {
      to = from;
      return 0;
    });
    trial.expect(to == (done ? from : before), "an assignment is done whole or not at all");
  });
  makes("error_messages", "to_lines and to_field_messages", [] {
    Findings findings;
    findings.query_fields = long_text;
    findings.flaws.fill(Findings::Flaw::missing);
    const ApiError error = *ApiError::from(findings);
    return std::pair(to_lines(error), to_field_messages(error));
  });
  add("fault", "construct, copy and print", [](Trial& trial) {
    const auto make = [] { return Fault::unknown_response(500, long_text, std::string(3000, 'x')); };
    const auto made = trial(make);  // without memory, without texts
    if (made) trial.expect(made->status() == 500 && made->fate() == Fate::maybe_applied, "a fault says what it must");
    trial.makes([kept = make()] { return printed(Fault(kept)); });
  });
  makes("outcome", "copy", [kept = Outcome<Client>(client(1))] { return Outcome<Client>(kept); });
  makes("http", "fields, target and print", [] {
    Request made = request();
    HeaderFields copy = made.fields;
    copy.add(long_text.substr(0, 1), long_text);
    return printed(made) + printed(copy);
  });
  add("http", "HeaderFields::add", [](Trial& trial) {
    HeaderFields fields = request().fields;
    const std::string before(fields.lines());
    for (int i = 0; i != 40; ++i) {
      const std::string now(fields.lines());
      const auto added = trial([&] { return fields.add("a-name", long_text); });
      trial.expect(added ? fields.lines().size() > now.size() : fields.lines() == now, "a field is added or not");
    }
    trial.expect(fields.lines().starts_with(before), "what was there is");
  });
  makes("json", "append_json", [kept = client(1)] {
    std::string out;
    append_json(out, kept);
    append_json(out, ApiError::ecosystem_invalid());
    return out;
  });
  add("json", "append_json to a text", [kept = client(1)](Trial& trial) {
    std::string out = long_text;
    const auto done = trial([&] {
      append_json(out, kept);
      return 0;
    });
    trial.expect(done || out == long_text, "what was in the text is alone there");
  });
  for (const bool good : {true, false}) {
    const std::string& body = good ? good_body : bad_body;
    makes("draft_parser", good ? "parse_draft" : "parse_draft, refused", [&body] { return parse_draft(body); });
    for (const std::size_t size : {std::size_t{1}, std::size_t{30}, std::size_t{1000}}) {
      add("draft_parser", "in pieces", [&body, size](Trial& trial) {
        const auto read = [&](DraftParser& parser) {
          std::string_view rest = body;
          for (; rest.size() > size; rest.remove_prefix(size)) parser.write(rest.substr(0, size));
          return parser.finish(rest, long_text);
        };
        DraftParser fresh;
        const auto expected = read(fresh);
        DraftParser parser;
        const auto made = trial([&] { return read(parser); });
        if (made) trial.expect(test::equal(*made, expected), "what is read is right");
        parser.reset();
        trial.expect(test::equal(read(parser), expected), "a parser that was reset reads");
      });
    }
  }
  makes("request_head", "add", [] {
    RequestHead head("POST", "/api/clients");
    head.add("authorization", token);
    head.add("content-type", "application/json");
    return std::string(head.authorization().value) + long_text;
  });
  add("exchange", "head, body and draft", [](Trial& trial) {
    const Access access;
    const auto read = [&](Exchange<Access>& exchange) -> Outcome<ClientDraft> {
      RequestHead head("POST", "/api/clients");
      head.add("authorization", token);
      head.add("content-type", "application/json");
      auto good = exchange.head(head);
      if (good) good = exchange.body(std::string_view(good_body).substr(0, 50));
      if (!good) return std::move(good).as_failure();
      return exchange.draft(std::string_view(good_body).substr(50));
    };
    Exchange<Access> exchange(access);
    const auto made = trial([&] { return read(exchange); });
    if (made && made->has_exception()) {
      trial.expect(made->exception().fate() == Fate::not_applied, "reading applies nothing");
    } else if (made) {
      trial.expect(test::equal(*made, Outcome<ClientDraft>(draft())), "what is read is right");
    }
    trial.expect(test::equal(read(exchange), Outcome<ClientDraft>(draft())), "the next request is read");
  });
  makes("response", "write_response", [kept = client(1)] {
    Response out = to_response(kept);
    write_response(out, KeyedClient{kept, true});
    write_response(out, ApiError::ecosystem_not_found(home));
    write_response(out, 200, "text/plain", long_text);
    return printed(out);
  });
  makes("response", "write_response of a fault", [] { return to_response(long_fault).body; });
  makes("response", "read_response",
        [kept = client(1)] { return read_response(to_response(kept), home, ClientType::server); });
  makes("response", "read_response of an error", [] {
    Findings findings;
    findings.query_fields = long_text;
    findings.flaws.fill(Findings::Flaw::missing);
    return read_error(to_response(*ApiError::from(findings)));
  });
  add("create_client", "create_client", [](Trial& trial) {
    Server server;
    const auto made = trial([&] { return create_client(server.storage, server.clock, server.ids, draft()); });
    trial.expect(made ? is_true(*made, server.kept()) : server.kept() == 0, "the outcome is true");
    trial.expect(create_client(server.storage, server.clock, server.ids, draft()).has_value(), "the next is created");
  });
  add("create_client", "create_client with a key", [](Trial& trial) {
    Server server;
    const IdempotencyKey own = key(1);
    const auto made = trial([&] { return create_client(server.storage, server.clock, server.ids, draft(), own); });
    trial.expect(made ? is_true(*made, server.kept()) : server.kept() == 0, "the outcome is true");
    const auto again = create_client(server.storage, server.clock, server.ids, draft(), own);
    trial.expect(again.has_value() && server.kept() == 1, "there is one client under the key");
  });
  add("create_client_from_json", "create_client_from_json", [](Trial& trial) {
    Server server;
    const auto make = [&] { return create_client_from_json(server.storage, server.clock, server.ids, good_body); };
    const auto made = trial(make);
    trial.expect(made ? is_true(*made, server.kept()) : server.kept() == 0, "the outcome is true");
    trial.expect(make().has_value(), "the next is created");
  });
  for (const std::string& target : {std::string("/api/clients"), std::string("/api/clients?a=b&") + long_text}) {
    add("endpoint", "handle", [target](Trial& trial) {
      Server server;
      const Request sent = request(good_body, target);
      const auto response = trial([&] { return server.endpoint.handle(sent); });
      const int kept = server.kept();
      trial.expect(kept <= 1, "one client at most");
      if (response && response->status == 201) trial.expect(kept == 1, "a 201 is a client");
      if (response && response->status != 201 && response->status != 500) trial.expect(kept == 0, "a refusal is none");
      const bool good = target.size() < 20;
      trial.expect(server.endpoint.handle(sent).status == (good ? 201 : 400), "the next request is served");
      trial.expect(server.kept() == (good ? 1 : 0), "under one key there is one client");
    });
  }
  add("router", "handle", [](Trial& trial) {
    Server server;
    StaticResource other("/b", "text/plain", long_text);
    Router router(server.endpoint, other);
    for (const std::string& target :
         {std::string("/b"), std::string("/a-path-that-is-too-long-to-lie-within-a-string")}) {
      const auto handle = [&] { return router.handle({"GET", target, {}, {}}); };
      const auto response = trial(handle);
      const int expected = target.size() == 2 ? 200 : 404;
      if (response) trial.expect(response->status == expected || response->status == 500, "the response is true");
      trial.expect(handle().status == expected, "the next request is served");
    }
  });
  makes("static_resource", "construct and handle", [] {
    const StaticResource page("/a", "text/plain", long_text, request().fields);
    return Response(page.handle({})).body;
  });
  makes("try_it", "construct", [] { return TryIt().script.handle({}).body; });
  makes("openapi", "openapi_json", [] { return openapi_json(); });
  all.back().step = 97;
  add("remote/create_client", "create_client", [](Trial& trial) {
    Server server;
    LoopbackTransport transport(server.endpoint, token);
    const IdempotencyKey own = key(1);
    const RetryPolicy policy{.max_attempts = 3};
    const auto made = trial([&] { return create_client(transport, draft(), own, policy, Waits()); });
    trial.expect(made ? is_true(*made, server.kept()) : server.kept() <= 1, "the outcome is true");
    trial.expect(create_client(transport, draft(), own, policy, Waits()).has_value() && server.kept() == 1,
                 "there is one client under the key");
  });
  add("remote/creation", "RemoteCreation", [](Trial& trial) {
    const auto made = trial([&] {
      RemoteCreation creation(draft(), {.max_attempts = 2, .retry_unavailable = true}, 0);
      creation.settle(to_response(ApiError::ecosystem_not_found(home)), 1, 0);
      return std::move(creation).outcome();
    });
    if (made && made->has_exception()) {
      trial.expect(made->exception().fate() == Fate::maybe_applied, "an answer that cannot be read is not proof");
    } else if (made) {
      trial.expect(made->error() == ApiError::ecosystem_not_found(home), "the answer is read");
    }
  });
  add("transport/loopback", "send", [](Trial& trial) {
    Server server;
    LoopbackTransport transport(server.endpoint, token);
    Request sent{"POST", "/api/clients", {}, good_body};
    sent.fields.add("content-type", "application/json");
    const auto response = trial([&] { return transport.send(sent); });
    if (response && response->has_value() && response->value().status == 201) {
      trial.expect(server.kept() == 1, "a 201 is a client");
    }
    if (response && response->has_exception() && response->exception().fate() == Fate::not_sent) {
      trial.expect(server.kept() == 0, "what was not sent is not applied");
    }
    trial.expect(transport.send(sent).value().status == 201, "the next request is sent");
  });
  add("sdk", "create", [](Trial& trial) {
    Server server;
    LoopbackTransport transport(server.endpoint, token);
    const auto made = trial([&] {
      Sdk<decltype(transport), Waits> sdk(transport, {.idempotency = true, .request_ids = true}, Waits());
      return sdk.clients.create(home.text().c_str(), "server", long_text, long_text).outcome;
    });
    trial.expect(made ? is_true(*made, server.kept()) : server.kept() <= 1, "the outcome is true");
  });
  add("access/token_file", "parse", [](Trial& trial) {
    const std::string text =
        R"({"tokens": [{"token": ")" + token + R"(", "kind": "server", "ecosystems": ["C594b89aea18568c408c3ad24"]}]})";
    const auto knows = [](const Outcome<TokenFile>& file) {
      return file.has_value() && file.value().authenticate(token).kind() == PrincipalKind::server;
    };
    const auto made = trial([&] { return TokenFile::parse(text); });
    if (made) trial.expect(knows(*made) || made->has_exception(), "a file is read whole or not");
    trial.expect(knows(TokenFile::parse(text)), "the next file is read");
  });
  add("access/token_file", "load", [](Trial& trial) {
    const test::Directory directory;
    std::ofstream(directory / "tokens") << R"({"tokens": [{"token": ")" + token + R"(", "kind": "account"}]})";
    const auto made = trial([&] { return TokenFile::load(directory / "tokens"); });
    if (made && made->has_value()) {
      trial.expect(made->value().authenticate(token).kind() == PrincipalKind::account, "a file is read whole or not");
    }
    trial.expect(TokenFile::load(directory / "tokens").has_value(), "the next file is read");
  });
  add("access/reloadable", "replace and authenticate", [](Trial& trial) {
    const auto file = [](const std::string& name) {
      return TokenFile::parse(R"({"tokens": [{"token": ")" + name + R"(", "kind": "account"}]})").value();
    };
    ReloadableAccess<TokenFile> access(file("old"));
    TokenFile next = file("new");
    const auto replaced = trial([&] {
      access.replace(std::move(next));
      return 0;
    });
    const auto knows = [&](const char* name) { return access.authenticate(name).kind() == PrincipalKind::account; };
    trial.expect(knows("new") == replaced.has_value() && knows("old") != replaced.has_value(), "replaced or not");
    trial([&] { return access.authenticate("new").kind(); });
  });
  add("observe/prometheus", "observe and text", [](Trial& trial) {
    Prometheus metrics;
    const auto done = trial([&] {
      observe(metrics);
      return metrics.text();
    });
    if (!done && !trial.came()) trial.expect(false, "a page is made");
    Prometheus calm;
    observe(calm);
    trial.expect(metrics.text() == calm.text(), "what was observed is counted");
    const MetricsResource page(metrics);
    trial([&] { return page.handle({}); });
  });
  add("observe/chain", "observe", [](Trial& trial) {
    struct Copies : NoObserver {
      void began(const RequestBegan& request) { texts.emplace_back(request.route); }
      void finished(const RequestFinished& request) { texts.emplace_back(request.route); }
      void fault(const Fault& what) { texts.emplace_back(what.what()); }
      std::vector<std::string> texts;
    };
    Copies first;
    Prometheus second;
    Copies last;
    ObserverChain chain(first, second, last);
    trial.expect(trial([&] { return observe(chain), 0; }).has_value(), "what an observer throws is dropped");
    Prometheus calm;
    observe(calm);
    trial.expect(second.text() == calm.text(), "each is informed, whatever the one before it throws");
    if (!trial.came()) trial.expect(first.texts.size() == 3 && last.texts.size() == 3, "each is informed of all");
  });
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    // A log's thread is never joined: what it writes to is there to the end.
    static std::map<LogFormat, Output> outputs;
    const Output& output = outputs[format];
    const auto writes = [&](const char* header, const char* name, std::uint64_t lines, auto write) {
      all.push_back({header, name,
                     [&output, format, lines, write](Trial& trial) {
                       const auto before = output.lines();
                       const LineLog log(output.fd, {.format = format});  // whose queue has no memory yet
                       trial.expect(trial([&] { return write(log), 0; }).has_value(), "logging throws nothing");
                       trial.expect(log.drain(std::chrono::seconds(10)), "the log is written");
                       trial.expect(output.lines() + log.lost() == before + lines,
                                    "a line is written, or counted as lost");
                     },
                     true});
    };
    writes("observe/line_log", "line", 1, [](const LineLog& to) { to.line(long_text); });
    writes("observe/line_log", "repeated", 1, [](const LineLog& to) { to.repeated(long_text, token); });
    writes("observe/json_lines", "observe", 3, [](const LineLog& to) {
      JsonLines lines(to);
      observe(lines);
    });
  }
  return all;
}

std::vector<Operation> store_operations() {
  return {
      {"storage/memory", "every function",
       [](Trial& trial) {
         MemoryStorage storage;
         test::use(trial, storage, storage, 60, home);
       }},
      {"storage/memory", "every function, of large records",
       [](Trial& trial) {
         MemoryStorage storage;
         test::use(trial, storage, storage, 70'000, home);
       }},
      {"storage/sqlite", "every function", use_sqlite, false, 3},
  };
}

std::vector<Operation> other_operations() {
  std::vector<Operation> all;
  all.push_back({"async/batch_writer", "construct",
                 [](Trial& trial) {
                   struct Store {
                     Insertion insert(const Client&) { return Insertion::inserted; }
                     void insert_all(std::span<BatchInsert* const> inserts) noexcept {
                       for (BatchInsert* const each : inserts) each->outcome = KeyedInsertion(Insertion::inserted);
                     }
                   } store;
                   trial([&] {
                     BatchWriter writer(store, {.threads = 3});
                     return 0;
                   });
                   BatchWriter writer(store);
                 },
                 true});
  all.push_back({"console", "Account: write, read and remove", [](Trial& trial) {
                   const test::Directory directory;
                   ::setenv("HOME", directory.path().c_str(), 1);
                   const auto account = console::Account::at_home();
                   account.write("the-token-before");
                   const auto written = trial([&] {
                     console::Account::at_home().write(token);
                     return 0;
                   });
                   trial.expect(account.read() == (written ? token : "the-token-before"), "it is written whole or not");
                   const auto read = trial([&] { return console::Account::at_home().read(); });
                   if (read) trial.expect(*read == account.read(), "what is read is what was written");
                   const auto removed = trial([&] {
                     try {
                       return account.remove();
                     } catch (const console::AccountError&) {  // says that a C function had no memory
                       throw std::bad_alloc();
                     }
                   });
                   trial.expect(account.remove() != removed.has_value(), "it is removed or not");
                   trial.expect(fs::is_empty(directory / "droplit.io"), "no file is left");
                 }});
  return all;
}

/// Refuses each allocation of all operations, each of which has some unless it says otherwise. Returns how many.
long run(const std::vector<Operation>& operations) {
  long refused = 0;
  for (const Operation& each : operations) {
    const long here = refuse_each(each);
    if (::getenv("DROPLIT_VERBOSE") != nullptr) std::cout << each.header << ": " << each.name << ": " << here << '\n';
    CAPTURE(each.header, each.name, here);
    CHECK((here > 0) == each.allocates);
    refused += here;
  }
  return refused;
}

}  // namespace

TEST_CASE("whichever allocation of an operation of the core fails, what is returned is true and nothing is lost") {
  const long refused = run(core_operations());
  std::cout << "allocations refused in the core: " << refused << '\n';
  CHECK(refused > 1000);
}

TEST_CASE("whichever allocation of a store fails, what is returned is true and nothing is lost") {
  const long refused = run(store_operations());
  std::cout << "allocations refused in stores: " << refused << '\n';
  CHECK(refused > 1000);
}

TEST_CASE("an allocation that fails for one client of a batch fails no other one") {
  int failed = 0;
  const long refused = test::each_failure(
      [&](test::Failure failure) {
        std::vector<std::string> flaws;
        Trial trial(memory::events, failure, flaws);
        if (!insert_batch(trial)) ++failed;
        const bool came = trial.came();
        CHECK(flaws == std::vector<std::string>());
        return came;
      },
      {1, 2, 3});
  CHECK(refused > 60);
  CHECK(failed <= 3);  // where the queue has no memory, before the batch is begun
}

TEST_CASE("whichever allocation of an adapter fails, what is returned is true and nothing is lost") {
  const long refused = run(other_operations());
  std::cout << "allocations refused in adapters: " << refused << '\n';
  CHECK(refused > 30);
}

TEST_CASE("without memory and without random bytes there is a fault instead of an id") {
  // At a thread's first id glibc needs memory, or aborts. Those of a child begin with new random bytes.
  REQUIRE(ObjectIds().next(Timestamp::clamp_unix_millis(1)));
  const pid_t child = ::fork();
  if (child == 0) {
    has_random_bytes = false;
    memory::events.prepare({1, test::from_then_on});
    memory::events.resume();
    const auto id = ObjectIds().next(Timestamp::clamp_unix_millis(1));
    memory::events.suspend();
    ::_exit(id.has_exception() && id.exception().fate() == Fate::not_applied ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("each public header has its operations in a table here, or it is written why not") {
  const std::string no_memory = "its functions need no memory";
  const std::string a_concept = "a concept";
  const std::map<std::string, std::string> others{
      {"access", a_concept},
      {"api_errc", no_memory},
      {"async/asio", "failures/sockets"},
      {"async/batch_endpoint", "async/batch_endpoint"},
      {"batch_storage", a_concept},
      {"checked_storage", a_concept},
      {"chrono", no_memory},
      {"client_type", no_memory},
      {"clock", no_memory},
      {"droplit", "other headers"},
      {"fields", no_memory},
      {"handler", a_concept},
      {"id_source", no_memory},
      {"observer", a_concept},
      {"optional_string_view", no_memory},
      {"route", no_memory},
      {"server/beast", "failures/sockets, server/beast_memory, server/detail/http_session_memory"},
      {"server/server_options", no_memory},
      {"sleeper", no_memory},
      {"src", "other headers"},
      {"storage", a_concept},
      {"storage/postgres", "failures/postgres"},
      {"store_stats", no_memory},
      {"testing/contract_check", "for tests"},
      {"testing/fixed_clock", "for tests"},
      {"testing/fixed_ids", "for tests"},
      {"testing/scripted_connection", "for tests"},
      {"testing/scripted_server", "for tests"},
      {"testing/storage_contract", "for tests"},
      {"testing/transport_contract", "for tests"},
      {"testing/transport_peer", "for tests"},
      {"transport", no_memory},
      {"transport/curl", "failures/sockets"},
      {"version", no_memory},
      {"violation", no_memory},
  };
  std::set<std::string> here;
  for (const auto& operations : {core_operations(), store_operations(), other_operations()}) {
    for (const Operation& each : operations) here.insert(each.header);
  }
  const fs::path include = fs::path(DROPLIT_TEST_DATA) / "../../include/droplit";
  std::size_t headers = 0;
  for (const auto& entry : fs::recursive_directory_iterator(include)) {
    if (entry.path().extension() != ".hpp") continue;
    const std::string header = fs::relative(entry.path(), include).replace_extension().generic_string();
    const std::string folder = fs::path(header).parent_path().generic_string();
    const bool is_private = header.find("detail/") != std::string::npos || fs::exists(include / (folder + ".hpp"));
    if (is_private) continue;
    ++headers;
    INFO(header);
    CHECK(here.contains(header) != others.contains(header));
  }
  for (const std::string& header : here) {
    INFO(header);
    CHECK((header == "console" || fs::exists(include / (header + ".hpp"))));
  }
  CHECK(headers > 60);
}
