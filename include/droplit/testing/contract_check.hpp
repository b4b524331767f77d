// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A rule of a behaviour suite. Its id does not change from version to version.
struct ContractCheck {
  std::string_view id;        ///< as a failure names it
  std::string_view sentence;  ///< what the rule asks
  /// The id of the rule without which this one cannot be checked: this one is not checked if that one is broken or was
  /// not checked. `*` means all rules before it; empty means none.
  std::string_view rests_on;
};

/// A rule that a model violates.
struct FailedCheck {
  std::string_view id;               ///< of the rule
  std::string sentence;              ///< the rule's, with what was observed instead
  std::vector<std::string> history;  ///< the last calls before that and what they returned, one line each
};

/// A rule that was not checked.
struct UncheckedRule {
  std::string_view id;  ///< of the rule
  std::string reason;   ///< why it was not checked; that of the rule that it rests on, if that was not checked
};

/// What a behaviour suite found out about a model. True if no rule is broken.
///
/// It prints itself: `CHECK(check_storage_contract(make))` shows the broken rules, each with its history, and the rules
/// that were not checked.
class ContractReport {
 public:
  /// The report of a suite with so many rules.
  ContractReport(std::size_t rules, std::vector<FailedCheck> failed, std::vector<UncheckedRule> unchecked) noexcept
      : rules_(rules), failed_(std::move(failed)), unchecked_(std::move(unchecked)) {}

  /// True if no rule is broken.
  [[nodiscard]] explicit operator bool() const noexcept { return failed_.empty(); }

  /// How many rules the suite has.
  [[nodiscard]] std::size_t rules() const noexcept { return rules_; }

  /// The broken rules, in the order of the suite.
  [[nodiscard]] const std::vector<FailedCheck>& failed() const& noexcept { return failed_; }
  [[nodiscard]] std::vector<FailedCheck> failed() && noexcept { return std::move(failed_); }

  /// The rules that were not checked, in the order of the suite.
  [[nodiscard]] const std::vector<UncheckedRule>& unchecked() const& noexcept { return unchecked_; }
  [[nodiscard]] std::vector<UncheckedRule> unchecked() && noexcept { return std::move(unchecked_); }

 private:
  std::size_t rules_;
  std::vector<FailedCheck> failed_;
  std::vector<UncheckedRule> unchecked_;
};

template <>
struct detail::Print<ContractReport> {
  static void append(std::string& out, const ContractReport& report) {
    out += "rules: " + std::to_string(report.rules()) + ", broken: " + std::to_string(report.failed().size()) +
           ", not checked: " + std::to_string(report.unchecked().size()) + "\n";
    for (const FailedCheck& each : report.failed()) {
      out.append("broken: ").append(each.id).append(": ").append(each.sentence).append("\n");
      for (const std::string& line : each.history) out.append("  ").append(line).append("\n");
    }
    for (const UncheckedRule& each : report.unchecked()) {
      out.append("not checked: ").append(each.id).append(": ").append(each.reason).append("\n");
    }
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
