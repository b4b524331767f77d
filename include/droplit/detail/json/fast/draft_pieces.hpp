// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads a long body in pieces: lets the fast reader read the members that are complete, and of a text what there is,
// and gathers the rest until more is there. `DraftStream` goes on where the fast reader is not sure or a member is
// longer than is gathered. It does not read again what was read: it gets the shortest beginning of a body that leaves
// it at the same place, and what was found. Used by `DraftParser`.

#include <droplit/client_draft.hpp>
#include <droplit/detail/box.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/json/draft_stream.hpp>
#include <droplit/detail/json/fast/draft_reader.hpp>
#include <droplit/detail/name_list.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// How many bytes of a body in pieces are gathered until they are read.
inline constexpr std::size_t most_gathered = 16'384;

/// Reads a body in pieces of any size. Not copyable.
class DraftPieces {
 public:
  /// Gathers at most so many bytes, at least 16.
  explicit DraftPieces(std::size_t most = most_gathered) : most_(most) {}

  DraftPieces(const DraftPieces&) = delete;
  DraftPieces& operator=(const DraftPieces&) = delete;

  /// Takes the first bytes, fewer than it may gather.
  void begin(std::string&& gathered) noexcept { rest_ = std::move(gathered); }

  /// Reads a piece; false once it is known that no further piece can make the body valid.
  bool write(std::string_view piece) {
    while (stream_.get() == nullptr && !piece.empty()) {
      const std::size_t size = piece.size();
      if (rest_.empty()) {  // it is read where it is
        piece = fast_.read_some(piece);
        if (piece.size() != size) continue;
      }
      const std::size_t more = (std::min)(size, most_ - rest_.size());
      rest_.reserve(most_);
      rest_ += piece.substr(0, more);
      piece.remove_prefix(more);
      if (rest_.size() != most_) continue;
      rest_.erase(0, most_ - fast_.read_some(rest_).size());
      if (rest_.size() == most_) resume_by_stream();
    }
    return stream_.get() == nullptr || stream_.get_or_make().write(piece);
  }

  /// Reads the last piece and returns the draft or the refusal.
  Outcome<ClientDraft> finish(std::string_view last_piece, std::optional<std::string>&& query_fields) {
    write(last_piece);
    if (stream_.get() == nullptr) {
      rest_.erase(0, rest_.size() - fast_.read_some(rest_).size());
      if (fast_.is_whole()) return finish_draft(fast_.fields(), unknown_, std::move(query_fields));
      resume_by_stream();
    }
    return stream_.get_or_make().finish({}, std::move(query_fields));
  }

 private:
  void resume_by_stream() {
    DraftStream& stream = stream_.get_or_make();
    stream.resume(fast_.shortest(), fast_.fields(), std::move(unknown_));
    stream.write(rest_);
  }

  std::size_t most_;
  std::string rest_;  // what is not read yet
  NameList unknown_;
  BasicFastDraftReader<true> fast_{unknown_};
  Box<DraftStream> stream_;  // reads what follows, once it is there
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
