// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The reference reader of drafts, on Boost.JSON: reads any body, whole or in pieces, and keeps no more of it than the
// fields and the names of unknown members. Used by `DraftParser` for bodies in pieces and for those that the fast
// reader leaves to it.

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/detail/name_list.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reads any body, whole or in pieces. Not copyable.
class DraftStream final : private JsonEvents {
 public:
  DraftStream() : reader_(*this) {}

  DraftStream(const DraftStream&) = delete;
  DraftStream& operator=(const DraftStream&) = delete;

  /// Reads a piece; false once no further piece can make the body valid.
  bool write(std::string_view piece) { return reader_.write(piece); }

  /// Reads the last piece and returns the draft or the refusal.
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
    if (kind == JsonKind::null) {
      fields_.set_absent(field_);
    } else {
      fields_.set_other(field_);
    }
  }

  bool begin(JsonKind kind) final {
    scalar(kind);
    return false;
  }

  void end() final {}

  static Field field_named(std::string_view name) noexcept {
    for (const FieldRow& row : client_fields) {
      if (row.name == name) return row.field;
    }
    return Field::none;
  }

  JsonReader reader_;
  DraftFields fields_;
  ShortText word_;  // an id or a type that comes in pieces
  static_assert(ShortText::capacity > EcosystemId::max_size);
  std::array<std::string, text_count> texts_;
  NameList unknown_;           // names of members that the contract does not know
  Field field_ = Field::none;  // whose value is next
  bool in_piece_ = false;      // a name or a field's string has begun and goes on
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
  if (field_ == Field::none) {
    unknown_.end_name();
  } else {
    unknown_.drop_pending();
  }
}

DROPLIT_DETAIL_INLINE void DraftStream::string(std::string_view piece, bool last) {
  if (field_ == Field::none) return;
  const bool begins = !std::exchange(in_piece_, !last);
  if (field_row(field_).kind == FieldKind::text) {
    std::string& text = texts_[text_index(field_)];
    if (begins) text.clear();
    text.append(piece);
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
