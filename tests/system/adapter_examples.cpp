// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The first programs of docs/storage.md, docs/transport.md and docs/sdk.md, which need a file, a database or a service.
#include "support/catch.hpp"
#include "support/postgres_cluster.hpp"
#include "support/server_process.hpp"

#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

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

struct Result {
  std::string output;  ///< of both streams
  int status = -1;
};

/// Runs an example, by the shell; `settings` go before its name, and are of the form NAME=VALUE.
Result run(const std::string& settings, const std::string& name, const std::string& arguments) {
  const std::string command =
      settings + " timeout 60 " + DROPLIT_EXAMPLES_FOLDER + "/" + name + " " + arguments + " 2>&1 </dev/null";
  Result result;
  std::FILE* const pipe = ::popen(command.c_str(), "re");
  REQUIRE(pipe != nullptr);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) result.output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  return result;
}

bool is_like(const std::string& text, const char* pattern) { return std::regex_match(text, std::regex(pattern)); }

}  // namespace

TEST_CASE("the program of SqliteStorage stores a client in a file, which it makes or finds") {
  const Folder folder;
  const std::string file = folder.path / "clients.db";
  for (int i = 0; i != 2; ++i) {
    const Result result = run("", "sqlite", file);
    INFO(result.output);
    CHECK(is_like(result.output, "stored [0-9a-f]{24}\n"));
    CHECK(result.status == 0);
  }
  CHECK(std::filesystem::file_size(file) > 0);
  const Result refused = run("", "sqlite", folder.path);  // a folder
  INFO(refused.output);
  CHECK(is_like(refused.output, ".+\n"));
  CHECK(refused.status == 1);
}

TEST_CASE("the program of PostgresStorage stores a client, and sees what another store deletes") {
  const PostgresCluster cluster;
  const Result result = run("", "postgres", "'" + cluster.conninfo() + "'");
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
  const std::string settings = "DROPLIT_TOKEN=demo no_proxy=127.0.0.1";
  {
    test::ServerProcess server(
        {DROPLIT_SERVER, "--access", access, "--listen", "127.0.0.1:0", "--ecosystem", ecosystem}, folder.path / "log");
    url = server.url(std::chrono::seconds(60)).value();
    const Result created = run(settings, "remote_curl", url + " " + ecosystem);
    INFO(created.output);
    CHECK(is_like(created.output, "created [0-9a-f]{24}\n"));
    CHECK(run(settings, "remote_curl", url + " C594b89aea18568c408c3ad25").output == "Ecosystem Invalid\n");

    const Result reply = run(settings, "sdk_call", url + " " + ecosystem);
    INFO(reply.output);
    CHECK(is_like(reply.output, R"(201 \{"createdAt":.*"name":"Lobby panel","type":"server"\}\n)"));
    CHECK(reply.status == 0);
    const Result refused = run(settings, "sdk_call", url + " Lobby");
    CHECK(refused.output ==
          R"(400 {"errorType":"InvalidParams","errors":[{"in":"body","message":"invalid id","path":"ecosystemId"}]})"
          "\n");
    CHECK(refused.status == 1);
  }
  const Result gone = run(settings, "remote_curl", url + " " + ecosystem);
  INFO(gone.output);
  CHECK(gone.output.ends_with("; not sent\n"));
}
