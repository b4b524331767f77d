// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server of the one endpoint, from the library's parts: options in, policies made, requests served until a signal.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#if defined(DROPLIT_POSTGRES)
#include <droplit/storage/postgres.hpp>
#endif
#include <droplit/storage/sqlite.hpp>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

constexpr const char* help = R"(usage: droplit-server --access FILE [OPTION...]

Serves POST /api/clients until SIGTERM or SIGINT.

  --listen HOST:PORT      where to listen: an address, [::1] or localhost; port 0 picks one (default 127.0.0.1:8080)
  --storage STORE         memory, sqlite:PATH or, where it was built with PostgreSQL, its postgresql://... (default
                          memory); a password belongs in PGPASSFILE, since a command line can be seen by others
  --access FILE           who may call: {"tokens": [{"token": "...", "kind": "account|server|client|user",
                          "ecosystems": ["C..."]}]}
  --ecosystem ID          makes an ecosystem active if it was never there; may be given several times
  --delete-ecosystem ID   deletes an ecosystem, after every --ecosystem; may be given several times
  --threads N             how many threads serve, 1 to 256 (default 1)
  --store-threads N       how many more ask the store, 0 to 256; 0: those that serve (default 0 for memory; 64 for
                          sqlite: as many creates may share a commit; 8 for postgresql, each with a connection)
  --max-body BYTES        the longest body that is read, 1 to 4294967295 (default 1048576)
  --help                  prints this
)";

/// What is wrong with the command line, in one line.
struct BadOption : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string storage = "memory";
  std::string access;
  std::vector<droplit::EcosystemId> active;
  std::vector<droplit::EcosystemId> deleted;
  unsigned threads = 1;
  std::optional<unsigned> store_threads;
  std::uint32_t max_body = droplit::EndpointOptions{}.max_body;
  bool help = false;
};

/// The option as it was typed, up to a `=`, in so far as it is plain.
std::string shown(std::string_view option) {
  std::string plain;
  for (const char c : option.substr(0, option.find('='))) plain += c > ' ' && c < '\x7F' ? c : '?';
  return plain.size() > 40 ? plain.substr(0, 40) + "..." : plain;
}

template <class Number>
Number number(const std::string& option, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    throw BadOption(option + " takes a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

droplit::EcosystemId ecosystem(const std::string& option, std::string_view text) {
  if (const auto id = droplit::EcosystemId::parse(text)) return *id;
  throw BadOption(option + " takes an ecosystem id: C and 24 hex digits");
}

#if defined(DROPLIT_POSTGRES)
constexpr bool has_postgres = true;
#else
constexpr bool has_postgres = false;
#endif

/// Whether it is a URI of libpq, and one that can be opened.
bool is_postgres(std::string_view storage) {
  return has_postgres && (storage.starts_with("postgresql://") || storage.starts_with("postgres://"));
}

void listen_at(Options& options, std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw BadOption("--listen takes HOST:PORT");
  const std::string_view host = text.substr(0, colon);
  options.host = host == "localhost" ? "127.0.0.1" : host;
  options.port = number<std::uint16_t>("the port of --listen", text.substr(colon + 1), 0, 65535);
}

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> seen;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      options.help = true;
      return options;
    }
    const bool repeatable = option == "--ecosystem" || option == "--delete-ecosystem";
    const bool known = repeatable || option == "--listen" || option == "--storage" || option == "--access" ||
                       option == "--threads" || option == "--store-threads" || option == "--max-body";
    if (!known) throw BadOption("unknown option " + shown(option) + " (see --help)");
    if (i + 1 == argc) throw BadOption(option + " needs a value");
    for (const std::string& earlier : seen) {
      if (earlier == option && !repeatable) throw BadOption(option + " is given twice");
    }
    seen.push_back(option);

    const std::string_view value = argv[++i];
    if (option == "--listen") {
      listen_at(options, value);
    } else if (option == "--storage") {
      if (value != "memory" && !(value.starts_with("sqlite:") && value.size() > 7) && !is_postgres(value)) {
        throw BadOption(std::string("--storage takes memory or sqlite:PATH") +
                        (has_postgres ? " or postgresql://..." : ""));
      }
      options.storage = value;
    } else if (option == "--access") {
      options.access = value;
    } else if (option == "--ecosystem") {
      options.active.push_back(ecosystem(option, value));
    } else if (option == "--delete-ecosystem") {
      options.deleted.push_back(ecosystem(option, value));
    } else if (option == "--threads") {
      options.threads = number<unsigned>(option, value, 1, 256);
    } else if (option == "--store-threads") {
      options.store_threads = number<unsigned>(option, value, 0, 256);
    } else {
      options.max_body = number<std::uint32_t>(option, value, 1, 0xFFFFFFFF);
    }
  }
  if (options.access.empty()) throw BadOption("--access FILE is missing");
  return options;
}

/// Tells the operator what failed; a `Fault` holds no token and nothing of a request.
void log_fault(const droplit::Fault& fault) noexcept {
  const auto source = to_string(fault.source());
  const auto fate = to_string(fault.fate());
  std::fprintf(stderr, "droplit-server: fault: %.*s: %s; %.*s\n", static_cast<int>(source.size()), source.data(),
               fault.what().c_str(), static_cast<int>(fate.size()), fate.data());
}

unsigned store_threads(const Options& options) {
  return options.store_threads.value_or(options.storage == "memory" ? 0 : is_postgres(options.storage) ? 8 : 64);
}

/// Serves until a signal comes. The signals are blocked in every thread, and waited for in one of their own: this
/// thread is the one that serves, since what the first thread of a process allocates costs the fewest system calls.
template <class Storage>
void serve(Storage& storage, const Options& options, const sigset_t& signals) {
  for (const auto id : options.active) droplit::Outcome<droplit::EcosystemState>(storage.add_ecosystem(id)).value();
  for (const auto id : options.deleted) droplit::Outcome<droplit::EcosystemState>(storage.delete_ecosystem(id)).value();

  const auto access = droplit::TokenFile::load(options.access).value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids, {.max_body = options.max_body}, log_fault);
  droplit::BeastServer server(endpoint, {.host = options.host,
                                         .port = options.port,
                                         .threads = options.threads,
                                         .store_threads = store_threads(options)});

  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);

  std::thread waiter([&] {
    int signal = 0;
    ::sigwait(&signals, &signal);
    server.stop();
  });
  std::exception_ptr failure;
  try {
    server.run();
  } catch (...) {
    failure = std::current_exception();
  }
  ::kill(::getpid(), SIGTERM);  // for the wait above, where it ended by itself
  waiter.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  if (options.help) return std::fputs(help, stdout) < 0 ? 1 : 0;

  std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more is no reason to end
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (options.storage == "memory") {
    droplit::MemoryStorage storage;
    serve(storage, options, signals);
#if defined(DROPLIT_POSTGRES)
  } else if (is_postgres(options.storage)) {
    const unsigned askers = store_threads(options) != 0 ? store_threads(options) : options.threads;
    auto storage = droplit::PostgresStorage::open(options.storage, {.connections = askers}).value();
    serve(storage, options, signals);
#endif
  } else {
    auto storage = droplit::SqliteStorage::open(options.storage.substr(7)).value();
    serve(storage, options, signals);
  }
  return 0;
} catch (const BadOption& wrong) {
  std::fprintf(stderr, "droplit-server: %s\n", wrong.what());
  return 2;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "droplit-server: %s\n", failure.what());
  return 1;
}
