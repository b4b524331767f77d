// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server of the one endpoint and of its pages, from the library's parts: options in, policies made, requests served
// until a signal. docs/server.md says what it does. All else that can fail is tried before the store is opened, which
// may create it.
#include "program/process.hpp"
#include "server/access_file.hpp"
#include "server/command_line.hpp"
#include "server/log.hpp"
#include "server/metrics.hpp"
#include "server/observation.hpp"
#include "server/open_files.hpp"
#include "server/probes.hpp"
#include "server/signals.hpp"
#include "server/stores.hpp"

#include <droplit/checked_storage.hpp>
#include <droplit/droplit.hpp>
#include <droplit/observe/prometheus.hpp>
#include <droplit/openapi.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/try_it.hpp>

#include <cstdint>
#include <exception>
#include <future>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

namespace {

enum class ExitStatus : std::uint8_t {
  done = 0,
  failed = 1,
  syntax = 2,
  would_change_store = 3,  ///< of --check
};

/// Prints lines, such as where it listens, once `print` is called, without waiting for a reader: in a thread that the
/// constructor starts, so that `print` cannot fail.
class Announcement {
 public:
  Announcement(std::string lines, const server::Log& log) {
    std::thread([lines = std::move(lines), log, wanted = wanted_.get_future()]() mutable {
      if (!wanted.get()) return;
      if (program::print(lines)) return;
      try {
        for (std::string_view rest = lines; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
          log.line("standard output cannot be written: " + std::string(rest.substr(0, rest.find('\n'))));
        }
      } catch (const std::bad_alloc&) {
        log.line("standard output cannot be written");
      }
    }).detach();
  }
  Announcement(const Announcement&) = delete;
  Announcement& operator=(const Announcement&) = delete;
  ~Announcement() {
    if (!printed_) wanted_.set_value(false);
  }
  void print() {
    printed_ = true;
    wanted_.set_value(true);
  }

 private:
  std::promise<bool> wanted_;
  bool printed_ = false;
};

ExitStatus report(droplit::StoreState state, const server::Log& log) {
  switch (state) {
    case droplit::StoreState::current: return ExitStatus::done;
    case droplit::StoreState::absent: log.line("the store is not there; a start creates it"); break;
    case droplit::StoreState::older: log.line("the store is of an older version; a start upgrades it"); break;
    case droplit::StoreState::foreign:
    default: log.line("the store is another program's, or of a newer version"); return ExitStatus::failed;
  }
  return ExitStatus::would_change_store;
}

template <class Kind>
ExitStatus serve(const server::Options& options, const server::Log& log, const server::Signals& signals) {
  const server::AccessFile access(options.access, log);
  signals.on_hangup(access.reread());
  server::LateStore<typename Kind::Store> storage;
  droplit::Prometheus counts(
      {.lost_lines = [&log] { return log.lost(); }, .store = [&storage] { return storage.stats(); }});
  server::Observation observation(log, options.log, options.metrics ? &counts : nullptr);
  std::optional<server::Readiness> readiness;
  if constexpr (droplit::CheckedStorage<typename Kind::Store>) readiness.emplace(log);
  const server::Probe alive("/livez");
  const server::Probe ready_probe("/readyz", [&readiness] { return !readiness || readiness->is_ready(); });
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::OpenApiOptions described;
  described.endpoint = options.endpoint;
  const droplit::StaticResource document = droplit::openapi_resource(described);
  const droplit::TryIt try_it(options.try_it);
  server::StoreEndpoint service(storage, access.access(), clock, ids, options);
  droplit::Router router(service.endpoint, document, try_it.page, try_it.script, try_it.style, alive, ready_probe);
  droplit::BeastServer server(router, service.server_options, observation);  // listens
  std::string lines = "listening on " + server.url() + "\n";
  std::optional<server::MetricsServer> metrics;
  if (options.metrics) {
    metrics.emplace(counts, *options.metrics, log);  // listens
    lines += "metrics on " + metrics->url() + "/metrics\n";
  }
  Announcement announcement(std::move(lines), log);
  auto status = ExitStatus::done;
  std::optional<server::Signals::Serving> serving;
  const auto ready = [&] {  // all threads are there
    if (options.check) {
      status = report(Kind::inspect(options), log);
      return server.stop();
    }
    storage.open(Kind::open(options));
    if constexpr (droplit::CheckedStorage<typename Kind::Store>) {
      readiness->begin([&store = storage.get()] { return store.check(); });
    }
    // What is so already is only read: a write may have to wait for a standby, or for another process.
    const auto state_of = [&store = storage.get()](droplit::EcosystemId id) {
      return droplit::Outcome<droplit::Ecosystem>(store.find_ecosystem(id)).value().state();
    };
    using State = droplit::EcosystemState;
    for (const auto id : options.active) {
      if (state_of(id) == State::unknown) droplit::Outcome<State>(storage.get().add_ecosystem(id)).value();
    }
    for (const auto id : options.deleted) {
      if (state_of(id) != State::deleted) droplit::Outcome<State>(storage.get().delete_ecosystem(id)).value();
    }
    if (metrics) metrics->start();
    serving.emplace(signals, [&server] { server.stop(); });
    announcement.print();
  };
  server.run(ready);  // by this thread: what the first thread of a process allocates costs the fewest system calls
  return status;
}

ExitStatus serve(const server::Options& options, const server::Log& log, const server::Signals& signals) {
  switch (options.kind) {
    case server::StoreKind::sqlite: return serve<server::Sqlite>(options, log, signals);
#if defined(DROPLIT_POSTGRES)
    case server::StoreKind::postgres: return serve<server::Postgres>(options, log, signals);
#endif
    default: return serve<server::Memory>(options, log, signals);
  }
}

ExitStatus run(server::Options options) {
  const server::BlockedSignals blocked;  // before there are threads
  const server::Log log(STDERR_FILENO, options.log);
  ExitStatus status = ExitStatus::failed;
  try {
    const server::Signals signals(blocked, log);
    options.sqlite.on_warning = [&log](std::string_view warning) { log.line("warning: " + std::string(warning)); };
    server::fit_open_files(options, log);
    status = serve(options, log, signals);
  } catch (const std::system_error& failure) {
    const bool is_thread = failure.code() == std::errc::resource_unavailable_try_again;
    log.line(std::string(is_thread ? "cannot start a thread: " : "") + failure.what());
  } catch (const std::exception& failure) {
    log.line(failure.what());
  }
  log.drain(server::Signals::last_lines);
  return status;
}

int main_of(int argc, char** argv) try {
  server::CommandLine line;
  server::Options options = line.parse(argc, argv);
  if (options.help) return program::print(line.help()) ? 0 : 1;
  return static_cast<int>(run(std::move(options)));
} catch (const program::SyntaxError& error) {
  program::write_all(STDERR_FILENO, std::string("droplit-server: ") + error.what() + "\n");
  return static_cast<int>(ExitStatus::syntax);
} catch (const std::exception& failure) {
  program::write_all(STDERR_FILENO, std::string("droplit-server: ") + failure.what() + "\n");
  return static_cast<int>(ExitStatus::failed);
}

}  // namespace

int main(int argc, char** argv) {
  if (!program::prepare_process()) return static_cast<int>(ExitStatus::failed);
  return main_of(argc, argv);
}
