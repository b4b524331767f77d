// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/detail/name_list.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads any body there is, whole or in pieces: what this one says of a body is right. Not copyable.
class DraftStream final : private JsonEvents {
 public:
  DraftStream() : reader_(*this) {}

  DraftStream(const DraftStream&) = delete;
  DraftStream& operator=(const DraftStream&) = delete;

  /// Reads a piece; false once it is known that no further piece can make the body right.
  bool write(std::string_view piece) { return reader_.write(piece); }

  /// Reads the last piece and gives the draft or the refusal.
  Outcome<ClientDraft> finish(std::string_view last_piece, std::optional<std::string>&& query_fields);

  /// Ready for another body; memory is kept.
  void reset() noexcept {
    reader_.reset();
    fields_ = {};
    unknown_.clear();
    field_ = Field::none;
    in_piece_ = false;
  }

 private:
  void name(std::string_view piece, bool last) final;
  void string(std::string_view piece, bool last) final;

  void scalar(JsonKind kind) final {
    if (field_ == Field::none) return;
    kind == JsonKind::null ? fields_.set_absent(field_) : fields_.set_other(field_);
  }

  bool begin(JsonKind kind) final {
    scalar(kind);
    return false;
  }

  void end() final {}

  /// A word of a closed set, of which no more is kept than tells that it is none of them.
  class Word {
   public:
    void clear() noexcept { size_ = 0; }
    void append(std::string_view piece) noexcept { size_ += piece.copy(text_.data() + size_, text_.size() - size_); }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

   private:
    std::array<char, EcosystemId::max_size + 1> text_;
    std::size_t size_ = 0;
  };

  static Field field_named(std::string_view name) noexcept {
    for (const FieldRow& row : client_fields) {
      if (row.name == name) return row.field;
    }
    return Field::none;
  }

  JsonReader reader_;
  DraftFields fields_;
  Word word_;  // an id or a type that comes in pieces
  std::array<std::string, text_count> texts_;
  NameList unknown_;           // names of members that the contract does not know
  Field field_ = Field::none;  // whose value comes next
  bool in_piece_ = false;      // a name or a kept string has begun and goes on
};

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftStream::finish(std::string_view last_piece,
                                                               std::optional<std::string>&& query_fields) {
  if (!reader_.finish(last_piece)) return unreadable_body(std::move(query_fields));
  return fields_.finish(std::move(query_fields), &unknown_);
}

DROPLIT_DETAIL_INLINE void DraftStream::name(std::string_view piece, bool last) {
  if (last && !in_piece_) {
    field_ = field_named(piece);
    if (field_ == Field::none) unknown_.add(piece);
    return;
  }
  unknown_.append(piece);
  in_piece_ = !last;
  if (!last) return;
  field_ = field_named(unknown_.pending());
  field_ == Field::none ? unknown_.end_name() : unknown_.drop_pending();
}

DROPLIT_DETAIL_INLINE void DraftStream::string(std::string_view piece, bool last) {
  if (field_ == Field::none) return;
  const bool begins = !std::exchange(in_piece_, !last);
  if (field_row(field_).kind == FieldKind::text) {
    std::string& text = texts_[text_index(field_)];
    begins ? text.assign(piece) : text.append(piece);
    if (last) fields_.set_string(field_, {&text, text});
  } else if (begins && last) {
    fields_.set_string(field_, {nullptr, piece});
  } else {
    if (begins) word_.clear();
    word_.append(piece);
    if (last) fields_.set_string(field_, {nullptr, word_.view()});
  }
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
