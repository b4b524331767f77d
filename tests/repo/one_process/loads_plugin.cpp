// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Loads the plugin: its codes, its clock and its ids are those of the program.
#include "plugin.hpp"

#include <droplit/clock.hpp>
#include <droplit/id_source.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>

namespace {

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  ++failures;
  std::printf("failed: %s\n", what);
}

template <class Function>
Function* find(void* plugin, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(plugin, name));
}

}  // namespace

int main(int, char** argv) {
  void* const plugin = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    std::puts(::dlerror());
    return 1;
  }
#define PLUGIN(name) find<decltype(name)>(plugin, #name)
  const std::error_code mine = droplit::ApiErrc::unauthorized;
  check(PLUGIN(is_unauthorized)(&mine) == 1, "the plugin knows the program's code");
  std::error_code theirs;
  PLUGIN(make_unauthorized)(&theirs);
  check(theirs == mine, "the program knows the plugin's code");
  check(theirs == std::errc::permission_denied, "its condition is the same");

  // A clock that once read far ahead stays there, whichever part of the process asks.
  constexpr long long ahead = 32'503'680'000'000;  // the year 3000
  droplit::process::latest_millis.store(ahead);
  check(PLUGIN(now_millis)() == ahead, "the plugin's clock is the program's");

  // A number that both have would be in two ids.
  std::array<unsigned char, 12> id{};
  PLUGIN(next_id)(id.data());
  const auto next = droplit::ObjectIds().next(droplit::Timestamp::clamp_unix_millis(0)).value().bytes();
  check(std::equal(id.begin(), id.begin() + 9, next.begin()), "the random bytes of the ids are the same");
  check(((id[11] + 1) & 0xFF) == next[11], "the ids count together");
  return failures == 0 ? 0 : 1;
}
