// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "fault.hpp"
#include "id.hpp"
#include "outcome.hpp"
#include "timestamp.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>

#if __has_include(<pthread.h>) && __has_include(<unistd.h>)
#include <pthread.h>
#include <unistd.h>
#define DROPLIT_DETAIL_POSIX 1
#else
#include <random>
#endif

namespace droplit {

/// A policy that makes ids for new clients. A failure is thrown, or returned in an `outcome`.
template <class I>
concept IdSource = requires(I& ids, Timestamp now) {
  /// A fresh id for a client created at `now`. If it turns out to be taken, another one is asked for.
  { ids.next(now) } -> std::convertible_to<Outcome<ClientId>>;
};

/// Ids laid out as a MongoDB ObjectId: 4 bytes of seconds since 1970, 5 random bytes of the process, 3 of a counter,
/// each big-endian (ours).
///
/// Thread-safe. Ids differ within a process, and its forks, as long as it makes no more than 2^24 of them a second; ids
/// of different processes differ unless their 5 random bytes agree. Before 1970 and after 2106-02-07T06:28:15Z the
/// seconds stand at the nearest value that 4 bytes hold.
class ObjectIds {
 public:
  Outcome<ClientId> next(Timestamp now) const noexcept {
    Process& process = this_process();
    std::uint64_t random = process.random.load(std::memory_order_acquire);
    if (random == 0) {
      std::uint64_t drawn = 0;
      if (!draw(drawn)) return Fault(FaultSource::ids, Fate::not_applied, "no random bytes from the system");
      drawn |= std::uint64_t{1} << 63;  // never 0; the counter starts anywhere in its lower half
      if (process.random.compare_exchange_strong(random, drawn, std::memory_order_acq_rel)) random = drawn;
    }
    const std::uint32_t count =
        process.counter.fetch_add(1, std::memory_order_relaxed) + static_cast<std::uint32_t>(random >> 40 & 0x7FFFFF);
    const std::int64_t seconds = now.unix_millis() >= 0 ? now.unix_millis() / 1000 : 0;
    const auto stamp = static_cast<std::uint32_t>(seconds > 0xFFFFFFFF ? 0xFFFFFFFF : seconds);
    const auto byte = [](std::uint64_t value, int shift) { return static_cast<std::uint8_t>(value >> shift); };
    return ClientId({byte(stamp, 24), byte(stamp, 16), byte(stamp, 8), byte(stamp, 0), byte(random, 32),
                     byte(random, 24), byte(random, 16), byte(random, 8), byte(random, 0), byte(count, 16),
                     byte(count, 8), byte(count, 0)});
  }

 private:
  struct Process {
    std::atomic<std::uint64_t> random{0};  // 40 bits in every id and 23 where the counter starts; 0: not drawn yet
    std::atomic<std::uint32_t> counter{0};
  };

  static Process& this_process() noexcept {
#if defined(DROPLIT_DETAIL_POSIX)
    // A fork must not go on with its parent's bytes and counter.
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] { state().random.store(0); });
    static_cast<void>(registered);
#endif
    return state();
  }

  static Process& state() noexcept {
    static Process process;
    return process;
  }

  static bool draw(std::uint64_t& out) noexcept {
#if defined(DROPLIT_DETAIL_POSIX)
    return ::getentropy(&out, sizeof out) == 0;
#else
    std::random_device device;
    out = std::uint64_t{device()} << 32 | device();
    return true;
#endif
  }
};

static_assert(IdSource<const ObjectIds>);

}  // namespace droplit
