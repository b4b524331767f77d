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
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A rule and the member function of the suite that checks it.
template <class Suite>
struct Check : ContractCheck {
  void (Suite::*run)();
};

/// Base class of a suite: remembers the first violation. Thread-safe.
class Checks {
 public:
  /// The first violation; empty if there was none.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 protected:
  void expect(bool is_met, std::string_view violation) {
    const std::lock_guard lock(mutex_);
    if (!is_met && failure_.empty()) failure_ = violation;
  }

 private:
  std::mutex mutex_;
  std::string failure_;
};

/// The checks that fail. `run(function)` runs a function of the suite over a new subject and returns its `failure()`.
template <class Suite, std::size_t N, class Run>
std::vector<FailedCheck> run_suite(const std::array<Check<Suite>, N>& checks, Run run) {
  std::vector<FailedCheck> failed;
  std::vector<std::string_view> passed{""};
  for (const Check<Suite>& check : checks) {
    const bool can_run = check.rests_on == "*"
                             ? failed.empty()
                             : std::find(passed.begin(), passed.end(), check.rests_on) != passed.end();
    if (!can_run) continue;
    const std::string failure = run(check.run);
    if (failure.empty()) {
      passed.push_back(check.id);
    } else {
      failed.push_back({check.id, std::string(check.sentence).append(" But: ").append(failure).append(".")});
    }
  }
  return failed;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
