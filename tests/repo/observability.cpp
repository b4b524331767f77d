// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The tables of docs/observability.md are what the observers write.
#include <droplit/observe/json_lines.hpp>
#include <droplit/observe/prometheus.hpp>

#include "support/catch.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;

using Row = std::vector<std::string>;

/// The rows of the table whose first column has this title, without those above them.
std::vector<Row> table(const std::string& title) {
  std::ifstream page(fs::path(DROPLIT_TEST_DATA) / "../../docs/observability.md");
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| " + title + " |")) inside = true;
    if (!line.starts_with("|")) inside = false;
    if (!inside) continue;
    Row row;
    for (std::size_t at = 1; at < line.size();) {
      const std::size_t end = std::min(line.find(" |", at), line.size());
      row.push_back(line.substr(std::min(at + 1, end), end - std::min(at + 1, end)));
      at = end + 2;
    }
    rows.push_back(row);
  }
  REQUIRE(rows.size() > 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

std::string in_code(std::string_view text) { return "`" + std::string(text) + "`"; }

}  // namespace

TEST_CASE("the table of metrics is the page of metrics") {
  droplit::PrometheusOptions options;
  options.lost_lines = [] { return 0U; };
  options.store = [] {
    droplit::StoreStats stats;
    stats.group_commits.emplace();
    return stats;
  };
  droplit::Prometheus metrics(options);
  droplit::RequestFinished request;
  metrics.began(request);
  metrics.finished(request);
  const std::string page = metrics.text();

  // Name, type, labels and sentence of each family.
  std::vector<Row> families;
  for (std::size_t at = 0; at != page.size();) {
    const std::size_t end = page.find('\n', at);
    const std::string line = page.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("# HELP ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      families.push_back(Row{in_code(name), std::string(), std::string(), line.substr(8 + name.size())});
    } else if (line.starts_with("# TYPE ")) {
      families.back()[1] = line.substr(line.rfind(' ') + 1);
    } else {
      std::string labels;
      for (auto label = line.find_first_of("{,"); label != std::string::npos; label = line.find(',', label + 1)) {
        const std::string name = line.substr(label + 1, line.find('=', label) - label - 1);
        if (name != "le") labels += (labels.empty() ? "" : ", ") + in_code(name);
      }
      if (!labels.empty()) families.back()[2] = labels;
    }
  }
  REQUIRE(families.size() > 10);
  std::string expected;
  for (const Row& each : families) {
    expected +=
        "| " + each[0] + " | " + each[1] + " | " + each[2] + (each[2].empty() ? "" : " ") + "| " + each[3] + " |\n";
  }
  INFO(expected);
  CHECK(table("metric") == families);
}

TEST_CASE("the table of members has every member of every line, and no other") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const droplit::LineLog log(ends[1], {.format = droplit::LogFormat::json, .max_queued = 3});
  const droplit::JsonLines lines(log);
  std::map<std::string, std::set<std::string>> events;  // of each member
  const auto take = [&] {
    std::string line;
    for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
    const auto object = boost::json::parse(line).as_object();
    for (const auto& member : object) events[in_code(member.key())].insert(object.at("event").as_string().c_str());
  };
  const droplit::Fault fault(droplit::FaultSource::storage, droplit::Fate::not_applied, "disk");
  droplit::RequestFinished request;
  request.request_id = "r";
  request.traceparent = "t";
  request.attempt = 1;
  request.code = droplit::ApiErrc::unauthorized;
  request.fault = &fault;
  lines.finished(request);
  take();
  take();
  log.line("a message");
  take();
  // More than the pipe takes, so that lines are lost.
  for (int i = 0; i != 10'000; ++i) lines.finished(request);
  REQUIRE(log.lost() > 0);
  while (!events.contains("`lines`")) {
    take();
    log.line("a message");
  }
  std::map<std::string, std::set<std::string>> documented;
  for (const Row& row : table("member")) {
    auto& in = documented[row.at(0)];
    for (const std::string event : {"request", "fault", "message", "lost"}) {
      if (row.at(1) == "all" || row.at(1).find(in_code(event)) != std::string::npos) in.insert(event);
    }
  }
  CHECK(documented == events);
}
