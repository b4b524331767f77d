// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The bodies of benchmarks/data, the rotated ones of a fixed seed, and what every reader must make of them.
#pragma once

#include "job.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace job {

/// One body, in a heap block of exactly its size: neither padded nor ended by a NUL.
class Body {
 public:
  explicit Body(std::string_view text) : text_(new char[text.size()]), size_(text.size()) {
    std::memcpy(text_.get(), text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.get(), size_}; }

 private:
  std::unique_ptr<char[]> text_;
  std::size_t size_;
};

/// Bodies that are read in rotation.
struct Workload {
  std::string_view name;
  std::vector<Body> bodies;
};

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

/// 512 valid bodies that vary in the order of their members, lengths, white space, ids and types.
inline std::vector<Body> varied_bodies() {
  std::mt19937 random(20180228);  // its numbers are the same everywhere, a distribution's are not
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto words = [&](std::size_t least, std::size_t most) {
    static constexpr std::string_view letters = "etaoin shrdlu ETAOIN SHRDLU 0123456789";
    std::string text;
    for (std::size_t n = least + below(most - least + 1); n != 0; --n) text += letters[below(letters.size())];
    return text;
  };
  std::vector<Body> bodies;
  while (bodies.size() != 512) {
    const std::size_t spacing = below(4);  // none, one behind what divides, a line for each member, anything
    const auto space = [&](std::size_t place) -> std::string {
      if (spacing == 1) return place == 1 ? " " : "";
      if (spacing == 2) return place == 0 ? "\n  " : place == 1 ? " " : "";
      if (spacing == 3) return std::string(below(3), below(2) == 0 ? ' ' : '\t');
      return "";
    };
    std::string id = "C";
    const bool upper = below(4) == 0;
    for (int i = 0; i != 24; ++i) id += (upper ? "0123456789ABCDEF" : "0123456789abcdef")[below(16)];
    std::vector<std::string> members{
        "\"ecosystemId\"" + space(2) + ":" + space(1) + "\"" + id + "\"",
        "\"type\"" + space(2) + ":" + space(1) + (below(2) == 0 ? "\"server\"" : "\"application\"")};
    if (below(8) != 0) members.push_back("\"name\"" + space(2) + ":" + space(1) + "\"" + words(0, 24) + "\"");
    if (below(4) != 0) members.push_back("\"description\"" + space(2) + ":" + space(1) + "\"" + words(0, 48) + "\"");
    for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[below(i)]);
    std::string body = "{";
    for (std::size_t i = 0; i != members.size(); ++i) {
      if (i != 0) body += space(2) + ",";
      body += space(0) + members[i];
    }
    bodies.emplace_back(body + space(0) + "}");
  }
  return bodies;
}

/// All workloads, in the order of the tables.
inline const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = [] {
    std::vector<Workload> made;
    const auto add = [&made](std::string_view name, const char* file) {
      made.push_back({name, {}});
      made.back().bodies.emplace_back(file_text(std::string(DROPLIT_BENCHMARK_DATA "/") + file));
    };
    add("W1", "W1.json");
    made.push_back({"W1v", varied_bodies()});
    add("W2", "W2.json");
    add("W3", "W3.json");
    add("W4", "W4.json");
    add("W5", "W5.txt");
    add("W6", "W6.json");
    add("W6a", "W6a.json");
    add("W7", "W7.json");
    add("W8", "W8.json");
    return made;
  }();
  return all;
}

inline const Workload& workload(std::string_view name) {
  return *std::find_if(workloads().begin(), workloads().end(), [name](const Workload& w) { return w.name == name; });
}

inline void check(bool good, std::string_view what, std::string_view who, std::string_view where) {
  if (good) return;
  std::fprintf(stderr, "wrong: %.*s: %.*s: %.*s\n", static_cast<int>(where.size()), where.data(),
               static_cast<int>(who.size()), who.data(), static_cast<int>(what.size()), what.data());
  std::exit(1);
}

/// Bodies that nobody may take for JSON, each wrong in a member that is skipped unless it is looked at.
inline const std::vector<std::string>& malformed_bodies() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (const char* value : {"01",
                              "1.",
                              "-",
                              "tru",
                              "nul",
                              "+1",
                              "\"\\x\"",
                              "\"\\u12\"",
                              "\"\xFF\"",
                              "\"\xC0\x80\"",
                              "\"\xED\xA0\x80\"",
                              "\"\t\"",
                              "[1,]",
                              "[1 2]",
                              "[,1]",
                              "{\"a\"}",
                              "{\"a\":}",
                              "{\"a\":1,}",
                              "{a:1}",
                              "[}",
                              "",
                              "1 1"}) {
      made.push_back(R"({"x":)" + std::string(value) +
                     R"(,"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})");
    }
    made.push_back(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"}x)");
    made.push_back(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server",})");
    made.push_back(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server")");
    made.push_back("{\"ecosystemId\":\"C594b89aea18568c408c3ad24\",\"type\":\"server\",\"name\":\"\xFF\"}");
    made.push_back(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"\ud800"})");
    return made;
  }();
  return all;
}

/// Ends the program unless `reader` gives the correct result on every workload, `reference` being of another make, and
/// refuses every malformed body.
inline void check_reader(const Reader& reader, const Reader& reference) {
  const std::string_view plain = "Wall panel by the north entrance";
  for (const Workload& workload : workloads()) {
    for (const Body& body : workload.bodies) {
      const Reading got = reader.tell(body.view());
      const std::string_view name = workload.name;
      std::vector<Entry> errors;
      if (name == "W3") errors = {{"body", wrong_type, "type"}};
      if (name == "W4") errors = {{"body", required, "ecosystemId"}};
      if (name == "W5" || (name == "W8" && reader.limits_depth)) errors = unreadable().errors;
      check(got.errors == errors, "errors", reader.name, name);
      if (!errors.empty()) continue;
      check(got == reference.tell(body.view()), "fields", reader.name, name);
      if (name != "W1v")
        check(std::string_view(hex(got.ecosystem_id)) == "594b89aea18568c408c3ad24", "id", reader.name, name);
      if (name == "W1") check(got.name == "Lobby panel" && got.description == plain, "texts", reader.name, name);
      if (name == "W2") check(!got.name && !got.description && got.server, "absent texts", reader.name, name);
    }
  }
  for (const std::string& body : malformed_bodies()) {
    check(reader.tell(body).errors == unreadable().errors, body, reader.name, "malformed");
  }
}

}  // namespace job
