// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What a server keeps of the request in progress beside the request itself: its id, which the response carries, and
// what an observer is informed of. `HttpSession` has one. Without observer and ids it costs a branch or two.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/detail/http/trace_fields.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/detail/random_digits.hpp>
#include <droplit/http.hpp>
#include <droplit/observer.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The id of a request as the line of a field, `x-request-id`.
class RequestIdLine {
 public:
  RequestIdLine() noexcept { std::copy(name.begin(), name.end(), line_.begin()); }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::string_view id() const noexcept { return {line_.data() + name.size(), size_}; }
  [[nodiscard]] std::string_view line() const noexcept { return {line_.data(), name.size() + size_ + 2}; }
  void clear() noexcept { size_ = 0; }

  /// Takes `id`, or makes one if that is empty: 32 random hex digits. It stays empty if the system gives none.
  void set(std::string_view id) noexcept {
    if (id.empty()) return put(RandomDigits());
    put(id);
  }

 private:
  static constexpr std::string_view name = "x-request-id: ";

  void put(const RandomDigits& made) noexcept { put(made.view()); }
  void put(std::string_view id) noexcept {
    size_ = id.copy(line_.data() + name.size(), max_request_id);
    line_[name.size() + size_] = '\r';
    line_[name.size() + size_ + 1] = '\n';
  }

  std::array<char, name.size() + max_request_id + 2> line_;
  std::size_t size_ = 0;  // of the id
};

/// One request of a connection after another. `finish` is called at most once for each.
template <Observer O>
class RequestRecord {
 public:
  /// `has_ids`: each response carries the id that its request has, or a new one.
  RequestRecord(O& observer, bool has_ids) noexcept : observation_(observer), has_ids_(has_ids) {}

  /// The request's head was read, which has `size` bytes.
  template <class H>
  void begin(const H& handler, const RequestHead& head, std::size_t size, Response& response) noexcept {
    if (has_ids_) id_.set(head.request_id());
    if constexpr (is_observed<O>) {
      response.code.reset();  // of the request before, where a handler does not write its response by `write_response`
      response.fault.reset();
      RequestBegan began = describe(routes_of(handler), head);
      began.request_id = id_.id();
      observation_.begin(began);
      observation_.receive(size);
    }
  }

  /// Counts bytes of the body.
  void receive(std::uint64_t bytes) noexcept { observation_.receive(bytes); }

  /// The response is complete: gives it the request's id. `refused`: the bytes of the head if that was never read.
  void respond(Response& response, std::uint64_t refused) {
    if (has_ids_) add_id(response.fields);
    if (observation_.begun()) return;
    RequestBegan began;
    began.request_id = id_.id();
    observation_.begin(began);
    observation_.receive(refused);
  }

  /// The response is about to be sent, in so many bytes.
  void finish(const Response& response, std::uint64_t bytes) noexcept {
    observation_.finish(response, bytes);
    id_.clear();
  }

  /// The connection ends; its last request perhaps before the response, which may be `complete`, could be sent.
  void end(const Response& response, bool complete) noexcept {
    if (complete) observation_.finish(response, 0);
  }

 private:
  // Replaces a handler's own, which would be of another request.
  void add_id(HeaderFields& fields) {
    if (id_.empty()) id_.set({});
    if (fields.count("x-request-id") != 0) {
      HeaderFields others;
      for (const HeaderField field : fields) {
        if (!equals_ignoring_case(field.name, "x-request-id")) others.add(field.name, field.value);
      }
      fields = std::move(others);
    }
    if (!id_.empty()) WrittenLines::add(fields, id_.line());
  }

  [[no_unique_address]] RequestObservation<O> observation_;
  RequestIdLine id_;
  bool has_ids_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
