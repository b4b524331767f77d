// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What docs/embedding.md says of other servers. The programs embed_*.cpp send requests to themselves; here they also
// get the cases of the contract. tests/data/embedding lists where their responses differ from ours.
#include <droplit/server/beast.hpp>

#include "embed/requests.hpp"
#include "embed/service.hpp"
#include "support/catch.hpp"
#include "support/contract_cases.hpp"
#include "support/program.hpp"
#include "support/server_process.hpp"
#include "support/socket.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

struct Program {
  std::string name;
  std::string section;         // of the page
  bool serves_options = true;  // an Exchange does not
  // Pistache 0.0.5 never responds if it reads the CR and the LF after a chunk one by one: a body has one chunk there.
  std::size_t chunk_size = 1000;
};

constexpr std::size_t whole = 2'000'000;  // more than any body has

const std::vector<Program> programs{
    {"embed_httplib", "### cpp-httplib"},
    {"embed_microhttpd", "### libmicrohttpd"},
    {"embed_pistache", "### Pistache as it is", true, whole},
    {"embed_pistache_strict", "### Pistache with steps of your own", true, whole},
    {"embed_coroutine", "### The coroutine's parser", false},
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Compares with a file of tests/data/embedding, and prints what should be in it.
void check_file(const Program& program, const std::string& kind, const std::string& text) {
  const std::string name = program.name + kind;
  const bool same = text == read_file(std::string(DROPLIT_TEST_DATA) + "/embedding/" + name);
  if (!same) std::cout << name << " should be:\n" << text;
  CHECK(same);
}

// Where OPTIONS is not served, `allow` does not list it.
std::string without_options(std::string text) {
  const std::size_t at = text.find("OPTIONS, ");
  return at == std::string::npos ? text : text.erase(at, 9);
}

// What a program printed: the line of each request, and of each fault.
struct Printed {
  std::map<std::string, std::string> responses;
  std::vector<std::string> faults;
};

Printed take_apart(const std::string& text) {
  Printed printed;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("fault ")) {
      printed.faults.push_back(line);
    } else {
      printed.responses[line.substr(0, line.find(": "))] = line;
    }
  }
  return printed;
}

// What the requests get from a BeastServer.
Printed contract_responses() {
  embed::Service service;
  droplit::BeastServer server(service.endpoint);
  std::thread thread([&] { server.run(); });
  std::ostringstream out;
  std::streambuf* const before = std::cout.rdbuf(out.rdbuf());
  embed::send_all(server.port());
  std::cout.rdbuf(before);
  server.stop();
  thread.join();
  return take_apart(out.str());
}

// What `function` returns for each program. They run at once, because some servers wait for a time limit.
template <class Function>
auto at_once(const Function& function) {
  using Result = decltype(function(programs.front()));
  std::vector<std::future<Result>> running;
  for (const Program& program : programs)
    running.push_back(std::async(std::launch::async, function, std::cref(program)));
  std::vector<Result> results;
  for (auto& each : running) results.push_back(each.get());
  return results;
}

// A server may always close; it differs if it does not where the contract does.
bool is_same(const std::string& contract, std::string response) {
  if (contract.find(" close") == std::string::npos) {
    const std::size_t close = response.find(" close");
    if (close != std::string::npos) response.erase(close, 6);
  }
  return contract == response;
}

// The bytes of a request; with a size, in chunks, or nothing if the case announces a length.
std::string wire(const contract::Case& one, std::size_t chunk_size) {
  std::string lines;
  bool announces = false;
  for (const auto& [name, value] : one.fields) {
    lines.append(name).append(": ").append(value).append("\r\n");
    announces = announces || name == "content-length";
  }
  const std::string start = one.method + " " + one.target;
  if (chunk_size != 0) {
    if (announces) return "";
    return embed::head(start, lines + "transfer-encoding: chunked\r\n") + embed::chunked(one.body, chunk_size);
  }
  return embed::head(start, announces ? lines : lines + embed::length_of(one.body)) + one.body;
}

// The status, and what of the response is not as the contract has it; empty if nothing.
std::string difference(const contract::Case& one, std::optional<test::WireResponse> received, bool serves_options) {
  if (!received) return "no response";
  droplit::Response& got = received->response;
  for (std::size_t at = 0; (at = got.body.find(R"("id":")", at)) != std::string::npos; at += 6) {
    got.body.replace(at + 6, 24, "594b89aea18568c408c3ad25");  // the programs' ids are random
  }
  const std::string status = std::to_string(got.status);
  if (got.status != one.status) return status;
  if (one.method != "HEAD" && got.body != one.answer_body) return status + " with another body";
  if (got.fields.get("content-type") != one.answer_type) return status + " with another content type";
  for (const auto& [name, value] : one.answer_fields) {
    if (got.fields.get(name) != (serves_options ? value : without_options(value)))
      return status + " with another " + name;
  }
  return one.closes && !got.close ? status + " without a close" : "";
}

// The names in the last column of the tables of a section of the page.
std::set<std::string> shown_by(const std::string& section) {
  std::istringstream page(read_file(std::string(DROPLIT_TEST_DATA) + "/../../docs/embedding.md"));
  std::set<std::string> names;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) inside = line.starts_with(section);
    if (!inside || !line.starts_with("| ")) continue;
    const std::string cell = line.substr(line.rfind('|', line.size() - 2));
    for (std::size_t at = 0; (at = cell.find('`', at)) != std::string::npos;) {
      const std::size_t end = cell.find('`', at + 1);
      names.insert(cell.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  }
  return names;
}

// Sends the cases to a program. Each sentence's differences, and how many requests have them, in the sentences' order.
std::string cases_of(const Program& program, const std::vector<contract::Case>& cases) {
  test::ServerProcess process({test::program_paths().at(program.name), "serve"}, "/dev/null");
  const std::string url = process.url(std::chrono::seconds(30)).value();
  const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  std::vector<std::string> sentences;
  std::map<std::string, std::vector<std::future<std::string>>> differences;
  for (const contract::Case& one : cases) {
    if (one.only_direct || (one.method == "OPTIONS" && !program.serves_options)) continue;
    const std::size_t line = one.where.find(':');
    const std::size_t end = one.where.ends_with(')') ? one.where.rfind(" (") : std::string::npos;
    const std::string sentence = one.where.substr(0, line) +
                                 one.where.substr(one.where.find(':', line + 1), end - one.where.find(':', line + 1));
    auto& of_sentence = differences[sentence];
    if (of_sentence.empty()) sentences.push_back(sentence);
    for (const std::size_t chunk_size : {std::size_t{0}, program.chunk_size}) {
      std::string bytes = wire(one, chunk_size);
      if (bytes.empty()) continue;
      of_sentence.push_back(std::async(std::launch::async, [&one, &program, port, bytes = std::move(bytes)] {
        test::RawSocket socket(port, "127.0.0.1", std::chrono::seconds(30));
        socket.send(bytes);
        return difference(one, socket.receive(one.method == "HEAD"), program.serves_options);
      }));
      of_sentence.back().wait_for(embed::patience);
    }
  }
  std::string text;
  for (const std::string& sentence : sentences) {
    std::map<std::string, int> counts;
    for (std::future<std::string>& difference : differences[sentence]) ++counts[difference.get()];
    counts.erase("");  // no difference
    for (const auto& [what, count] : counts) text += sentence + ": " + std::to_string(count) + " get " + what + "\n";
  }
  if (sentences.size() <= 50) text += "too few sentences\n";
  if (process.end(SIGTERM).by_itself) text += "the program ended by itself\n";
  return text;
}

}  // namespace

TEST_CASE("ctest passes the programs that are run here, and no others") {
  std::set<std::string> names;
  for (const Program& program : programs) names.insert(program.name);
  std::set<std::string> passed;
  for (const auto& [name, path] : test::program_paths()) passed.insert(name);
  CHECK(passed == names);
}

TEST_CASE(
    "each program prints the contract's response to its requests, but for those that its file and its section list") {
  const Printed contract = contract_responses();
  REQUIRE(contract.responses.size() == embed::calls().size());
  REQUIRE(contract.faults.size() == 2);
  const auto results = at_once([](const Program& program) { return test::run_program(program.name); });
  for (std::size_t i = 0; i != programs.size(); ++i) {
    const Program& program = programs[i];
    INFO(program.name << " printed:\n" << results[i].output);
    CHECK(results[i].status == 0);
    const Printed printed = take_apart(results[i].output);
    std::string different;
    std::set<std::string> names;
    for (const embed::Call& call : embed::calls()) {
      const auto found = printed.responses.find(call.name);
      REQUIRE(found != printed.responses.end());
      std::string expected = contract.responses.at(call.name);
      if (!program.serves_options && call.name == "OPTIONS") expected = "OPTIONS: 405 allow=POST";
      if (!program.serves_options) expected = without_options(expected);
      if (is_same(expected, found->second)) continue;
      different += found->second + "\n";
      names.insert(call.name);
    }
    check_file(program, ".txt", different);
    CHECK(names == shown_by(program.section));
    CHECK(printed.faults == contract.faults);
  }
}

TEST_CASE("each program gives the contract's response to its cases, but for those that its file lists") {
  const auto cases = contract::read_cases();
  const auto texts = at_once([&cases](const Program& program) { return cases_of(program, cases); });
  for (std::size_t i = 0; i != programs.size(); ++i) check_file(programs[i], ".cases.txt", texts[i]);
}
