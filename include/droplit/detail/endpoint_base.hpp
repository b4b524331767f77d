// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// What `Endpoint` and `AsyncEndpoint` share, which is all but the creation itself: an `Exchange` judges each request,
// the observer is informed of it, and responses are written so that a lack of memory, too, is one.

#include <droplit/access.hpp>
#include <droplit/api_errc.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/detail/parameter_list.hpp>
#include <droplit/detail/route_table.hpp>
#include <droplit/exchange.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/observer.hpp>
#include <droplit/outcome.hpp>
#include <droplit/request_head.hpp>
#include <droplit/response.hpp>
#include <droplit/route.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An endpoint "create a client" up to the draft.
template <Access A, Observer O>
class EndpointBase {
 public:
  const Route route;

 protected:
  /// `has_keys`: the storage is one with keys; otherwise none is taken.
  EndpointBase(const A& access, EndpointOptions options, bool has_keys, O& observer)
      : route(with_parameters(options.serve_options)),
        access_(access),
        options_(own(options, has_keys)),
        observer_(observer) {}

  /// The steps of one connection's requests but the last, as `SteppedHandler` says.
  class Steps {
   public:
    bool head(const RequestHead& head, std::string_view, Response& response) {
      base_.begin(observation_, head);
      auto good = exchange_.head(head);
      if (!is_other_method(good)) return passes(good, response);
      base_.refuse_method(head, response);
      observation_.finish(response, response.body.size());
      return false;
    }

    bool body(std::string_view piece, Response& response) {
      observation_.receive(piece.size());
      return passes(exchange_.body(piece), response);
    }

    bool finish(std::string_view last_piece, Response& response) {
      observation_.receive(last_piece.size());
      auto draft = exchange_.draft(last_piece);
      if (draft) draft_ = std::move(draft).assume_value();
      return passes(draft, response);
    }

    [[nodiscard]] std::uint32_t max_body() const noexcept { return base_.options_.max_body; }

   protected:
    explicit Steps(EndpointBase& base)
        : base_(base), exchange_(base.access_, base.options_), observation_(base.observer_) {}

    EndpointBase& base_;
    Exchange<A> exchange_;
    std::optional<ClientDraft> draft_;  // after a good `finish`
    [[no_unique_address]] RequestObservation<O> observation_;

   private:
    template <class T>
    bool passes(const Outcome<T>& outcome, Response& response) {
      if (outcome) return true;
      respond_failure(outcome, response);
      observation_.finish(response, response.body.size());
      return false;
    }
  };

  /// Begins to observe a request.
  void begin(RequestObservation<O>& observation, const RequestHead& head) const noexcept {
    if constexpr (is_observed<O>) observation.begin(describe({&route, 1}, head));
  }

  /// Judges a whole request.
  Outcome<ClientDraft> judge(Exchange<A>& exchange, const RequestHead& head, std::string_view body) const {
    return guarded<ClientDraft>(FaultSource::library, Fate::not_applied, [&]() -> Outcome<ClientDraft> {
      if (auto good = exchange.head(head); !good) return std::move(good).as_failure();
      return exchange.draft(body);
    });
  }

  /// Responds to a whole request that is judged to be no draft.
  void refuse(const RequestHead& head, const Outcome<ClientDraft>& refusal, Response& response) const {
    if (is_other_method(refusal)) return refuse_method(head, response);
    reserve_for_fault(response);  // not before head and body were read
    respond_failure(refusal, response);
  }

  /// Writes the response.
  template <class T>
  static void respond(const Outcome<T>& outcome, Response& response) {
    write(response, [&] { write_response(response, outcome); });
  }

  const A& access_;
  const EndpointOptions options_;
  O& observer_;

 private:
  static constexpr Route with_parameters(bool serve_options) noexcept {
    Route route = create_client_route;
    if (serve_options) route.parameters = create_client_parameters;
    return route;
  }

  static constexpr EndpointOptions own(EndpointOptions options, bool has_keys) noexcept {
    options.idempotency_keys = options.idempotency_keys && has_keys;
    return bounded(options);
  }

  // Responds to what failed before there was a client.
  template <class T>
  static void respond_failure(const Outcome<T>& failed, Response& response) {
    write(response, [&] {
      if (failed.has_error()) return write_response(response, failed.assume_error());
      write_response(response, failed.assume_exception());
    });
  }

  template <class T>
  static bool is_other_method(const Outcome<T>& outcome) noexcept {
    return outcome.has_error() && outcome.assume_error().code() == ApiErrc::method_not_allowed;
  }

  // Responds to OPTIONS, or with 405 and the methods of the route.
  void refuse_method(const RequestHead& head, Response& response) const {
    write(response, [&] { static_cast<void>(find_route({&route, 1}, head, response)); });
  }

  // Lets `call` write the response; a 500 if that throws, for which the response has memory reserved.
  template <class Call>
  static void write(Response& response, Call call) {
    const auto fault = thrown_by(FaultSource::library, Fate::maybe_applied, call);
    if (fault) write_response(response, *fault);
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
