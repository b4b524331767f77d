// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Writes metrics in Prometheus' text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Used by `Prometheus`.

#include <droplit/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// A page of metrics, written one family after the other.
class Exposition {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  /// The page, whose names begin with `prefix` and `_`.
  explicit Exposition(std::string_view prefix) : prefix_(prefix) {}

  /// Begins a family: a `counter`, `gauge` or `histogram`.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = std::string(prefix_).append("_").append(name);
    out_.append("# HELP ").append(name_).append(" ").append(help);
    out_.append("\n# TYPE ").append(name_).append(" ").append(type).append("\n");
  }

  /// Adds a sample of the family, or of `suffix` of a histogram.
  void sample(Labels labels, std::uint64_t value, std::string_view suffix = {}) {
    begin(labels, suffix);
    out_.append(std::to_string(value)).append("\n");
  }

  /// The same for a time, in seconds.
  void seconds(Labels labels, std::uint64_t nanoseconds, std::string_view suffix = {}) {
    begin(labels, suffix);
    const std::string rest = std::to_string(nanoseconds % 1'000'000'000);
    out_.append(std::to_string(nanoseconds / 1'000'000'000)).append(".");
    out_.append(9 - rest.size(), '0').append(rest).append("\n");
  }

  /// A family of one sample.
  void single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    family(name, type, help);
    sample({}, value);
  }

  [[nodiscard]] std::string text() && noexcept { return std::move(out_); }

 private:
  void begin(Labels labels, std::string_view suffix) {
    out_.append(name_).append(suffix);
    char before = '{';
    for (const auto& [name, value] : labels) {
      (out_ += before).append(name).append("=\"");
      for (const char c : value) {
        if (c == '\\' || c == '"') out_ += '\\';
        if (c == '\n') out_ += '\\';
        out_ += c == '\n' ? 'n' : c;
      }
      out_ += '"';
      before = ',';
    }
    if (labels.size() != 0) out_ += '}';
    out_ += ' ';
  }

  std::string_view prefix_;
  std::string name_;
  std::string out_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
