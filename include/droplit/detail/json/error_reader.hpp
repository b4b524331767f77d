// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads a refusal back from a response: the entries are turned into findings, the error is made from these again and
// compared with what was received, so that no rule of the contract is repeated here. Used by `read_error`, on the side
// that asks for clients.

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/error.hpp>

#include <array>
#include <cstddef>
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

/// Reads an `InvalidParams` body.
class ErrorReader final : private JsonEvents {
 public:
  /// The refusal, or nothing if the contract has no such body: another form, an unknown message, entries repeated or in
  /// another order. Unknown members are ignored, and the last of a repeated one counts.
  std::optional<ApiError> read(std::string_view body) {
    JsonReader reader(*this);
    if (!reader.finish(body) || error_type_ != "InvalidParams" || !has_valid_errors_) return std::nullopt;
    auto reused = ApiError::idempotency_key_reused();  // no findings make it
    if (has_entries_of(reused)) return reused;
    Findings findings;
    for (std::size_t i = 0; i != size_; ++i) add_to(findings, entries_[i]);
    auto error = ApiError::from(std::move(findings));
    if (error && !has_entries_of(*error)) error.reset();
    return error;
  }

 private:
  static constexpr std::array<std::string_view, 3> entry_members{"in", "message", "path"};
  using Entry = std::array<std::string, entry_members.size()>;

  void name(std::string_view name) final {
    text_ = nullptr;
    is_errors_ = !in_entry_ && name == "errors";
    if (is_errors_) has_valid_errors_ = false;
    if (!in_entry_ && name == "errorType") text_ = &error_type_;
    for (std::size_t i = 0; in_entry_ && i != entry_members.size(); ++i) {
      if (name == entry_members[i]) text_ = &entries_[size_ - 1][i];
    }
    if (text_ != nullptr) text_->clear();
  }

  void string(std::string_view piece, bool) final {
    if (text_ != nullptr) text_->append(piece);
    add_element(false);
  }

  void scalar(JsonKind) final { add_element(false); }

  bool begin(JsonKind kind) final {
    if (in_errors_) return add_element(kind == JsonKind::object);
    in_errors_ = is_errors_ && kind == JsonKind::array;
    has_valid_errors_ = has_valid_errors_ || in_errors_;
    if (in_errors_) size_ = 0;
    return in_errors_;
  }

  void end() final {
    in_errors_ = in_entry_;
    in_entry_ = false;
  }

  // An element of `errors` begins; true if it is an entry to be read.
  bool add_element(bool is_object) {
    if (!in_errors_ || in_entry_) return false;
    in_entry_ = is_object && size_ != entries_.size();
    has_valid_errors_ = has_valid_errors_ && in_entry_;
    if (in_entry_) entries_[size_++] = {};
    return in_entry_;
  }

  [[nodiscard]] bool has_entries_of(const ApiError& error) const noexcept {
    if (error.violations().size() != size_) return false;
    for (std::size_t i = 0; i != size_; ++i) {
      const auto& [in, text, path] = entries_[i];
      const Violation own = error.violations()[i];
      if (in != to_string(own.location) || text != own.message || path != to_string(own.field)) return false;
    }
    return true;
  }

  // Of an entry that the contract does not have it adds nothing, or another violation, which `has_entries_of` finds.
  static void add_to(Findings& findings, const Entry& entry) {
    const auto& [in, message, path] = entry;
    using Flaw = Findings::Flaw;
    if (path == to_string(Field::additional_parameters)) {
      auto& fields = in == to_string(Location::query) ? findings.query_fields : findings.body_fields;
      fields = read_blank(row(ApiErrc::query_field_not_allowed).message, message);
    }
    if (path == to_string(Field::idempotency_key)) findings.key_invalid = true;
    for (const FieldRow& field : client_fields) {
      if (path != field.name) continue;
      const bool is_invalid = message == row(codes_of(field.kind).invalid).message;
      const Flaw other = field.required ? Flaw::missing : Flaw::characters;
      findings.flaws[field_index(field.field)] = is_invalid ? Flaw::invalid : other;
    }
  }

  std::string error_type_;
  std::array<Entry, ApiError::max_entries> entries_;
  std::size_t size_ = 0;
  std::string* text_ = nullptr;    // where the string of the last name is to be stored, if anywhere
  bool is_errors_ = false;         // the value of `errors` is next
  bool in_errors_ = false;         // in that array
  bool in_entry_ = false;          // in an object of that array
  bool has_valid_errors_ = false;  // `errors` is an array of objects, and not of more than any refusal has
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
