// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The ambiguous bodies and requests of tests/data/strictness, which benchmarks/strictness.sh also sends to other
// software.
#pragma once

#include "support/contract_cases.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace strictness {

/// Bytes that are ambiguous in one way, its class; or `valid` ones.
struct Case {
  std::string kind;
  std::string bytes;
};

namespace detail {

inline std::ifstream open(const std::string& name) {
  std::ifstream in(std::filesystem::path(DROPLIT_TEST_DATA) / "strictness" / name, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + name);
  return in;
}

/// A line without its escapes and words.
inline std::string expand(std::string_view text, const std::map<std::string, std::string, std::less<>>& words) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with("$(")) {
      const std::size_t end = text.find(')');
      out += words.at(std::string(text.substr(2, end - 2)));
      text.remove_prefix(end + 1);
    } else if (text.starts_with("\\x")) {
      out += static_cast<char>(droplit::detail::hex_value(text.at(2)) * 16 + droplit::detail::hex_value(text.at(3)));
      text.remove_prefix(4);
    } else if (text.front() == '\\') {
      static constexpr std::string_view names = "rnt";
      out += std::string_view("\r\n\t").at(names.find(text.at(1)));
      text.remove_prefix(2);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace detail

/// The HTTP requests, in the order of their file.
inline std::vector<Case> requests() {
  std::vector<Case> all;
  std::map<std::string, std::string, std::less<>> words;
  auto in = detail::open("requests.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    std::string kind = line.substr(0, space);
    std::string_view rest = std::string_view(line).substr(space + 1);
    if (kind == "let") {
      const std::string name(rest.substr(0, rest.find(' ')));
      words[name] = detail::expand(rest.substr(name.size() + 1), words);
    } else {
      all.push_back({std::move(kind), detail::expand(rest, words)});
    }
  }
  return all;
}

/// The JSON bodies: those of the listed cases of the contract, and all bodies that the contract accepts as `valid`.
inline std::vector<Case> bodies() {
  std::vector<Case> all;
  const std::vector<contract::Case> cases = contract::read_cases();
  for (const contract::Case& one : cases) {
    if (one.only_body && one.status == 201 && !one.row.starts_with("repeated member"))
      all.push_back({"valid", one.body});
  }
  auto in = detail::open("bodies.txt");
  for (std::string kind, file, sentence; in >> kind;) {
    if (kind == "#") {
      std::getline(in, sentence);
      continue;
    }
    in >> file >> std::ws;
    std::getline(in, sentence);
    const std::size_t before = all.size();
    for (const contract::Case& one : cases) {
      if (!one.where.starts_with(file + ":")) continue;
      const std::string_view title = std::string_view(one.where).substr(one.where.find(": ") + 2);
      if (title == sentence || title.starts_with(sentence + " (")) all.push_back({kind, one.body});
    }
    if (all.size() == before) throw std::runtime_error("no case of the contract is called: " + sentence);
  }
  return all;
}

}  // namespace strictness
