// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The engine of both contract suites: runs the rules of a table, each in a new fixture, and collects those that fail. A
// fixture class has a member function for each rule and lists them by the rule's id, `Checks::named()`.

#include <droplit/detail/config.hpp>
#include <droplit/testing/contract_check.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The function of a fixture that checks the rule with this id; null where the subject lacks what the check needs.
template <class Checks>
struct NamedCheck {
  std::string_view id;
  void (Checks::*run)();
};

/// The place of the rule with this id among the checks, or their number if it is not there.
template <class Checks>
constexpr std::size_t find_check(std::string_view id) noexcept {
  std::size_t i = 0;
  while (i != Checks::named.size() && Checks::named[i].id != id) ++i;
  return i;
}

template <class Checks, std::size_t N>
consteval bool is_complete(const std::array<ContractCheck, N>& rules) noexcept {
  for (const ContractCheck& rule : rules) {
    if (find_check<Checks>(rule.id) == N) return false;
  }
  return Checks::named.size() == N;
}

/// The rules that fail. `make` gives a fixture over a new subject.
template <const auto& Rules, class Make>
std::vector<FailedCheck> run_suite(Make make) {
  using Checks = decltype(make());
  static_assert(is_complete<Checks>(Rules), "a rule without a check, or a check without a rule");
  std::vector<FailedCheck> failed;
  std::vector<std::string_view> passed{""};
  for (const ContractCheck& rule : Rules) {
    const auto run = Checks::named[find_check<Checks>(rule.id)].run;
    const bool can_run =
        rule.rests_on == "*" ? failed.empty() : std::find(passed.begin(), passed.end(), rule.rests_on) != passed.end();
    if (run == nullptr || !can_run) continue;
    Checks checks = make();
    (checks.*run)();
    if (checks.failure().empty()) {
      passed.push_back(rule.id);
    } else {
      failed.push_back({rule.id, std::string(rule.sentence).append(" But: ").append(checks.failure()).append(".")});
    }
  }
  return failed;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
