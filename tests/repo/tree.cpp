// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What is where: the top level has only the entries that it may have, and tests/unit mirrors include/droplit.
#include "support/catch.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(DROPLIT_TEST_DATA) / "../..";

// The output of a command; empty if there is no such command.
std::string output_of(const std::string& command) {
  std::string output;
  std::FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  for (std::size_t size = 1; size != 0;) {
    size = std::fread(buffer.data(), 1, buffer.size(), pipe);
    output.append(buffer.data(), size);
  }
  ::pclose(pipe);
  return output;
}

// The entries of the top level that git tracks. Where it tracks none, as in an unpacked archive, all that are there.
std::set<std::string> top_level() {
  std::set<std::string> found;
  const std::string tracked = output_of("git -c safe.directory='*' -C '" + root.string() + "' ls-files -z");
  for (std::size_t begin = 0; begin < tracked.size(); begin = tracked.find('\0', begin) + 1) {
    found.insert(tracked.substr(begin, tracked.find_first_of(std::string("/\0", 2), begin) - begin));
  }
  if (!found.empty()) return found;
  for (const auto& entry : fs::directory_iterator(root)) found.insert(entry.path().filename().string());
  found.erase(".git");
  found.erase("build");
  return found;
}

// The files with that extension in a folder and those below it, without the extension: `detail/hex`.
std::set<std::string> names(const fs::path& folder, const std::string& extension) {
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (entry.path().extension() != extension) continue;
    found.insert(fs::relative(entry.path(), root / folder).replace_extension().generic_string());
  }
  return found;
}

// The header that a test belongs to: the one of its name, or else of its name without one or more `_PART` at the end.
std::string header_of(std::string test, const std::set<std::string>& headers) {
  while (!test.empty() && !headers.contains(test)) {
    const auto end = test.find_last_of("_/");
    test.resize(end != std::string::npos && test[end] == '_' ? end : 0);
  }
  return test;
}

bool is_private(const std::string& header) {
  const fs::path folder = fs::path(header).parent_path();
  for (const fs::path& part : folder) {
    if (part == "detail") return true;
  }
  return fs::exists(root / "include/droplit" /
                    folder.string().append(".hpp"));  // storage/sqlite/ of storage/sqlite.hpp
}

}  // namespace

TEST_CASE("only the entries that the top level may have are tracked") {
  const std::set<std::string> allowed{"CMakeLists.txt", "include",     "tests",      "benchmarks",
                                      "docs",           "README.md",   "LICENSE",    "CMakePresets.json",
                                      ".clang-format",  ".clang-tidy", ".gitignore", ".ci"};
  const auto found = top_level();
  REQUIRE(found.contains("CMakeLists.txt"));
  for (const std::string& entry : found) {
    INFO(entry);
    CHECK(allowed.contains(entry));
  }
}

TEST_CASE("every unit test belongs to a header, and every public header has a unit test") {
  const auto headers = names("include/droplit", ".hpp");
  std::set<std::string> tested{
      "src",                          // separate/... run the tests of the core with it
      "testing/contract_check",       // what the tests of both suites use
      "testing/scripted_connection",  // a part of testing/scripted_server
      "testing/transport_peer",       // a part of testing/transport_contract
  };
  for (const std::string& header : tested) {
    INFO("an exception for a header that is gone, or has a test: " << header);
    CHECK(headers.contains(header));
    CHECK(!fs::exists(root / "tests/unit" / (header + ".cpp")));
  }
  for (const std::string& test : names("tests/unit", ".cpp")) {
    INFO("tests/unit/" << test << ".cpp");
    const std::string header = header_of(test, headers);
    CHECK(!header.empty());
    tested.insert(header);
  }
  REQUIRE(headers.size() > 80);
  for (const std::string& header : headers) {
    INFO("include/droplit/" << header << ".hpp");
    CHECK((is_private(header) || tested.contains(header)));
  }
}
