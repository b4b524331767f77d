// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/observe/line_log.hpp>

#include <chrono>

namespace server {

/// The log of droplit-server.
class Log : public droplit::LineLog {
 public:
  explicit Log(int fd, droplit::LogFormat format = droplit::LogFormat::text) : LineLog(fd, options(format)) {}

 private:
  static droplit::LineLogOptions options(droplit::LogFormat format) {
    droplit::LineLogOptions options{.format = format, .prefix = "droplit-server: "};
    if (format == droplit::LogFormat::text) return options;
    options.delay = std::chrono::milliseconds(10);  // lines of requests come often: many share a write
    options.max_queued = 16384;
    return options;
  }
};

}  // namespace server
