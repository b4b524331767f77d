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
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A store that the suite can fill and look into, used by many threads at once. A failure is thrown, or returned in an
/// `outcome`.
template <class S>
concept TestableStorage = Storage<S> && requires(S& storage, EcosystemId ecosystem, ClientId client) {
  /// Makes the ecosystem active if it was never there, and tells what it now is: a deleted one stays deleted.
  { storage.add_ecosystem(ecosystem) } -> std::convertible_to<Outcome<EcosystemState>>;
  /// Deletes the ecosystem for ever, and tells what it was before. Its clients stay; an unknown one stays unknown.
  { storage.delete_ecosystem(ecosystem) } -> std::convertible_to<Outcome<EcosystemState>>;
  /// The client that was kept under this id, if there is one.
  { storage.find_client(client) } -> std::convertible_to<Outcome<std::optional<Client>>>;
};

inline constexpr std::array<ContractCheck, 23> storage_checks{{
    // clang-format off
    {"kept_is_found", "A client that is kept is found, equal in every part.", ""},
    {"other_is_not_found", "An id under which nothing was kept is not found.", ""},
    {"absent_is_not_empty", "A text that is absent stays absent, and one that is empty stays empty.", "kept_is_found"},
    {"texts_are_kept", "Texts come back byte for byte, however long and whatever is in them.", "kept_is_found"},
    {"types_are_kept", "Each type of client comes back.", "kept_is_found"},
    {"times_are_kept", "Times come back to the millisecond, from the year 0000 to 9999.", "kept_is_found"},
    {"ids_are_told_apart", "Ids that differ in one digit, in the letter or in its case are different ids.", "kept_is_found"},
    {"unknown_is_refused", "In an ecosystem that never existed an insert says ecosystem_unknown.", ""},
    {"deleted_is_refused", "In a deleted ecosystem an insert says ecosystem_deleted.", ""},
    {"refusal_keeps_nothing", "A client that is refused is not found, and its id stays free.", "other_is_not_found"},
    {"taken_is_refused", "Under an id that is taken an insert says id_taken, in whichever ecosystem.", "kept_is_found"},
    {"taken_changes_nothing", "The client that has an id stays as it was when another one asks for that id.", "taken_is_refused"},
    {"deletion_keeps_clients", "A client is still found when its ecosystem was deleted.", "kept_is_found"},
    {"deleted_stays_deleted", "A deleted ecosystem that is added again stays deleted.", "deleted_is_refused"},
    {"adding_twice_is_once", "Adding an active ecosystem again changes nothing.", "kept_is_found"},
    {"deletion_tells_before", "A deletion tells what there was: active, deleted or unknown; and unknown stays unknown.", "deleted_is_refused"},
    {"ecosystems_are_apart", "Deleting one ecosystem leaves the others.", ""},
    {"one_of_an_id", "Of inserts under one id at the same time exactly one is kept, and it is the one that is found.", "taken_changes_nothing"},
    {"deletion_is_final", "No client comes to stand in an ecosystem after its deletion has returned.", "deleted_is_refused"},
    {"none_is_lost", "Of inserts at the same time every one that says kept is found.", "kept_is_found"},
    {"history_has_an_order", "What threads are told at the same time could have been told to one thread, one after the other.", "*"},
    {"fault_changes_nothing", "What fails leaves the store as it was, unless it says that it may have been applied.", "*"},
    {"reopening_keeps_all", "Whatever was told is still so after the store was opened again.", "*"},
    // clang-format on
}};

/// Runs the behaviour suite over stores that `make()` gives, a new and empty one for each check, and tells which rules
/// are broken: none, if the store keeps its promise.
///
/// Two rules are asked only of a store that has what it takes, which a small wrapper around yours may add: with
/// `void reopen()`, after which it has closed and opened itself again, `reopening_keeps_all`; with `void fail(bool)`,
/// which makes every insert, addition and deletion fail until it is called with false, `fault_changes_nothing`.
///
/// Some checks use several threads; what they look for may come by luck, so that one run proves a fault and not its
/// absence.
template <std::invocable Make>
requires TestableStorage<std::invoke_result_t<Make&>> std::vector<FailedCheck> check_storage_contract(Make make) {
  return detail::run_suite<storage_checks>([&] { return detail::StorageChecks<std::invoke_result_t<Make&>>(make); });
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
