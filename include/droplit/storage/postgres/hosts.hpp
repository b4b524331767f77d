// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The hosts that a connection string lists. libpq goes on to the next one by itself where one refuses; but a program
// that connects without blocking, as `Connection` does, would wait for a silent one (a machine without power, a cut
// network) until its own time limit, and never reach the others. So each is connected to by itself.

#include <droplit/storage/postgres/handles.hpp>

#include <droplit/detail/config.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres {

/// One entry of libpq's lists `host`, `hostaddr` and `port`, in this order; empty where the list is.
using Host = std::array<std::string, 3>;

/// The parts of a list, at its commas.
inline std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The hosts in their order, if the connection string, or the environment for what it lacks, lists several by name or
/// address; else one that is empty, for libpq to find. So are lists that do not fit together, which libpq refuses, and
/// those that a service file may complete.
inline std::vector<Host> listed_hosts(const std::string& conninfo) {
  std::array<std::vector<std::string>, 3> lists{split_list(""), split_list(""), split_list("")};
  auto& [names, addresses, ports] = lists;
  const ParsedConninfo options(PQconninfoParse(conninfo.c_str(), nullptr));
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword(option->keyword);
    const char* const value =
        option->val == nullptr && option->envvar != nullptr ? std::getenv(option->envvar) : option->val;
    if (value == nullptr) continue;
    if (keyword == "service") return {Host()};
    if (keyword == "host") names = split_list(value);
    if (keyword == "hostaddr") addresses = split_list(value);
    if (keyword != "port") continue;
    ports = split_list(value);
    if (ports.size() > 1) std::replace(ports.begin(), ports.end(), std::string(), std::string(option->compiled));
  }
  const std::size_t count = (std::max)(names.size(), addresses.size());
  const auto is_absent = [](const std::vector<std::string>& list) { return list.size() == 1 && list[0].empty(); };
  const auto fits = [&](const std::vector<std::string>& list) {
    return is_absent(list) || (list.size() == count && std::find(list.begin(), list.end(), "") == list.end());
  };
  if (count == 1 || !fits(names) || !fits(addresses) || (ports.size() != count && ports.size() != 1)) return {Host()};
  std::vector<Host> hosts(count);
  for (std::size_t i = 0; i != count; ++i) {
    for (std::size_t part = 0; part != lists.size(); ++part) {
      hosts[i].at(part) = lists.at(part).at(lists.at(part).size() == 1 ? 0 : i);
    }
  }
  return hosts;
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::postgres
