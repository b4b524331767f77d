// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/client_draft.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/draft_stream.hpp>

#if defined(DROPLIT_DETAIL_DEFINES)
#include <droplit/detail/json/fast/draft_reader.hpp>
#endif

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Reads the body of "create a client", whole or in pieces, and makes a draft or the refusal of it.
///
/// Where the body is cut does not matter. Every violation is found in one pass. It stores only the fields and
/// the names of unknown members, whose values are checked and dropped. Not copyable; one thread at a time. After an
/// exception (only allocation throws) the body counts as unreadable until `reset`.
class DraftParser {
 public:
  DraftParser() noexcept {}  // not defaulted: then `DraftParser()` would zero its memory first

  DraftParser(const DraftParser&) = delete;
  DraftParser& operator=(const DraftParser&) = delete;

  /// Reads a piece; false once no further piece can make the body valid, so that the rest need not be read.
  bool write(std::string_view piece) {
    if (state_ == State::over) return false;
    return stream().write(piece);
  }

  /// Reads the last piece, which may be empty, and returns the draft or the refusal, which lists the violations of the
  /// head first. `reset` must be called before another body.
  Outcome<ClientDraft> finish(std::string_view last_piece = {}, HeadFindings head = {});

  /// Ready for another body; memory is kept.
  void reset() noexcept {
    if (state_ == State::streams) stream_->reset();
    state_ = State::fresh;
  }

 private:
  enum class State : std::uint8_t {
    fresh,
    streams,  // the stream has read a part of this body
    over,     // the body was read, or there was not enough memory for it
  };

  Outcome<ClientDraft> finish_stream(std::string_view last_piece, HeadFindings&& head);

  detail::DraftStream& stream() {
    if (!stream_) stream_.emplace();
    state_ = State::streams;
    return *stream_;
  }

  std::optional<detail::DraftStream> stream_;  // made when it is first needed
  State state_ = State::fresh;
};

/// The draft in a whole body, or the refusal of it.
Outcome<ClientDraft> parse_draft(std::string_view body);

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish(std::string_view last_piece, HeadFindings head) {
  // The fast reader; docs/fast_reader.md says how to delete it.
  if (state_ == State::fresh) {
    state_ = State::over;  // and stays so if this throws
    detail::FastDraftReader fast;
    if (fast.read(last_piece)) return fast.finish(std::move(head));
    if (fast.needs_full_parser()) state_ = State::fresh;
  }
  return finish_stream(last_piece, std::move(head));
}

DROPLIT_DETAIL_NOINLINE DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish_stream(
    std::string_view last_piece, HeadFindings&& head) {
  if (state_ == State::over) return detail::unreadable_body(std::move(head));
  return stream().finish(last_piece, std::move(head));
}

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> parse_draft(std::string_view body) { return DraftParser().finish(body); }

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
