// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The main function of tests that kill a droplit-server or its store: NAME SERVER STORE KILLS SECONDS [SEED].
#pragma once

#include "crash_stores.hpp"
#include "server_process.hpp"

#include <stdlib.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

namespace test {

/// What such a test is run with.
struct CrashRun {
  std::string program;  ///< droplit-server
  std::string store;
  std::size_t kills;
  std::chrono::seconds limit;  ///< 0 for none
  unsigned seed;
  std::filesystem::path folder;  ///< new; with an access file of one token, `crash-token`

  [[nodiscard]] bool is_sqlite() const { return store == "sqlite"; }
  [[nodiscard]] std::unique_ptr<Store> make_store() const { return test::make_store(store, folder); }
};

/// Calls `test(run)`, and returns the exit status. The folder stays if there are violations.
template <class Test>
int crash_main(const char* name, int argc, char** argv, Violations& violations, Test test) {
  try {
    if (argc < 5 || argc > 6) {
      throw std::runtime_error(std::string("usage: ") + name + " SERVER STORE KILLS SECONDS [SEED]");
    }
    CrashRun run{argv[1], argv[2], std::stoul(argv[3]), std::chrono::seconds(std::stoul(argv[4])), 0, {}};
    run.seed = argc == 6 ? static_cast<unsigned>(std::stoul(argv[5])) : std::random_device()();
    std::printf("%s: %s, seed %u\n", name, argv[2], run.seed);
    std::fflush(stdout);
    std::string folder = std::filesystem::temp_directory_path() / "droplit-crash-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary directory");
    run.folder = folder;
    std::ofstream(run.folder / "access.json") << R"({"tokens":[{"token":"crash-token","kind":"account"}]})";
    try {
      test(run);
    } catch (const std::exception& failure) {
      violations.add(failure.what());
    }
    if (violations.none()) {
      std::filesystem::remove_all(folder);
      return 0;
    }
    std::printf("files and log: %s\n", folder.c_str());
    return 1;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", name, failure.what());
    return 2;
  }
}

}  // namespace test
