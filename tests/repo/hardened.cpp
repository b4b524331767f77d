// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// hardened FAULT: commits it. A program that is compiled as ours are released ends by a signal; any other returns.
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace {

// Not inlined, so that the compiler knows no size but that of the array.
[[gnu::noinline]] void copy(char* to, const char* from, std::size_t size) { std::memcpy(to, from, size); }

// The copy goes beyond the array, over what the function returns to.
[[gnu::noinline]] void smash(const std::string& text) {
  char array[16];
  copy(array, text.data(), text.size());
  std::puts(array);
}

// The copy goes beyond memory whose size is known only when the program runs.
[[gnu::noinline]] void overflow(const std::string& text) {
  char* const memory = new char[text.size() / 2 + 1];
  std::memcpy(memory, text.data(), text.size());
  std::puts(memory);
  delete[] memory;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc == 2 ? argv[1] : "";
  const std::string text(63 + fault.size(), 'a');
  if (fault == "smash") smash(text);
  if (fault == "overflow") overflow(text);
  if (fault == "index") return text.substr(fault.size())[text.size()] != 'a' ? 0 : 1;
  return fault.empty() ? 2 : 0;
}
