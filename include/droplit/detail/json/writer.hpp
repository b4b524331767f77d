// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Appends JSON to a string, which is made as long as the JSON will usually be, and cut in the end. A text is copied and
// searched for what needs an escape in one pass. What has an escape, or is long, is appended apart, so that it is
// neither filled with zeros first nor measured. Used by the writers of responses (json.hpp) and of drafts.

#include <droplit/detail/config.hpp>
#include <droplit/detail/json/text.hpp>
#include <droplit/id.hpp>
#include <droplit/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Any text in UTF-8, to be written between the quotes of a JSON string; other texts are written as they are.
struct JsonText {
  /// The room that a writer needs for the text.
  [[nodiscard]] std::size_t room() const noexcept { return text.size() <= most_room ? text.size() : 0; }

  static constexpr std::size_t most_room = 256;

  std::string_view text;
};

/// Appends what is written to a string, which is not complete until `finish`; without it, nothing is appended.
class JsonWriter {
 public:
  /// `room`: for all that is written, which is not checked; for a `JsonText`, what it says.
  JsonWriter(std::string& out, std::size_t room) : out_(out), size_(out.size()), at_(add_room(out, room)) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;
  ~JsonWriter() { out_.erase(size_); }

  JsonWriter& operator<<(std::string_view plain) noexcept {
    std::memcpy(at_, plain.data(), plain.size());
    at_ += plain.size();
    return *this;
  }

  template <class Tag>
  JsonWriter& operator<<(const Id<Tag>& id) noexcept {
    at_ = id.write(at_);
    return *this;
  }

  // Usually the text up to the second is the same as in the call before.
  JsonWriter& operator<<(Timestamp time) noexcept {
    constexpr std::size_t up_to_second = Timestamp::text_size - 4;
    static_assert(Timestamp::min_unix_millis % 1000 == 0);
    struct Latest {
      std::uint64_t second;
      char text[Timestamp::text_size + 1];
    };
    thread_local Latest latest{0, "0000-01-01T00:00:00.000Z"};
    const auto millis = static_cast<std::uint64_t>(time.unix_millis() - Timestamp::min_unix_millis);
    if (millis / 1000 != latest.second) {
      time.write(latest.text);
      latest.second = millis / 1000;
    }
    const auto rest = static_cast<unsigned>(millis % 1000);
    std::memcpy(at_, latest.text, up_to_second);
    at_[up_to_second] = static_cast<char>('0' + rest / 100);
    at_[up_to_second + 1] = static_cast<char>('0' + rest / 10 % 10);
    at_[up_to_second + 2] = static_cast<char>('0' + rest % 10);
    at_[up_to_second + 3] = 'Z';
    at_ += Timestamp::text_size;
    return *this;
  }

  JsonWriter& operator<<(JsonText json) {
    const char* rest = json.text.data();
    const char* const end = rest + json.text.size();
    if (json.text.size() <= JsonText::most_room) at_ = copy_plain(at_, rest, end);
    if (rest != end) at_ = append(out_, at_, {rest, static_cast<std::size_t>(end - rest)});
    return *this;
  }

  void finish() noexcept { size_ = static_cast<std::size_t>(at_ - out_.data()); }

 private:
  // Not inlined: if the compiler knows the size, it fills the room with a loop that is slow to start.
  DROPLIT_DETAIL_NOINLINE static char* add_room(std::string& out, std::size_t room) {
    const std::size_t size = out.size();
    out.resize(size + room);
    return out.data() + size;
  }

  // Inserts a text before the room that is left after `at`. Plain parts are copied at once; the others through a
  // buffer, piece by piece, since each byte may become an escape.
  DROPLIT_DETAIL_NOINLINE static char* append(std::string& out, const char* at, std::string_view text) {
    const auto written = static_cast<std::size_t>(at - out.data());
    const std::size_t room = out.size() - written;
    out.erase(written);
    out.reserve(written + text.size() + room);
    constexpr std::size_t piece_size = 256;
    char buffer[2 * piece_size * max_json_escape];
    char* end = buffer;
    const auto flush = [&] {
      out.append(buffer, static_cast<std::size_t>(end - buffer));
      end = buffer;
    };
    while (!text.empty()) {
      const char* const escape = find_escape(text.data(), text.data() + text.size());
      const auto plain = static_cast<std::size_t>(escape - text.data());
      if (plain >= piece_size) {
        flush();
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
      }
      const std::string_view piece = text.substr(0, piece_size);
      end = write_json_text(end, piece);
      text.remove_prefix(piece.size());
      if (end - buffer > static_cast<std::ptrdiff_t>(sizeof buffer / 2)) flush();
    }
    flush();
    return add_room(out, room);
  }

  std::string& out_;
  std::size_t size_;  // that the string has in the end
  char* at_;
};

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
inline void append_json_string(std::string& out, std::string_view text) {
  const JsonText json_text{text};
  JsonWriter json(out, json_text.room() + 2);
  json << "\"" << json_text << "\"";
  json.finish();
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
