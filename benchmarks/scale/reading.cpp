// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The time of reading a body in pieces, and the same body whole, in turn. Lines of tab-separated words: body and cut,
// nanoseconds.
#include <droplit/draft_parser.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

std::string file(const std::string& name) {
  std::ifstream in(DROPLIT_BENCHMARK_DATA "/" + name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty()) {
    std::fprintf(stderr, "no %s in " DROPLIT_BENCHMARK_DATA "\n", name.c_str());
    std::exit(1);
  }
  return text;
}

void read(std::string_view body, std::size_t piece) {
  droplit::DraftParser parser;
  for (; body.size() > piece; body.remove_prefix(piece)) parser.write(body.substr(0, piece));
  if (!parser.finish(body).has_value()) std::exit(1);
}

double nanoseconds(std::string_view body, std::size_t piece) {
  const std::size_t times = 1 + 2'000'000 / body.size();
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i != times; ++i) read(body, piece);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
         static_cast<double>(times);
}

std::string long_text(std::string_view part) {
  std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","description":")";
  while (body.size() < 1'040'000) body += part;
  return body + "\"}";
}

}  // namespace

int main() {
  const std::string w1 = file("W1.json");
  const std::string w6 = file("W6.json");
  const std::string_view member = "\"description\":\"";
  const std::size_t from = w6.find(member) + member.size();
  const std::string escapes = w6.substr(from, w6.rfind('"') - from);
  struct Row {
    const char* body;
    const char* cut;
    std::string bytes;
    std::size_t piece;
  };
  const std::array<Row, 5> rows{{
      {"W1", "in two halves", w1, (w1.size() + 1) / 2},
      {"W1", "in single bytes", w1, 1},
      {"1 MiB of ASCII text", "in pieces of 4 KiB", long_text("A wall panel by the lift, in the lobby. "), 4'096},
      {"1 MiB of unknown members", "in pieces of 4 KiB", file("W7.json"), 4'096},
      {"1 MiB of escapes and UTF-8", "in pieces of 4 KiB", long_text(escapes), 4'096},
  }};
  for (int round = 0; round != 11; ++round) {
    for (const Row& row : rows) {
      std::printf("%s\t%.1f\n", row.body, nanoseconds(row.bytes, row.bytes.size()));
      std::printf("%s %s\t%.1f\n", row.body, row.cut, nanoseconds(row.bytes, row.piece));
    }
  }
}
