// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The keys of a `MemoryStorage`. Two trees contain each key: one finds it by its ecosystem and its text, the other
// finds the oldest. They are no hash tables, because callers choose the keys and could choose such that collide. A key
// has memory of its own, outside the arena of the clients, so that it can be freed when it expires and its client
// stays. The memory is allocated before anything is changed, so that what follows cannot fail.

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/storage/memory/clients.hpp>
#include <droplit/timestamp.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// Which client has which key. Not thread-safe.
class Keys {
  struct Key {
    std::string text;
    const PackedClient* client = nullptr;
  };

  struct ByText {
    using is_transparent = void;
    using Order = std::pair<EcosystemId, std::string_view>;

    static Order order(const Key& key) noexcept { return {key.client->ecosystem_id, key.text}; }
    static const Order& order(const Order& order) noexcept { return order; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return order(a) < order(b);
    }
  };

  struct ByAge {
    bool operator()(const Key* a, const Key* b) const noexcept {
      if (a->client->created_at != b->client->created_at) return a->client->created_at < b->client->created_at;
      return std::less<>()(a, b);
    }
  };

  struct NoOrder {
    template <class T>
    bool operator()(const T&, const T&) const noexcept {
      return false;
    }
  };

  using Texts = std::set<Key, ByText>;
  using Ages = std::set<const Key*, ByAge>;

  template <class T>
  static auto make_node(T value) {
    std::set<T, NoOrder> one;
    return one.extract(one.insert(std::move(value)).first);
  }

 public:
  /// A key that no client has yet, with all memory that it takes to keep it.
  class Entry {
   public:
    explicit Entry(const IdempotencyKey& key)
        : text_(make_node(Key{key.str()})), age_(make_node(static_cast<const Key*>(nullptr))) {}

   private:
    friend class Keys;
    Texts::node_type text_;
    Ages::node_type age_;
  };

  /// How long a key is remembered, in milliseconds.
  explicit Keys(std::int64_t max_age) noexcept : max_age_(max_age) {}

  /// The client of this ecosystem that has the key at that time; null if there is none, or its key has expired.
  [[nodiscard]] const PackedClient* find(EcosystemId ecosystem, const IdempotencyKey& key,
                                         Timestamp now) const noexcept {
    const auto found = texts_.find(ByText::Order(ecosystem, key.str()));
    return found == texts_.end() || is_expired(*found, now) ? nullptr : found->client;
  }

  /// Gives the key to the client, takes it from one whose key has expired, and frees at most eight other expired ones.
  void insert(Entry entry, const PackedClient& client) noexcept {
    entry.text_.value().client = &client;
    if (const auto expired = texts_.find(entry.text_.value()); expired != texts_.end()) erase(*expired);
    entry.age_.value() = &*texts_.insert(std::move(entry.text_)).position;
    ages_.insert(std::move(entry.age_));
    for (int i = 0; i != 8 && is_expired(**ages_.begin(), client.created_at); ++i) erase(**ages_.begin());
  }

 private:
  [[nodiscard]] bool is_expired(const Key& key, Timestamp now) const noexcept {
    return now.unix_millis() - key.client->created_at.unix_millis() > max_age_;
  }

  void erase(const Key& key) noexcept {
    ages_.erase(&key);
    texts_.erase(texts_.find(key));
  }

  std::int64_t max_age_;
  Texts texts_;
  Ages ages_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
