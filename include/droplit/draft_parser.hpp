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
/// Where the body is cut never matters. Every violation is found in one pass. What is kept meanwhile is the four fields
/// and the names of unknown members; the values of those are checked and forgotten. Not copyable; one thread at a time.
/// After an exception (only allocation throws) the body counts as unreadable until `reset`.
class DraftParser {
 public:
  DraftParser() noexcept {}  // not defaulted, since `DraftParser()` would then fill it with zeros first

  DraftParser(const DraftParser&) = delete;
  DraftParser& operator=(const DraftParser&) = delete;

  /// Reads a piece; false once it is known that no further piece can make the body right, so that the rest need not be
  /// read.
  bool write(std::string_view piece) {
    if (state_ == State::over) return false;
    return stream().write(piece);
  }

  /// Reads the last piece, which may be empty, and gives the draft or the refusal. `query_fields` are the names of
  /// query fields, joined, that the refusal shall tell first. The parser must then be `reset` before another body.
  Outcome<ClientDraft> finish(std::string_view last_piece = {}, std::optional<std::string> query_fields = {});

  /// Ready for another body; memory is kept.
  void reset() noexcept {
    if (state_ == State::streams) stream_->reset();
    state_ = State::fresh;
  }

 private:
  enum class State : std::uint8_t {
    fresh,
    streams,  // the stream has seen something of this body
    over,     // it was read, or there was no memory for it
  };

  Outcome<ClientDraft> finish_slow(std::string_view last_piece, std::optional<std::string>&& query_fields);

  detail::DraftStream& stream() {
    if (!stream_) stream_.emplace();
    state_ = State::streams;
    return *stream_;
  }

  std::optional<detail::DraftStream> stream_;  // made when it is needed
  State state_ = State::fresh;
};

/// The draft that a whole body asks for, or the refusal of it.
Outcome<ClientDraft> parse_draft(std::string_view body);

#if defined(DROPLIT_DETAIL_DEFINES)

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish(std::string_view last_piece,
                                                               std::optional<std::string> query_fields) {
  if (state_ == State::fresh) {  // nearly every body comes in one piece and is plain
    state_ = State::over;        // and stays so if that throws
    detail::FastDraftReader body;
    if (body.read(last_piece)) return body.finish(std::move(query_fields));
    if (!body.is_wrong(last_piece)) state_ = State::fresh;
  }
  return finish_slow(last_piece, std::move(query_fields));
}

[[gnu::noinline]] DROPLIT_DETAIL_INLINE Outcome<ClientDraft> DraftParser::finish_slow(
    std::string_view last_piece, std::optional<std::string>&& query_fields) {
  if (state_ == State::over) return detail::unreadable_body(std::move(query_fields));
  return stream().finish(last_piece, std::move(query_fields));
}

DROPLIT_DETAIL_INLINE Outcome<ClientDraft> parse_draft(std::string_view body) { return DraftParser().finish(body); }

#endif

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
