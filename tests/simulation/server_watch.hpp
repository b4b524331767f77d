// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What is seen of one server from outside: the connections it has open, and what it does in one turn of its thread.
#pragma once

#include "scheduler.hpp"

#include <cstddef>

namespace sim {

class ServerWatch {
 public:
  explicit ServerWatch(Process& process) noexcept : process_(process) { process.watch = this; }

  /// There is work.
  void poke() { process_.poke(); }

  void begin_turn() noexcept { writes_in_turn = 0; }
  void wrote() noexcept {
    if (++writes_in_turn > most_writes_in_turn) most_writes_in_turn = writes_in_turn;
  }
  void opened() noexcept {
    if (++open > most_open) most_open = open;
  }
  void closed() noexcept { --open; }

  std::size_t open = 0;  ///< connections on which it may still send
  std::size_t most_open = 0;
  std::size_t writes_in_turn = 0;
  std::size_t most_writes_in_turn = 0;

 private:
  Process& process_;
};

}  // namespace sim
