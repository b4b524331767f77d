// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The clients of a `MemoryStorage`, which are never removed: their bytes are packed one after the other in an arena,
// and hash tables point at them. There are many tables, so that growing one, which blocks all inserts, takes a fraction
// of a millisecond: of ten million clients each has ten thousand. Ids that differ only in their last three bits, as ids
// that are made one after the other do, are neighbours in a table, so that inserting them in order uses cached memory.

#include <droplit/client.hpp>
#include <droplit/client_texts.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory_resource>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// A client in the arena. Its texts follow it.
struct PackedClient {
  static constexpr std::size_t absent = std::string::npos;  ///< a size

  Timestamp created_at;
  std::array<std::size_t, text_count> sizes;  ///< of the texts
  ClientId id;
  EcosystemId ecosystem_id;
  ClientType type;

  [[nodiscard]] Client unpack() const {
    const char* text = reinterpret_cast<const char*>(this + 1);
    ClientTexts::Array texts;
    for (std::size_t i = 0; i != texts.size(); ++i) {
      if (sizes[i] == absent) continue;
      texts[i] = Text::parse(std::string(text, sizes[i]));
      text += sizes[i];
    }
    return {id, created_at, ecosystem_id, type, ClientTexts(std::move(texts))};
  }
};
static_assert(std::is_trivially_destructible_v<PackedClient>);

/// Clients by id. Not thread-safe. Throws `std::bad_alloc`, and then nothing has changed.
class Clients {
 public:
  /// Keeps the client, and returns it as it is kept; null, and nothing done, if its id is taken.
  const PackedClient* insert(const Client& client) {
    const Location location(client.id());
    Table& table = tables_[location.table];
    table.make_room();
    Slot& slot = table.entries[table.find(client.id(), location.hash)];
    if (slot.client != nullptr) return nullptr;
    slot = {pack(client), location.hash};
    ++table.count;
    return slot.client;
  }

  [[nodiscard]] std::optional<Client> find(ClientId id) const {
    const Location location(id);
    const Table& table = tables_[location.table];
    if (table.entries.empty()) return std::nullopt;
    const PackedClient* const client = table.entries[table.find(id, location.hash)].client;
    if (client == nullptr) return std::nullopt;
    return client->unpack();
  }

 private:
  static constexpr std::size_t table_count = 1024;

  struct Location {
    explicit Location(ClientId id) noexcept {
      ClientId::Bytes bytes = id.bytes();
      const std::size_t last = bytes.back() % 8U;
      bytes.back() &= 0xF8;
      hash = std::hash<ClientId>{}(ClientId(bytes));
      table = hash % table_count;
      hash = hash / table_count * 8 + last;
    }
    std::size_t table;
    std::size_t hash;  // within the table
  };

  struct Slot {
    const PackedClient* client = nullptr;
    std::size_t hash = 0;
  };

  struct Table {
    std::vector<Slot> entries;  // empty, or a power of two, of which a quarter is free
    std::size_t count = 0;

    /// The index of the client's slot, or of the free one for it.
    [[nodiscard]] std::size_t find(ClientId id, std::size_t hash) const noexcept {
      for (std::size_t at = hash;; ++at) {
        const Slot& slot = entries[at & (entries.size() - 1)];
        if (slot.client == nullptr || (slot.hash == hash && slot.client->id == id)) return at & (entries.size() - 1);
      }
    }

    void make_room() {
      if (count < entries.size() / 4 * 3) return;
      std::vector<Slot> more(entries.empty() ? 8 : 2 * entries.size());
      for (const Slot& slot : entries) {
        std::size_t at = slot.hash;
        while (more[at & (more.size() - 1)].client != nullptr) ++at;
        more[at & (more.size() - 1)] = slot;
      }
      entries.swap(more);
    }
  };

  const PackedClient* pack(const Client& client) {
    std::size_t size = sizeof(PackedClient);
    std::array<std::size_t, text_count> sizes;
    for (std::size_t i = 0; i != sizes.size(); ++i) {
      const std::optional<Text>& text = client.texts()[i];
      sizes[i] = text ? text->str().size() : PackedClient::absent;
      if (text) size += sizes[i];
    }
    void* const memory = memory_.allocate(size, alignof(PackedClient));
    const auto* const packed =
        new (memory) PackedClient{client.created_at(), sizes, client.id(), client.ecosystem_id(), client.type()};
    char* at = static_cast<char*>(memory) + sizeof(PackedClient);
    for (const std::optional<Text>& text : client.texts()) {
      if (text) at += text->str().copy(at, text->str().size());
    }
    return packed;
  }

  std::pmr::monotonic_buffer_resource memory_;
  std::array<Table, table_count> tables_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
