// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/testing/contract_check.hpp>
#include <droplit/testing/detail/storage_checks.hpp>
#include <droplit/testing/detail/suite.hpp>

#include <droplit/client.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include <array>
#include <concepts>
#include <optional>
#include <type_traits>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A store that the suite can fill and read, used by many threads at once. A failure is thrown, or returned in an
/// `outcome`.
template <class S>
concept TestableStorage = Storage<S> && requires(S& storage, EcosystemId ecosystem, ClientId client) {
  /// Makes the ecosystem active if it never existed, and returns its state: a deleted one stays deleted.
  { storage.add_ecosystem(ecosystem) } -> std::convertible_to<Outcome<EcosystemState>>;
  /// Deletes the ecosystem permanently, and returns its state before. Its clients stay; an unknown one stays unknown.
  { storage.delete_ecosystem(ecosystem) } -> std::convertible_to<Outcome<EcosystemState>>;
  /// The client that was inserted under this id, if there is one.
  { storage.find_client(client) } -> std::convertible_to<Outcome<std::optional<Client>>>;
};

/// The rules of the suite; each row is a `ContractCheck`.
inline constexpr auto storage_checks = std::to_array<detail::Check<detail::StorageChecks>>({
    // clang-format off
    {{"inserted_is_found", "A client that is inserted is found, equal in every part.", ""}, &detail::StorageChecks::inserted_is_found},
    {{"other_is_not_found", "An id under which no client was inserted is not found.", ""}, &detail::StorageChecks::other_is_not_found},
    {{"absent_is_not_empty", "A text that is absent stays absent, and one that is empty stays empty.", "inserted_is_found"}, &detail::StorageChecks::absent_is_not_empty},
    {{"texts_are_kept", "Texts come back byte for byte, whatever their length and characters.", "inserted_is_found"}, &detail::StorageChecks::texts_are_kept},
    {{"types_are_kept", "Each type of client comes back.", "inserted_is_found"}, &detail::StorageChecks::types_are_kept},
    {{"times_are_kept", "Times come back to the millisecond, from the year 0000 to 9999.", "inserted_is_found"}, &detail::StorageChecks::times_are_kept},
    {{"ids_are_distinct", "Ids that differ in one digit, in the letter or in its case are different ids.", "inserted_is_found"}, &detail::StorageChecks::ids_are_distinct},
    {{"unknown_is_refused", "In an ecosystem that never existed an insert returns ecosystem_unknown.", ""}, &detail::StorageChecks::unknown_is_refused},
    {{"deleted_is_refused", "In a deleted ecosystem an insert returns ecosystem_deleted.", ""}, &detail::StorageChecks::deleted_is_refused},
    {{"refusal_inserts_nothing", "A client that is refused is not found, and its id stays free.", "other_is_not_found"}, &detail::StorageChecks::refusal_inserts_nothing},
    {{"taken_is_refused", "Under an id that is taken an insert returns id_taken, in any ecosystem.", "inserted_is_found"}, &detail::StorageChecks::taken_is_refused},
    {{"taken_changes_nothing", "The client that has an id stays as it was when another one is inserted under it.", "taken_is_refused"}, &detail::StorageChecks::taken_changes_nothing},
    {{"deletion_keeps_clients", "A client is still found when its ecosystem was deleted.", "inserted_is_found"}, &detail::StorageChecks::deletion_keeps_clients},
    {{"deleted_stays_deleted", "A deleted ecosystem that is added again stays deleted.", "deleted_is_refused"}, &detail::StorageChecks::deleted_stays_deleted},
    {{"adding_twice_is_once", "Adding an active ecosystem again changes nothing.", "inserted_is_found"}, &detail::StorageChecks::adding_twice_is_once},
    {{"deletion_returns_state_before", "A deletion returns the state before it: active, deleted or unknown; and unknown stays unknown.", "deleted_is_refused"}, &detail::StorageChecks::deletion_returns_state_before},
    {{"ecosystems_are_independent", "Deleting one ecosystem leaves the others.", ""}, &detail::StorageChecks::ecosystems_are_independent},
    {{"one_of_an_id", "Of inserts under one id at the same time exactly one succeeds, and its client is the one that is found.", "taken_changes_nothing"}, &detail::StorageChecks::one_of_an_id},
    {{"deletion_is_final", "No client is inserted into an ecosystem after its deletion has returned.", "deleted_is_refused"}, &detail::StorageChecks::deletion_is_final},
    {{"none_is_lost", "Of inserts at the same time every one that returns inserted is found.", "inserted_is_found"}, &detail::StorageChecks::none_is_lost},
    {{"history_is_linearizable", "What calls at the same time return could have been returned to one thread, one call after the other.", "*"}, &detail::StorageChecks::history_is_linearizable},
    {{"fault_changes_nothing", "A call that fails leaves the store as it was, unless its fault is maybe applied.", "*"}, &detail::StorageChecks::fault_changes_nothing},
    {{"reopening_keeps_all", "Everything is still there after the store was opened again.", "*"}, &detail::StorageChecks::reopening_keeps_all},
    {{"key_inserts_as_insert", "Under a new key insert_once stores the client or refuses it, as insert does.", "*"}, &detail::StorageChecks::key_inserts_as_insert},
    {{"key_is_replayed", "A create that repeats a key and its draft inserts nothing and returns the client that has the key.", "key_inserts_as_insert"}, &detail::StorageChecks::key_is_replayed},
    {{"other_draft_is_refused", "With another draft a key that is taken returns key_reused, and nothing is inserted.", "key_is_replayed"}, &detail::StorageChecks::other_draft_is_refused},
    {{"keys_are_distinct", "Keys that differ in one character, its case or their length are different keys.", "key_is_replayed"}, &detail::StorageChecks::keys_are_distinct},
    {{"key_belongs_to_ecosystem", "Two ecosystems may have the same key.", "key_is_replayed"}, &detail::StorageChecks::key_belongs_to_ecosystem},
    {{"key_outlives_ecosystem", "A key is still taken when its ecosystem was deleted.", "other_draft_is_refused"}, &detail::StorageChecks::key_outlives_ecosystem},
    {{"refusals_are_not_remembered", "A key whose create was refused is new.", "other_draft_is_refused"}, &detail::StorageChecks::refusals_are_not_remembered},
    {{"key_lasts_two_days", "A key is taken for 48 hours at least, and for every create that is earlier.", "key_is_replayed"}, &detail::StorageChecks::key_lasts_two_days},
    {{"expired_key_is_new", "A key that has expired is new, and its client stays.", "key_lasts_two_days"}, &detail::StorageChecks::expired_key_is_new},
    {{"key_limit_is_exact", "A key is taken as long as the store's limit, and new a millisecond later.", "expired_key_is_new"}, &detail::StorageChecks::key_limit_is_exact},
    {{"one_of_a_key", "Of creates of one key and draft at the same time exactly one inserts, and the others return its client.", "key_is_replayed"}, &detail::StorageChecks::one_of_a_key},
    {{"keyed_history_is_linearizable", "What calls with keys at the same time return could have been returned to one thread.", "*"}, &detail::StorageChecks::keyed_history_is_linearizable},
    {{"faults_are_not_remembered", "A key whose create failed is new, unless the fault is maybe applied and the client is there.", "*"}, &detail::StorageChecks::faults_are_not_remembered},
    {{"reopening_keeps_keys", "A key is still taken after the store was opened again.", "*"}, &detail::StorageChecks::reopening_keeps_keys},
    {{"crash_leaves_both_or_neither", "A crash at any step of a create leaves the client with its key, or neither.", "*"}, &detail::StorageChecks::crash_leaves_both_or_neither},
    {{"batch_is_as_its_inserts", "Of inserts that come as one batch each does what it would do alone, in any order.", "*"}, &detail::StorageChecks::batch_is_as_its_inserts},
    // clang-format on
});

/// Runs the behaviour suite over the stores that `make()` returns, a new and empty one for each check. The report is
/// true if the store is correct.
///
/// The rules about keys are checked only if the store is a `KeyedStorage`, and `batch_is_as_its_inserts` if it is a
/// `BatchStorage`. Some rules are checked only if it has a
/// further function, which a small wrapper around it may add; the report says so otherwise:
///
/// - `void fail(bool)` makes every insert, addition and deletion fail until it is called with false:
///   `fault_changes_nothing`, `faults_are_not_remembered`
/// - `void reopen()` closes the store and opens it again: `reopening_keeps_all`, `reopening_keeps_keys`
/// - `std::chrono::milliseconds max_key_age()` returns how long the store remembers a key: `key_limit_is_exact`
/// - `bool crash(std::size_t step, const std::function<void()>& call)` calls `call`, which makes one call to the store,
///   ends the store at this step of it (a write, a sync, a message; the first is 0), as a kill or a loss of power
///   would, and opens it again. Returns true if it ended the store, so that what the call returned is unknown, and
///   false if the call had fewer steps. `call` may run in a child process: `crash_leaves_both_or_neither`
///
/// Some checks use several threads and depend on timing: a run proves a defect, not its absence.
template <std::invocable Make>
requires TestableStorage<std::invoke_result_t<Make&>> ContractReport check_storage_contract(Make make) {
  return detail::run_suite(storage_checks, [&make](auto check) {
    decltype(auto) storage = make();
    detail::StorageChecks checks(detail::storage_calls(storage));
    (checks.*check)();
    return checks.result();
  });
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
