// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The handler's side of an `HttpSession`: the steps of its requests, and the memory that they may take, which a long
// request gives back together. Synchronous and async handlers differ here alone.

#include <droplit/detail/config.hpp>
#include <droplit/detail/handler_steps.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/server/detail/memory_budget.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The steps of one connection's requests to `handler`.
template <ServedHandler H>
class SessionSteps {
 public:
  static constexpr bool is_async = AsyncHandler<H>;

  /// The bytes of `memory` that requests have anyway; only longer ones need more.
  static constexpr std::uint64_t own_memory = 16'384;

  SessionSteps(H& handler, MemoryShare memory) : handler_(handler), memory_(std::move(memory)) {
    steps_.emplace(handler);
  }

  [[nodiscard]] const H& handler() const noexcept { return handler_; }

  StepsOf<H>* operator->() noexcept { return &*steps_; }

  /// Whether the memory of a long request was not given back yet.
  [[nodiscard]] bool has_extra_memory() const noexcept { return memory_.has_extra(); }

  /// Counts the memory that a request of these sizes may take, its response included. False if that is too much; then
  /// all is given back.
  bool afford_request(std::uint64_t head, std::uint64_t body) {
    if (afford(8 * head + 5 * body)) return true;
    release();
    return false;
  }

  /// The same for a handler's own response, which may be longer than its request; gives nothing back.
  bool afford_response(const Response& response) noexcept {
    return afford(2 * (response.body.size() + response.fields.lines().size()));
  }

  /// The rest of the request is dropped.
  void drop_body() noexcept { memory_.give_extra_back(); }

  /// Gives back the memory of the request.
  void release() {
    steps_.emplace(handler_);
    memory_.give_extra_back();
  }

  /// Lets the handler complete the response, or an async one begin to. Its status is 0 if there is none.
  template <class... Done>
  void complete(Response& response, Done... done) noexcept {
    response.status = 0;
    try {
      steps_->complete(response, std::move(done)...);
    } catch (...) {  // no memory for the shortest response; or `done` was destroyed, or called and the response is good
      if constexpr (!is_async) response.status = 0;
    }
  }

  /// Asks an async handler that completes to call `done` soon.
  void cancel() {
    if constexpr (is_async && requires { steps_->cancel(); }) steps_->cancel();
  }

 private:
  bool afford(std::uint64_t size) noexcept { return size <= own_memory || memory_.take_extra(size - own_memory); }

  H& handler_;
  MemoryShare memory_;
  std::optional<StepsOf<H>> steps_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
