// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/serving_loop.hpp>

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace {

/// Has done so much, call for call, and notes the calls: `r` is `run_one`, which may sleep, and `p` is `poll`.
struct Context {
  std::string work;  // a digit is how many handlers are ready for `poll`; `run_one` finds one until the end
  std::string calls;

  std::size_t run_one() {
    calls += 'r';
    return work.empty() ? 0 : 1;
  }
  std::size_t poll() {
    calls += 'p';
    if (work.empty()) return 0;
    const auto ready = static_cast<std::size_t>(work.front() - '0');
    work.erase(0, 1);
    return ready;
  }
};

std::string calls(const std::string& work) {
  Context context{work, ""};
  droplit::detail::run_beside_others(context);
  return context.calls;
}

}  // namespace

TEST_CASE("who finds nothing to do looks four times before it may sleep") {
  CHECK(calls("") == "r");
  CHECK(calls("0000") == "rppppr");
  CHECK(calls("00000000") == "rpppprppppr");
  CHECK(calls("21310000") == "rppppppppr");
  CHECK(calls("000100050000") == "rppppppppppppr");
}

TEST_CASE("an io_context is run until its work is done, or it is stopped, and what is thrown comes out") {
  boost::asio::io_context context;
  int calls = 0;
  const auto post = [&](auto call) { boost::asio::post(context, call); };
  post([&] { post([&] { ++calls; }); });
  droplit::detail::run_beside_others(context);
  CHECK(calls == 1);

  context.restart();
  const auto held = boost::asio::make_work_guard(context);
  post([&] { post([&] { context.stop(); }); });
  droplit::detail::run_beside_others(context);
  CHECK(context.stopped());

  context.restart();
  for (int i = 0; i != 3; ++i) post([] { throw std::runtime_error("a handler's"); });
  post([&] { context.stop(); });
  for (int i = 0; i != 3; ++i) CHECK_THROWS_WITH(droplit::detail::run_beside_others(context), "a handler's");
  droplit::detail::run_beside_others(context);
  CHECK(context.stopped());
}
