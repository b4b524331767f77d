// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Runs the programs that ctest passes to a test in DROPLIT_TEST_PROGRAMS (droplit_runs in tests/system/CMakeLists.txt).
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

/// The paths of the passed programs, by name.
inline std::map<std::string, std::string> program_paths() {
  const char* const paths = std::getenv("DROPLIT_TEST_PROGRAMS");
  if (paths == nullptr) throw std::runtime_error("DROPLIT_TEST_PROGRAMS is not set: run this test with ctest");
  std::map<std::string, std::string> programs;
  std::istringstream in(paths);
  for (std::string path; std::getline(in, path, ':');) programs.emplace(std::filesystem::path(path).filename(), path);
  return programs;
}

/// What a program printed, on both streams, and its exit status; -1 if a signal ended it.
struct ProgramResult {
  std::string output;
  int status = -1;
};

/// Runs the program `name` with these arguments for at most 100 s; `settings` are of the form NAME=VALUE.
inline ProgramResult run_program(const std::string& name, const std::vector<std::string>& arguments = {},
                                 const std::vector<std::string>& settings = {}) {
  std::string command = "exec env";
  const auto add = [&command](const std::string& word) {
    command += " '";
    for (const char c : word) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += '\'';
  };
  for (const std::string& setting : settings) add(setting);
  command += " timeout 100";
  add(program_paths().at(name));
  for (const std::string& argument : arguments) add(argument);
  command += " 2>&1 </dev/null";

  std::FILE* const pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  ProgramResult result;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) result.output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  return result;
}

}  // namespace test
