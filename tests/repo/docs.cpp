// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the pages show is what the programs are: every C++ block is in one of docs/examples, and the tables agree.
#include <droplit/api_errc.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(DROPLIT_TEST_DATA) / "../..";

using Lines = std::vector<std::string>;

// All white space gone, so that a block may be set narrower than its program.
std::string plain(Lines::const_iterator first, Lines::const_iterator last) {
  std::string text;
  for (; first != last; ++first) std::remove_copy(first->begin(), first->end(), std::back_inserter(text), ' ');
  return text;
}

Lines read(const fs::path& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> files(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  return found;
}

std::vector<fs::path> pages() {
  auto found = files(root / "docs", ".md");
  found.push_back(root / "README.md");
  return found;
}

}  // namespace

TEST_CASE("every C++ block of a page is in a program that is built and run") {
  Lines programs;
  for (const fs::path& path : files(root / "docs/examples", ".cpp")) {
    const Lines program = read(path);
    programs.push_back(plain(program.begin(), program.end()));
  }
  REQUIRE(programs.size() >= 4);

  int blocks = 0;
  for (const fs::path& page : pages()) {
    const Lines lines = read(page);
    for (auto line = lines.begin(); line != lines.end(); ++line) {
      if (*line != "```cpp") continue;
      const auto end = std::find(line, lines.end(), "```");
      const std::string block = plain(line + 1, end);
      const bool found = std::any_of(programs.begin(), programs.end(), [&](const std::string& program) {
        return program.find(block) != std::string::npos;
      });
      INFO(page.filename() << ", the block that begins: " << *(line + 1));
      CHECK_FALSE(block.empty());
      CHECK(found);
      if (block.find("intmain(") != std::string::npos) {  // to be pasted: all of a program but its first comment
        CHECK(block.starts_with("#include"));
        CHECK(std::any_of(programs.begin(), programs.end(),
                          [&](const std::string& program) { return program.ends_with(block); }));
      }
      ++blocks;
      line = end;
    }
  }
  CHECK(blocks >= 12);
}

TEST_CASE("the table of codes in docs/errors.md is the table of codes") {
  Lines expected;
  for (const droplit::ApiErrcRow& row : droplit::api_errc_table) {
    const char* const form = row.form == droplit::ResponseForm::entries ? "entries"
                             : row.form == droplit::ResponseForm::text  ? "text"
                                                                        : "empty";
    const char* const source = row.source == droplit::Source::page      ? "page"
                               : row.source == droplit::Source::sibling ? "sibling"
                                                                        : "ours";
    const std::string message = row.message.empty() ? " |" : " `" + std::string(row.message) + "` |";
    expected.push_back("| " + std::string(row.name) + " | " + std::to_string(row.status) + " | " + form + " |" +
                       message + " " + std::to_string(row.exit_status) + " | " + source + " |");
  }
  const Lines page = read(root / "docs/errors.md");
  CHECK(std::search(page.begin(), page.end(), expected.begin(), expected.end()) != page.end());
}

TEST_CASE("no program uses what is private") {
  int lines = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "docs/examples")) {
    if (!entry.is_regular_file()) continue;
    for (const std::string& line : read(entry.path())) {
      INFO(entry.path() << ": " << line);
      CHECK(line.find("detail::") == std::string::npos);
      CHECK(line.find("/detail/") == std::string::npos);
      ++lines;
    }
  }
  CHECK(lines > 2000);
}

TEST_CASE("links between pages lead somewhere") {
  for (const fs::path& page : pages()) {
    bool code = false;
    for (const std::string& line : read(page)) {
      if (line.starts_with("```")) code = !code;
      if (code) continue;
      for (auto at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
        const std::string link = line.substr(at + 2, line.find(')', at) - at - 2);
        if (link.starts_with("http")) continue;
        INFO(page.filename() << " links to " << link);
        CHECK(fs::exists(page.parent_path() / link.substr(0, link.find('#'))));
      }
    }
  }
}
