// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The field `note`, which run.sh adds to a copy of the library, travels from a body through each store to the 201 and
// back, and from the Console's command line to its output.
#define main console_main
#include "../../../docs/examples/droplit.cpp"
#undef main

#include "check.hpp"
#include "support/world.hpp"

#include <droplit/droplit.hpp>
#include <droplit/openapi.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#include <droplit/storage/postgres.hpp>
#include <droplit/storage/sqlite.hpp>
#include <droplit/testing/storage_contract.hpp>
#include <droplit/transport/loopback.hpp>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace cost {

using namespace droplit;

constexpr std::string_view start = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server")";

Request request(std::string_view more) {
  Request request{"POST", "/api/clients", {}, std::string(start).append(more).append("}")};
  request.fields.add("authorization", "token");
  request.fields.add("content-type", "application/json");
  return request;
}

/// The body of the 201 of the client with this id; `note` is the member with its comma.
std::string created(int id, std::string_view note) {
  char digits[25];
  std::snprintf(digits, sizeof digits, "%024x", static_cast<unsigned>(id));
  return R"({"createdAt":"2018-02-28T15:16:58.941Z","ecosystemId":"C594b89aea18568c408c3ad24","id":")" +
         std::string(digits).append("\"").append(note).append(R"(,"type":"server"})");
}

/// The parsed draft, read as a whole and in pieces.
std::optional<ClientDraft> parsed(const std::string& body) {
  const auto whole = parse_draft(body);
  DraftParser pieces;
  for (const char& c : body) pieces.write({&c, 1});
  const auto joined = pieces.finish();
  if (!whole.has_value() || !joined.has_value() || whole.value() != joined.value()) return std::nullopt;
  return whole.value();
}

void reads_bodies() {
  const auto draft = parsed(request(R"(,"note":"Near the l\u00efft")").body);
  check(draft && draft->note() == Text::parse("Near the l\xC3\xAF"
                                              "ft"),
        "a body's note is the draft's");
  const auto made = ClientDraft::make({.ecosystem_id = "C594b89aea18568c408c3ad24",
                                       .type = "server",
                                       .note = "Near the l\xC3\xAF"
                                               "ft"});
  check(draft && made.has_value() && made.value() == *draft, "a draft made of parameters equals it");
  for (const std::string_view without : {"", R"(,"note":null)", R"(,"note":"x","note":null)"}) {
    const auto plain = parsed(request(without).body);
    check(plain && !plain->note(), "a note that is absent or null is absent");
  }
}

template <class Storage>
void travels(Storage& storage, const std::string& name) {
  const auto check = [&name](bool is_true, const char* sentence) { cost::check(is_true, name + ": " + sentence); };
  static_cast<void>(storage.add_ecosystem(test::active));
  test::OneToken access;
  test::OrderedIds ids;
  FixedClock clock{*Timestamp::parse("2018-02-28T15:16:58.941Z")};
  Endpoint endpoint(storage, access, clock, ids);

  int id = 0;
  for (const std::string_view note : {R"(,"note":"Near the lift")", R"(,"note":"")", ""}) {
    const Response response = endpoint.handle(request(note));
    check(response.status == 201 && response.body == created(++id, note), "the 201 has the note that the body had");
    const auto client = read_response(response);
    const auto draft = parse_draft(request(note).body);
    check(client.has_value() && draft.has_value() && client.value().note() == draft.value().note(),
          "a client reads the note of the 201");
    const Outcome<std::optional<Client>> found = storage.find_client(test::OrderedIds{ids.count - 1}.next(clock.now()));
    check(client.has_value() && found.has_value() && found.value() == client.value(), "the store has the note");
  }

  const auto refused = [&endpoint](std::string_view member, std::string_view message) {
    const Response response = endpoint.handle(request(member));
    return response.status == 400 &&
           response.body == R"({"errorType":"InvalidParams","errors":[{"in":"body","message":")" +
                                std::string(message) + R"(","path":"note"}]})" &&
           read_error(response).has_value();
  };
  check(refused(R"(,"note":7)", "expected field to be a string"), "a note of another JSON type is a violation");
  check(refused(R"(,"note":"a\u0000b")", "contains characters that are not allowed"), "so is one with U+0000");

  LoopbackTransport transport(endpoint, "token");
  Sdk droplit(transport);
  const auto reply =
      droplit.clients.create({.ecosystem_id = "C594b89aea18568c408c3ad24", .type = "server", .note = "Near the lift"});
  check(reply.outcome.has_value() && reply.outcome.value().note() == Text::parse("Near the lift"),
        "the SDK sends and receives the note");
}

/// A store that does not keep notes.
struct Forgetful : MemoryStorage {
  Insertion insert(const Client& client) {
    return MemoryStorage::insert(
        {client.id(), client.created_at(), client.ecosystem_id(), client.type(), client.name(), client.description()});
  }
};

void is_described() {
  test::World world;
  const Response options = world.endpoint.handle(Request{"OPTIONS", "/api/clients", {}, {}});
  check(options.body.ends_with(R"(,"note":{"in":"body","type":"string","required":false}}})"),
        "OPTIONS lists the note");
  const std::string document = openapi_json();
  std::size_t sentences = 0;
  for (auto at = document.find("\"A note on the client.\""); at != std::string::npos;
       at = document.find("\"A note on the client.\"", at + 1)) {
    ++sentences;
  }
  check(sentences == 2, "the OpenAPI document describes the note of a request and of a client");
  check(document.find("\"note\": \"Example note\"") != std::string::npos, "and has an example of it");
  check(document.find("\"const\": \"note\"") != std::string::npos, "and its violations");
}

void is_checked_by_the_kit() {
  check(check_storage_contract([] { return MemoryStorage(); }).failed().empty(), "MemoryStorage passes the behaviour suite");
  bool texts = false;
  const ContractReport report = check_storage_contract([] { return Forgetful(); });
  for (const FailedCheck& failed : report.failed()) {
    texts = texts || failed.id == "texts_are_kept" || failed.id == "inserted_is_found";
  }
  check(texts, "a store that does not keep notes fails the behaviour suite");
}

/// What the Console prints, on standard output and standard error.
std::string console(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "droplit");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  const int out = ::dup(STDOUT_FILENO);
  const int err = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file.get()), STDOUT_FILENO);
  ::dup2(::fileno(file.get()), STDERR_FILENO);
  static_cast<void>(console_main(static_cast<int>(arguments.size()), argv.data()));
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close(out);
  ::close(err);
  std::rewind(file.get());
  std::string text(16384, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

void goes_through_the_console() {
  test::World world;
  BeastServer server(world.endpoint);
  std::thread serving([&server] { server.run(); });
  ::setenv("DROPLIT_URL", server.url().c_str(), 1);
  ::setenv("DROPLIT_TOKEN", "token", 1);
  const auto create = [](const std::string& note, const std::string& more = "--type=server") {
    return console({"client", "create", "--ecosystemId", "C594b89aea18568c408c3ad24", "--note", note, more});
  };
  check(create("Near the lift").find("\nnote         Near the lift\n") != std::string::npos,
        "the Console takes and prints the note");
  check(create("x", "--json").find(R"(,"note":"x",)") != std::string::npos, "the Console prints a body with the note");
  check(create("\xFF").starts_with("droplit: --note: is not UTF-8"), "the Console names the option of a violation");
  const std::string help = console({"client", "create", "--help"});
  check(help.find("--note TEXT\n      A note on the client.") != std::string::npos,
        "the Console's help has the option");
  server.stop();
  serving.join();
}

}  // namespace cost

int main() {
  cost::reads_bodies();
  droplit::MemoryStorage memory;
  cost::travels(memory, "MemoryStorage");
  auto sqlite = droplit::SqliteStorage::open(std::string(std::getenv("HOME")) + "/clients.db");
  cost::check(sqlite.has_value(), "a file of SQLite can be made");
  if (sqlite.has_value()) cost::travels(sqlite.value(), "SqliteStorage");
  cost::is_described();
  cost::is_checked_by_the_kit();
  cost::goes_through_the_console();
  return cost::failures == 0 ? 0 : 1;
}
