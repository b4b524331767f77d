// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/http/content_type.hpp>
#include <droplit/detail/http/target.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/draft_parser.hpp>
#include <droplit/error.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/request_head.hpp>
#include <droplit/route.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A value outside its range counts as the nearest one within it.
struct EndpointOptions {
  /// The longest body that is read, in bytes (ours): 0 to 1 GiB. With 0 every body but an empty one is too long.
  std::uint32_t max_body = 1024 * 1024;
  /// Whether an `Endpoint` responds to OPTIONS with the parameters of the operation; otherwise that is a 405. An
  /// `Exchange` refuses OPTIONS as any other method.
  bool serve_options = true;
  /// Whether the field `idempotency-key` is looked at. An `Endpoint` whose storage is not a `KeyedStorage` never does.
  bool idempotency_keys = false;
};

namespace detail {

constexpr EndpointOptions bounded(EndpointOptions options) noexcept {
  constexpr std::uint32_t most = 1 << 30;  // no number in a body then has more digits than Boost.JSON can count
  options.max_body = bounded(options.max_body, std::uint32_t{0}, most);
  return options;
}

}  // namespace detail

/// One request in steps, for servers that bring their own I/O or their own, perhaps suspending, store: head, pieces of
/// the body, draft. Each step says whether to go on; its error or fault is the response (see response.hpp). The checks
/// come in the contract's order.
///
/// One thread at a time. Not copyable; `reset` makes it ready for the next request on a connection.
template <Access A>
class Exchange {
 public:
  explicit Exchange(const A&& access, EndpointOptions options = {}) = delete;
  /// Uses `access`, which must outlive it; a temporary does not compile.
  explicit Exchange(const A& access, EndpointOptions options = {})
      : access_(access), max_body_(detail::bounded(options).max_body), takes_keys_(options.idempotency_keys) {}

  /// Judges the head, which need not outlive the call: target, method, token, announced length. After an error the body
  /// need not be read. A server sends a requested 100 Continue after a good head.
  Outcome<void> head(const RequestHead& head) {
    reset();  // nothing of an earlier request may count for this one
    Step step(principal_);
    auto good = judged(head);
    step.goes_on = good.has_value();
    return good;
  }

  /// Reads a piece of the body, after a good head; an error once it is too long.
  Outcome<void> body(std::string_view piece) {
    Step step(principal_);
    if (!fits(piece)) return ApiError::of<ApiErrc::content_too_large>();
    if (body_counts_) parser_.write(piece);
    step.goes_on = true;
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// Reads the last piece, which may be all of it or empty, and judges the query, the idempotency key, the body and
  /// whether the holder may create clients in the ecosystem.
  Outcome<ClientDraft> draft(std::string_view last_piece = {}) {
    const Step last(principal_);
    if (!fits(last_piece)) return ApiError::of<ApiErrc::content_too_large>();
    return judged(last_piece);
  }

  /// The idempotency key of a draft, for `insert_once`; nothing if the request has none, or keys are not taken.
  [[nodiscard]] const std::optional<IdempotencyKey>& key() const& noexcept { return key_; }
  [[nodiscard]] std::optional<IdempotencyKey> key() && noexcept { return std::move(key_); }

  /// Forgets the request; `head` does so by itself.
  void reset() noexcept {
    parser_.reset();
    principal_.reset();
    query_fields_.reset();
    key_.reset();
    read_ = 0;
    key_invalid_ = false;
    body_counts_ = false;
  }

 private:
  using Principal = decltype(std::declval<const A&>().authenticate(std::string_view()));

  // Forgets the token's holder unless the request goes on, also where there is no memory: the connection may be idle
  // from now on, and a holder may keep much alive.
  struct Step {
    explicit Step(std::optional<Principal>& one) noexcept : principal(one) {}
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() {
      if (!goes_on) principal.reset();
    }
    std::optional<Principal>& principal;
    bool goes_on = false;
  };

  Outcome<void> judged(const RequestHead& head) {
    if (head.length_malformed()) return ApiError::of<ApiErrc::bad_request>();
    std::optional<std::string_view> query;
    if (!detail::is_exactly(head.target(), create_client_route.path)) {  // not the common case
      const detail::RequestTarget target = detail::split_target(head.target());
      if (!target.well_formed) return ApiError::of<ApiErrc::bad_request>();
      if (!create_client_route.has_path(target.path)) return ApiError::of<ApiErrc::not_found>();
      query = target.query;
    }
    if (!detail::is_exactly(head.method(), create_client_route.method))
      return ApiError::of<ApiErrc::method_not_allowed>();
    if (head.authorization().count != 1 || head.authorization().value.empty())
      return ApiError::of<ApiErrc::unauthorized>();
    PrincipalKind kind{};
    auto fault = detail::thrown_by(FaultSource::access, Fate::not_applied, [&] {
      kind = principal_.emplace(access_.authenticate(head.authorization().value)).kind();
    });
    if (fault) return *std::move(fault);
    if (kind == PrincipalKind::none) return ApiError::of<ApiErrc::unauthorized>();
    if (kind >= PrincipalKind::other) return ApiError::of<ApiErrc::token_kind_forbidden>();
    if (head.announced_length() > max_body_) return ApiError::of<ApiErrc::content_too_large>();
    const std::string_view type = head.content_type().value;
    body_counts_ =
        head.content_type().count == 1 && !head.encoded() &&
        (detail::is_exactly(type, "application/json") || detail::is_content_type(type, "application", "json"));
    if (query) query_fields_ = detail::join_query_fields(*query);
    if (takes_keys_ && head.idempotency_key().count != 0) {
      if (head.idempotency_key().count == 1) key_ = IdempotencyKey::parse_field(head.idempotency_key().value);
      key_invalid_ = !key_;
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  Outcome<ClientDraft> judged(std::string_view last_piece) {  // one variable is returned, so that it is never moved
    auto draft = std::exchange(body_counts_, false)
                     ? parser_.finish(last_piece, std::move(query_fields_))
                     : Outcome<ClientDraft>(detail::unreadable_body(std::move(query_fields_)));
    if (key_invalid_) [[unlikely]]
      refuse_key(draft);
    if (!draft) return draft;
    bool allowed = false;
    auto fault = detail::thrown_by(FaultSource::access, Fate::not_applied, [&] {
      allowed = static_cast<bool>(access_.authorize(*principal_, draft.assume_value().ecosystem_id()));
    });
    if (fault) {
      draft = *std::move(fault);
    } else if (!allowed) {
      draft = ApiError::of<ApiErrc::forbidden>();
    }
    return draft;
  }

  // Not inlined, so that a request without a malformed key costs what it costs without this.
  DROPLIT_DETAIL_NOINLINE static void refuse_key(Outcome<ClientDraft>& draft) {
    std::optional<ApiError> others;
    if (draft.has_error()) others = std::move(draft).assume_error();
    draft = ApiError::idempotency_key_invalid(std::move(others));
  }

  bool fits(std::string_view piece) noexcept {
    read_ += piece.size();
    return read_ <= max_body_;  // and never again once it is more
  }

  const A& access_;
  DraftParser parser_;
  std::optional<Principal> principal_;
  std::optional<std::string> query_fields_;
  std::optional<IdempotencyKey> key_;
  std::uint64_t read_ = 0;
  std::uint32_t max_body_;
  bool takes_keys_;
  bool key_invalid_ = false;
  bool body_counts_ = false;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
