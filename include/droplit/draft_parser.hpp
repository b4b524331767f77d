// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "client_draft.hpp"
#include "detail/json_reader.hpp"
#include "detail/plain_body.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit {

/// Reads the body of "create a client", whole or in pieces, and makes a draft or the refusal of it.
///
/// Where the body is cut never matters. Every violation is found in one pass. What is kept meanwhile is the four fields
/// and the names of unknown members; the values of those are checked and forgotten. Not copyable; one thread at a time.
/// After an exception (only allocation throws) the body counts as unreadable until `reset`.
class DraftParser : private detail::JsonEvents {
 public:
  DraftParser() : reader_(*this) {}

  DraftParser(const DraftParser&) = delete;
  DraftParser& operator=(const DraftParser&) = delete;

  /// Reads a piece; false once it is known that no further piece can make the body right, so that the rest need not be
  /// read.
  bool write(std::string_view piece) {
    streams_ = true;
    return reader_.write(piece);
  }

  /// Reads the last piece, which may be empty, and gives the draft or the refusal. `query_fields` are the names of
  /// query fields, joined, that the refusal shall tell first. The parser must then be `reset` before another body.
  Outcome<ClientDraft> finish(std::string_view last_piece = {}, std::optional<std::string> query_fields = {}) {
    if (!streams_ && !broken_) {  // nearly every body comes in one piece and is plain
      broken_ = true;             // and stays so if that throws
      const bool plain = detail::PlainBody::read(last_piece, form_);
      broken_ = false;
      if (plain) return form_.finish(std::move(query_fields));
      form_.clear();
      streams_ = true;
    }
    if (broken_ || !reader_.finish(last_piece)) return detail::DraftForm::unreadable(std::move(query_fields));
    return form_.finish(std::move(query_fields));
  }

  /// Ready for another body; memory is kept.
  void reset() noexcept {
    form_.clear();
    broken_ = false;
    if (!streams_) return;
    reader_.reset();
    field_ = Field::none;
    in_piece_ = false;
    streams_ = false;
  }

 private:
  void name(std::string_view piece, bool last) final {
    if (last && !in_piece_) {
      field_ = field_named(piece);
      if (field_ == Field::none) form_.unknown().add(piece);
      return;
    }
    form_.unknown().append(piece);
    in_piece_ = !last;
    if (!last) return;
    field_ = field_named(form_.unknown().pending());
    field_ == Field::none ? form_.unknown().end_name() : form_.unknown().drop_pending();
  }

  void string(std::string_view piece, bool last) final {
    if (field_ == Field::none) return;
    if (!in_piece_) form_.begin_text(field_);
    form_.append(field_, piece);
    in_piece_ = !last;
  }

  void scalar(detail::JsonKind kind) final {
    if (field_ == Field::none) return;
    kind == detail::JsonKind::null ? form_.set_null(field_) : form_.set_other(field_);
  }

  bool begin(detail::JsonKind kind) final {
    scalar(kind);
    return false;
  }

  void end() final {}

  static Field field_named(std::string_view name) noexcept {
    for (const FieldRow& row : client_fields) {
      if (row.name() == name) return row.field;
    }
    return Field::none;
  }

  detail::JsonReader reader_;
  detail::DraftForm form_;
  Field field_ = Field::none;  // whose value comes next
  bool in_piece_ = false;      // a name or a kept string has begun and goes on
  bool streams_ = false;       // the reader has seen something of this body
  bool broken_ = false;        // there was no memory for it
};

/// The draft that a whole body asks for, or the refusal of it.
inline Outcome<ClientDraft> parse_draft(std::string_view body) { return DraftParser().finish(body); }

}  // namespace droplit
