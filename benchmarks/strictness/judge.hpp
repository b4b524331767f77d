// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the readers of json/ share: bodies come as lines of cases.cpp, a verdict on each goes out.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

/// A way to read JSON: whether it accepts a body.
struct Reader {
  const char* name;
  bool (*accepts)(const char* data, std::size_t size);
};

/// Prints name, class and `accepted`, `refused` or `crashed` for each body. Each is read in a process of its own, from
/// memory of exactly its size.
inline int judge(std::initializer_list<Reader> readers) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tab = line.find('\t');
    const std::size_t size = (line.size() - tab - 1) / 2;
    const auto body = std::make_unique<char[]>(size);
    for (std::size_t i = 0; i != size; ++i) {
      body[i] = static_cast<char>(std::stoi(line.substr(tab + 1 + 2 * i, 2), nullptr, 16));
    }
    for (const Reader& reader : readers) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(reader.accepts(body.get(), size) ? 0 : 1);
      int status = 0;
      if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
      const char* const verdict = !WIFEXITED(status) ? "crashed" : WEXITSTATUS(status) == 0 ? "accepted" : "refused";
      std::cout << reader.name << '\t' << line.substr(0, tab) << '\t' << verdict << '\n';
    }
  }
  return std::cout.flush() ? 0 : 1;
}
