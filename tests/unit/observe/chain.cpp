// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/observe/chain.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

/// Writes down what it is called with; throws after that if `throws`.
struct Recorder {
  std::string& calls;
  std::string name;
  bool throws = false;
  std::int64_t time = 0;

  void note(const std::string& what) const {
    calls += name + "." + what + " ";
    if (throws) throw std::runtime_error("an observer");
  }
  void began(const droplit::RequestBegan& request) { note("began(" + std::string(request.route) + ")"); }
  void finished(const droplit::RequestFinished& request) { note("finished(" + std::to_string(request.status) + ")"); }
  void fault(const droplit::Fault& fault) { note("fault(" + fault.what() + ")"); }
  void connection_opened() { note("opened"); }
  void connection_closed() { note("closed"); }
  std::int64_t now() const { return time; }
};
static_assert(droplit::Observer<Recorder>);
static_assert(droplit::Observer<droplit::ObserverChain<Recorder, droplit::NoObserver, const droplit::NoObserver>>);

}  // namespace

TEST_CASE("each observer of a chain is called, in order, whatever the others throw") {
  for (const bool throws : {false, true}) {
    std::string calls;
    Recorder a{calls, "a", throws, 7};
    Recorder b{calls, "b", throws, 8};
    Recorder c{calls, "c", throws, 9};
    droplit::ObserverChain chain(a, b, c);
    droplit::RequestFinished request;
    request.route = "/api/clients";
    request.status = 201;
    chain.connection_opened();
    chain.began(request);
    chain.finished(request);
    chain.fault(droplit::Fault(droplit::FaultSource::storage, droplit::Fate::not_applied, "disk"));
    chain.connection_closed();
    CHECK(calls ==
          "a.opened b.opened c.opened a.began(/api/clients) b.began(/api/clients) c.began(/api/clients) "
          "a.finished(201) b.finished(201) c.finished(201) a.fault(disk) b.fault(disk) c.fault(disk) "
          "a.closed b.closed c.closed ");
    CHECK(chain.now() == 7);
  }
}

TEST_CASE("a chain may be a part of a chain") {
  std::string calls;
  Recorder a{calls, "a"};
  Recorder b{calls, "b"};
  droplit::ObserverChain inner(a, droplit::no_observer);
  droplit::ObserverChain outer(inner, b);
  outer.connection_opened();
  CHECK(calls == "a.opened b.opened ");
}
