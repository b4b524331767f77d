// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Runs a target over files, without an engine: replay TARGET PATH..., where a folder means the files in it.
#include "target.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

int run(int argc, char** argv) {
  const fuzz::Target* const target = argc > 2 ? fuzz::find_target(argv[1]) : nullptr;
  if (target == nullptr) {
    std::fputs("replay TARGET PATH...\n", stderr);
    return 2;
  }
  std::set<fs::path> files;
  for (int i = 2; i != argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.insert(argv[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) files.insert(entry.path());
  }
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
      std::fprintf(stderr, "cannot read %s\n", file.c_str());
      return 2;
    }
    std::fprintf(stderr, "%s\n", file.c_str());
    target->run(bytes);
  }
  std::printf("%s: %zu inputs\n", target->name, files.size());
  return files.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
