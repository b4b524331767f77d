// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The engine of both behaviour suites. A suite is a class with one member function for each check, and a table of
// `Check` that gives each function its rule. The engine runs each function over a new subject and collects the rules
// whose function observed a violation. Suites are no templates: they call the subject, of any type, through
// `std::function`s, so that they are compiled once.

#include <droplit/detail/config.hpp>
#include <droplit/testing/contract_check.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A rule and the member function of the suite that checks it.
template <class Suite>
struct Check : ContractCheck {
  void (Suite::*run)();
};

/// What a function of a suite observed.
struct CheckResult {
  std::string failure = {};               ///< the first violation; empty if there was none
  std::vector<std::string> history = {};  ///< what led to it
  std::string unchecked = {};             ///< why the rule was not checked; empty if it was
};

/// Base class of a suite: remembers the first violation. Thread-safe.
class Checks {
 public:
  [[nodiscard]] CheckResult result() const { return {failure_, {}, unchecked_}; }

 protected:
  /// Returns true if this is the first violation.
  bool expect(bool is_met, std::string_view violation) {
    if (is_met) return false;
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) return false;
    failure_ = violation;
    return true;
  }

  /// The rule cannot be checked.
  void skip(std::string_view reason) { unchecked_ = reason; }

 private:
  std::mutex mutex_;
  std::string failure_;
  std::string unchecked_;
};

/// The last `most` of `lines`, after one that says how many are left out.
inline std::vector<std::string> last_lines(std::vector<std::string> lines, std::size_t most) {
  if (lines.size() <= most) return lines;
  const std::size_t left_out = lines.size() - most;
  lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  lines.insert(lines.begin(), "... after " + std::to_string(left_out) + " others");
  return lines;
}

/// Runs the checks. `run(function)` runs a function of the suite over a new subject and returns its `result()`.
template <class Suite, std::size_t N, class Run>
ContractReport run_suite(const std::array<Check<Suite>, N>& checks, Run run) {
  std::vector<FailedCheck> failed;
  std::vector<UncheckedRule> unchecked;
  std::vector<std::string_view> passed{""};
  for (const Check<Suite>& check : checks) {
    const bool rests_on_all = check.rests_on == "*";
    const bool can_run =
        rests_on_all ? failed.empty() : std::find(passed.begin(), passed.end(), check.rests_on) != passed.end();
    if (!can_run) {
      const auto base = std::find_if(unchecked.begin(), unchecked.end(),
                                     [&check](const UncheckedRule& rule) { return rule.id == check.rests_on; });
      const std::string name = rests_on_all ? "all rules before it" : std::string(check.rests_on);
      unchecked.push_back({check.id, base == unchecked.end() ? "it rests on " + name : base->reason});
      continue;
    }
    CheckResult result = run(check.run);
    if (!result.failure.empty()) {
      failed.push_back({check.id, std::string(check.sentence).append(" But: ").append(result.failure).append("."),
                        std::move(result.history)});
    } else if (!result.unchecked.empty()) {
      unchecked.push_back({check.id, std::move(result.unchecked)});
    } else {
      passed.push_back(check.id);
    }
  }
  return {N, std::move(failed), std::move(unchecked)};
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
