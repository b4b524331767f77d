// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/api_errc.hpp>
#include <droplit/detail/box.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fields.hpp>
#include <droplit/id.hpp>
#include <droplit/violation.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

struct CodeOnly;

/// A row's message with `word` in its blank. Uses the memory of `word`, which may be long.
inline std::string fill_blank(std::string_view message, std::string word) {
  const std::size_t blank = message.find('$');
  word.insert(0, message.substr(0, blank));
  word.append(message.substr(blank + 1));
  return word;
}

/// What is in the blank of a row's message in `text`; nothing if it is not that message.
constexpr std::optional<std::string_view> read_blank(std::string_view message, std::string_view text) noexcept {
  const std::size_t blank = message.find('$');
  const std::string_view before = message.substr(0, blank);
  const std::string_view after = message.substr(blank + 1);
  if (text.size() < before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after)) return {};
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

}  // namespace detail

/// The violations that were found in a request, part by part; `ApiError::from` makes a refusal of it. Names are UTF-8.
struct Findings {
  /// The violation of one field of the body. For an optional field, `missing` is no violation.
  enum class Flaw : std::uint8_t { none, missing, invalid, characters };

  std::optional<std::string> query_fields = {};    ///< those not allowed, joined
  std::optional<std::string> body_fields = {};     ///< unknown ones, joined; named only where `ecosystemId` is missing
  bool body_missing = false;                       ///< no body that can be read; the flaws then do not count
  std::array<Flaw, client_fields.size()> flaws{};  ///< of each field, in the order of `client_fields`
  bool key_invalid = false;                        ///< the idempotency key

  /// The violation of `field`, one of `client_fields`.
  [[nodiscard]] Flaw flaw(Field field) const noexcept { return flaws[detail::field_index(field)]; }

  /// These findings with another flaw of `field`, one of `client_fields`.
  [[nodiscard]] Findings with(Field field, Flaw flaw) && noexcept {
    flaws[detail::field_index(field)] = flaw;
    return std::move(*this);
  }
};

/// A refusal: the ordered, non-empty list of all violations in a request.
///
/// Each value has a response of its own: what a server writes, a client reads back as an equal value. Copying allocates
/// only where the refusal has names of fields or a deleted ecosystem. A moved-from error may only be assigned or
/// destroyed.
class ApiError {
 public:
  class Violations;

  /// The longest list: query, key, unknown names, and one for each field.
  static constexpr std::size_t max_entries = 3 + client_fields.size();

  /// Bad Request: what was sent is no HTTP request. Required by BOOST_OUTCOME_TRY.
  ApiError() noexcept : ApiError(ApiErrc::bad_request) {}

  /// The refusal of a code that needs nothing else, such as `ApiError::of<ApiErrc::unauthorized>()`.
  template <ApiErrc Code>
  requires(row(Code).form != ResponseForm::entries && !row(Code).has_blank()) static ApiError of() noexcept {
    return ApiError(Code);
  }

  /// The refusal whose text names an ecosystem.
  template <ApiErrc Code>
  requires(row(Code).form == ResponseForm::text && row(Code).has_blank()) static ApiError of(EcosystemId id) {
    return ApiError(Code, id);
  }

  /// Ecosystem Not Found: the ecosystem existed once and was deleted.
  static ApiError ecosystem_not_found(EcosystemId id) { return of<ApiErrc::ecosystem_not_found>(id); }

  /// Ecosystem Invalid alone: the id is well-formed, but no ecosystem ever had it.
  static ApiError ecosystem_invalid() {
    ApiError error(ApiErrc::ecosystem_invalid);
    error.entries_[0].field = Field::ecosystem_id;
    return error;
  }

  /// Idempotency Key Invalid, with the request's other violations if it has any, a refusal that `from` made; that
  /// refusal itself, if it has this violation already.
  static ApiError idempotency_key_invalid(std::optional<ApiError> others = {}) noexcept;

  /// Idempotency Key Reused: the key belongs to a create with other parameters.
  static ApiError idempotency_key_reused() noexcept {
    ApiError error(ApiErrc::idempotency_key_reused);
    error.entries_[0].field = Field::idempotency_key;
    return error;
  }

  /// The refusal with all violations of `findings`, or nothing if there are none. The rules of the order, of Body
  /// Parameters Missing and of the misnamed member (docs/errors.md) are here and nowhere else.
  static std::optional<ApiError> from(Findings findings);

  /// The code of the first violation.
  [[nodiscard]] ApiErrc code() const noexcept { return entries_[0].code; }

  /// The HTTP status of the response.
  [[nodiscard]] int status() const noexcept { return row(code()).status; }

  /// All violations, in the order of the response's entries; valid until the error changes or is destroyed.
  [[nodiscard]] Violations violations() const& noexcept;
  Violations violations() const&& = delete;

  bool operator==(const ApiError&) const = default;

 private:
  struct Entry {
    ApiErrc code{};
    Field field{};
    bool operator==(const Entry&) const = default;
  };

  // Messages with names or an id in them.
  struct Texts {
    std::string query;
    std::string body;
    bool operator==(const Texts&) const = default;
  };

  friend struct detail::CodeOnly;

  explicit ApiError(ApiErrc code) noexcept : size_(1) { entries_[0].code = code; }
  ApiError(ApiErrc code, EcosystemId id) : ApiError(code) {
    texts_.get_or_make().body = detail::fill_blank(row(code).message, id.text());
  }

  void add(ApiErrc code, Field field) noexcept { entries_[size_++] = {code, field}; }

  [[nodiscard]] Violation violation(std::size_t i) const noexcept {
    const auto [code, field] = entries_[i];
    std::string_view message = row(code).message;
    if (const Texts* const texts = texts_.get();
        texts != nullptr && (field == Field::additional_parameters || row(code).has_blank())) {
      message = code == ApiErrc::query_field_not_allowed ? texts->query : texts->body;
    }
    return {code, detail::location_of(code), field, message};
  }

  detail::Box<Texts> texts_;  // first: if copying it throws, nothing has changed
  std::array<Entry, max_entries> entries_{};
  std::uint8_t size_ = 0;
};

/// A forward range of `Violation` values, with `size()` and `[]`.
class ApiError::Violations {
 public:
  /// A position in the list, which is a `std::forward_iterator` and valid as long as the error.
  class Iterator {
   public:
    ///@{
    /// As the standard says of a forward iterator.
    using value_type = Violation;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Iterator(const ApiError* error, std::size_t at) noexcept : error_(error), at_(at) {}

    Violation operator*() const noexcept { return error_->violation(at_); }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    Iterator operator++(int) noexcept { return {error_, at_++}; }
    bool operator==(const Iterator&) const = default;
    ///@}

   private:
    const ApiError* error_ = nullptr;
    std::size_t at_ = 0;
  };

  [[nodiscard]] std::size_t size() const noexcept { return error_->size_; }  ///< 1 to `max_entries`
  /// In the response's order; `i` is less than `size()`.
  Violation operator[](std::size_t i) const noexcept { return error_->violation(i); }
  [[nodiscard]] Iterator begin() const noexcept { return {error_, 0}; }     ///< the first
  [[nodiscard]] Iterator end() const noexcept { return {error_, size()}; }  ///< after the last

 private:
  friend class ApiError;
  explicit Violations(const ApiError* error) noexcept : error_(error) {}
  const ApiError* error_;
};

inline ApiError::Violations ApiError::violations() const& noexcept { return Violations(this); }

template <>
struct detail::Print<ApiError> {
  static void append(std::string& out, const ApiError& error) {
    PrintedMembers members(out, "ApiError");
    for (const Violation violation : error.violations()) members.add("", violation);
    members.end();
  }
};

#if defined(DROPLIT_DETAIL_DEFINES)
DROPLIT_DETAIL_INLINE ApiError ApiError::idempotency_key_invalid(std::optional<ApiError> others) noexcept {
  ApiError error;
  if (others) {
    error = *std::move(others);
  } else {
    error.size_ = 0;
  }
  for (const Violation each : error.violations()) {
    if (each.code == ApiErrc::idempotency_key_invalid) return error;
  }
  const auto at = error.entries_.begin() + (error.code() == ApiErrc::query_field_not_allowed ? 1 : 0);
  error.add(ApiErrc::idempotency_key_invalid, Field::idempotency_key);
  std::rotate(at, error.entries_.begin() + error.size_ - 1, error.entries_.begin() + error.size_);
  return error;
}

DROPLIT_DETAIL_INLINE std::optional<ApiError> ApiError::from(Findings findings) {
  using Flaw = Findings::Flaw;
  const auto sentence = [](std::string&& names) {
    return detail::fill_blank(row(ApiErrc::query_field_not_allowed).message, std::move(names));
  };

  std::optional<ApiError> refusal = ApiError();
  ApiError& error = *refusal;
  error.size_ = 0;
  if (findings.query_fields) {
    error.texts_.get_or_make().query = sentence(*std::move(findings.query_fields));
    error.add(ApiErrc::query_field_not_allowed, Field::additional_parameters);
  }
  if (findings.key_invalid) error.add(ApiErrc::idempotency_key_invalid, Field::idempotency_key);
  if (findings.body_missing) findings.flaws = {};
  bool no_parameters = findings.body_missing || !findings.body_fields;
  for (const FieldRow& row : client_fields) {
    if (row.required && findings.flaw(row.field) != Flaw::missing) no_parameters = findings.body_missing;
  }
  if (findings.body_fields && findings.flaw(Field::ecosystem_id) == Flaw::missing) {
    error.texts_.get_or_make().body = sentence(*std::move(findings.body_fields));
    error.add(ApiErrc::ecosystem_missing, Field::additional_parameters);
  }
  for (const FieldRow& row : client_fields) {
    const detail::FieldCodes codes = detail::codes_of(row.kind);
    if (row.required && no_parameters) {
      error.add(ApiErrc::body_parameters_missing, row.field);
      continue;
    }
    switch (findings.flaw(row.field)) {
      case Flaw::missing:
        if (row.required) error.add(codes.missing, row.field);
        break;
      case Flaw::invalid: error.add(codes.invalid, row.field); break;
      case Flaw::characters: error.add(codes.characters, row.field); break;
      case Flaw::none:
      default: break;
    }
  }
  if (error.size_ == 0) refusal.reset();
  return refusal;
}
#endif

namespace detail {

/// Makes the refusal of a code that is known only at run time; nothing if the code alone does not determine it.
struct CodeOnly {
  static std::optional<ApiError> make(const ApiErrcRow& row) noexcept {
    if (row.form == ResponseForm::entries || row.has_blank()) return std::nullopt;
    return ApiError(row.code);
  }
  static ApiError make(const ApiErrcRow& row, EcosystemId id) { return ApiError(row.code, id); }
};

}  // namespace detail

/// The code of the first violation. Found by Boost.Outcome and `std::error_code`.
inline std::error_code make_error_code(const ApiError& error) noexcept { return make_error_code(error.code()); }

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
