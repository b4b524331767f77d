// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// HTTP/1.1 without I/O: the state machine between the bytes of a connection and a handler. It frames requests, passes
// their heads and bodies to the handler's steps, and frames the responses; it decides what ends the connection and
// counts the memory of long requests. `HttpConnection` moves the bytes; the tests feed them directly.
//
//     start --> head --> body --+--> completed --> (response written) --> start
//                  \            |                       |
//                   +--> drain -+-----------------------+--> close

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/handler.hpp>
#include <droplit/http.hpp>
#include <droplit/observer.hpp>
#include <droplit/response.hpp>
#include <droplit/server/detail/body_reader.hpp>
#include <droplit/server/detail/head_check.hpp>
#include <droplit/server/detail/http_response.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/piece_gatherer.hpp>
#include <droplit/server/detail/request_progress.hpp>
#include <droplit/server/detail/request_record.hpp>
#include <droplit/server/detail/session_action.hpp>
#include <droplit/server/detail/session_steps.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The requests of one connection, one after the other. It is fed bytes, returns what it needs next, and leaves output
/// to be written. No response depends on where the bytes were cut. Only the constructor throws.
template <ServedHandler H, Observer O = NoObserver>
class HttpSession {
 public:
  using Action = SessionAction;

  /// Whether the handler calls back when the response is complete.
  static constexpr bool is_async = SessionSteps<H>::is_async;

  /// The bytes of `memory` that a session has for requests; only longer ones need more.
  static constexpr std::uint64_t own_memory = SessionSteps<H>::own_memory;

  /// `suspends`: the handler may block, and is not completed within `advance`. `memory` has `own_memory` already.
  HttpSession(H& handler, std::uint32_t max_head, bool suspends = false, MemoryShare memory = {},
              O& observer = no_observer, bool ids = false)
      : steps_(handler, std::move(memory)), max_head_(max_head), record_(observer, ids), suspends_(suspends) {
    reserve_for_fault(response_, output_);
  }

  ~HttpSession() { record_.end(response_, phase_ == Phase::completed); }

  /// Continues with the bytes that have arrived and were not used yet, at most to the end of one request. `used` is how
  /// many at the front must not be fed again.
  Action advance(std::string_view input, std::size_t& used) noexcept {
    const std::size_t size = input.size();
    const Action action = attempt([&] { return advance_in(input); }, input);
    used = size - input.size();
    return action;
  }

  /// Lets the handler complete the response before this returns, or an async one before it calls `done`. Until then,
  /// only `finish` and `cancel` may be called.
  template <class... Done>
  void complete(Done... done) noexcept {
    phase_ = Phase::completed;
    steps_.complete(response_, std::move(done)...);
  }

  /// Asks an async handler to call `done` soon, because the response cannot be sent any more.
  void cancel() {
    if (is_async && phase_ == Phase::completed) steps_.cancel();
  }

  /// An async handler destroyed `done` without calling it.
  Action abandon() noexcept {
    return attempt([&] {
      fault_and_close(Fault(FaultSource::library, Fate::maybe_applied, "a handler did not complete its response"));
      return deliver();
    });
  }

  /// The peer was too slow with the bytes that were needed.
  Action expire() noexcept { return stop_waiting(ApiErrc::request_timeout); }

  /// The peer will not send any more; all that it had sent was fed.
  Action end() noexcept { return stop_waiting(ApiErrc::bad_request); }

  /// Makes the next response the last once `last` is true, which any thread may do, also while `advance` runs.
  void serve_until(const std::atomic<bool>& last) noexcept { last_ = &last; }

  /// How many empty lines have arrived before this request, also those that another session has read.
  [[nodiscard]] int& empty_lines() noexcept { return received_.empty_lines; }

  /// What must be written; valid until the next call.
  [[nodiscard]] std::string_view output() const noexcept { return output_; }

  /// How many bytes of this request's body have arrived.
  [[nodiscard]] std::uint64_t body_size() const noexcept { return received_.body_size; }

 private:
  using Phase = RequestPhase;

  static constexpr int max_empty_lines = 4;  // before a request line (RFC 9112, 2.2: at least one)

  [[nodiscard]] bool is_last() const noexcept { return last_ != nullptr && last_->load(std::memory_order_relaxed); }

  Action stop_waiting(ApiErrc code) noexcept {
    return attempt([&] { return phase_ == Phase::start ? Action::close : refuse(code); });
  }

  // What `call` returns, or a 500 if there is a request, which may begin in `input`. Only a lack of memory makes it
  // throw, and then it has written nothing of a response.
  template <class Call>
  Action attempt(Call call, const std::string_view& input = {}) noexcept {
    output_.clear();
    try {
      return call();
    } catch (...) {
      if (phase_ == Phase::start && input.find_first_not_of("\r\n") == std::string_view::npos) return Action::close;
      try {
        fault_and_close(caught_fault(FaultSource::library, Fate::maybe_applied));
        return deliver();
      } catch (...) {
        return Action::close;
      }
    }
  }

  Action advance_in(std::string_view& input) {
    switch (phase_) {
      case Phase::start: return start(input);
      case Phase::head: return read_head(input);
      case Phase::completed: return deliver_completed();
      default: return read_body(input);
    }
  }

  Action start(std::string_view& input) {
    if (steps_.has_extra_memory()) {  // of a request whose response was written
      release_memory(response_, output_);
      steps_.release();
    }
    for (; received_.empty_lines < max_empty_lines && input.starts_with("\r\n"); ++received_.empty_lines)
      input.remove_prefix(2);
    if (input.empty()) return is_last() ? Action::close : Action::request;
    if (input == "\r" && received_.empty_lines < max_empty_lines) return Action::head;  // perhaps half of an empty line
    phase_ = Phase::head;
    return read_head(input);
  }

  Action read_head(std::string_view& input) {
    switch (received_.scanner.read(input, max_head_)) {
      case HeadScanner::State::more: return Action::head;
      case HeadScanner::State::refused: return refuse(received_.scanner.refusal());
      default: break;  // complete
    }
    ParsedHead head;
    if (const auto code = HeadParser::read(input.substr(0, received_.scanner.size()), head)) return refuse(*code);
    input.remove_prefix(received_.scanner.size());
    return begin(head, input);
  }

  Action begin(const ParsedHead& head, std::string_view& input) {
    received_.framing = head.framing;
    received_.to_head = head.request.method() == "HEAD";
    body_ = received_.framing.chunked ? BodyReader() : BodyReader(received_.framing.length);
    phase_ = Phase::body;
    record_.begin(steps_.handler(), head.request, received_.scanner.size(), response_);
    if (!afford()) return deliver();
    const bool has_body = received_.framing.chunked || received_.framing.length != 0;
    if (!steps_->head(head.request, head.lines, response_)) {
      if (has_body && (received_.framing.expects_continue || received_.framing.length > steps_->max_body()))
        response_.close = true;
      if (response_.close) return deliver();
      steps_.drop_body();
      phase_ = Phase::drain;
    } else if (has_body && received_.framing.expects_continue && input.empty()) {
      output_ = "HTTP/1.1 100 Continue\r\n\r\n";
      return Action::write;
    }
    return read_body(input);
  }

  Action read_body(std::string_view& input) {
    std::string_view held;  // a piece, until it is known whether it is the last
    for (;;) {
      std::string_view piece;
      const std::size_t before = input.size();
      const auto state = body_.read(input, piece);
      record_.receive(before - input.size());
      if (!piece.empty()) {
        received_.body_size += piece.size();
        if (!held.empty() && !take(held)) return deliver();
        held = piece;
        if (received_.body_size > steps_->max_body()) return outgrown();
      }
      if (state == BodyReader::State::more) {
        if (received_.framing.chunked && body_.announced() > steps_->max_body() - received_.body_size)
          return outgrown();
        return held.empty() || take(held) ? Action::body : deliver();
      }
      if (state == BodyReader::State::bad) return refuse(ApiErrc::bad_request);
      if (state == BodyReader::State::end) return end_body(held);
    }
  }

  // A chunked body that grows past the limit; if the request was refused before, that stays the response.
  Action outgrown() {
    if (phase_ != Phase::drain) return refuse(ApiErrc::content_too_large);
    response_.close = true;
    return deliver();
  }

  // False, and a 503, if what has arrived of the request takes too much memory.
  bool afford() {
    if (steps_.afford_request(received_.scanner.size(), received_.body_size)) return true;
    return fault_and_close(Fault::unavailable(FaultSource::library, "no memory for a long request"));
  }

  // Takes a piece of the body; false if there is a response already.
  bool take(std::string_view piece) {
    if (phase_ == Phase::drain) return true;
    return afford() && pieces_.take(piece, [this](std::string_view data) {
      if (steps_->body(data, response_)) return true;
      response_.close = true;
      return false;
    });
  }

  Action end_body(std::string_view last_piece) {
    if (phase_ == Phase::drain) return deliver();
    if (!pieces_.gathered().empty()) {
      if (!take(last_piece)) return deliver();
      last_piece = pieces_.gathered();
    }
    if (!afford() || !steps_->finish(last_piece, response_)) return deliver();
    if (is_async || suspends_) return Action::complete;
    if constexpr (!is_async) complete();
    return deliver_completed();
  }

  Action deliver_completed() {
    if (response_.status == 0) return Action::close;
    if (!steps_.afford_response(response_)) {
      fault_and_close(Fault(FaultSource::library, Fate::maybe_applied, "no memory for a long response"));
    }
    return deliver();
  }

  bool fault_and_close(const Fault& fault) {
    write_response(response_, fault);
    response_.close = true;
    return false;
  }

  Action refuse(ApiErrc code) {
    write_response(response_, *CodeOnly::make(row(code)));  // whose row closes
    return deliver();
  }

  // Makes output of the response, and gets ready for the next request.
  Action deliver() {
    const bool closes = response_.close || !received_.framing.persistent || is_last();
    record_.respond(response_, received_.scanner.size());
    write_http(output_, response_, closes, received_.framing.http_1_0, !received_.to_head);
    record_.finish(response_, output_.size());
    if (closes) return Action::close;
    pieces_.clear();
    received_ = {};
    phase_ = Phase::start;
    return Action::write;
  }

  SessionSteps<H> steps_;
  std::uint32_t max_head_;
  Response response_;
  std::string output_;
  PieceGatherer pieces_;
  RequestProgress received_;
  BodyReader body_;
  RequestRecord<O> record_;
  Phase phase_ = Phase::start;
  bool suspends_;
  const std::atomic<bool>* last_ = nullptr;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
