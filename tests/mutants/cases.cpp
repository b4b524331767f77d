// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Tells mutants.hpp where each test case begins and ends.
#include "mutants.hpp"

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include "support/catch.hpp"

#include <chrono>
#include <string>

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

struct Cases : Listener {
  using Listener::Listener;
  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    Listener::testCaseStarting(info);
    droplit_mutants::state.write("before");
    name_ = info.name;
    begin_ = std::chrono::steady_clock::now();
  }
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    Listener::testCaseEnded(stats);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin_;
    droplit_mutants::state.write("case " + std::to_string(taken.count()) + " " + name_);
  }

 private:
  std::string name_;
  std::chrono::steady_clock::time_point begin_;
};
CATCH_REGISTER_LISTENER(Cases)
