// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/detail/storage_concurrency_checks.hpp>
#include <droplit/testing/detail/suite.hpp>

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/storage.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// One check over one new store.
template <class S>
class StorageChecks : public StorageConcurrencyChecks<S> {
  using Fixture = StorageConcurrencyChecks<S>;

 public:
  template <class Make>
  explicit StorageChecks(Make& make) : Fixture(make) {}

 private:
  using Fixture::add, Fixture::client, Fixture::comes_back, Fixture::ecosystem, Fixture::expect, Fixture::find,
      Fixture::id, Fixture::insert, Fixture::remove, Fixture::storage, Fixture::text;

  void kept_is_found() { comes_back(client(1)); }

  void other_is_not_found() {
    expect(!find(id(1)), "an empty store finds a client");
    add(ecosystem(1));
    insert(client(1));
    expect(!find(id(2)), "another client is found");
  }

  void absent_is_not_empty() {
    comes_back(client(1, std::nullopt, std::nullopt));
    comes_back(client(2, text(""), std::nullopt));
    comes_back(client(3, std::nullopt, text("")));
    comes_back(client(4, text(""), text("")));
  }

  void texts_are_kept() {
    comes_back(client(1, text(std::string(100 << 10, 'n')), text(std::string((100 << 10) + 1, 'd'))));
    comes_back(
        client(2, text("\xF0\x9F\x90\x9D \xF4\x8F\xBF\xBF \xEF\xBB\xBF \xE2\x82\xAC"), text("e\xCC\x81 \xC3\xA9")));
    comes_back(client(3, text("'); DROP TABLE clients; --"), text("\"%s%n\" \\0 $1 ?1 :name")));
    comes_back(client(4, text(" \t\r\n\x01\x1F\x7F "), text("  \n")));
    comes_back(client(5, text("NULL"), text("0012")));
    for (std::uint32_t plane = 0; plane != 17; ++plane) comes_back(client(6 + plane, text(all_of(plane)), text("")));
  }

  // Every character of a plane of Unicode but U+0000.
  static std::string all_of(std::uint32_t plane) {
    std::string all;
    const auto put = [&all](std::uint32_t byte) { all += static_cast<char>(byte); };
    for (std::uint32_t c = plane << 16, end = c + 0x10000; c != end; ++c) {
      if (c == 0 || (c >= 0xD800 && c <= 0xDFFF)) continue;
      if (c < 0x80) {
        put(c);
      } else if (c < 0x800) {
        put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
      } else {
        c < 0x10000 ? put(0xE0 | c >> 12) : (put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)));
        put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
      }
    }
    return all;
  }

  void types_are_kept() {
    for (std::size_t i = 0; i != client_type_names.size(); ++i) {
      const auto type = static_cast<ClientType>(i);
      comes_back(Client(id(i), *Timestamp::from_unix_millis(0), ecosystem(1), type, text("n"), text("d")));
    }
  }

  void times_are_kept() {
    std::uint64_t n = 0;
    for (const std::int64_t millis : {Timestamp::min_unix_millis, std::int64_t{-1}, std::int64_t{1519837018941},
                                      std::int64_t{4294967296001}, Timestamp::max_unix_millis}) {
      comes_back(Client(id(++n), *Timestamp::from_unix_millis(millis), ecosystem(1), {}, text("n"), text("d")));
    }
  }

  void ids_are_told_apart() {
    std::vector<Client> all;
    for (const std::string_view written :
         {"00000000000000000000000a", "00000000000000000000000b", "a00000000000000000000000a",
          "A00000000000000000000000a", "10000000000000000000000a"}) {
      all.emplace_back(*ClientId::parse(written), *Timestamp::from_unix_millis(0), ecosystem(1), ClientType{},
                       text(std::string(written)), text("d"));
    }
    for (const Client& each : all) comes_back(each);
    for (const Client& each : all) expect(find(each.id()) == each, "one id finds the client of another");
  }

  void unknown_is_refused() {
    expect(insert(client(1)) == Insertion::ecosystem_unknown, "in an empty store it does not");
    add(ecosystem(2));
    expect(insert(client(1)) == Insertion::ecosystem_unknown, "beside another ecosystem it does not");
  }

  void deleted_is_refused() {
    add(ecosystem(1));
    remove(ecosystem(1));
    expect(insert(client(1)) == Insertion::ecosystem_deleted, "the first one does not");
    expect(insert(client(2)) == Insertion::ecosystem_deleted, "the second one does not");
  }

  void refusal_keeps_nothing() {
    add(ecosystem(3));
    remove(ecosystem(3));
    add(ecosystem(2));
    for (const std::uint64_t refusing : {1u, 3u}) {
      const Client refused(id(refusing), *Timestamp::from_unix_millis(0), ecosystem(refusing), {});
      if (insert(refused) == Insertion::inserted) continue;
      expect(!find(refused.id()), "it is found");
      expect(insert(Client(refused.id(), refused.created_at(), ecosystem(2), {})) == Insertion::inserted,
             "its id is taken");
    }
  }

  void taken_is_refused() {
    comes_back(client(1));
    expect(insert(client(1)) == Insertion::id_taken, "the same client does not");
    add(ecosystem(2));
    expect(insert(Client(id(1), *Timestamp::from_unix_millis(0), ecosystem(2), {})) == Insertion::id_taken,
           "in another ecosystem it does not");
  }

  void taken_changes_nothing() {
    comes_back(client(1));
    if (insert(client(1, text("other"), text("other"))) == Insertion::inserted) return;
    expect(find(id(1)) == client(1), "it is another one now");
  }

  void deletion_keeps_clients() {
    comes_back(client(1));
    remove(ecosystem(1));
    expect(find(id(1)) == client(1), "it is gone or changed");
  }

  void deleted_stays_deleted() {
    add(ecosystem(1));
    remove(ecosystem(1));
    expect(add(ecosystem(1)) == EcosystemState::deleted, "adding does not say deleted");
    expect(insert(client(1)) == Insertion::ecosystem_deleted, "an insert does not say ecosystem_deleted");
  }

  void adding_twice_is_once() {
    expect(add(ecosystem(1)) == EcosystemState::active, "the first time does not say active");
    comes_back(client(1));
    expect(add(ecosystem(1)) == EcosystemState::active, "the second time does not say active");
    expect(find(id(1)) == client(1), "a client is gone");
    comes_back(client(2));
  }

  void deletion_tells_before() {
    expect(remove(ecosystem(1)) == EcosystemState::unknown, "an unknown one is not said to be unknown");
    expect(add(ecosystem(1)) == EcosystemState::active, "an unknown one cannot be added after it");
    expect(remove(ecosystem(1)) == EcosystemState::active, "an active one is not said to have been active");
    expect(remove(ecosystem(1)) == EcosystemState::deleted, "a deleted one is not said to have been deleted");
  }

  void ecosystems_are_apart() {
    add(ecosystem(1));
    add(ecosystem(2));
    remove(ecosystem(2));
    expect(insert(client(1)) == Insertion::inserted, "another one refuses a client");
  }

  void fault_changes_nothing() {
    if constexpr (requires(S & s) { s.fail(true); }) {
      add(ecosystem(1));
      insert(client(1));
      storage().fail(true);
      const auto fate_of = [this]<class T>(const Outcome<T>& said) {
        expect(said.has_exception(), "it does not fail");
        return said.has_exception() ? said.assume_exception().fate() : Fate::maybe_applied;
      };
      const Fate inserted = fate_of(Fixture::template answer<Insertion>([&] { return storage().insert(client(2)); }));
      const Fate added =
          fate_of(Fixture::template answer<EcosystemState>([&] { return storage().add_ecosystem(ecosystem(2)); }));
      const Fate removed =
          fate_of(Fixture::template answer<EcosystemState>([&] { return storage().delete_ecosystem(ecosystem(1)); }));
      storage().fail(false);
      const auto left = find(id(2));
      expect(!left || (inserted == Fate::maybe_applied && left == client(2)), "the client that failed is there");
      expect(find(id(1)) == client(1), "another client is gone or changed");
      const auto state = remove(ecosystem(2));
      expect(state == EcosystemState::unknown || (added == Fate::maybe_applied && state == EcosystemState::active),
             "the ecosystem whose addition failed is there");
      const auto again = insert(client(3));
      expect(again == Insertion::inserted || (removed == Fate::maybe_applied && again == Insertion::ecosystem_deleted),
             "the ecosystem whose deletion failed is no longer active, or nothing works any more");
    }
  }

  void reopening_keeps_all() {
    if constexpr (requires(S & s) { s.reopen(); }) {
      add(ecosystem(1));
      add(ecosystem(2));
      insert(client(1));
      insert(client(2, std::nullopt, text(std::string(100 << 10, 'd'))));
      remove(ecosystem(2));
      storage().reopen();
      expect(find(id(1)) == client(1), "a client is gone or changed");
      expect(find(id(2)) == client(2, std::nullopt, text(std::string(100 << 10, 'd'))),
             "a long client is gone or changed");
      expect(!find(id(3)), "there is a client that nobody inserted");
      expect(insert(client(1)) == Insertion::id_taken, "an id is free again");
      expect(insert(client(3)) == Insertion::inserted, "an active ecosystem refuses a client");
      expect(add(ecosystem(2)) == EcosystemState::deleted, "a deleted ecosystem is not deleted any more");
      expect(add(ecosystem(3)) == EcosystemState::active, "an ecosystem that never existed cannot be added");
      storage().reopen();
      expect(find(id(3)) == client(3), "a client that came after reopening is gone");
    }
  }

 public:
  /// The checks by the ids of `storage_checks`.
  static constexpr std::array<NamedCheck<StorageChecks>, 23> named{{
      {"kept_is_found", &StorageChecks::kept_is_found},
      {"other_is_not_found", &StorageChecks::other_is_not_found},
      {"absent_is_not_empty", &StorageChecks::absent_is_not_empty},
      {"texts_are_kept", &StorageChecks::texts_are_kept},
      {"types_are_kept", &StorageChecks::types_are_kept},
      {"times_are_kept", &StorageChecks::times_are_kept},
      {"ids_are_told_apart", &StorageChecks::ids_are_told_apart},
      {"unknown_is_refused", &StorageChecks::unknown_is_refused},
      {"deleted_is_refused", &StorageChecks::deleted_is_refused},
      {"refusal_keeps_nothing", &StorageChecks::refusal_keeps_nothing},
      {"taken_is_refused", &StorageChecks::taken_is_refused},
      {"taken_changes_nothing", &StorageChecks::taken_changes_nothing},
      {"deletion_keeps_clients", &StorageChecks::deletion_keeps_clients},
      {"deleted_stays_deleted", &StorageChecks::deleted_stays_deleted},
      {"adding_twice_is_once", &StorageChecks::adding_twice_is_once},
      {"deletion_tells_before", &StorageChecks::deletion_tells_before},
      {"ecosystems_are_apart", &StorageChecks::ecosystems_are_apart},
      {"one_of_an_id", &StorageChecks::one_of_an_id},
      {"deletion_is_final", &StorageChecks::deletion_is_final},
      {"none_is_lost", &StorageChecks::none_is_lost},
      {"history_has_an_order", &StorageChecks::history_has_an_order},
      {"fault_changes_nothing", &StorageChecks::fault_changes_nothing},
      {"reopening_keeps_all", &StorageChecks::reopening_keeps_all},
  }};
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
