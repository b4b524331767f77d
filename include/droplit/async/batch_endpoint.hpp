// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/access.hpp>
#include <droplit/async/batch_writer.hpp>
#include <droplit/batch_storage.hpp>
#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/clock.hpp>
#include <droplit/create_client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/endpoint_base.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/observation.hpp>
#include <droplit/exchange.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/id_source.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/observer.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>
#include <droplit/storage.hpp>

#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The endpoint "create a client" over a `BatchWriter`: creates that arrive while others are committed share the next
/// commit, and no serving thread waits for one. Its responses are those of an `Endpoint`, to the byte. An
/// `AsyncHandler`, without coroutines: responses are written by the writer's threads.
///
/// Holds references to its policies, which must outlive it. As thread-safe as they are; clock, ids and observer are
/// used by the writer's threads, too, and must not block: all creates would wait. Its observer is informed as that of
/// an `Endpoint`.
template <BatchStorage S, Access A, Clock C, IdSource I, Observer O = NoObserver>
class BatchEndpoint : detail::EndpointBase<A, O> {
  using Base = detail::EndpointBase<A, O>;

 public:
  /// The endpoint that uses these policies; a temporary `access` does not compile.
  BatchEndpoint(BatchWriter<S>& writer, const A& access, C& clock, I& ids, EndpointOptions options = {},
                O& observer = no_observer)
      : Base(access, options, KeyedStorage<S>, observer), writer_(writer), clock_(clock), ids_(ids) {}

  BatchEndpoint(BatchWriter<S>& writer, const A&& access, C& clock, I& ids, EndpointOptions options = {},
                O& observer = no_observer) = delete;

  /// That of "create a client", with its parameters if OPTIONS is served.
  using Base::route;

  /// The options, each within its range; without keys if the storage is not a `KeyedStorage`.
  [[nodiscard]] EndpointOptions options() const noexcept { return Base::options_; }

  /// One request after another in steps (see `AsyncHandler`).
  class Steps : Base::Steps {
   public:
    /// The steps of one connection's requests to `endpoint`, which must outlive them.
    explicit Steps(BatchEndpoint& endpoint) : Base::Steps(endpoint), endpoint_(endpoint) {}

    ///@{
    /// As `AsyncHandler` says.
    using Base::Steps::body;
    using Base::Steps::finish;
    using Base::Steps::head;
    using Base::Steps::max_body;
    ///@}
    /// As `AsyncHandler` says. What was queued cannot be cancelled.
    template <class Done>
    void complete(Response& response, Done done) {
      ClientDraft draft = *std::exchange(this->draft_, std::nullopt);
      std::optional<IdempotencyKey> key = std::move(this->exchange_).key();
      auto* const create =
          new (std::nothrow) Create<Done>(*this, std::move(draft), std::move(key), response, std::move(done));
      if (create != nullptr) return create->begin();  // otherwise nothing was moved from
      respond(Outcome<Client>(Fault(FaultSource::library, Fate::not_applied, {})), response);
      done();
    }

   private:
    struct Request {
      Creation creation;
      std::optional<IdempotencyKey> own_key;
    };

    // A create from its first insert on. Owns itself, so that a connection that waits for a request has no memory for
    // one.
    template <class Done>
    class Create : Request, QueuedInsert {
     public:
      Create(Steps& steps, ClientDraft&& draft, std::optional<IdempotencyKey>&& new_key, Response& response,
             Done&& done) noexcept
          : Request{Creation(std::move(draft)), std::move(new_key)},
            QueuedInsert(this->creation.client(), this->own_key ? &*this->own_key : nullptr, has_inserted),
            steps_(steps),
            response_(response),
            done_(std::move(done)) {}

      void begin() noexcept {
        BatchEndpoint& endpoint = steps_.endpoint_;
        if (!this->creation.begin(endpoint.clock_, endpoint.ids_)) return finish();
        endpoint.writer_.insert(*this);
      }

     private:
      static void has_inserted(QueuedInsert& insert) noexcept {
        auto& self = static_cast<Create&>(insert);
        if (self.settle()) return self.finish();
        self.begin();  // with another id
      }

      bool settle() noexcept {
        if (this->own_key) return this->creation.settle_once(std::move(this->outcome));
        if (!this->outcome) return this->creation.settle(std::move(this->outcome).as_failure());
        return this->creation.settle(this->outcome.assume_value().insertion());
      }

      void finish() noexcept {
        const std::unique_ptr<Create> owner(this);
        const auto thrown = detail::thrown_by(FaultSource::library, Fate::maybe_applied, [this] {
          if (this->own_key) return steps_.respond(std::move(this->creation).keyed_outcome(), response_);
          steps_.respond(std::move(this->creation).outcome(), response_);
        });
        if (!thrown) done_();  // otherwise there is no memory for the shortest response
      }

      Steps& steps_;
      Response& response_;
      Done done_;
    };

    template <class T>
    void respond(const Outcome<T>& outcome, Response& response) {
      Base::respond(outcome, response);
      this->observation_.finish(response, response.body.size());
    }

    BatchEndpoint& endpoint_;
  };

 private:
  BatchWriter<S>& writer_;
  C& clock_;
  I& ids_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
