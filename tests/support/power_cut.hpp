// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "fault_vfs.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What a disk keeps when the power fails, by what was done to it. Only what was synced is sure to be there; of
/// the rest, writes and names, each file has what `Loss` says. A sync that failed has lost permanently what it should
/// have kept, and no later one makes up for it, as with Linux.
class PowerCut {
 public:
  enum class Loss : std::uint8_t {
    nothing,  ///< all is there: only the process died
    all,      ///< nothing is
    later,    ///< the first are, and half of the next
    some,     ///< any are, in any order, some of them with their first sectors only
  };

  void apply(const DiskEvent& event) {
    switch (event.call) {
      case DiskCall::open:
        names_[event.path] = std::make_shared<Node>();
        pending_names_.emplace_back(event.path, names_[event.path]);
        break;
      case DiskCall::remove:
        names_.erase(event.path);
        pending_names_.emplace_back(event.path, nullptr);
        break;
      case DiskCall::sync: {
        Node& node = *names_.at(event.path);
        const auto pending = std::exchange(node.pending, {});
        if (event.failed) break;
        for (const DiskEvent& each : pending) change(node.synced, each);
        break;
      }
      default: names_.at(event.path)->pending.push_back(event); change(names_.at(event.path)->cached, event);
    }
    if (event.directory) {
      for (const auto& each : std::exchange(pending_names_, {})) name(synced_names_, each);
    }
  }

  /// Writes what is left of all files into `directory`, which is there.
  void leave(const std::filesystem::path& directory, Loss loss, std::minstd_rand& luck) const {
    const auto below = [&luck](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(luck); };
    const auto first = [&](std::size_t n) { return loss == Loss::all ? 0 : below(n); };
    Names left = loss == Loss::nothing ? names_ : synced_names_;
    const std::size_t kept_names = loss == Loss::nothing ? 0 : first(pending_names_.size());  // in their order
    for (std::size_t i = 0; i != kept_names; ++i) name(left, pending_names_[i]);
    for (const auto& [path, node] : left) {
      std::string bytes = loss == Loss::nothing ? node->cached : node->synced;
      const std::size_t all = loss == Loss::nothing ? 0 : node->pending.size();
      const std::size_t kept = loss == Loss::some ? all : first(all);
      for (std::size_t i = 0; i != kept; ++i) {
        DiskEvent event = node->pending[i];
        if (loss == Loss::some) {
          const std::size_t chance = below(7);
          if (chance < 3) continue;
          if (chance == 3) event.bytes.resize(below(event.bytes.size() / 512) * 512);
        }
        change(bytes, event);
      }
      if (loss == Loss::later && kept != node->pending.size()) {
        DiskEvent event = node->pending[kept];
        event.bytes.resize(event.bytes.size() / 2);
        if (event.call == DiskCall::write) change(bytes, event);
      }
      std::ofstream(directory / std::filesystem::path(path).filename(), std::ios::binary) << bytes;
    }
  }

 private:
  struct Node {
    std::string cached;  // as running programs see it
    std::string synced;
    std::vector<DiskEvent> pending;  // since the last sync
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  using Naming = std::pair<std::string, std::shared_ptr<Node>>;

  static void change(std::string& bytes, const DiskEvent& event) {
    const auto at = static_cast<std::size_t>(event.at);
    if (event.call == DiskCall::truncate) {
      bytes.resize(at);
    } else if (!event.bytes.empty()) {
      bytes.resize(std::max(bytes.size(), at + event.bytes.size()));
      bytes.replace(at, event.bytes.size(), event.bytes);
    }
  }

  static void name(Names& names, const Naming& naming) {
    if (naming.second) {
      names[naming.first] = naming.second;
    } else {
      names.erase(naming.first);
    }
  }

  Names names_;  // as running programs see them
  Names synced_names_;
  std::vector<Naming> pending_names_;
};

}  // namespace test
