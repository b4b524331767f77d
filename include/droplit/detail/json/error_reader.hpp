// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// The refusal that a response without entries is: its status and its text, which may be empty.
inline std::optional<ApiError> error_without_entries(int status, std::string_view text) {
  const ResponseForm form = text.empty() ? ResponseForm::empty : ResponseForm::text;
  for (const ApiErrcRow& row : api_errc_table) {
    if (row.status != status || row.form != form) continue;
    if (!row.has_blank()) {
      if (row.message == text) return CodeOnly::make(row);
      continue;
    }
    const auto id = EcosystemId::parse(read_blank(row.message, text).value_or(std::string_view()));
    if (id) {
      auto error = CodeOnly::make(row, *id);
      if (error.violations()[0].message == text) return error;  // else its id is not canonical
    }
  }
  return std::nullopt;
}

/// Reads the `InvalidParams` body of a 400.
class ErrorReader final : private JsonEvents {
 public:
  /// The refusal, or nothing if `body` is not one that the contract knows: another form, an unknown message, entries
  /// repeated or in another order. Members that the contract does not know are ignored, and the last of a repeated one
  /// counts.
  std::optional<ApiError> read(std::string_view body) {
    JsonReader reader(*this);
    if (!reader.finish(body) || text(Member::error_type) != "InvalidParams" || !right_) return std::nullopt;
    Findings findings;
    for (std::size_t i = 0; i != size_; ++i) {
      if (!note(entries_[i], findings)) return std::nullopt;
    }
    auto error = ApiError::from(std::move(findings));
    if (!error || error->violations().size() != size_) return std::nullopt;
    for (std::size_t i = 0; i != size_; ++i) {
      const Violation violation = error->violations()[i];
      const Entry& entry = entries_[i];
      if (to_string(violation.location) != entry[0] || violation.message != entry[1] ||
          to_string(violation.field) != entry[2]) {
        return std::nullopt;
      }
    }
    return error;
  }

 private:
  enum class Member : std::uint8_t { none, error_type, errors, in, message, path };
  using Entry = std::array<std::string, 3>;  // in, message, path

  static Member named(std::string_view name, bool in_entry) noexcept {
    if (in_entry)
      return name == "in"        ? Member::in
             : name == "message" ? Member::message
             : name == "path"    ? Member::path
                                 : Member::none;
    return name == "errorType" ? Member::error_type : name == "errors" ? Member::errors : Member::none;
  }

  std::string& text(Member member) noexcept {
    if (member == Member::error_type) return error_type_;
    return entries_[size_ - 1][static_cast<std::size_t>(member) - static_cast<std::size_t>(Member::in)];
  }

  void name(std::string_view piece, bool last) final {
    if (name_.size() <= 16) name_.append(piece.substr(0, 17));
    if (!last) return;
    member_ = named(name_, in_entry_);
    name_.clear();
    if (member_ == Member::errors) {  // the last one counts
      size_ = 0;
      right_ = false;
    } else if (member_ != Member::none) {
      text(member_).clear();
    }
  }

  void string(std::string_view piece, bool) final {
    if (in_errors_ && !in_entry_) right_ = false;
    if (member_ != Member::none && member_ != Member::errors) text(member_) += piece;
  }

  void scalar(JsonKind) final {
    if (in_errors_ && !in_entry_) right_ = false;
  }

  bool begin(JsonKind kind) final {
    if (!in_errors_) {
      if (member_ != Member::errors || kind != JsonKind::array) return false;
      for (Entry& entry : entries_) entry = {};
      member_ = Member::none;
      return in_errors_ = right_ = true;
    }
    if (in_entry_ || kind != JsonKind::object || size_ == entries_.size()) {
      if (!in_entry_) right_ = false;
      return false;
    }
    ++size_;
    return in_entry_ = true;
  }

  void end() final {
    (in_entry_ ? in_entry_ : in_errors_) = false;
    member_ = Member::none;
  }

  /// Puts what an entry says where it belongs; false if the contract has no such entry.
  static bool note(const Entry& entry, Findings& findings) {
    const std::string& in = entry[0];
    const std::string& message = entry[1];
    const std::string& path = entry[2];
    using Flaw = Findings::Flaw;
    if (path == to_string(Field::additional_parameters)) {
      const auto names = read_blank(row(ApiErrc::query_field_not_allowed).message, message);
      if (!names) return false;
      (in == to_string(Location::query) ? findings.query_fields : findings.body_fields) = std::string(*names);
      return true;
    }
    for (const FieldRow& row : client_fields) {
      if (path != row.name) continue;
      const FieldCodes codes = codes_of(row.kind);
      const auto is = [&message](ApiErrc code) { return message == droplit::row(code).message; };
      findings.flaws[field_index(row.field)] = is(codes.invalid)                       ? Flaw::invalid
                                               : row.required && is(codes.missing)     ? Flaw::missing
                                               : !row.required && is(codes.characters) ? Flaw::characters
                                                                                       : Flaw::none;
      return true;
    }
    return false;
  }

  std::string name_;
  std::string error_type_;
  std::array<Entry, ApiError::max_entries> entries_;
  std::size_t size_ = 0;
  Member member_ = Member::none;
  bool in_errors_ = false;
  bool in_entry_ = false;
  bool right_ = false;  // `errors` is an array of objects, and not of more than any refusal has
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
