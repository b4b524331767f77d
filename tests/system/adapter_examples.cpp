// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The first programs of docs/storage.md, docs/transport.md and docs/sdk.md, which need a file, a database or a service.
#include "support/catch.hpp"
#include "support/postgres_cluster.hpp"
#include "support/program.hpp"
#include "support/server_process.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

/// A temporary folder that is gone with the object.
struct Folder {
  std::filesystem::path path = [] {
    std::string name = std::filesystem::temp_directory_path() / "droplit-examples-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    return name;
  }();
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

bool is_like(const std::string& text, const char* pattern) { return std::regex_match(text, std::regex(pattern)); }

}  // namespace

TEST_CASE("ctest passes the programs that are run here, and no others") {
  std::set<std::string> names;
  for (const auto& [name, path] : test::program_paths()) names.insert(name);
  CHECK(names == std::set<std::string>{"droplit-server", "postgres", "remote_curl", "sdk_call", "sqlite"});
}

TEST_CASE("the program of SqliteStorage stores a client in a file, which it makes or finds") {
  const Folder folder;
  const std::string file = folder.path / "clients.db";
  for (int i = 0; i != 2; ++i) {
    const test::ProgramResult result = test::run_program("sqlite", {file});
    INFO(result.output);
    CHECK(is_like(result.output, "stored [0-9a-f]{24}\n"));
    CHECK(result.status == 0);
  }
  CHECK(std::filesystem::file_size(file) > 0);
  const test::ProgramResult refused = test::run_program("sqlite", {folder.path});  // a folder
  INFO(refused.output);
  CHECK(is_like(refused.output, ".+\n"));
  CHECK(refused.status == 1);
}

TEST_CASE("the program of PostgresStorage stores a client, and sees what another store deletes") {
  const PostgresCluster cluster;
  const test::ProgramResult result = test::run_program("postgres", {cluster.conninfo()});
  INFO(result.output);
  CHECK(is_like(result.output, "stored [0-9a-f]{24}\nEcosystem Not Found\n"));
  CHECK(result.status == 0);
}

TEST_CASE("the programs of CurlTransport and Sdk create a client at a service, and show a refusal and a fault") {
  const Folder folder;
  const std::string ecosystem = "C594b89aea18568c408c3ad24";
  const std::string access = folder.path / "access.json";
  std::ofstream(access) << R"({"tokens": [{"token": "demo", "kind": "account"}]})";
  std::filesystem::permissions(access, std::filesystem::perms::owner_read);
  std::string url;
  const std::vector<std::string> settings{"DROPLIT_TOKEN=demo", "no_proxy=127.0.0.1"};
  {
    test::ServerProcess server({test::program_paths().at("droplit-server"), "--access", access, "--listen",
                                "127.0.0.1:0", "--ecosystem", ecosystem},
                               folder.path / "log");
    url = server.url(std::chrono::seconds(60)).value();
    const test::ProgramResult created = test::run_program("remote_curl", {url, ecosystem}, settings);
    INFO(created.output);
    CHECK(is_like(created.output, "created [0-9a-f]{24}\n"));
    CHECK(test::run_program("remote_curl", {url, "C594b89aea18568c408c3ad25"}, settings).output ==
          "Ecosystem Invalid\n");

    const test::ProgramResult reply = test::run_program("sdk_call", {url, ecosystem}, settings);
    INFO(reply.output);
    CHECK(is_like(reply.output, R"(201 \{"createdAt":.*"name":"Lobby panel","type":"server"\}\n)"));
    CHECK(reply.status == 0);
    const test::ProgramResult refused = test::run_program("sdk_call", {url, "Lobby"}, settings);
    CHECK(refused.output ==
          R"(400 {"errorType":"InvalidParams","errors":[{"in":"body","message":"invalid id","path":"ecosystemId"}]})"
          "\n");
    CHECK(refused.status == 1);
  }
  const test::ProgramResult gone = test::run_program("remote_curl", {url, ecosystem}, settings);
  INFO(gone.output);
  CHECK(gone.output.ends_with("; not sent\n"));
}
