// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/detail/process_ids.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/timestamp.hpp>

#include <concepts>
#include <cstdint>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// A policy that makes ids for new clients. A failure is thrown, or returned in an `outcome`.
template <class I>
concept IdSource = requires(I& ids, Timestamp now) {
  /// A new id for a client created at `now`. Called again if the id is taken.
  { ids.next(now) } -> std::convertible_to<Outcome<ClientId>>;
};

/// Ids laid out as a MongoDB ObjectId: 4 bytes of seconds since 1970, 5 random bytes of the process, 3 of a counter,
/// each big-endian (ours).
///
/// Thread-safe, but not for signal handlers. Ids of one process differ, whatever its clock returns: when the counter
/// wraps, the random bytes change. A child process with memory of its own draws its own, however it was made (`fork`,
/// `_Fork`, `clone`). Ids of different processes differ unless their random bytes agree; a restored snapshot of a
/// running machine continues with those that it had. Before 1970 and after 2106-02-07T06:28:15Z the seconds are the
/// nearest value that fits into 4 bytes. A thread's first id registers what is done when it ends; glibc, as for any
/// object of a thread, ends the process if there is no memory for that.
class ObjectIds {
 public:
  /// A new id, with the seconds of `now`; a `Fault` if the system gives no random bytes.
  Outcome<ClientId> next(Timestamp now) const noexcept {
    const std::uint64_t number = process::numbers().next(now.unix_millis());
    if (number == 0) return Fault(FaultSource::ids, Fate::not_applied, "no random bytes");  // too short to need memory
    const std::int64_t seconds = now.unix_millis() >= 0 ? now.unix_millis() / 1000 : 0;
    const auto stamp = static_cast<std::uint32_t>(seconds > 0xFFFFFFFF ? 0xFFFFFFFF : seconds);
    const auto byte = [](std::uint64_t value, int shift) { return static_cast<std::uint8_t>(value >> shift); };
    return ClientId({byte(stamp, 24), byte(stamp, 16), byte(stamp, 8), byte(stamp, 0), byte(number, 56),
                     byte(number, 48), byte(number, 40), byte(number, 32), byte(number, 24), byte(number, 16),
                     byte(number, 8), byte(number, 0)});
  }
};

static_assert(IdSource<const ObjectIds>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
