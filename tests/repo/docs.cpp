// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the pages show is what the programs are: every C++ block is in one of docs/examples, and the tables agree.
#include <droplit/api_errc.hpp>
#include <droplit/error.hpp>
#include <droplit/response.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
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

// A refusal whose violations all have this code.
droplit::ApiError example_of(const droplit::ApiErrcRow& row) {
  using droplit::ApiErrc;
  using droplit::Field;
  using Flaw = droplit::Findings::Flaw;
  if (const auto alone = droplit::detail::CodeOnly::make(row)) return *alone;
  const auto id = *droplit::EcosystemId::parse("C594b89aea18568c408c3ad24");
  if (row.form == droplit::ResponseForm::text) return droplit::detail::CodeOnly::make(row, id);
  if (row.code == ApiErrc::idempotency_key_reused) return droplit::ApiError::idempotency_key_reused();
  droplit::Findings findings;
  const auto flaw = [&findings](Field field, Flaw which) { findings = std::move(findings).with(field, which); };
  switch (row.code) {
    case ApiErrc::ecosystem_invalid: flaw(Field::ecosystem_id, Flaw::invalid); break;
    case ApiErrc::ecosystem_missing:
      flaw(Field::ecosystem_id, Flaw::missing);
      findings.body_fields = "ecosystem";
      break;
    case ApiErrc::query_field_not_allowed: findings.query_fields = "verbose"; break;
    case ApiErrc::body_parameters_missing: findings.body_missing = true; break;
    case ApiErrc::client_type_invalid: flaw(Field::type, Flaw::invalid); break;
    case ApiErrc::client_type_missing: flaw(Field::type, Flaw::missing); break;
    case ApiErrc::body_parameter_invalid: flaw(Field::name, Flaw::invalid); break;
    case ApiErrc::body_parameter_characters_invalid: flaw(Field::name, Flaw::characters); break;
    case ApiErrc::idempotency_key_invalid: findings.key_invalid = true; break;
    default: FAIL("there is no example of " << row.name);
  }
  return droplit::ApiError::from(std::move(findings)).value();
}

// The anchor that a heading has: GitHub's rule for letters, digits and spaces.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    if (c == ' ') anchor += '-';
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return anchor;
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

TEST_CASE("docs/errors.md has one section for each code, where doc_url says, with the response as it is written") {
  const Lines page = read(root / "docs/errors.md");
  std::vector<std::string> anchors;
  for (auto line = page.begin(); line != page.end(); ++line) {
    if (line->starts_with('#'))
      anchors.push_back(anchor_of(std::string_view(*line).substr(line->find_first_not_of("# "))));
  }
  for (const droplit::ApiErrcRow& row : droplit::api_errc_table) {
    INFO(row.name);
    const std::string_view url = doc_url(row.code);
    REQUIRE(url.starts_with("docs/errors.md#"));
    CHECK(std::count(anchors.begin(), anchors.end(), url.substr(15)) == 1);

    const auto heading = std::find(page.begin(), page.end(), "### " + std::string(row.name));
    REQUIRE(heading != page.end());
    const auto end = std::find_if(heading + 1, page.end(), [](const auto& line) { return line.starts_with("##"); });
    const auto begin = std::find(heading, end, "```http");
    REQUIRE(begin - heading >= 6);  // two paragraphs before it: what happened, what to do
    CHECK(std::count(heading, begin, std::string()) >= 3);

    const droplit::ApiError error = example_of(row);
    for (const droplit::Violation violation : error.violations()) CHECK(violation.code == row.code);
    const droplit::Response response = to_response(error);
    Lines expected;
    for (const droplit::HeaderField field : response.fields) {
      expected.push_back(std::string(field.name).append(": ").append(field.value));
    }
    if (response.close) expected.push_back("connection: close");
    if (!response.body.empty()) expected.insert(expected.end(), {"", response.body});
    REQUIRE(end - begin >= 3);
    CHECK((begin + 1)->starts_with("HTTP/1.1 " + std::to_string(row.status) + " "));
    CHECK(Lines(begin + 2, std::find(begin, end, "```")) == expected);
  }
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

TEST_CASE("every test that docs/security.md names is there") {
  std::string sources;
  for (const auto& entry : fs::recursive_directory_iterator(root / "tests")) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".mjs") continue;
    for (const std::string& line : read(entry.path())) sources += line;
  }
  std::size_t tests = 0;
  for (const std::string& line : read(root / "docs/security.md")) {
    if (!line.starts_with('|')) continue;
    for (std::size_t end = 0, begin = line.find('"'); begin != std::string::npos; begin = line.find('"', end + 1)) {
      end = line.find('"', begin + 1);
      REQUIRE(end != std::string::npos);
      INFO(line);
      CHECK(sources.find(line.substr(begin, end + 1 - begin)) != std::string::npos);
      ++tests;
    }
  }
  CHECK(tests > 40);
}
