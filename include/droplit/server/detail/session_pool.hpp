// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Most connections of a server wait for a request. What a connection needs only for requests, its `HttpSession` and its
// buffer, is therefore lent to it from the first byte of a request to the end of the response. `BeastServer` has one
// `SessionPool`, which keeps some of what was returned, so that a busy connection allocates nothing.

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/observer.hpp>
#include <droplit/response.hpp>
#include <droplit/server/detail/http_response.hpp>
#include <droplit/server/detail/http_session.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/read_pacing.hpp>
#include <droplit/server/detail/request_record.hpp>
#include <droplit/server/server_options.hpp>

#include <boost/beast/core/flat_buffer.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// What serves the requests of one connection.
template <ServedHandler H, class Clock, Observer O>
struct ActiveSession {
  static constexpr std::size_t first_read_size = 4'096;  ///< the most that is read at first; nearly every request
  static constexpr std::size_t read_size = 16'384;       ///< the most that is read at once

  ActiveSession(H& handler, const ServerOptions& options, bool suspends, MemoryShare memory, O& observer)
      : session(handler, options.max_head, suspends, std::move(memory), observer, options.request_ids),
        buffer(std::size_t{options.max_head} + read_size) {}

  /// What has arrived and was not used yet.
  [[nodiscard]] std::string_view unread() const noexcept {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
  }

  HttpSession<H, O> session;
  boost::beast::flat_buffer buffer;
  ReadPacing pacing;
  typename Clock::time_point body_start;
};

/// Lends sessions. Every function can be called from any thread.
template <ServedHandler H, class Clock, Observer O>
class SessionPool {
 public:
  using Active = ActiveSession<H, Clock, O>;

  /// `suspends`: handlers may block, and are not completed by the session itself.
  SessionPool(H& handler, const ServerOptions& options, bool suspends, MemoryBudget& budget, O& observer)
      : handler_(handler),
        options_(options),
        suspends_(suspends),
        budget_(budget),
        observer_(observer),
        max_kept_(static_cast<std::size_t>(
            (std::clamp)(budget.limit() / 16 / own_memory(), std::uint64_t{1}, std::uint64_t{64}))) {
    kept_.reserve(max_kept_);
  }

  /// A session for one connection, of whose next request so many empty lines have arrived. Its responses are the last
  /// ones once `last` is true. Null if there is no memory.
  [[nodiscard]] std::unique_ptr<Active> lend(const std::atomic<bool>& last, int empty_lines) {
    auto active = take();
    if (!active) {
      MemoryShare memory(budget_);
      if (!memory.take_own(own_memory())) return nullptr;
      active = std::make_unique<Active>(handler_, options_, suspends_, std::move(memory), observer_);
    }
    active->session.serve_until(last);
    active->session.empty_lines() = empty_lines;
    return active;
  }

  /// The response to a request for which there is no memory: all that is sent, the last one of its connection.
  [[nodiscard]] std::string refusal() {
    RequestRecord<O> record(observer_, options_.request_ids);
    Response response;
    write_response(response, Fault::unavailable(FaultSource::library, "no memory for a request"));
    record.respond(response, 0);
    std::string text;
    write_http(text, response, true, false, true);
    record.finish(response, text.size());
    return text;
  }

  /// Takes one back of which everything that was read is used, no part of a request. Returns how many empty lines it
  /// has read.
  int take_back(std::unique_ptr<Active> active) noexcept {
    const int empty_lines = active->session.empty_lines();
    if (active->buffer.capacity() > Active::first_read_size)
      active->buffer = boost::beast::flat_buffer(active->buffer.max_size());
    active->pacing = {};
    const std::lock_guard lock(mutex_);
    if (kept_.size() != max_kept_) kept_.push_back(std::move(active));
    return empty_lines;
  }

  /// Frees what is kept.
  void clear() noexcept {
    while (take()) {
    }
  }

 private:
  // Of a session without a long request. Twice `max_head`, since a buffer that grows exists twice.
  [[nodiscard]] std::uint64_t own_memory() const noexcept {
    return Active::read_size + 4'096 + 2 * std::uint64_t{options_.max_head} + HttpSession<H, O>::own_memory;
  }

  std::unique_ptr<Active> take() noexcept {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) return nullptr;
    auto active = std::move(kept_.back());
    kept_.pop_back();
    return active;
  }

  H& handler_;
  const ServerOptions& options_;
  const bool suspends_;
  MemoryBudget& budget_;
  O& observer_;
  const std::size_t max_kept_;  // little of all memory
  std::mutex mutex_;
  std::vector<std::unique_ptr<Active>> kept_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
