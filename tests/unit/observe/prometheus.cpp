// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/observe/prometheus.hpp>

#include <droplit/router.hpp>

#include "support/catch.hpp"
#include "support/thread_allocations.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

std::size_t count_of(const std::string& page, std::string_view text) {
  std::size_t count = 0;
  for (auto at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++count;
  return count;
}

/// The sum of the samples that begin so.
std::uint64_t sum_of(const std::string& page, const std::string& begin) {
  std::uint64_t sum = 0;
  for (auto at = page.find("\n" + begin); at != std::string::npos; at = page.find("\n" + begin, at + 1)) {
    const auto end = page.find('\n', at + 1);
    sum += std::stoull(page.substr(page.rfind(' ', end) + 1));
  }
  return sum;
}

droplit::RequestFinished request_of(std::string_view route, int status, std::optional<droplit::ApiErrc> code = {}) {
  droplit::RequestFinished request;
  request.route = route;
  request.method = "POST";
  request.status = status;
  request.code = code;
  request.nanoseconds = 2'000'000;
  request.bytes_received = 100;
  request.bytes_sent = 50;
  return request;
}

void observe(droplit::Prometheus& metrics, const droplit::RequestFinished& request) {
  metrics.began(request);
  metrics.finished(request);
}

droplit::PrometheusOptions all_options() {
  droplit::PrometheusOptions options;
  options.lost_lines = [] { return std::uint64_t{3}; };
  options.store = [] {
    droplit::StoreStats stats;
    stats.group_commits.emplace();
    for (const std::size_t size : {1U, 1U, 2U, 3U, 64U, 65U, 1000U}) stats.group_commits->add(size);
    stats.waits = 4;
    stats.wait_nanoseconds = 5'000'000'001;
    stats.wait_timeouts = 6;
    return stats;
  };
  return options;
}

/// What promtool prints about a page; nothing if it accepts it.
std::string promtool(const std::string& page) {
  const fs::path file = fs::temp_directory_path() / ("droplit_metrics_" + std::to_string(::getpid()));
  std::ofstream(file) << page;
  std::FILE* const pipe = ::popen(("promtool check metrics <" + file.string() + " 2>&1; echo $?").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  ::pclose(pipe);
  fs::remove(file);
  return said == "0\n" ? "" : said;
}

}  // namespace

TEST_CASE("requests are counted by route, method, status and code") {
  droplit::Prometheus metrics;
  observe(metrics, request_of("/api/clients", 201));
  observe(metrics, request_of("/api/clients", 201));
  observe(metrics, request_of("/api/clients", 400, droplit::ApiErrc::client_type_missing));
  observe(metrics, request_of("none", 404, droplit::ApiErrc::not_found));
  observe(metrics, request_of("/api/clients", 0));
  metrics.began({});
  const std::string page = metrics.text();
  CHECK(has_line(page, R"(droplit_requests_total{route="/api/clients",method="POST",status="201",code=""} 2)"));
  CHECK(has_line(
      page, R"(droplit_requests_total{route="/api/clients",method="POST",status="400",code="Client Type Missing"} 1)"));
  CHECK(has_line(page, R"(droplit_requests_total{route="none",method="POST",status="404",code="Not Found"} 1)"));
  CHECK(has_line(page, R"(droplit_requests_total{route="/api/clients",method="POST",status="none",code=""} 1)"));
  CHECK(has_line(page, "droplit_requests_in_progress 1"));
  CHECK(has_line(page, "droplit_received_bytes_total 500"));
  CHECK(has_line(page, "droplit_sent_bytes_total 250"));
}

TEST_CASE("every code has a name of its own among the metrics") {
  droplit::Prometheus metrics;
  for (const droplit::ApiErrcRow& row : droplit::api_errc_table) {
    observe(metrics, request_of("/api/clients", row.status, row.code));
  }
  const std::string page = metrics.text();
  for (const droplit::ApiErrcRow& row : droplit::api_errc_table) {
    INFO(row.name);
    CHECK(has_line(page, "droplit_requests_total{route=\"/api/clients\",method=\"POST\",status=\"" +
                             std::to_string(row.status) + "\",code=\"" + std::string(row.name) + "\"} 1"));
  }
}

TEST_CASE("durations are in the bucket of the least bound that they do not exceed") {
  droplit::Prometheus metrics;
  std::uint64_t sum = 0;
  for (const std::int64_t time : {0L, 100'000L, 100'001L, 1'000'000L, 10'000'000'000L, 10'000'000'001L}) {
    auto request = request_of("/api/clients", 201);
    request.nanoseconds = time;
    sum += static_cast<std::uint64_t>(time);
    observe(metrics, request);
  }
  const std::string page = metrics.text();
  const std::string name = "droplit_request_duration_seconds";
  const auto bucket = [&](const std::string& bound, int count) {
    return has_line(page, name + "_bucket{route=\"/api/clients\",le=\"" + bound + "\"} " + std::to_string(count));
  };
  CHECK(bucket("0.0001", 2));
  CHECK(bucket("0.00025", 3));
  CHECK(bucket("0.0005", 3));
  CHECK(bucket("0.001", 4));
  CHECK(bucket("2.5", 4));
  CHECK(bucket("10", 5));
  CHECK(bucket("+Inf", 6));
  CHECK(has_line(page, name + "_count{route=\"/api/clients\"} 6"));
  CHECK(sum == 20'001'200'002);
  CHECK(has_line(page, name + "_sum{route=\"/api/clients\"} 20.001200002"));
}

TEST_CASE("faults are counted by source and fate, those of requests too") {
  droplit::Prometheus metrics;
  const droplit::Fault disk(droplit::FaultSource::storage, droplit::Fate::maybe_applied, "canary");
  metrics.fault(disk);
  auto request = request_of("/api/clients", 500);
  request.fault = &disk;
  observe(metrics, request);
  metrics.fault(droplit::Fault::unavailable(droplit::FaultSource::library, "canary"));
  const std::string page = metrics.text();
  CHECK(has_line(page, R"(droplit_faults_total{source="storage",fate="maybe applied"} 2)"));
  CHECK(has_line(page, R"(droplit_faults_total{source="library",fate="not applied"} 1)"));
  CHECK(has_line(page, R"(droplit_faults_total{source="transport",fate="not sent"} 0)"));
  CHECK(sum_of(page, "droplit_faults_total{") == 3);
  CHECK(page.find("canary") == std::string::npos);
}

TEST_CASE("connections are counted, and those that are open") {
  droplit::Prometheus metrics;
  for (int i = 0; i != 5; ++i) metrics.connection_opened();
  for (int i = 0; i != 3; ++i) metrics.connection_closed();
  CHECK(has_line(metrics.text(), "droplit_connections 2"));
  CHECK(has_line(metrics.text(), "droplit_connections_accepted_total 5"));
}

TEST_CASE("lost lines and the counts of a store are shown if they are given") {
  const droplit::Prometheus plain;
  CHECK(plain.text().find("lost") == std::string::npos);
  CHECK(plain.text().find("store_") == std::string::npos);

  const droplit::Prometheus metrics(all_options());
  const std::string page = metrics.text();
  CHECK(has_line(page, "droplit_log_lines_lost_total 3"));
  CHECK(has_line(page, "droplit_store_waits_total 4"));
  CHECK(has_line(page, "droplit_store_wait_seconds_total 5.000000001"));
  CHECK(has_line(page, "droplit_store_wait_timeouts_total 6"));
  CHECK(has_line(page, R"(droplit_store_commit_inserts_bucket{le="1"} 2)"));
  CHECK(has_line(page, R"(droplit_store_commit_inserts_bucket{le="2"} 3)"));
  CHECK(has_line(page, R"(droplit_store_commit_inserts_bucket{le="4"} 4)"));
  CHECK(has_line(page, R"(droplit_store_commit_inserts_bucket{le="64"} 5)"));
  CHECK(has_line(page, R"(droplit_store_commit_inserts_bucket{le="+Inf"} 7)"));
  CHECK(has_line(page, "droplit_store_commit_inserts_sum 1136"));
  CHECK(has_line(page, "droplit_store_commit_inserts_count 7"));

  droplit::PrometheusOptions not_open;
  not_open.store = [] { return std::optional<droplit::StoreStats>(); };
  CHECK(droplit::Prometheus(not_open).text().find("store_") == std::string::npos);
}

TEST_CASE("promtool accepts every page without a complaint") {
  REQUIRE(promtool("droplit_requests_total{ 1\n").find("text format parsing error") != std::string::npos);
  REQUIRE(promtool("# HELP droplit_requests Requests.\n# TYPE droplit_requests counter\ndroplit_requests 1\n") != "");
  droplit::Prometheus metrics(all_options());
  CHECK(promtool(metrics.text()) == "");
  observe(metrics, request_of("/api/clients", 201));
  observe(metrics, request_of("/a\\b\"c\nd", 404, droplit::ApiErrc::not_found));
  for (const droplit::ApiErrcRow& row : droplit::api_errc_table)
    observe(metrics, request_of("none", row.status, row.code));
  for (int i = 0; i != 1000; ++i) observe(metrics, request_of("/route/" + std::to_string(i), i));
  CHECK(promtool(metrics.text()) == "");
}

TEST_CASE("no caller makes the page grow without a limit, and every request is counted all the same") {
  droplit::Prometheus metrics;
  std::uint64_t all = 0;
  for (int route = 0; route != 100; ++route) {
    for (int status = 0; status != 30; ++status) {
      observe(metrics, request_of("/route/" + std::to_string(route), 100 + status));
      ++all;
    }
  }
  observe(metrics, request_of(std::string(1000, 'r'), 200));
  const std::string page = metrics.text();
  CHECK(sum_of(page, "droplit_requests_total{") == all + 1);
  CHECK(sum_of(page, "droplit_request_duration_seconds_count{") == all + 1);
  CHECK(count_of(page, "droplit_requests_total{") <= 513);
  CHECK(count_of(page, "droplit_request_duration_seconds_count{") == 32);
  CHECK(page.find("rrrr") == std::string::npos);
}

TEST_CASE("threads that count together lose nothing, and a page that is made meanwhile is consistent") {
  droplit::Prometheus metrics;
  constexpr int each = 2000;
  std::atomic<bool> done = false;
  bool consistent = true;
  std::thread reader([&] {
    while (!done) {
      const std::string page = metrics.text();
      // Begun after the ends were counted, perhaps many; but a difference that is negative would be far more.
      if (sum_of(page, "droplit_requests_in_progress") > 4 * each || sum_of(page, "droplit_connections ") > 4 * each) {
        consistent = false;
      }
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i != each; ++i) {
        metrics.connection_opened();
        observe(metrics, request_of("/route/" + std::to_string((i + t) % 20), 200 + i % 10));
        metrics.connection_closed();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  reader.join();
  CHECK(consistent);
  const std::string page = metrics.text();
  CHECK(sum_of(page, "droplit_requests_total{") == 4 * each);
  CHECK(sum_of(page, "droplit_request_duration_seconds_count{") == 4 * each);
  CHECK(count_of(page, "droplit_request_duration_seconds_count{") == 20);  // no route twice
  CHECK(has_line(page, "droplit_requests_in_progress 0"));
  CHECK(has_line(page, "droplit_connections 0"));
}

TEST_CASE("a request allocates nothing once its route has come") {
  droplit::Prometheus metrics;
  const auto request = request_of("/api/clients", 201);
  observe(metrics, request);
  const std::size_t before = test::allocations;
  for (int i = 0; i != 20; ++i) observe(metrics, request);
  CHECK(test::allocations == before);
}

TEST_CASE("the page is served as GET /metrics") {
  droplit::Prometheus metrics;
  const droplit::MetricsResource resource(metrics);
  droplit::Router router(resource);
  const droplit::Response response = router.handle({"GET", "/metrics?x", {}, {}});
  CHECK(response.status == 200);
  CHECK(response.fields.get("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(response.body == metrics.text());
  CHECK(router.handle({"HEAD", "/metrics", {}, {}}).status == 200);
  CHECK(router.handle({"POST", "/metrics", {}, {}}).fields.get("allow") == "GET, HEAD");
  for (const char* target : {"/metrics/", "/v0/metrics", "/"})
    CHECK(router.handle({"GET", target, {}, {}}).status == 404);
}
