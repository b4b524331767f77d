// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A part of the clients of a `MemoryStorage`, which are never removed: their bytes are packed one after the other in
// chunks of memory, and hash tables say where. There are many tables, so that growing one, which blocks all inserts of
// the part, takes some tens of microseconds: of ten million clients each has about ten thousand.
//
//     which part             id without its last byte: 256 ids that a thread makes one after the other are in one part,
//                            so that its memory stays in the cache of the thread's processor
//     which table and slot   id without its last three bits: ids that differ only in these are neighbours

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/id.hpp>
#include <droplit/storage/memory/bytes.hpp>
#include <droplit/storage/memory/packed_client.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory {

/// Where a client with this id is, or would be.
struct Location {
  explicit Location(ClientId id) noexcept {
    ClientId::Bytes bytes = id.bytes();
    const std::uint64_t last = std::exchange(bytes.back(), std::uint8_t{0});
    const std::uint64_t rest = std::hash<ClientId>()(ClientId(bytes));
    part = static_cast<std::uint32_t>(rest % part_count);
    const std::uint64_t mixed = (rest ^ last >> 3) * 0x9E3779B97F4A7C15U;
    table = static_cast<std::uint32_t>(mixed >> 32 & (table_count - 1));
    hash = mixed >> (64 - hash_bits) ^ (last & 7);
  }

  static constexpr std::size_t part_count = 128;
  static constexpr std::size_t table_count = 8;
  static constexpr int hash_bits = 24;

  std::size_t part;
  std::size_t table;   // of the part
  std::uint64_t hash;  // within the table, of `hash_bits`
};

/// Clients by id. Not thread-safe. Throws `std::bad_alloc`, and then nothing has changed.
class Clients {
 public:
  /// Keeps the client, and returns it as it is kept; none, and nothing done, if its id is taken.
  PackedClient insert(const Client& client, const Location& location) {
    Table& table = tables_[location.table];
    table.make_room();
    std::uint64_t& slot = table.cells[find(table, client.id(), location.hash)];
    if (slot != 0) return PackedClient();
    const std::uint64_t number = allocate(PackedClient::size(client));
    slot = location.hash << number_bits | number;
    ++table.count;
    return PackedClient::pack(client, at(number));
  }

  /// None if there is no such client.
  [[nodiscard]] PackedClient find(ClientId id, const Location& location) const noexcept {
    const Table& table = tables_[location.table];
    if (table.cells.empty()) return PackedClient();
    const std::uint64_t slot = table.cells[find(table, id, location.hash)];
    return slot == 0 ? PackedClient() : PackedClient(at(slot));
  }

 private:
  // The number of a record: one more than that of its chunk, and where it begins there.
  static constexpr int offset_bits = 16;
  static constexpr int number_bits = 40;
  static constexpr std::size_t max_chunk_size = std::size_t{1} << offset_bits;
  static constexpr std::size_t min_chunk_size = 1024;

  // A slot is 0, or the number of a client's record below 24 bits of hash. Between half and three quarters are taken.
  struct Table {
    std::vector<std::uint64_t> cells;
    std::size_t count = 0;

    // Where to look first.
    [[nodiscard]] std::size_t begin(std::uint64_t hash) const noexcept {
      constexpr int group_bits = Location::hash_bits - 3;
      const auto group = static_cast<std::uint32_t>((hash >> 3) * (cells.size() / 8) >> group_bits);
      return std::size_t{group} * 8 + static_cast<std::uint32_t>(hash & 7);
    }

    // Where to look after that: in the same place of the next group, and after the last group in the next place.
    [[nodiscard]] std::size_t after(std::size_t index) const noexcept {
      const std::size_t next = index + 8;
      return next < cells.size() ? next : (next + 1) % 8;
    }

    void make_room() {
      if (count < cells.size() / 4 * 3) return;
      Table more{std::vector<std::uint64_t>(cells.empty() ? 8 : (cells.size() / 8 * 3 + 1) / 2 * 8)};
      for (const std::uint64_t slot : cells) {
        if (slot == 0) continue;
        std::size_t index = more.begin(slot >> number_bits);
        while (more.cells[index] != 0) index = more.after(index);
        more.cells[index] = slot;
      }
      cells.swap(more.cells);
    }
  };

  // The index of the client's slot, or of the free one for it.
  [[nodiscard]] std::size_t find(const Table& table, ClientId id, std::uint64_t hash) const noexcept {
    for (std::size_t index = table.begin(hash);; index = table.after(index)) {
      const std::uint64_t slot = table.cells[index];
      if (slot == 0 || (slot >> number_bits == hash && PackedClient(at(slot)).has_id(id))) return index;
    }
  }

  [[nodiscard]] unsigned char* at(std::uint64_t slot) const noexcept {
    const std::uint64_t number = slot & ((std::uint64_t{1} << number_bits) - 1);
    const auto chunk = static_cast<std::uint32_t>((number >> offset_bits) - 1);
    return chunks_[chunk].get() + static_cast<std::uint32_t>(number % max_chunk_size);
  }

  // The number of a new record.
  std::uint64_t allocate(std::size_t size) {
    if (size > room_) {
      // A chunk has an eighth of what all have, so that no more is unused. A large record that does not fit has one of
      // its own, and what is left of the last chunk is for those that come.
      const std::size_t chunk_size = (std::clamp)(total_ / 8, min_chunk_size, max_chunk_size);
      const bool is_large = size > (std::max)(min_chunk_size, chunk_size / 8);
      chunks_.emplace_back(is_large ? size : chunk_size);
      total_ += is_large ? size : chunk_size;
      const std::uint64_t begin = std::uint64_t{chunks_.size()} << offset_bits;
      if (is_large) return begin;
      next_ = begin;
      room_ = chunk_size;
    }
    room_ -= size;
    return std::exchange(next_, next_ + size);
  }

  std::vector<Bytes<unsigned char>> chunks_;
  std::uint64_t next_ = 0;  // number of the next record
  std::size_t room_ = 0;    // bytes from there
  std::size_t total_ = 0;   // bytes of all chunks
  std::array<Table, Location::table_count> tables_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::memory
