// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/observe/detail/exposition.hpp>
#include <droplit/observe/detail/request_counts.hpp>

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/observer.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>
#include <droplit/store_stats.hpp>
#include <droplit/version.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// What a `Prometheus` shows besides what it observes. The functions are called for each page, by its thread.
struct PrometheusOptions {
  /// Before `_` and the name of each metric. An observer of the SDK beside one of a server needs another.
  std::string prefix = "droplit";
  std::function<std::uint64_t()> lost_lines{};         ///< such as `LineLog::lost`
  std::function<std::optional<StoreStats>()> store{};  ///< such as `SqliteStorage::stats`; nothing until it is open
};

/// An observer that counts, and shows its counts as a page in Prometheus' text format. docs/observability.md lists the
/// metrics.
///
///     Prometheus metrics;
///     BeastServer server(endpoint, {}, metrics);
///
/// Thread-safe; a request takes some atomic additions, no lock and no allocation. Routes beyond 31, and those of more
/// than 120 characters, are counted as `other`.
class Prometheus : public NoObserver {
 public:
  /// The media type of the page.
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Begins to count at 0.
  explicit Prometheus(PrometheusOptions options = {}) : options_(std::move(options)) {}

  /// Counts a request that is in progress.
  void began(const RequestBegan&) noexcept { began_.fetch_add(1, std::memory_order_relaxed); }

  /// Counts a request that has ended.
  void finished(const RequestFinished& request) noexcept {
    const std::size_t route = routes_.find_or_add(request.route);
    requests_.add({route, method_number(request.method), request.status, request.code});
    durations_[route].add(request.nanoseconds);
    received_.fetch_add(request.bytes_received, std::memory_order_relaxed);
    sent_.fetch_add(request.bytes_sent, std::memory_order_relaxed);
    if (request.fault != nullptr) fault(*request.fault);
    finished_.fetch_add(1, std::memory_order_release);
  }

  /// Counts a fault.
  void fault(const Fault& fault) noexcept {
    auto& of_source = faults_[(std::min)(static_cast<std::size_t>(fault.source()), faults_.size() - 1)];
    of_source[(std::min)(static_cast<std::size_t>(fault.fate()), of_source.size() - 1)].fetch_add(
        1, std::memory_order_relaxed);
  }

  void connection_opened() noexcept { opened_.fetch_add(1, std::memory_order_relaxed); }  ///< counts a connection
  void connection_closed() noexcept { closed_.fetch_add(1, std::memory_order_release); }  ///< counts its end

  /// The page.
  [[nodiscard]] std::string text() const {
    detail::Exposition page(options_.prefix);
    page.family("build_info", "gauge", "Always 1; the label is the version of the library.");
    page.sample({{"version", version()}}, 1);
    show_requests(page);
    show_faults(page);
    // The end of each before its beginning, so that no difference is negative.
    const std::uint64_t closed = closed_.load(std::memory_order_acquire);
    const std::uint64_t opened = opened_.load(std::memory_order_relaxed);
    page.single("connections", "gauge", "Connections that are open.", opened - closed);
    page.single("connections_accepted_total", "counter", "Connections that were accepted.", opened);
    if (options_.lost_lines) {
      page.single("log_lines_lost_total", "counter", "Lines of the log that were not written.", options_.lost_lines());
    }
    if (options_.store) show_store(page, options_.store());
    return std::move(page).text();
  }

 private:
  using Counter = std::atomic<std::uint64_t>;

  static std::string version() {
    return std::to_string(DROPLIT_VERSION / 10000) + "." + std::to_string(DROPLIT_VERSION / 100 % 100) + "." +
           std::to_string(DROPLIT_VERSION % 100);
  }

  static std::size_t method_number(std::string_view method) noexcept {
    const auto& all = detail::counted_methods;
    const auto* const found = std::find(all.begin(), all.end() - 1, method);
    return static_cast<std::size_t>(found - all.begin());
  }

  void show_requests(detail::Exposition& page) const {
    const std::uint64_t finished = finished_.load(std::memory_order_acquire);
    const std::uint64_t began = began_.load(std::memory_order_relaxed);
    page.single("requests_in_progress", "gauge", "Requests that have begun and not ended.", began - finished);
    page.family("requests_total", "counter", "Requests that have ended.");
    requests_.for_each([&](const detail::RequestLabels& labels, std::uint64_t count) {
      const std::string status = labels.status == 0 ? "none" : std::to_string(labels.status);
      page.sample({{"route", routes_.name(labels.route)},
                   {"method", detail::counted_methods[labels.method]},
                   {"status", status},
                   {"code", labels.code ? row(*labels.code).name : std::string_view()}},
                  count);
    });
    if (const std::uint64_t others = requests_.others(); others != 0) {
      page.sample({{"route", "other"}, {"method", "other"}, {"status", "other"}, {"code", "other"}}, others);
    }
    page.family("request_duration_seconds", "histogram", "How long requests took.");
    for (std::size_t route = 0; route != routes_.count(); ++route) show_durations(page, route);
    page.single("received_bytes_total", "counter", "Bytes that were received.",
                received_.load(std::memory_order_relaxed));
    page.single("sent_bytes_total", "counter", "Bytes that were sent.", sent_.load(std::memory_order_relaxed));
  }

  void show_durations(detail::Exposition& page, std::size_t route) const {
    using detail::DurationHistogram;
    const DurationHistogram& durations = durations_[route];
    const std::string_view name = routes_.name(route);
    const std::uint64_t sum = durations.sum();
    if (route == 0 && durations.is_empty()) return;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i != DurationHistogram::bounds.size(); ++i) {
      all += durations.count(i);
      page.sample({{"route", name}, {"le", DurationHistogram::bounds[i].text}}, all, "_bucket");
    }
    all += durations.count(DurationHistogram::bounds.size());
    page.sample({{"route", name}, {"le", "+Inf"}}, all, "_bucket");
    page.seconds({{"route", name}}, sum, "_sum");
    page.sample({{"route", name}}, all, "_count");
  }

  void show_faults(detail::Exposition& page) const {
    page.family("faults_total", "counter", "Failures, by the part that failed and what became of the request.");
    for (std::size_t source = 0; source != faults_.size(); ++source) {
      for (std::size_t fate = 0; fate != faults_[source].size(); ++fate) {
        page.sample(
            {{"source", to_string(static_cast<FaultSource>(source))}, {"fate", to_string(static_cast<Fate>(fate))}},
            faults_[source][fate].load(std::memory_order_relaxed));
      }
    }
  }

  static void show_store(detail::Exposition& page, const std::optional<StoreStats>& stats) {
    if (!stats) return;
    page.single("store_waits_total", "counter", "Operations of the store that waited for a connection of it.",
                stats->waits);
    page.family("store_wait_seconds_total", "counter", "How long operations of the store waited for a connection.");
    page.seconds({}, stats->wait_nanoseconds);
    page.single("store_wait_timeouts_total", "counter", "Operations of the store that waited in vain.",
                stats->wait_timeouts);
    if (!stats->group_commits) return;
    page.family("store_commit_inserts", "histogram", "Inserts that shared a commit.");
    std::uint64_t all = 0;
    for (std::size_t i = 0; i != GroupCommitStats::bounds.size(); ++i) {
      all += stats->group_commits->groups[i];
      page.sample({{"le", std::to_string(GroupCommitStats::bounds[i])}}, all, "_bucket");
    }
    all += stats->group_commits->groups.back();
    page.sample({{"le", "+Inf"}}, all, "_bucket");
    page.sample({}, stats->group_commits->inserts, "_sum");
    page.sample({}, all, "_count");
  }

  PrometheusOptions options_;
  detail::RouteNumbers routes_;
  detail::RequestCounts requests_;
  std::array<detail::DurationHistogram, detail::RouteNumbers::most> durations_;
  std::array<std::array<Counter, 3>, 7> faults_{};  // by source and fate
  Counter received_ = 0;
  Counter sent_ = 0;
  Counter began_ = 0;
  Counter finished_ = 0;
  Counter opened_ = 0;
  Counter closed_ = 0;
};

static_assert(Observer<Prometheus>);

/// The handler of `GET /metrics`, to be served where only operators can connect.
///
///     MetricsResource page(metrics);
///     BeastServer operators(page, {.host = "127.0.0.1", .port = 9464});
///
/// Holds a reference to the counts, which must outlive it. Thread-safe.
class MetricsResource {
 public:
  static constexpr Route route{"GET", "/metrics"};  ///< GET of its path

  /// Shows these counts.
  explicit MetricsResource(const Prometheus& metrics) noexcept : metrics_(metrics) {}

  /// The page of this moment.
  [[nodiscard]] Response handle(const Request&) const {
    Response response;
    write_response(response, 200, Prometheus::content_type, metrics_.text());
    return response;
  }

 private:
  const Prometheus& metrics_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
