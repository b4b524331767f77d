// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The access file of a server that goes on while the file is changed. One thread checks it once a second, and at once
// after `reread`; if device, inode, size or a time of change differ, it reads the file. A file that cannot be read
// changes nothing but the log.

#include "log.hpp"

#include <droplit/access/reloadable.hpp>
#include <droplit/access/token_file.hpp>
#include <droplit/outcome.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>

#include <sys/stat.h>

namespace server {

/// The tokens of a file, as it is now. Its thread is never joined, since a network's file system may block it without a
/// limit; it ends soon after this does.
class AccessFile {
 public:
  using Access = droplit::ReloadableAccess<droplit::TokenFile>;

  static constexpr std::chrono::seconds period{1};  ///< between checks of the file

  /// Reads the file. Throws a `FaultException` that says why it cannot be read, or `std::system_error` if there is no
  /// thread.
  AccessFile(std::string path, const Log& log) : watch_(std::make_shared<Watch>(std::move(path), log)) {
    std::thread([watch = watch_] { watch->run(); }).detach();
  }
  AccessFile(const AccessFile&) = delete;
  AccessFile& operator=(const AccessFile&) = delete;
  ~AccessFile() { watch_->end(); }

  /// The policy; valid as long as this.
  [[nodiscard]] const Access& access() const noexcept { return watch_->access(); }

  /// A function that has the file read soon, whether or not it was changed. It may be called after this has ended.
  [[nodiscard]] std::function<void()> reread() const {
    return [watch = watch_] { watch->reread(); };
  }

 private:
  /// What differs if a file was changed or replaced.
  class Mark {
   public:
    explicit Mark(const std::string& path) noexcept {
      struct stat found {};
      if (::stat(path.c_str(), &found) != 0) return;
      parts_ = {static_cast<std::int64_t>(found.st_dev),
                static_cast<std::int64_t>(found.st_ino),
                found.st_size,
                found.st_mtim.tv_sec,
                found.st_mtim.tv_nsec,
                found.st_ctim.tv_sec,
                found.st_ctim.tv_nsec};
      const std::time_t age = std::time(nullptr) - found.st_ctim.tv_sec;
      is_fresh_ = age >= -2 && age <= 2;  // longer before it only where the clock was set back
    }

    [[nodiscard]] bool differs(const Mark& other) const noexcept { return parts_ != other.parts_; }

    /// True if another change may give the same mark, since a file system counts time in coarse steps.
    [[nodiscard]] bool is_fresh() const noexcept { return is_fresh_; }

   private:
    std::array<std::int64_t, 7> parts_{};  // zeros for no file
    bool is_fresh_ = false;
  };

  /// What the thread and the server share.
  class Watch {
   public:
    Watch(std::string path, Log log)
        : path_(std::move(path)), log_(std::move(log)), mark_(path_), access_(load(true).value()) {}

    [[nodiscard]] const Access& access() const noexcept { return access_; }

    void reread() { wake(wanted_); }
    void end() { wake(ended_); }

    void run() noexcept {
      for (;;) {
        std::unique_lock lock(mutex_);
        waiting_.wait_for(lock, period, [this] { return wanted_ || ended_; });
        if (ended_) return;
        const bool wanted = std::exchange(wanted_, false);
        lock.unlock();
        try {
          check(wanted);
        } catch (const std::bad_alloc&) {
          log_.line("warning: no memory to read the access file again; a later check reads it");
          mark_ = Mark("");
        }
      }
    }

   private:
    void wake(bool& why) {
      const std::lock_guard lock(mutex_);
      why = true;
      waiting_.notify_one();
    }

    [[nodiscard]] droplit::Outcome<droplit::TokenFile> load(bool is_news) const {
      auto file = droplit::TokenFile::load(path_);
      if (is_news && file && file.assume_value().is_open_to_others()) {
        log_.repeated("warning: the access file is open to others; `chmod 600` closes it");
      }
      return file;
    }

    void check(bool wanted) {
      const Mark found(path_);  // before it is read: what is changed meanwhile is found by the next check
      const bool changed = wanted || found.differs(mark_);
      if (!changed && !mark_.is_fresh()) return;
      mark_ = found;
      auto file = load(changed);
      std::string flaw;
      if (file) {
        access_.replace(std::move(file).assume_value());
      } else {
        flaw = file.assume_exception().what();
      }
      const bool is_news = changed || flaw != flaw_;
      flaw_ = std::move(flaw);
      if (!is_news) return;
      log_.line(flaw_.empty() ? "the access file was read again"
                              : "warning: " + flaw_ + "; the access file as it was read before counts");
    }

    const std::string path_;
    const Log log_;
    Mark mark_;
    std::string flaw_;  // of the file at the last check
    Access access_;
    std::mutex mutex_;
    std::condition_variable waiting_;
    bool wanted_ = false;
    bool ended_ = false;
  };

  std::shared_ptr<Watch> watch_;
};

}  // namespace server
