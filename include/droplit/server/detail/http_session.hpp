// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/endpoint.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/server/detail/chunked.hpp>
#include <droplit/server/detail/head_check.hpp>
#include <droplit/server/detail/http_response.hpp>
#include <droplit/server/detail/memory_budget.hpp>
#include <droplit/server/detail/piece_gatherer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The requests of one connection, one after the other, without I/O: it is fed bytes, says what it waits for, and
/// leaves answers to be written. Where the bytes are cut does not matter to any answer. Throws only while it is made.
template <class E>
class HttpSession {
 public:
  enum class Action : std::uint8_t {
    request,  ///< bytes; nothing of a next request is there
    head,     ///< bytes; a head has begun
    body,     ///< bytes; a body is due
    write,    ///< that `output` is written, then `advance` again
    store,    ///< that `store` is called, on whichever thread, and when it has ended `advance`; only if it `suspends`
    close,    ///< that `output`, which may be empty, is written, then the end
  };

  /// The bytes of `memory` that a session has for requests; only longer ones need more.
  static constexpr std::uint64_t own_memory = 16'384;

  /// `suspends`: the store may wait, and is not asked within `advance`. `memory` has `own_memory` already.
  HttpSession(E& endpoint, std::uint32_t max_head, bool suspends = false, MemoryShare memory = {})
      : endpoint_(endpoint), memory_(std::move(memory)), max_head_(max_head), suspends_(suspends) {
    held_.emplace(endpoint);
    reserve_for_fault(response_, output_);
  }

  /// Goes on with the bytes that arrived and were not yet used: at most to the end of one request. `used` says how many
  /// at the front must not be fed again.
  Action advance(std::string_view input, std::size_t& used) noexcept {
    used = 0;
    output_.clear();
    try {
      if (phase_ == Phase::head && memory_.has_extra()) {  // of a request whose answer was written
        release_memory(response_, output_);
        memory_.give_extra_back();
      }
      if (phase_ == Phase::stored) return response_.status == 0 ? Action::close : deliver();
      return phase_ == Phase::head ? read_head(input, used) : read_body(input, used);
    } catch (...) {
      return fail();
    }
  }

  /// Asks the store, and makes the answer of what it says. Nothing else may be called meanwhile but `finish`.
  void store() noexcept {
    const auto run = [this]() -> Outcome<Client> { return endpoint_.create(*std::exchange(draft_, std::nullopt)); };
    phase_ = Phase::stored;
    response_.status = 0;
    try {
      endpoint_.answer(guarded<Client>(FaultSource::library, Fate::maybe_applied, run), response_);
    } catch (...) {  // no memory for the shortest answer
    }
  }

  /// The peer was too slow with what was wanted, which was neither `write` nor `store`.
  Action expire() noexcept { return stop_waiting(ApiErrc::request_timeout); }

  /// The peer will not send any more; what it had sent was used.
  Action end() noexcept { return stop_waiting(ApiErrc::bad_request); }

  /// Makes the next answer the last. From any thread, also while `advance` runs.
  void finish() noexcept { last_.store(true, std::memory_order_relaxed); }

  /// What must be written; good until the next call.
  [[nodiscard]] std::string_view output() const noexcept { return output_; }

  /// How many bytes of this request's body have arrived.
  [[nodiscard]] std::uint64_t body_size() const noexcept { return body_size_; }

 private:
  enum class Phase : std::uint8_t { head, body, drain, stored };

  struct Held {  // for an Exchange, which cannot be moved
    explicit Held(E& endpoint) : exchange(endpoint.begin()) {}
    decltype(std::declval<E&>().begin()) exchange;
  };

  static constexpr int max_empty_lines = 4;  // before a request line (RFC 9112, 2.2: at least one)

  Action stop_waiting(ApiErrc code) noexcept {
    output_.clear();
    return phase_ == Phase::head && !begun_ ? Action::close : refuse(code);
  }

  Action read_head(std::string_view input, std::size_t& used) {
    while (!begun_ && empty_lines_ < max_empty_lines && input.starts_with("\r\n")) {
      input.remove_prefix(2);
      used += 2;
      ++empty_lines_;
    }
    begun_ = !input.empty();
    if (!begun_) return last_ ? Action::close : Action::request;
    if (input == "\r" && empty_lines_ < max_empty_lines) {  // perhaps half of another empty line
      begun_ = false;
      return Action::head;
    }
    switch (scan_.read(input, max_head_)) {
      case HeadScanner::State::more: return Action::head;
      case HeadScanner::State::refused: return refuse(scan_.refusal());
      default: break;  // complete
    }
    ParsedHead facts;
    if (const auto code = HeadParser::read(input.substr(0, scan_.size()), facts)) return refuse(*code);
    used += scan_.size();
    input.remove_prefix(scan_.size());
    return begin(facts, input, used);
  }

  Action begin(const ParsedHead& facts, std::string_view input, std::size_t& used) {
    chunked_ = facts.chunked;
    body_left_ = facts.length;
    persistent_ = facts.persistent;
    old_ = facts.old;
    to_head_ = facts.request.method() == "HEAD";
    const bool has_body = chunked_ || body_left_ != 0;
    phase_ = Phase::body;
    if (!afford()) return deliver();
    if (auto good = held_->exchange.head(facts.request); !good) {
      endpoint_.answer(std::move(good).as_failure(), response_);
      if (has_body && (facts.expects_continue || body_left_ > endpoint_.options().max_body)) response_.close = true;
      if (response_.close) return deliver();
      memory_.give_extra_back();  // the body is dropped
      phase_ = Phase::drain;
    } else if (has_body && facts.expects_continue && input.empty()) {
      output_ = "HTTP/1.1 100 Continue\r\n\r\n";
      return Action::write;
    }
    return read_body(input, used);
  }

  Action read_body(std::string_view input, std::size_t& used) {
    const std::size_t before = input.size();
    const Action want = chunked_ ? read_chunks(input) : read_length(input);
    used += before - input.size();
    return want;
  }

  Action read_length(std::string_view& input) {
    const std::string_view piece = first_bytes(input, body_left_);
    input.remove_prefix(piece.size());
    body_left_ -= piece.size();
    body_size_ += piece.size();
    if (body_left_ == 0) return end_body(piece);
    return piece.empty() || take(piece) ? Action::body : deliver();
  }

  Action read_chunks(std::string_view& input) {
    std::string_view held;  // until it is known whether it is the last
    for (;;) {
      std::string_view piece;
      switch (chunks_.read(input, piece)) {
        case ChunkedReader::State::bad: return refuse(ApiErrc::bad_request);
        case ChunkedReader::State::end: return end_body(held);
        case ChunkedReader::State::more:
          if (!held.empty() && !take(held)) return deliver();
          return chunks_.announced() > endpoint_.options().max_body - body_size_ ? outgrown() : Action::body;
        default: break;  // a piece
      }
      body_size_ += piece.size();
      if (body_size_ > endpoint_.options().max_body) return outgrown();
      if (!held.empty() && !take(held)) return deliver();
      held = piece;
    }
  }

  // A chunked body that grows past the limit; what was refused before stays the answer.
  Action outgrown() {
    if (phase_ != Phase::drain) return refuse(ApiErrc::content_too_large);
    response_.close = true;
    return deliver();
  }

  // Counts the memory that the request may take by now, with its answer; false if that is too much, which was answered.
  bool afford() {
    const std::uint64_t needed = 8 * scan_.size() + 5 * body_size_;
    if (needed <= own_memory || memory_.take_extra(needed - own_memory)) return true;
    held_.emplace(endpoint_);  // what has arrived of it is of no use
    memory_.give_extra_back();
    return answer_and_close(Fault::unavailable(FaultSource::library, "no memory for a long request"));
  }

  // Takes a piece of the body; false if it was answered.
  bool take(std::string_view piece) {
    if (phase_ == Phase::drain) return true;
    return afford() && pieces_.take(piece, [this](std::string_view data) {
      auto good = held_->exchange.body(data);
      return good || answer_and_close(std::move(good).as_failure());
    });
  }

  bool answer_and_close(const Outcome<Client>& failure) {
    endpoint_.answer(failure, response_);
    response_.close = true;
    return false;
  }

  Action end_body(std::string_view last_piece) {
    if (phase_ == Phase::body) {
      if (!pieces_.gathered().empty()) {
        if (!take(last_piece)) return deliver();
        last_piece = pieces_.gathered();
      }
      if (!afford()) return deliver();
      auto draft = held_->exchange.draft(last_piece);
      if (draft && suspends_) {
        draft_ = std::move(draft).assume_value();
        return Action::store;
      }
      endpoint_.answer(draft ? endpoint_.create(std::move(draft).assume_value()) : std::move(draft).as_failure(),
                       response_);
    }
    return deliver();
  }

  Action refuse(ApiErrc code) noexcept {
    try {
      answer_and_close(*CodeOnly::make(row(code)));
      return deliver();
    } catch (...) {
      return fail();
    }
  }

  // Something threw where nothing but a lack of memory can: nothing of an answer was written yet.
  Action fail() noexcept {
    try {
      answer_and_close(caught_fault(FaultSource::library, Fate::maybe_applied));
      return deliver();
    } catch (...) {
      output_.clear();
      return Action::close;
    }
  }

  // Writes the answer out and makes ready for the next request.
  Action deliver() {
    const bool closes = response_.close || !persistent_ || last_;
    write_http(output_, response_, closes, old_, !to_head_);
    if (closes) return Action::close;
    memory_.has_extra() ? static_cast<void>(held_.emplace(endpoint_)) : held_->exchange.reset();
    pieces_.clear();
    scan_ = {};
    chunks_ = {};
    body_size_ = 0;
    empty_lines_ = 0;
    begun_ = old_ = to_head_ = false;
    phase_ = Phase::head;
    return Action::write;
  }

  E& endpoint_;
  MemoryShare memory_;
  std::uint32_t max_head_;
  std::optional<Held> held_;
  std::optional<ClientDraft> draft_;  // while the store is wanted
  Response response_;
  std::string output_;
  PieceGatherer pieces_;
  HeadScanner scan_;
  ChunkedReader chunks_;
  std::uint64_t body_left_ = 0;  // of a body with a length
  std::uint64_t body_size_ = 0;  // that arrived
  int empty_lines_ = 0;
  Phase phase_ = Phase::head;
  bool suspends_;
  bool begun_ = false;  // there are bytes of a head
  bool chunked_ = false;
  bool persistent_ = false;
  bool old_ = false;
  bool to_head_ = false;
  std::atomic<bool> last_{false};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
