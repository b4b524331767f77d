// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The checks of the storage suite about idempotency keys, for stores that remember them. Each repeats a create under
// its key, as a caller does that did not see the first one's outcome, and states what the store must return.

#include <droplit/testing/detail/storage_concurrency_checks.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/fault.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/idempotency_key.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

class StorageKeyChecks : public StorageConcurrencyChecks {
 public:
  using StorageConcurrencyChecks::StorageConcurrencyChecks;

  void key_inserts_as_insert() {
    if (!asks_keys()) return;
    returns(Insertion::ecosystem_unknown, client(1), key("unknown"));
    add(ecosystem(1));
    expect(!find(id(1)), "a client that is refused is found");
    for (std::uint64_t is_given = 0; is_given != 1U << text_count; ++is_given) {
      const Client each = with_texts(is_given, is_given);
      returns(Insertion::inserted, each, key(std::to_string(is_given)));
      expect(find(each.id()) == each, "a client that is inserted is not found, or differs");
    }
    for (const Client& each : awkward_clients()) {
      returns(Insertion::inserted, each, key(each.id().text()));
      expect(find(each.id()) == each, "a client that is inserted is not found, or differs");
    }
    returns(Insertion::id_taken, client(0), key("taken"));
    expect(find(id(0)) == with_texts(0, 0), "the client that has an id is another one now");
    add(ecosystem(2));
    remove(ecosystem(2));
    returns(Insertion::ecosystem_deleted, client(99, {}, ecosystem(2)), key("deleted"));
    expect(!find(id(99)), "a client that is refused is found");
  }

  void key_is_replayed() {
    add(ecosystem(1));
    std::uint64_t next = 100;
    for (std::uint64_t is_given = 0; is_given != 1U << text_count; ++is_given) {
      const Client first = with_texts(is_given, is_given);
      const IdempotencyKey k = key(std::to_string(is_given));
      insert_once(first, k);
      replays(first, repeated(first, ++next, 1000), k);
      expect(!find(id(next)), "the client that repeats it is stored");
      replays(first, first, k);  // its id is taken
      expect(find(first.id()) == first, "the client that has the key is gone or changed");
    }
    for (const Client& each : awkward_clients()) {
      insert_once(each, key(each.id().text()));
      replays(each, repeated(each, ++next), key(each.id().text()));
    }
  }

  void other_draft_is_refused() {
    add(ecosystem(1));
    const Client first = client(1, texts("\xC3\xA9"));
    insert_once(first, key());
    std::vector<ClientTexts> others;
    for (const std::string_view mark : {"e\xCC\x81", "\xC3\x89", "\xC3\xA9 ", ""}) others.push_back(texts(mark));
    for (std::size_t i = 0; i != text_count; ++i) {
      const auto with = [&first, i](const std::optional<Text>& text) {
        return texts_by([&](std::size_t at) { return at == i ? text : first.texts()[at]; });
      };
      others.push_back(with(std::nullopt));
      others.push_back(with(Text::parse("")));
      others.push_back(with(Text::parse(first.texts()[i]->str() + "s")));
    }
    std::uint64_t n = 1;
    for (const ClientTexts& each : others) refuses(client(++n, each), key());
    for (std::size_t i = 1; i != client_type_names.size(); ++i) {
      refuses(Client(id(++n), time(), ecosystem(1), static_cast<ClientType>(i), ClientTexts(first)), key());
    }
    insert_once(client(99, texts_by([](std::size_t) { return std::nullopt; })), key("absent"));
    refuses(client(++n, texts_by([](std::size_t) { return Text::parse(""); })), key("absent"));
    replays(first, repeated(first, ++n), key());
  }

  void keys_are_distinct() {
    std::string all;
    for (char c = 0x21; c != 0x7F; ++c) all += c;
    std::vector<std::string> values{"k",  "K",    "kk",   "k0",  "0",     "00",  "1",    "1.0", "1e0",
                                    "\"", "\\\"", "null", "'||", "k';--", "%s%", "\\k_", all,   all.substr(1)};
    for (const char last : {'a', 'A', 'b'}) values.push_back(std::string(IdempotencyKey::max_size - 1, 'k') + last);
    values.emplace_back(IdempotencyKey::max_size - 1, 'k');
    add(ecosystem(1));
    for (std::size_t n = 0; n != values.size(); ++n) returns(Insertion::inserted, client(n), key(values[n]));
    for (std::size_t n = 0; n != values.size(); ++n) replays(client(n), client(n + values.size()), key(values[n]));
  }

  void key_belongs_to_ecosystem() {
    for (const std::uint64_t n : {1U, 2U}) {
      add(ecosystem(n));
      returns(Insertion::inserted, client(n, texts(), ecosystem(n)), key());
    }
    for (const std::uint64_t n : {1U, 2U}) {
      replays(client(n, texts(), ecosystem(n)), client(n + 2, texts(), ecosystem(n)), key());
    }
  }

  void key_outlives_ecosystem() {
    add(ecosystem(1));
    insert_once(client(1), key());
    remove(ecosystem(1));
    replays(client(1), client(2), key());
    refuses(client(3, texts("other")), key());
    returns(Insertion::ecosystem_deleted, client(4), key("new"));
  }

  void refusals_are_not_remembered() {
    returns(Insertion::ecosystem_unknown, client(1), key());
    add(ecosystem(1));
    returns(Insertion::inserted, client(2, texts("other")), key());
    returns(Insertion::key_reused, client(3), key());
    replays(client(2, texts("other")), client(4, texts("other")), key());
    returns(Insertion::id_taken, client(2), key("taken"));
    returns(Insertion::inserted, client(5, texts("other")), key("taken"));
  }

  void key_lasts_two_days() {
    add(ecosystem(1));
    insert_once(client(1), key());
    for (const std::int64_t millis :
         {std::int64_t{1}, 2 * longest_millis, std::int64_t{-1}, -2 * longest_millis, Timestamp::min_unix_millis}) {
      replays(client(1), repeated(client(1), 2, millis), key());
    }
    insert_once(repeated(client(1), 3, Timestamp::max_unix_millis), key("latest"));
    replays(repeated(client(1), 3, Timestamp::max_unix_millis), repeated(client(1), 4), key("latest"));
  }

  // More keys than a create clears beside its own, and some that have not expired. The newest are met first, before
  // they are cleared.
  void expired_key_is_new() {
    constexpr std::uint64_t keys = 12;
    constexpr std::int64_t now = Timestamp::max_unix_millis;
    const auto old = [](std::uint64_t n) {
      return repeated(client(n), n, Timestamp::min_unix_millis + static_cast<std::int64_t>(n));
    };
    const auto recent = [](std::uint64_t n) { return repeated(client(n), 100 + n, now - 2 * longest_millis); };
    const auto newer = [](std::uint64_t n) { return repeated(client(n, texts("newer")), 200 + n, now); };
    const auto old_key = [](std::uint64_t n) { return key("old" + std::to_string(n)); };
    const auto recent_key = [](std::uint64_t n) { return key("recent" + std::to_string(n)); };
    add(ecosystem(1));
    for (std::uint64_t n = 0; n != keys; ++n) insert_once(recent(n), recent_key(n));
    for (std::uint64_t n = 0; n != keys; ++n) insert_once(old(n), old_key(n));
    for (std::uint64_t n = keys; n-- != 0;) returns(Insertion::inserted, newer(n), old_key(n));
    for (std::uint64_t n = 0; n != keys; ++n) {
      expect(find(old(n).id()) == old(n), "a client whose key has expired is gone or changed");
      replays(newer(n), repeated(newer(n), 300, now), old_key(n));
      replays(recent(n), repeated(recent(n), 301, now), recent_key(n));
    }
  }

  void key_limit_is_exact() {
    if (!has_max_key_age()) return skip("the store has no function max_key_age()");
    const std::int64_t limit = max_key_age();
    expect(limit >= 2 * longest_millis, "the limit is less than 48 hours");
    add(ecosystem(1));
    insert_once(client(1), key());
    replays(client(1), repeated(client(1), 2, limit), key());
    const Client newer = repeated(client(1), 3, limit + 1);
    returns(Insertion::inserted, newer, key());
    replays(newer, repeated(newer, 4, 2 * limit + 1), key());  // the limit counts from the newer one
    returns(Insertion::inserted, repeated(newer, 5, 2 * limit + 2), key());
    remove(ecosystem(1));
    returns(Insertion::ecosystem_deleted, repeated(newer, 6, 3 * limit + 3), key());
  }

  void faults_are_not_remembered() {
    if (!asks_keys()) return;
    if (!has_fail()) return skip("the store has no function fail(bool)");
    add(ecosystem(1));
    fail(true);
    const auto failed = try_insert_once(client(1), key());
    fail(false);
    expect(failed.has_exception(), "it does not fail");
    const bool may_be_there = !failed.has_exception() || failed.assume_exception().fate() == Fate::maybe_applied;
    settles(client(1), repeated(client(1), 2), key(), may_be_there);
  }

  void reopening_keeps_keys() {
    if (!asks_keys()) return;
    if (!has_reopen()) return skip("the store has no function reopen()");
    add(ecosystem(1));
    insert_once(client(1), key());
    insert(client(2));
    reopen();
    replays(client(1), client(3), key());
    refuses(client(4, texts("other")), key());
    returns(Insertion::inserted, client(5), key("new"));
    reopen();
    replays(client(5), client(6), key("new"));
  }

  void crash_leaves_both_or_neither() {
    if (!asks_keys()) return;
    if (!has_crash()) return skip("the store has no function crash(step, call)");
    add(ecosystem(1));
    bool has_crashed = true;
    for (std::uint64_t step = 0; has_crashed && result().failure.empty(); ++step) {
      const Client each = client(2 * step);
      const IdempotencyKey k = key(std::to_string(step));
      std::optional<Outcome<KeyedInsertion>> done;  // absent where another process made the call
      has_crashed = crash(step, [&] { done.emplace(try_insert_once(each, k)); });
      if (!has_crashed && done) {
        expect(done->has_value() && done->assume_value() == Insertion::inserted, "one does not return inserted");
        expect(find(each.id()) == each, "a client is gone whose create returned inserted");
      }
      settles(each, repeated(each, 2 * step + 1), k, true);
    }
  }

 private:
  // A client that has those of its texts whose bits are set; the others are absent.
  static Client with_texts(std::uint64_t n, std::uint64_t is_given) {
    return client(n, texts_by([is_given](std::size_t i) {
                    return (is_given >> i & 1) != 0 ? Text::parse("given") : std::nullopt;
                  }));
  }

  // Of each type; one has an id with a letter.
  static std::vector<Client> awkward_clients() {
    std::vector<Client> all;
    for (ClientTexts& each : each_in_each_field(awkward_values())) {
      const std::size_t n = all.size();
      const ClientId its_id = n == 0 ? *ClientId::parse("A00000000000000000000000a") : id(1000 + n);
      all.emplace_back(its_id, time(), ecosystem(1), static_cast<ClientType>(n % client_type_names.size()),
                       std::move(each));
    }
    return all;
  }

  void returns(Insertion expected, const Client& c, const IdempotencyKey& k) {
    const auto done = insert_once(c, k);
    if (!done) return;
    expect(done->insertion() == expected, std::string("one returns ")
                                              .append(to_string(done->insertion()))
                                              .append(" instead of ")
                                              .append(to_string(expected)));
  }

  void replays(const Client& holder, const Client& again, const IdempotencyKey& k) {
    returns(Insertion::replayed, again, k);
    const auto done = insert_once(again, k);
    if (!done) return;
    expect(done->client() == holder, "the client that it returns is not the one that has the key");
  }

  void refuses(const Client& other, const IdempotencyKey& k) {
    returns(Insertion::key_reused, other, k);
    expect(!find(other.id()), "the client that is refused is found");
  }

  // A create that did not return is repeated: the client is there with its key, or neither is.
  void settles(const Client& c, const Client& again, const IdempotencyKey& k, bool may_be_there) {
    const auto found = find(c.id());
    expect(!found || found == c, "the client differs");
    expect(!found || may_be_there, "the client is there, although the fault says that nothing was applied");
    const auto done = insert_once(again, k);
    if (!done) return;
    if (found) {
      expect(*done == KeyedInsertion::replayed(c), "the client is there without its key");
    } else {
      expect(*done == Insertion::inserted, "the key is there without its client");
    }
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
