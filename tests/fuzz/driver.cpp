// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The functions that a fuzzing engine calls. The target is that of the program's name. DROPLIT_FUZZ_MUTATE: the engine
// is libFuzzer, which has LLVMFuzzerMutate.
#include "target.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

const fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  const std::string_view path = **argv;
  target = fuzz::find_target(path.substr(path.rfind('/') + 1));
  if (target != nullptr) return 0;
  std::fputs("the program must be called as one of:", stderr);
  for (const fuzz::Target& each : fuzz::targets()) std::fprintf(stderr, " %s", each.name);
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#if defined(DROPLIT_FUZZ_MUTATE)
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  fuzz::Random random(seed);
  if (target->mutate == nullptr || size < target->prefix || !random.one_in(4)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::string input(reinterpret_cast<const char*>(data) + target->prefix, size - target->prefix);
  target->mutate(input, random);
  input.resize(std::min(input.size(), max_size - target->prefix));
  std::copy(input.begin(), input.end(), data + target->prefix);
  return std::max<std::size_t>(target->prefix + input.size(), 1);
}
#endif
