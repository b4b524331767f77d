// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "command_line.hpp"
#include "log.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <sys/resource.h>

namespace server {

/// Raises the limit of open files to what the connections need, or lowers their number to what it leaves, with a
/// warning: a store that finds no free descriptor could neither reconnect nor open a temporary file.
inline void fit_open_files(Options& options, const Log& log) {
  constexpr rlim_t others = 32;  // streams, files of the store, Asio's own
  std::uint32_t& connections = options.server.max_connections;
  connections = static_cast<std::uint32_t>(std::min<std::uint64_t>(connections, options.server.max_memory / 16384));
  constexpr rlim_t for_metrics = 32;  // connections, and Asio's own
  const rlim_t reserve = others + options.store_callers() + (options.metrics ? for_metrics : 0);
  const rlim_t needed =
      reserve + connections + std::max<rlim_t>(connections / 8, 1);  // and what was closed to make room
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == needed) return;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t rest = limit.rlim_cur > reserve ? limit.rlim_cur - reserve : 0;
  const rlim_t left = std::max<rlim_t>(rest * 8 / 9, 1);
  connections = static_cast<std::uint32_t>(left);
  log.line("warning: " + std::to_string(limit.rlim_cur) + " files may be open, so at most " + std::to_string(left) +
           " connections are served at a time");
}

}  // namespace server
