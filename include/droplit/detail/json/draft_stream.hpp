// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The reference reader of drafts, on Boost.JSON: reads any body, whole or in pieces, and keeps no more of it than the
// fields and the names of unknown members. Used by `DraftParser` for what the fast reader leaves to it: a body, or the
// rest of one in pieces.

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/reader.hpp>
#include <droplit/detail/name_list.hpp>

#include <algorithm>
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

  /// Goes on where another reader stopped: after `shortest`, a beginning of a body whose members are replaced by one
  /// without a name. The other had found these fields and unknown names.
  void resume(std::string_view shortest, const DraftFields& fields, NameList&& unknown) {
    reader_.write(shortest);
    fields_ = fields;
    unknown_ = std::move(unknown);
  }

  /// Reads a piece; false once no further piece can make the body valid.
  bool write(std::string_view piece) { return reader_.write(piece); }

  /// Reads the last piece and returns the draft or the refusal.
  Outcome<ClientDraft> finish(std::string_view last_piece, std::optional<std::string>&& query_fields);

 private:
  // Declared inline, or else g++ takes `name` for what the table of virtual functions comes with: every file that
  // includes this would compile them all.
  DROPLIT_DETAIL_INLINE void name(std::string_view name) final;
  DROPLIT_DETAIL_INLINE void string(std::string_view piece, bool last) final;

  void scalar(JsonKind kind) final {
    if (field_ != Field::none) fields_.set_no_string(field_, kind == JsonKind::null);
  }

  bool begin(JsonKind kind) final {
    scalar(kind);
    return false;
  }

  void end() final {}

  JsonReader reader_;
  DraftFields fields_;
  std::array<std::string, client_fields.size()> strings_;
  NameList unknown_;           // names of members that the contract does not know
  Field field_ = Field::none;  // whose value is next
  bool in_string_ = false;     // a field's string has begun and not ended
};

/// The draft of these fields, or the refusal with every violation, those of the unknown members included.
DROPLIT_DETAIL_NOINLINE inline Outcome<ClientDraft> finish_draft(const DraftFields& fields, const NameList& unknown,
                                                                 std::optional<std::string>&& query_fields) {
  if (fields.given(Field::ecosystem_id) || unknown.empty()) return fields.finish(std::move(query_fields));
  std::string names = unknown.join();
  return fields.finish(std::move(query_fields), &names);
}

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftStream::finish(std::string_view last_piece,
                                                               std::optional<std::string>&& query_fields) {
  if (!reader_.finish(last_piece)) return unreadable_body(std::move(query_fields));
  return finish_draft(fields_, unknown_, std::move(query_fields));
}

DROPLIT_DETAIL_INLINE void DraftStream::name(std::string_view name) {
  const auto* row = std::find_if(client_fields.begin(), client_fields.end(),
                                 [name](const FieldRow& known) { return known.name == name; });
  field_ = row == client_fields.end() ? Field::none : row->field;
  if (field_ == Field::none) unknown_.add(name);
}

DROPLIT_DETAIL_INLINE void DraftStream::string(std::string_view piece, bool last) {
  if (field_ == Field::none) return;
  std::string& text = strings_[field_index(field_)];
  if (!std::exchange(in_string_, !last)) text.clear();
  // Of an id or a type that is too long, no more is kept than shows it.
  const bool is_text = field_row(field_).kind == FieldKind::text;
  text += piece.substr(0, is_text ? piece.size() : EcosystemId::max_size + 1 - text.size());
  if (last) fields_.set_string(field_, {&text, text});
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
