// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The checks of the storage suite, one function for each rule of `storage_checks`. Each runs over a new and empty store
// and states a violation as the end of a sentence, which follows the rule's own.

#include <droplit/testing/detail/storage_key_checks.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

class StorageChecks : public StorageKeyChecks {
 public:
  using StorageKeyChecks::StorageKeyChecks;

  void inserted_is_found() { comes_back(client(1)); }

  void other_is_not_found() {
    expect(!find(id(1)), "an empty store finds a client");
    add(ecosystem(1));
    insert(client(1));
    expect(!find(id(2)), "another client is found");
  }

  void absent_is_not_empty() {
    for (std::uint64_t is_given = 0; is_given != 1U << text_count; ++is_given) {
      comes_back(client(is_given, texts_by([is_given](std::size_t i) {
                          return (is_given >> i & 1) != 0 ? Text::parse("") : std::nullopt;
                        })));
    }
  }

  void texts_are_kept() {
    std::vector<std::string> values = awkward_values();
    for (std::uint32_t plane = 0; plane != 17; ++plane) values.push_back(all_of(plane));
    std::uint64_t n = 0;
    for (ClientTexts& each : each_in_each_field(values)) comes_back(client(n++, std::move(each)));
  }

  void types_are_kept() {
    for (std::size_t i = 0; i != client_type_names.size(); ++i) {
      comes_back(Client(id(i), time(), ecosystem(1), static_cast<ClientType>(i), texts()));
    }
  }

  void times_are_kept() {
    std::uint64_t n = 0;
    for (const std::int64_t millis : {Timestamp::min_unix_millis, std::int64_t{-1}, std::int64_t{1519837018941},
                                      std::int64_t{4294967296001}, Timestamp::max_unix_millis}) {
      comes_back(Client(id(++n), time(millis), ecosystem(1), ClientType{}, texts()));
    }
  }

  void ids_are_distinct() {
    std::vector<Client> all;
    for (const std::string_view digits : {"00000000000000000000000a", "00000000000000000000000b",
                                          "a00000000000000000000000a", "A00000000000000000000000a"}) {
      all.emplace_back(*ClientId::parse(digits), time(), ecosystem(1), ClientType{}, texts(digits));
    }
    for (std::size_t i = 0; i != 24; ++i) {
      const std::string digits = with_one_at(i);
      all.emplace_back(*ClientId::parse(digits), time(), ecosystem(1), ClientType{}, texts(digits));
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
    delete_active();
    expect(insert(client(1)) == Insertion::ecosystem_deleted, "the first one does not");
    expect(insert(client(2)) == Insertion::ecosystem_deleted, "the second one does not");
  }

  void refusal_inserts_nothing() {
    delete_active();
    add(ecosystem(2));
    for (const std::uint64_t refusing : {1U, 3U}) {  // deleted, unknown
      const Client refused = client(refusing, {}, ecosystem(refusing));
      if (insert(refused) == Insertion::inserted) continue;
      expect(!find(refused.id()), "it is found");
      expect(insert(client(refusing, {}, ecosystem(2))) == Insertion::inserted, "its id is taken");
    }
  }

  void taken_is_refused() {
    comes_back(client(1));
    expect(insert(client(1)) == Insertion::id_taken, "the same client does not");
    add(ecosystem(2));
    expect(insert(client(1, {}, ecosystem(2))) == Insertion::id_taken, "in another ecosystem it does not");
  }

  void taken_changes_nothing() {
    comes_back(client(1));
    if (insert(client(1, texts("other"))) == Insertion::inserted) return;
    expect(find(id(1)) == client(1), "it is another one now");
  }

  void deletion_keeps_clients() {
    comes_back(client(1));
    remove(ecosystem(1));
    expect(find(id(1)) == client(1), "it is gone or changed");
  }

  void deleted_stays_deleted() {
    delete_active();
    expect(add(ecosystem(1)) == EcosystemState::deleted, "adding it does not return deleted");
    expect(insert(client(1)) == Insertion::ecosystem_deleted, "an insert does not return ecosystem_deleted");
  }

  void adding_twice_is_once() {
    expect(add(ecosystem(1)) == EcosystemState::active, "the first time does not return active");
    comes_back(client(1));
    expect(add(ecosystem(1)) == EcosystemState::active, "the second time does not return active");
    expect(find(id(1)) == client(1), "a client is gone");
    comes_back(client(2));
  }

  void deletion_returns_state_before() {
    expect(remove(ecosystem(1)) == EcosystemState::unknown, "it does not return unknown");
    expect(add(ecosystem(1)) == EcosystemState::active, "an unknown ecosystem cannot be added after it");
    expect(remove(ecosystem(1)) == EcosystemState::active, "it does not return active");
    expect(remove(ecosystem(1)) == EcosystemState::deleted, "it does not return deleted");
  }

  void ecosystems_are_independent() {
    add(ecosystem(1));
    add(ecosystem(2));
    remove(ecosystem(2));
    expect(insert(client(1)) == Insertion::inserted, "another one refuses a client");
    const EcosystemId zero = *EcosystemId::parse("C000000000000000000000000");
    const auto differing = [](std::size_t i) { return *EcosystemId::parse("C" + with_one_at(i)); };
    add(zero);
    for (std::size_t i = 0; i != 24; ++i) add(differing(i));
    remove(zero);
    for (std::size_t i = 0; i != 24; ++i) {
      expect(insert(client(100 + i, {}, differing(i))) == Insertion::inserted,
             "one that differs in a digit is deleted");
    }
  }

  void batch_is_as_its_inserts() {
    if (!has_insert_all()) return skip("the store has no function insert_all(inserts)");
    add(ecosystem(1));
    delete_another();
    const IdempotencyKey k = key();
    // Of one id, of one key, and what is refused.
    const std::vector<Client> all{
        client(1), client(1, texts("twin")),  client(2, {}, ecosystem(2)), client(3, {}, ecosystem(3)),
        client(4), client(5, texts("keyed")), client(6, texts("keyed")),   client(7, texts("reused"))};
    std::vector<BatchInsert> inserts;
    inserts.reserve(all.size());
    for (std::size_t i = 0; i != all.size(); ++i) inserts.emplace_back(all[i], i >= 5 && has_keys() ? &k : nullptr);
    std::vector<BatchInsert*> pointers;
    pointers.reserve(all.size());
    for (BatchInsert& each : inserts) pointers.push_back(&each);
    insert_all(pointers);
    for (const BatchInsert& each : inserts) expect(each.outcome.has_value(), "one has no outcome, or fails");
    if (!result().failure.empty()) return;
    const auto got = [&](std::size_t i) { return inserts[i].outcome.assume_value().insertion(); };
    const auto is_one_of = [](Insertion a, Insertion b, Insertion other) {
      return (a == Insertion::inserted && b == other) || (b == Insertion::inserted && a == other);
    };
    expect(is_one_of(got(0), got(1), Insertion::id_taken), "of two of one id not exactly one is inserted");
    expect(got(2) == Insertion::ecosystem_deleted, "one does not return ecosystem_deleted");
    expect(got(3) == Insertion::ecosystem_unknown, "one does not return ecosystem_unknown");
    expect(got(4) == Insertion::inserted, "one that is like no other is not inserted");
    if (has_keys() && got(7) != Insertion::inserted) {
      expect(is_one_of(got(5), got(6), Insertion::replayed), "of two of one key and draft not exactly one is inserted");
      expect(got(7) == Insertion::key_reused, "one of another draft does not return key_reused");
    }
    for (std::size_t i = 0; i != all.size(); ++i) {
      if (got(i) == Insertion::inserted) expect(find(all[i].id()) == all[i], "one that is inserted is not found");
      if (got(i) != Insertion::inserted && i > 1) expect(!find(all[i].id()), "one that is refused is found");
    }
  }

  void fault_changes_nothing() {
    if (!has_fail()) return skip("the store has no function fail(bool)");
    add(ecosystem(1));
    insert(client(1));
    fail(true);
    const auto fate_of = [this]<class T>(const Outcome<T>& outcome) {
      expect(outcome.has_exception(), "it does not fail");
      return outcome.has_exception() ? outcome.assume_exception().fate() : Fate::maybe_applied;
    };
    const Fate inserted = fate_of(try_insert(client(2)));
    const Fate added = fate_of(try_add(ecosystem(2)));
    const Fate removed = fate_of(try_remove(ecosystem(1)));
    fail(false);
    const auto left = find(id(2));
    expect(!left || (inserted == Fate::maybe_applied && left == client(2)), "the client that failed is there");
    expect(find(id(1)) == client(1), "another client is gone or changed");
    const auto state = remove(ecosystem(2));
    expect(state == EcosystemState::unknown || (added == Fate::maybe_applied && state == EcosystemState::active),
           "the ecosystem whose addition failed is there");
    const auto again = insert(client(3));
    expect(again == Insertion::inserted || (removed == Fate::maybe_applied && again == Insertion::ecosystem_deleted),
           "the ecosystem whose deletion failed is no longer active, or later calls fail");
  }

  void reopening_keeps_all() {
    if (!has_reopen()) return skip("the store has no function reopen()");
    const Client long_one = client(2, texts(std::string(100 << 10, 'd')));
    add(ecosystem(1));
    add(ecosystem(2));
    insert(client(1));
    insert(long_one);
    remove(ecosystem(2));
    reopen();
    expect(find(id(1)) == client(1), "a client is gone or changed");
    expect(find(id(2)) == long_one, "a long client is gone or changed");
    expect(!find(id(3)), "there is a client that was not inserted");
    expect(insert(client(1)) == Insertion::id_taken, "an id is free again");
    expect(insert(client(3)) == Insertion::inserted, "an active ecosystem refuses a client");
    expect(add(ecosystem(2)) == EcosystemState::deleted, "a deleted ecosystem is not deleted any more");
    expect(add(ecosystem(3)) == EcosystemState::active, "an ecosystem that never existed cannot be added");
    reopen();
    expect(find(id(3)) == client(3), "a client that was inserted after reopening is gone");
  }

 private:
  // All characters of a plane of Unicode but U+0000.
  static std::string all_of(std::uint32_t plane) {
    std::string all;
    for (std::uint32_t c = plane << 16; c != (plane + 1) << 16; ++c) {
      if (c == 0 || (c >= 0xD800 && c <= 0xDFFF)) continue;
      const std::uint32_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;  // bytes after the first
      all += static_cast<char>(more == 0 ? c : 0xF0U << (3 - more) | c >> 6 * more);
      for (std::uint32_t i = more; i-- != 0;) all += static_cast<char>(0x80 | (c >> 6 * i & 0x3F));
    }
    return all;
  }

  // An id's digits.
  static std::string with_one_at(std::size_t i) {
    std::string digits(24, '0');
    digits[i] = '1';
    return digits;
  }

  void delete_another() {
    add(ecosystem(2));
    remove(ecosystem(2));
  }

  void delete_active() {
    add(ecosystem(1));
    remove(ecosystem(1));
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
