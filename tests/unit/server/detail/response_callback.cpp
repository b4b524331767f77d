// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/server/detail/response_callback.hpp>

#include "support/catch.hpp"

#include <memory>
#include <string>
#include <utility>

namespace {

/// Notes what its callbacks have it do.
struct Connection {
  template <class F>
  void post(F call) {
    call(*this);
  }
  void advance() { done += "advanced"; }
  void abandon() { done += "abandoned"; }
  std::string done;
};

using Callback = droplit::detail::ResponseCallback<Connection>;

}  // namespace

TEST_CASE("the first call advances the connection, and no other call or end does anything") {
  const auto connection = std::make_shared<Connection>();
  {
    Callback callback(connection);
    Callback moved(std::move(callback));
    CHECK(connection->done.empty());
    moved();
    moved();
    CHECK(connection.use_count() == 1);
  }
  CHECK(connection->done == "advanced");
}

TEST_CASE("a callback that ends without a call abandons the connection, after an assignment too") {
  const auto first = std::make_shared<Connection>();
  const auto second = std::make_shared<Connection>();
  {
    Callback callback(first);
    callback = Callback(second);
    callback();
  }
  CHECK(first->done == "abandoned");
  CHECK(second->done == "advanced");
}
