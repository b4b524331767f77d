// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The keys of a `MemoryStorage`. Two trees contain each key: one finds it by its ecosystem and its text, the other
// finds the oldest. They are no hash tables, because callers choose the keys and could choose such that collide. A key
// has memory of its own, outside the arena of the clients, so that it can be freed when it expires and its client
// stays. The memory is allocated before anything is changed, so that what follows cannot fail.

#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/storage/memory/bytes.hpp>
#include <droplit/storage/memory/packed_client.hpp>
#include <droplit/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// Which client has which key. Not thread-safe.
class Keys {
  struct Key;

  struct ByAge {
    bool operator()(const Key* a, const Key* b) const noexcept {
      return a->client.created_at() < b->client.created_at();
    }
  };
  using Ages = std::multiset<const Key*, ByAge>;

  struct Key {
    Bytes<char> characters;
    std::size_t size;
    PackedClient client;
    Ages::const_iterator age;

    [[nodiscard]] std::string_view text() const noexcept { return {characters.get(), size}; }
  };

  struct ByText {
    using is_transparent = void;
    struct Wanted {
      std::string_view characters;
      EcosystemId ecosystem;

      [[nodiscard]] std::string_view text() const noexcept { return characters; }
    };

    // The ecosystem comes last, because it is in the memory of the client.
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      const int order = a.text().compare(b.text());
      return order != 0 ? order < 0 : ecosystem(a) < ecosystem(b);
    }
    static EcosystemId ecosystem(const Key& key) noexcept { return key.client.ecosystem_id(); }
    static EcosystemId ecosystem(const Wanted& wanted) noexcept { return wanted.ecosystem; }
  };
  using Texts = std::set<Key, ByText>;

  // Compares nothing, as the set has no other element: the client of a new key is not known.
  template <class Set>
  static auto make_node(typename Set::value_type value) {
    Set one;
    return one.extract(one.insert(one.end(), std::move(value)));
  }

 public:
  /// A key that no client has yet, with all memory that it takes to keep it.
  class Entry {
   public:
    explicit Entry(const IdempotencyKey& key)
        : text_(make_node<Texts>(Key{Bytes<char>(key.str().size()), key.str().size(), {}, {}})),
          age_(make_node<Ages>(nullptr)) {
      key.str().copy(text_.value().characters.get(), key.str().size());
    }

   private:
    friend class Keys;
    Texts::node_type text_;
    Ages::node_type age_;
  };

  /// The client of this ecosystem that has the key at that time; none if there is none, or its key has expired.
  [[nodiscard]] PackedClient find(EcosystemId ecosystem, const IdempotencyKey& key, Timestamp now,
                                  std::int64_t max_age) const noexcept {
    const auto found = texts_.find(ByText::Wanted{key.str(), ecosystem});
    return found == texts_.end() || is_expired(*found, now, max_age) ? PackedClient() : found->client;
  }

  /// Gives the key to the client, takes it from one whose key has expired, and frees at most eight other expired ones.
  void insert(Entry entry, PackedClient client, std::int64_t max_age) noexcept {
    Key& added = entry.text_.value();
    added.client = client;
    if (const auto expired = texts_.find(added); expired != texts_.end()) erase(expired);
    entry.age_.value() = &added;
    added.age = ages_.insert(ages_.end(), std::move(entry.age_));  // usually it is the youngest
    texts_.insert(std::move(entry.text_));
    for (int i = 0; i != 8 && is_expired(**ages_.begin(), client.created_at(), max_age); ++i)
      erase(texts_.find(**ages_.begin()));
  }

 private:
  static bool is_expired(const Key& key, Timestamp now, std::int64_t max_age) noexcept {
    return now.unix_millis() - key.client.created_at().unix_millis() > max_age;
  }

  void erase(Texts::const_iterator key) noexcept {
    ages_.erase(key->age);
    texts_.erase(key);
  }

  Texts texts_;
  Ages ages_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
