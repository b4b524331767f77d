// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The layers of docs/design.md, read off the include lines: who may include whom, and which foreign library lives
// where.
#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(DROPLIT_TEST_DATA) / "../../include/droplit";

enum Layer { values, policies, wire, operations, adapter };

const std::map<std::string, Layer> layers{
    {"version.hpp", values},
    {"id.hpp", values},
    {"idempotency_key.hpp", values},
    {"text.hpp", values},
    {"timestamp.hpp", values},
    {"chrono.hpp", values},
    {"client_type.hpp", values},
    {"ecosystem.hpp", values},
    {"client.hpp", values},
    {"api_errc.hpp", values},
    {"error.hpp", values},
    {"violation.hpp", values},
    {"error_messages.hpp", values},
    {"fault.hpp", values},
    {"http.hpp", values},
    {"request_head.hpp", values},
    {"route.hpp", values},
    {"json.hpp", values},
    {"optional_string_view.hpp", values},
    {"detail/utf8.hpp", values},
    {"detail/name_list.hpp", values},
    {"detail/json/text.hpp", values},
    {"detail/json/writer.hpp", values},
    {"detail/http/host.hpp", values},
    {"detail/http/content_type.hpp", values},
    {"detail/http/target.hpp", values},
    {"detail/json/indent.hpp", values},
    {"detail/parameter_list.hpp", values},
    {"outcome.hpp", policies},
    {"client_draft.hpp", policies},
    {"storage.hpp", policies},
    {"batch_storage.hpp", policies},
    {"checked_storage.hpp", policies},
    {"store_stats.hpp", policies},
    {"access.hpp", policies},
    {"clock.hpp", policies},
    {"id_source.hpp", policies},
    {"observer.hpp", policies},
    {"create_client.hpp", policies},
    {"transport.hpp", policies},
    {"detail/guarded.hpp", policies},
    {"detail/print.hpp", values},
    {"detail/box.hpp", values},
    {"detail/bytes16.hpp", values},
    {"detail/http/grammar.hpp", values},
    {"detail/http/head_field.hpp", values},
    {"detail/http/trace_fields.hpp", values},
    {"detail/random_digits.hpp", values},
    {"detail/json/fast/client_reader.hpp", values},
    {"detail/json/fast/scan.hpp", values},
    {"detail/json/fast/skip.hpp", values},
    {"detail/json/fast/hex.hpp", values},
    {"detail/json/fast/unescape.hpp", values},
    {"detail/json/fast/utf8.hpp", values},
    {"fields.hpp", values},
    {"client_texts.hpp", values},
    {"detail/config.hpp", values},
    {"detail/enum_name.hpp", values},
    {"detail/limits.hpp", values},
    {"detail/platform.hpp", values},
    {"detail/random_digits.hpp", values},
    {"detail/lasting_text.hpp", values},
    {"detail/process_ids.hpp", policies},
    {"detail/json/depth.hpp", values},
    {"detail/json/fast/draft_reader.hpp", policies},
    {"sleeper.hpp", policies},
    {"random_key.hpp", policies},
    {"detail/response_writer.hpp", policies},
    {"detail/json/reader.hpp", wire},
    {"detail/json/draft_stream.hpp", wire},
    {"detail/json/fast/draft_pieces.hpp", wire},
    {"detail/json/client_reader.hpp", wire},
    {"detail/json/error_reader.hpp", wire},
    {"draft_parser.hpp", wire},
    {"response.hpp", wire},
    {"create_client_from_json.hpp", wire},
    {"handler.hpp", policies},
    {"detail/openapi/schemas.hpp", wire},
    {"detail/openapi/examples.hpp", operations},
    {"detail/openapi/document.hpp", operations},
    {"openapi.hpp", operations},
    {"detail/route_table.hpp", operations},
    {"static_resource.hpp", operations},
    {"detail/handler_steps.hpp", operations},
    {"detail/observation.hpp", operations},
    {"detail/endpoint_base.hpp", operations},
    {"exchange.hpp", operations},
    {"endpoint.hpp", operations},
    {"router.hpp", operations},
    {"remote/create_client.hpp", operations},
    {"remote/creation.hpp", operations},
    {"sdk.hpp", operations},
    {"try_it.hpp", operations},
    {"detail/try_it/page.hpp", operations},
    {"detail/try_it/script.hpp", operations},
    {"detail/try_it/snippets.hpp", operations},
    {"detail/try_it/style.hpp", operations},
    {"droplit.hpp", operations},
    {"src.hpp", operations},
};

// Headers of the operating system; everything else without a dot is the standard library.
const std::set<std::string> system_headers{"netinet/in.h", "netinet/tcp.h", "dlfcn.h",     "poll.h",
                                           "pthread.h",    "sys/socket.h",  "emmintrin.h", "sys/mman.h",
                                           "sys/stat.h",   "unistd.h",      "fcntl.h"};

struct Include {
  bool ours;
  std::string path;  // relative to include/droplit where it is ours
};

std::vector<Include> includes(const fs::path& header) {
  std::vector<Include> found;
  std::ifstream file(root / header);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("#include ")) continue;
    INFO(header << ": " << line);
    REQUIRE(line[9] == '<');
    const std::string name = line.substr(10, line.size() - 11);
    const bool ours = name.starts_with("droplit/");
    found.push_back({ours, ours ? name.substr(8) : name});
  }
  return found;
}

std::vector<std::string> headers() {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) found.push_back(fs::relative(entry.path(), root).string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_adapter(const std::string& header) {
  return header.find('/') != std::string::npos && !header.starts_with("detail/") && !header.starts_with("remote/");
}

Layer layer_of(const std::string& header) { return is_adapter(header) ? adapter : layers.at(header); }

std::string folder(const std::string& header) { return header.substr(0, header.find('/')); }

// What belongs to storage/sqlite.hpp is in storage/sqlite/; the folders server, observe and testing are one adapter
// each; what is in storage/detail belongs to all stores, and the writer of batches to all of async.
std::string adapter_of(const std::string& header) {
  for (const std::string one : {"server", "observe", "testing"}) {
    if (folder(header) == one) return one;
  }
  return header.substr(0, header.find_first_of("/.", folder(header).size() + 1));
}

std::string foreign_library(const std::string& name) {
  if (name.starts_with("boost/")) {
    const auto end = name.find_first_of("/.", 6);
    const std::string library = name.substr(6, end - 6);
    const bool of_beast = library == "asio" || library == "intrusive" || library == "system";  // it is built on them
    return of_beast ? "beast" : library;
  }
  if (name.find('.') == std::string::npos || system_headers.contains(name)) return {};
  return name.substr(0, name.find('.'));
}

}  // namespace

TEST_CASE("every header of the core has its layer, and every layer its headers") {
  const auto all = headers();
  REQUIRE(all.size() > 30);
  for (const std::string& header : all) {
    INFO(header);
    CHECK((is_adapter(header) || layers.contains(header)));
  }
  for (const auto& [header, layer] : layers) {
    INFO(header);
    CHECK(fs::exists(root / header));
  }
}

TEST_CASE("no header looks up, and no adapter includes another") {
  for (const std::string& header : headers()) {
    for (const Include& include : includes(header)) {
      if (!include.ours) continue;
      INFO(header << " includes " << include.path);
      REQUIRE(fs::exists(root / include.path));
      const bool shared = (folder(header) == "storage" && include.path.starts_with("storage/detail/")) ||
                          (folder(header) == "async" && include.path == "async/batch_writer.hpp");
      if (is_adapter(header) && is_adapter(include.path) && !shared) {
        CHECK(adapter_of(include.path) == adapter_of(header));
      } else {
        CHECK(layer_of(include.path) <= layer_of(header));
      }
    }
  }
}

TEST_CASE("values see the standard library only, policies Boost.Outcome, the wire Boost.JSON") {
  for (const std::string& header : headers()) {
    if (is_adapter(header)) continue;
    for (const Include& include : includes(header)) {
      if (include.ours) continue;
      const std::string library = foreign_library(include.path);
      INFO(header << " includes <" << include.path << ">");
      if (library == "outcome") {
        CHECK(layer_of(header) >= policies);
      } else if (library == "json") {
        CHECK(layer_of(header) >= wire);
      } else {
        CHECK(library.empty());
      }
    }
  }
}

TEST_CASE("what the core asks of the operating system is in platform.hpp alone") {
  for (const std::string& header : headers()) {
    if (is_adapter(header) || header == "detail/platform.hpp") continue;
    for (const Include& include : includes(header)) {
      INFO(header << " includes <" << include.path << ">");
      CHECK((include.path == "emmintrin.h" || !system_headers.contains(include.path)));
      CHECK((include.path != "ctime" && include.path != "csignal"));
    }
    std::ifstream file(root / header);
    for (std::string line; std::getline(file, line);) {
      INFO(header << ": " << line);
      for (const char* const word : {"__has_include", "_WIN32", "__linux__", "__unix__", "__APPLE__"}) {
        CHECK(line.find(word) == std::string::npos);
      }
    }
  }
}

TEST_CASE("an adapter brings at most one foreign library") {
  std::map<std::string, std::set<std::string>> brought;
  for (const std::string& header : headers()) {
    if (!is_adapter(header)) continue;
    for (const Include& include : includes(header)) {
      const std::string library = include.ours ? std::string() : foreign_library(include.path);
      if (!library.empty() && library != "outcome" && library != "json") brought[adapter_of(header)].insert(library);
    }
  }
  for (const auto& [name, libraries] : brought) {
    INFO(name << " brings " << *libraries.begin());
    CHECK(libraries.size() == 1);
  }
}

TEST_CASE("a compiler's own attributes are in config.hpp alone, and a processor's instructions in bytes16.hpp") {
  const std::map<std::string, std::string> homes{{"gnu::", "detail/config.hpp"},
                                                 {"__m128", "detail/bytes16.hpp"},
                                                 {" _mm_", "detail/bytes16.hpp"},
                                                 {"(_mm_", "detail/bytes16.hpp"},
                                                 {"intrin.h", "detail/bytes16.hpp"},
                                                 {"__builtin", ""},
                                                 {"__attribute__", ""},
                                                 {"__declspec", ""},
                                                 {"__extension__", ""},
                                                 {"__int128", ""},
                                                 {"clang::", ""},
                                                 {"msvc::", ""}};
  for (const std::string& header : headers()) {
    std::ifstream file(root / header);
    for (std::string line; std::getline(file, line);) {
      INFO(header << ": " << line);
      for (const auto& [word, home] : homes) CHECK((header == home || line.find(word) == std::string::npos));
      // Qt's macro `emit` is the name of a function of Asio's, which has no other.
      const bool is_for_emit =
          header == "async/asio/endpoint.hpp" && line.find("_macro(\"emit\")") != std::string::npos;
      CHECK((!line.starts_with("#pragma") || line == "#pragma once" || is_for_emit));
    }
  }
}
