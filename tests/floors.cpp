// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The floors of docs/design.md, read off the include lines: who may include whom, and which foreign library lives
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

enum Floor { values, contracts, wire, verbs, annex };

const std::map<std::string, Floor> floors{
    {"version.hpp", values},
    {"id.hpp", values},
    {"text.hpp", values},
    {"timestamp.hpp", values},
    {"chrono.hpp", values},
    {"client_type.hpp", values},
    {"ecosystem.hpp", values},
    {"client.hpp", values},
    {"api_errc.hpp", values},
    {"error.hpp", values},
    {"fault.hpp", values},
    {"http.hpp", values},
    {"request_head.hpp", values},
    {"json.hpp", values},
    {"optional_string_view.hpp", values},
    {"detail/utf8.hpp", values},
    {"detail/name_list.hpp", values},
    {"detail/json_text.hpp", values},
    {"detail/host.hpp", values},
    {"detail/content_type.hpp", values},
    {"detail/request_target.hpp", values},
    {"outcome.hpp", contracts},
    {"client_draft.hpp", contracts},
    {"storage.hpp", contracts},
    {"access.hpp", contracts},
    {"clock.hpp", contracts},
    {"id_source.hpp", contracts},
    {"create_client.hpp", contracts},
    {"transport.hpp", contracts},
    {"detail/guarded.hpp", contracts},
    {"detail/sendable.hpp", values},
    {"detail/box.hpp", values},
    {"detail/sse2.hpp", values},
    {"detail/hex.hpp", values},
    {"detail/json_scan.hpp", values},
    {"detail/json_skip.hpp", values},
    {"detail/json_unescape.hpp", values},
    {"fields.hpp", values},
    {"client_texts.hpp", values},
    {"detail/config.hpp", values},
    {"detail/limits.hpp", values},
    {"detail/lasting_text.hpp", values},
    {"detail/process_ids.hpp", contracts},
    {"detail/json_depth.hpp", values},
    {"detail/plain_body.hpp", contracts},
    {"waiter.hpp", contracts},
    {"detail/json_reader.hpp", wire},
    {"detail/draft_stream.hpp", wire},
    {"detail/client_reader.hpp", wire},
    {"detail/error_reader.hpp", wire},
    {"draft_parser.hpp", wire},
    {"answer.hpp", wire},
    {"exchange.hpp", verbs},
    {"endpoint.hpp", verbs},
    {"remote/create_client.hpp", verbs},
    {"sdk.hpp", verbs},
    {"droplit.hpp", verbs},
    {"src.hpp", verbs},
};

// Headers of the operating system; everything else without a dot is the standard library.
const std::set<std::string> system_headers{"poll.h",     "pthread.h",  "sys/socket.h", "emmintrin.h",
                                           "sys/mman.h", "sys/stat.h", "unistd.h",     "fcntl.h"};

struct Include {
  bool ours;
  std::string path;  // relative to include/droplit where it is ours
};

std::vector<Include> includes(const fs::path& header) {
  std::vector<Include> found;
  std::ifstream file(root / header);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("#include ")) continue;
    const bool ours = line[9] == '"';
    const std::string name = line.substr(10, line.size() - 11);
    found.push_back({ours, ours ? (header.parent_path() / name).lexically_normal().string() : name});
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

bool is_annex(const std::string& header) {
  return header.find('/') != std::string::npos && !header.starts_with("detail/") && !header.starts_with("remote/");
}

Floor floor_of(const std::string& header) { return is_annex(header) ? annex : floors.at(header); }

// What belongs to storage/sqlite.hpp lies in storage/detail/sqlite_*.hpp.
bool is_annex_detail(const std::string& header) { return header.find("/detail/") != std::string::npos; }

std::string folder(const std::string& header) { return header.substr(0, header.find('/')); }

std::string room(const std::string& header) {
  const std::string stem = fs::path(header).stem().string();
  return folder(header) + '/' + (is_annex_detail(header) ? stem.substr(0, stem.find('_')) : stem);
}

std::string foreign_library(const std::string& name) {
  if (name.starts_with("boost/")) {
    const auto end = name.find_first_of("/.", 6);
    const std::string library = name.substr(6, end - 6);
    return library == "asio" || library == "system" ? "beast" : library;  // Beast stands on them
  }
  if (name.find('.') == std::string::npos || system_headers.contains(name)) return {};
  return name.substr(0, name.find('.'));
}

}  // namespace

TEST_CASE("every header of the core has its floor, and every floor its headers") {
  const auto all = headers();
  REQUIRE(all.size() > 30);
  for (const std::string& header : all) {
    INFO(header);
    CHECK((is_annex(header) || floors.contains(header)));
  }
  for (const auto& [header, floor] : floors) {
    INFO(header);
    CHECK(fs::exists(root / header));
  }
}

TEST_CASE("no header looks up, and no annex includes another") {
  for (const std::string& header : headers()) {
    for (const Include& include : includes(header)) {
      if (!include.ours) continue;
      INFO(header << " includes " << include.path);
      REQUIRE(fs::exists(root / include.path));
      if (is_annex(header) && is_annex(include.path)) {
        // storage/sqlite.hpp may include storage/detail/sqlite_*.hpp; the folders server and testing are one room each
        const bool own_detail = folder(include.path) == folder(header) &&
                                (folder(header) == "testing" ||
                                 (is_annex_detail(include.path) &&
                                  (room(header).starts_with(room(include.path)) || folder(header) == "server")));
        CHECK(own_detail);
      } else {
        CHECK(floor_of(include.path) <= floor_of(header));
      }
    }
  }
}

TEST_CASE("values see the standard library only, contracts Boost.Outcome, the wire Boost.JSON") {
  for (const std::string& header : headers()) {
    if (is_annex(header)) continue;
    for (const Include& include : includes(header)) {
      if (include.ours) continue;
      const std::string library = foreign_library(include.path);
      INFO(header << " includes <" << include.path << ">");
      if (library == "outcome") {
        CHECK(floor_of(header) >= contracts);
      } else if (library == "json") {
        CHECK(floor_of(header) >= wire);
      } else {
        CHECK(library.empty());
      }
    }
  }
}

TEST_CASE("an annex brings at most one foreign library") {
  std::map<std::string, std::set<std::string>> brought;
  for (const std::string& header : headers()) {
    if (!is_annex(header)) continue;
    for (const Include& include : includes(header)) {
      const std::string library = include.ours ? std::string() : foreign_library(include.path);
      if (!library.empty() && library != "outcome" && library != "json") brought[room(header)].insert(library);
    }
  }
  for (const auto& [annex_room, libraries] : brought) {
    INFO(annex_room << " brings " << *libraries.begin());
    CHECK(libraries.size() == 1);
  }
}

TEST_CASE("only the files that may stand at the top level stand there") {
  const std::set<std::string> card{
      "CMakeLists.txt",    "include",       "tests",       "benchmarks", "docs", "README.md", "LICENSE",
      "CMakePresets.json", ".clang-format", ".clang-tidy", ".gitignore", ".ci",  ".git",      "build"};
  for (const auto& entry : fs::directory_iterator(root / "../..")) {
    INFO(entry.path());
    CHECK(card.contains(entry.path().filename().string()));
  }
}
