// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/box.hpp>
#include <droplit/detail/config.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/draft_stream.hpp>
#include <droplit/detail/json/fast/draft_pieces.hpp>
#include <droplit/detail/json/fast/draft_reader.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

namespace detail {
class DraftPieces;
}

/// Reads the body of "create a client", whole or in pieces, and makes a draft or the refusal of it.
///
/// Where the body is cut does not matter. Every violation is found in one pass. Of a body in pieces it stores only the
/// fields, the names of unknown members, whose values are checked and dropped, and at most 16 KiB that are gathered to
/// be read at once. Not copyable; one thread at a time. After an exception (only allocation throws) the body counts as
/// unreadable until `reset`.
class DraftParser {
 public:
  DraftParser() noexcept;
  ~DraftParser();

  DraftParser(const DraftParser&) = delete;
  DraftParser& operator=(const DraftParser&) = delete;

  /// Reads a piece; false once it is known that no further piece can make the body valid, so that the rest need not be
  /// read. That may be known only 16 KiB later.
  bool write(std::string_view piece);

  /// Reads the last piece, which may be empty, and returns the draft or the refusal. `query_fields` are the joined
  /// names of query fields, which the refusal lists first. `reset` must be called before another body.
  Outcome<ClientDraft> finish(std::string_view last_piece = {}, std::optional<std::string> query_fields = {});

  /// Ready for another body. No memory is kept, as none is after `finish`.
  void reset() noexcept;

 private:
  enum class State : std::uint8_t {
    fresh,
    over,  // the body was read
    gathers,
    pieces,
    failed,  // it is invalid, or there was not enough memory for it
  };

  Outcome<ClientDraft> finish_pieces(std::string_view last_piece, std::optional<std::string>&& query_fields);
  void forget() noexcept;

  std::string gathered_;                     // a body in pieces, as long as it is short
  detail::Box<detail::DraftPieces> pieces_;  // made for a long one
  State state_ = State::fresh;
};

/// The draft in a whole body, or the refusal of it.
Outcome<ClientDraft> parse_draft(std::string_view body);

#if defined(DROPLIT_DETAIL_DEFINES)

namespace detail {

/// The draft in a whole body that the fast reader did not read, or the refusal of it.
DROPLIT_DETAIL_NOINLINE inline Outcome<ClientDraft> read_slowly(const FastDraftReader& fast, std::string_view body,
                                                                std::optional<std::string>&& query_fields) {
  if (!fast.needs_full_parser()) return unreadable_body(std::move(query_fields));
  return DraftStream().finish(body, std::move(query_fields));
}

/// The draft in a whole body, or the refusal of it.
DROPLIT_DETAIL_ALWAYS_INLINE inline Outcome<ClientDraft> read_whole(std::string_view body,
                                                                    std::optional<std::string>&& query_fields) {
  // The fast reader; docs/fast_reader.md says how to delete it.
  FastDraftReader fast;
  if (fast.read(body)) return fast.finish(std::move(query_fields));
  return read_slowly(fast, body, std::move(query_fields));
}

}  // namespace detail

DROPLIT_DETAIL_INLINE DraftParser::DraftParser() noexcept = default;
DROPLIT_DETAIL_INLINE DraftParser::~DraftParser() = default;

DROPLIT_DETAIL_INLINE void DraftParser::reset() noexcept {
  if (state_ > State::over) forget();
  state_ = State::fresh;
}

DROPLIT_DETAIL_NOINLINE DROPLIT_DETAIL_INLINE void DraftParser::forget() noexcept {
  std::string().swap(gathered_);
  pieces_ = {};
}

DROPLIT_DETAIL_INLINE bool DraftParser::write(std::string_view piece) {
  const State before = state_;
  state_ = State::failed;  // and stays so if this throws
  if (before == State::over || before == State::failed) return false;
  if (before != State::pieces && piece.size() < detail::most_gathered - gathered_.size()) {
    const std::size_t size = gathered_.size() + piece.size();
    std::size_t room = 512;
    while (room < size) room *= 2;
    if (gathered_.capacity() < size) gathered_.reserve(room);
    gathered_ += piece;
    state_ = State::gathers;
    return true;
  }
  detail::DraftPieces& pieces = pieces_.get_or_make();
  if (before != State::pieces) pieces.begin(std::move(gathered_));
  if (!pieces.write(piece)) {
    forget();
    return false;
  }
  state_ = State::pieces;
  return true;
}

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish(std::string_view last_piece,
                                                               std::optional<std::string> query_fields) {
  if (state_ != State::fresh) return finish_pieces(last_piece, std::move(query_fields));
  state_ = State::over;  // and stays so if this throws
  return detail::read_whole(last_piece, std::move(query_fields));
}

DROPLIT_DETAIL_NOINLINE DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish_pieces(
    std::string_view last_piece, std::optional<std::string>&& query_fields) {
  std::string gathered = std::move(gathered_);
  detail::Box<detail::DraftPieces> pieces = std::move(pieces_);
  const State before = state_;
  state_ = State::over;
  if (before == State::over || before == State::failed) return detail::unreadable_body(std::move(query_fields));
  if (before == State::gathers && last_piece.size() < detail::most_gathered - gathered.size()) {
    gathered += last_piece;
    state_ = State::fresh;
    return finish(gathered, std::move(query_fields));
  }
  if (before == State::gathers) pieces.get_or_make().begin(std::move(gathered));
  return pieces.get_or_make().finish(last_piece, std::move(query_fields));
}

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> parse_draft(std::string_view body) {
  return detail::read_whole(body, std::nullopt);
}

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
