// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/print.hpp>
#include <droplit/fields.hpp>
#include <droplit/text.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {

/// A text of a body: in a string that may be moved from, or in other memory.
struct ParsedText {
  std::string* own = nullptr;
  std::string_view view = {};
};

}  // namespace detail

/// The optional texts that a draft and a client have: one for each text of `client_fields`. A text that was not given
/// is absent, which differs from an empty one.
class ClientTexts {
 public:
  /// One place for each text, in the order of `client_fields`.
  using Array = std::array<std::optional<Text>, detail::text_count>;

  /// All are absent.
  ClientTexts() noexcept = default;

  /// The texts of the API's page; the others are absent.
  ClientTexts(std::optional<Text> name, std::optional<Text> description) noexcept
      : texts_{std::move(name), std::move(description)} {}

  /// All texts in the order of `client_fields`.
  explicit ClientTexts(Array texts) noexcept : texts_(std::move(texts)) {}

  /// For the readers of bodies: moves from the texts that they found, null where there is none.
  ClientTexts(Text::Checked checked, const std::array<const detail::ParsedText*, detail::text_count>& texts) {
    for (std::size_t i = 0; i != texts.size(); ++i) {
      if (texts[i] == nullptr) continue;
      if (texts[i]->own == nullptr) {
        texts_[i].emplace(checked, texts[i]->view);
      } else {
        texts_[i].emplace(checked, std::move(*texts[i]->own));
      }
    }
  }

  [[nodiscard]] const std::optional<Text>& name() const& noexcept { return text(Field::name); }  ///< the text `name`
  /// The text `description`.
  [[nodiscard]] const std::optional<Text>& description() const& noexcept { return text(Field::description); }
  [[nodiscard]] std::optional<Text> name() && noexcept { return std::move(*this).text(Field::name); }
  [[nodiscard]] std::optional<Text> description() && noexcept { return std::move(*this).text(Field::description); }

  /// The text of a field whose kind is `text`.
  [[nodiscard]] const std::optional<Text>& text(Field field) const& noexcept {
    return texts_[detail::text_index(field)];
  }
  [[nodiscard]] std::optional<Text> text(Field field) && noexcept {
    return std::move(texts_[detail::text_index(field)]);
  }

  /// All texts in the order of `client_fields`.
  [[nodiscard]] const Array& texts() const& noexcept { return texts_; }
  [[nodiscard]] Array texts() && noexcept { return std::move(texts_); }

  bool operator==(const ClientTexts&) const = default;

 protected:
  Array texts_;  ///< in the order of `client_fields`
};

template <>
struct detail::Print<ClientTexts> {
  static void append(std::string& out, const ClientTexts& texts) {
    PrintedMembers members(out, "ClientTexts");
    add(members, texts);
    members.end();
  }

  /// The texts that are not absent.
  static void add(PrintedMembers& members, const ClientTexts& texts) {
    for (const FieldRow& row : client_fields) {
      if (row.kind != FieldKind::text) continue;
      if (const auto& text = texts.text(row.field)) members.add(row.name, *text);
    }
  }
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
