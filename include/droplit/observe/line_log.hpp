// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// A log that never blocks the thread that writes a line: lines go into a bounded queue, from which one thread writes
// them to a file descriptor, as many at a time as there are.
//
//   serving threads --line()--> [ bounded queue ] --writer thread--> file descriptor, which may be stalled

#include <droplit/observe/detail/json_excerpt.hpp>

#include <droplit/clock.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/limits.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// The form of the lines of a `LineLog`.
enum class LogFormat : std::uint8_t {
  text,  ///< the text after a prefix; a control character of it is written as `?`
  json,  ///< a JSON object for each line: `{"time":"2018-02-28T15:16:58.941Z","event":"message","text":"..."}`
};

/// How a `LineLog` writes. A time counts as the nearest from 1 ms (`delay`: from 0) to 24 hours.
struct LineLogOptions {
  LogFormat format = LogFormat::text;        ///< of `line`, `repeated` and what the log says itself
  std::string prefix{};                      ///< of each line of text, such as `my-server: `
  std::chrono::milliseconds period{10'000};  ///< how long a line that repeats is only counted
  std::chrono::milliseconds delay{0};  ///< how long the writer waits for more lines, to write them together; it stops
                                       ///< waiting at half of `max_queued`
  std::size_t max_queued = 1024;       ///< lines that wait to be written; at least 2
};

/// Writes whole lines to a file descriptor, and blocks no caller, whatever the reader does.
///
/// A line that finds the queue full, or that cannot be written, is lost and counted: the number of lost lines is
/// written before the next one that finds room. Thread-safe; copies share one queue. The descriptor must stay open. The
/// writer thread is never joined, since a stalled reader may block its write without a limit; it ends with the process.
/// SIGPIPE is the program's: if it ignores it, lines are lost when the reader has closed its end.
class LineLog {
 public:
  static constexpr std::size_t max_line = 1024;    ///< bytes; a longer text is cut, in JSON between characters
  static constexpr std::size_t max_repeated = 64;  ///< different lines that are summed up

  /// Starts the writer. Throws `std::system_error` if there is no thread.
  explicit LineLog(int fd, LineLogOptions options = {}) : shared_(std::make_shared<Shared>(fd, std::move(options))) {
    std::thread([shared = shared_] { shared->run(); }).detach();
  }

  /// Queues a line that says `text`, or counts it as lost.
  void line(std::string_view text) const noexcept { shared_->add(text); }

  /// The same for what may come very often: of equal texts within a period the first is written, then their number.
  /// `more` is written after the first.
  void repeated(std::string_view text, std::string_view more = {}) const noexcept { shared_->repeat(text, more); }

  /// Queues a line that is written as it is, without its end, which is added: a record in the format of the caller.
  void record(std::string_view whole) const noexcept { shared_->add_record(whole); }

  /// Waits until all lines were written or given up, the sums among them, but at most so long, up to 24 hours. False if
  /// some were not.
  bool drain(std::chrono::milliseconds most) const noexcept { return shared_->drain(most); }

  /// How many lines have been lost since the log was made.
  [[nodiscard]] std::uint64_t lost() const noexcept { return shared_->all_lost.load(std::memory_order_relaxed); }

 private:
  struct LineEnd {
    std::size_t at;
    std::uint64_t lines;  // that are lost if this one is not written
    bool is_count;        // of lines that were lost before
  };

  // Lines one after the other, and where each ends.
  struct Lines {
    std::string text;
    std::vector<LineEnd> ends;
  };

  struct Shared {
    Shared(int to, LineLogOptions with) : fd(to), options(std::move(with)) {
      options.max_queued = (std::max)(options.max_queued, std::size_t{2});
      options.period = detail::bounded_time(options.period, 1);
      options.delay = detail::bounded_time(options.delay, 0);
    }

    const int fd;
    LineLogOptions options;
    std::mutex mutex;
    std::condition_variable work;     // for the writer
    std::condition_variable written;  // for those that drain
    Lines queue;
    Lines batch;  // the writer's alone; its ends are written under the mutex
    std::map<std::string, std::uint64_t, std::less<>> repeats;
    std::uint64_t lost = 0;  // and not yet written
    std::atomic<std::uint64_t> all_lost = 0;
    unsigned draining = 0;
    bool is_cut = false;  // the last line in the descriptor; the writer's alone

    void add(std::string_view text) noexcept {
      const std::lock_guard lock(mutex);
      push([this, text](std::string& out) { append_message(out, text); });
    }

    void add_record(std::string_view whole) noexcept {
      const std::lock_guard lock(mutex);
      push([whole](std::string& out) { out += whole; });
    }

    void repeat(std::string_view text, std::string_view more) noexcept {
      const std::lock_guard lock(mutex);
      try {
        if (const auto found = repeats.find(text); found != repeats.end()) {
          ++found->second;
          return;
        }
        if (repeats.size() < max_repeated) repeats.emplace(text, 0);
      } catch (...) {  // no memory to sum it up
      }
      push([&](std::string& out) { append_message(out, std::string(text).append(more)); });
    }

    bool drain(std::chrono::milliseconds most) noexcept {
      std::unique_lock lock(mutex);
      sum_up();
      ++draining;
      work.notify_one();
      bool said = false;
      const bool all = written.wait_for(lock, detail::bounded_time(most, 0), [&] {
        const bool none = queue.ends.empty() && batch.ends.empty();
        if (none && !std::exchange(said, true)) push_lost();  // there was no room before
        return none && queue.ends.empty();
      });
      --draining;
      return all;
    }

    void run() {
      using Time = std::chrono::steady_clock;
      std::unique_lock lock(mutex);
      Time::time_point next = Time::now() + options.period;
      for (;;) {
        if (const auto now = Time::now(); now >= next) {
          sum_up();
          next = now + options.period;
        }
        if (!work.wait_until(lock, next, [this] { return !queue.ends.empty(); })) continue;
        if (options.delay.count() > 0) {
          work.wait_for(lock, options.delay, [this] { return draining != 0 || is_half_full(); });
        }
        std::swap(queue, batch);
        lock.unlock();
        const std::size_t size = write_batch();
        lock.lock();
        for (const LineEnd& end : batch.ends) {
          if (end.at <= size) continue;
          lost += end.lines;
          if (!end.is_count) all_lost.fetch_add(end.lines, std::memory_order_relaxed);
        }
        batch.text.clear();
        batch.ends.clear();
        written.notify_all();
      }
    }

    // How much of the batch was written. What a write has cut stays on a line of its own.
    [[nodiscard]] std::size_t write_batch() noexcept {
      if (is_cut && write("\n") == 0) return 0;
      const std::size_t size = write(batch.text);
      is_cut = size != 0 && batch.text[size - 1] != '\n';
      return size;
    }

    // How much of `text` was written; less than all if no more can be.
    [[nodiscard]] std::size_t write(std::string_view text) const noexcept {
      std::size_t done = 0;
      while (done != text.size()) {
        const ssize_t size = ::write(fd, text.data() + done, text.size() - done);
        if (size >= 0) {
          done += static_cast<std::size_t>(size);
        } else if (errno == EAGAIN) {  // another process made it non-blocking
          pollfd wait{fd, POLLOUT, 0};
          if (::poll(&wait, 1, -1) < 0 && errno != EINTR) break;
        } else if (errno != EINTR) {
          break;
        }
      }
      return done;
    }

    [[nodiscard]] bool is_full() const noexcept { return queue.ends.size() + batch.ends.size() >= options.max_queued; }
    [[nodiscard]] bool is_half_full() const noexcept { return queue.ends.size() * 2 >= options.max_queued; }

    void lose(std::uint64_t lines) noexcept {
      lost += lines;
      all_lost.fetch_add(lines, std::memory_order_relaxed);
    }

    // Appends a line by `append(std::string&)`. The number of lost lines goes before the first one that finds room.
    template <class Append>
    void push(Append append) noexcept {
      push_lost();
      if (lost != 0 || is_full()) return lose(1);
      try {
        append_line(1, false, append);
      } catch (...) {
        lose(1);
      }
    }

    void push_lost() noexcept {
      if (lost == 0 || is_full()) return;
      try {
        append_line(lost, true, [this](std::string& out) { append_lost(out); });
        lost = 0;
      } catch (...) {  // they are still counted
      }
    }

    template <class Append>
    void append_line(std::uint64_t lines, bool is_count, Append append) {
      const std::size_t before = queue.text.size();
      try {
        append(queue.text);
        queue.text += '\n';
        queue.ends.push_back({queue.text.size(), lines, is_count});
      } catch (...) {
        queue.text.resize(before);
        throw;
      }
      const bool was_half_full = (queue.ends.size() - 1) * 2 >= options.max_queued;
      if (queue.ends.size() == 1 || was_half_full != is_half_full()) work.notify_one();
    }

    void append_message(std::string& out, std::string_view text) const {
      if (options.format == LogFormat::text) {
        out += options.prefix;
        return detail::append_without_controls(out, text.substr(0, max_line));  // so that it stays one line
      }
      append_time(out);
      out += "\"event\":\"message\",\"text\":\"";
      const std::size_t before = out.size();
      constexpr std::size_t most = max_line - 100;
      out.resize(before + most);
      const char* const end = detail::write_json_excerpt(out.data() + before, text, most);
      out.resize(static_cast<std::size_t>(end - out.data()));
      out += "\"}";
    }

    void append_lost(std::string& out) const {
      if (options.format == LogFormat::text) {
        out.append(options.prefix).append(std::to_string(lost)).append(" lines lost");
        return;
      }
      append_time(out);
      out.append("\"event\":\"lost\",\"lines\":").append(std::to_string(lost)).append("}");
    }

    static void append_time(std::string& out) {
      out.append("{\"time\":\"").append(detail::wall_time().text()).append("\",");
    }

    void sum_up() noexcept {
      std::erase_if(repeats, [](const auto& each) { return each.second == 0; });
      for (auto& each : repeats) {
        push([&](std::string& out) {
          append_message(out, each.first + " (the same " + std::to_string(each.second) + " times more)");
        });
        each.second = 0;
      }
      push_lost();
    }
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
