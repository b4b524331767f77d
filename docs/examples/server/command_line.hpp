// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/arguments.hpp"
#include "../program/option_help.hpp"
#include "duration.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/id.hpp>
#include <droplit/observe/line_log.hpp>
#include <droplit/server/beast.hpp>
#include <droplit/storage/memory.hpp>
#if defined(DROPLIT_POSTGRES)
#include <droplit/storage/postgres.hpp>
#endif
#include <droplit/storage/sqlite.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server {

using program::SyntaxError;

enum class StoreKind : std::uint8_t { memory, sqlite, postgres };

/// The command line's options.
struct Options {
  bool help = false;
  bool check = false;
  bool try_it = true;
  StoreKind kind = StoreKind::memory;
  std::string place;  // a path or a connection string
  std::string access;
  std::vector<droplit::EcosystemId> active;
  std::vector<droplit::EcosystemId> deleted;
  std::optional<unsigned> store_threads;
  std::optional<droplit::ServerOptions> metrics;  // where they are served
  droplit::LogFormat log = droplit::LogFormat::text;
  droplit::EndpointOptions endpoint;
  droplit::ServerOptions server{.port = 8080};
  droplit::MemoryOptions memory;
  droplit::SqliteOptions sqlite;
#if defined(DROPLIT_POSTGRES)
  droplit::PostgresOptions postgres;
#endif

  /// How many threads may call the store at a time; each may need a file descriptor there.
  [[nodiscard]] unsigned store_callers() const noexcept {
    return server.store_threads != 0 ? server.store_threads : server.threads;
  }
};

/// The options of droplit-server: one call of `add` for each, which gives its name, its help and where its value goes.
class CommandLine {
 public:
  CommandLine() : root_("Serves POST /api/clients until SIGTERM or SIGINT.", "droplit-server") {
    program::set_up(root_);
    add_what();
    add_serving();
    add_deadlines();
    add_stores();
    add_keys();
    no_try_it_ = program::add_flag(root_, "--no-try-it", "Serves no Try It page at /; /openapi.json is served.");
    check_ = program::add_flag(root_, "--check",
                               "Tries all but serving and the ecosystems: options, access file, address, threads and "
                               "store, which it leaves as it is. Ends with 3 if a start would create or upgrade it.");
    request_ids_ =
        program::add_flag(root_, "--request-ids",
                          "Takes x-request-id from each request, or makes one: the response has it, and so have the "
                          "log's lines about the request.");
    help_ = program::add_flag(root_, "-h,--help", "Prints this.");
  }

  /// Reads the arguments; throws a `SyntaxError`. Once only.
  Options parse(int argc, char** argv) {
    program::read_arguments(root_, argc, argv);
    options_.help = help_->count() != 0;
    options_.check = check_->count() != 0;
    options_.try_it = no_try_it_->count() == 0;
    options_.server.request_ids = request_ids_->count() != 0;
    if (options_.help) return std::move(options_);
    program::check_arguments(root_, [](const CLI::Option& option) { return option.get_name().ends_with("ecosystem"); });
    for (const auto& [option, read] : readers_) {
      for (const std::string& value : option->results()) read(value);
    }
    if (options_.access.empty()) throw SyntaxError("--access FILE is missing" + program::see_help(root_));
    refuse_options_of_other_stores();
    set_up_keys();
    refuse_metrics_beside_the_service();
    const unsigned defaults[] = {0, 1, 8};
    options_.server.store_threads = options_.store_threads.value_or(defaults[static_cast<int>(options_.kind)]);
#if defined(DROPLIT_POSTGRES)
    options_.postgres.connections = options_.store_callers();
#endif
    return std::move(options_);
  }

  /// What `--help` prints.
  [[nodiscard]] std::string help() const {
    std::string out =
        "usage: droplit-server --access FILE [OPTION...]\n\n" + root_.get_description() + "\n\noptions:\n";
    program::append_options(out, root_);
    return out + R"(
Each option is given as --name VALUE or --name=VALUE, and once, but for the
ecosystems. A TIME is a whole number with its unit: 500ms, 30s, 5m; at most 24h,
where nothing else is said.

exit status:
  0         served until a signal came; --check: the store is there and current
  1         could not start, or could not go on
  2         the command line is wrong
  3         --check: a start would create or upgrade the store
  143, 130  ended at once by SIGTERM or SIGINT: one that came before it served,
            or a second one
)";
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  using Reader = std::function<void(const std::string&)>;

  void add(const std::string& name, const std::string& value, const std::string& sentence, Reader reader) {
    readers_.emplace_back(program::add_option(root_, name, value, sentence), std::move(reader));
  }

  template <std::unsigned_integral Number>
  static Number number(const std::string& name, std::string_view text, Number least, Number most) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
      throw SyntaxError(name + " takes a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
  }

  /// An option that sets `field`, whose value now is the default.
  template <std::unsigned_integral Number>
  void add_number(const std::string& name, const std::string& unit, const std::string& sentence, Number& field,
                  Number least, Number most) {
    const std::string range = std::to_string(least) + " to " + std::to_string(most);
    add(name, unit, sentence + ", " + range + ". Default: " + std::to_string(field) + ".",
        [=, &field](const std::string& text) { field = number(name, text, least, most); });
  }

  void add_duration(const std::string& name, const std::string& sentence, milliseconds& field,
                    milliseconds least = milliseconds(1), milliseconds most = std::chrono::hours(24),
                    const std::string& examples = "30s or 500ms") {
    add(name, "TIME", sentence + ". Default: " + to_text(field) + ".", [=, &field](const std::string& text) {
      const auto duration = parse_duration(text, least, most);
      if (!duration) {
        throw SyntaxError(name + " takes a time from " + to_text(least) + " to " + to_text(most) + ", such as " +
                          examples);
      }
      field = *duration;
    });
  }

  void add_ecosystems(const std::string& name, const std::string& sentence,
                      std::vector<droplit::EcosystemId>& ecosystems) {
    add(name, "ID", sentence + " It may be given several times.", [=, &ecosystems](const std::string& text) {
      const auto id = droplit::EcosystemId::parse(text);
      if (!id) throw SyntaxError(name + " takes an ecosystem id: C and 24 hex digits");
      ecosystems.push_back(*id);
    });
  }

  void add_what() {
    add("--access", "FILE",
        "Who may call: {\"tokens\": [{\"token\": \"...\", \"kind\": \"account|server|client|user\", \"ecosystems\": "
        "[\"C...\"]}]}. A regular file of at most 16 MiB. Required.",
        [this](const std::string& text) { options_.access = text; });
    add("--listen", "HOST:PORT",
        "Where to listen: an address, [::1] or localhost; port 0 picks one. Default: 127.0.0.1:8080.",
        [this](const std::string& text) { listen_at("--listen", text, options_.server); });
    add("--metrics", "HOST:PORT",
        "Where GET /metrics is served, for Prometheus: another address than that of --listen; port 0 picks one. "
        "Default: nowhere.",
        [this](const std::string& text) { listen_at("--metrics", text, options_.metrics.emplace()); });
    add("--log", "WORD",
        "text: a line for each fault; json: a JSON object on a line for each request and each fault. Default: text.",
        [this](const std::string& text) {
          if (text != "text" && text != "json") throw SyntaxError("--log takes text or json");
          options_.log = text == "text" ? droplit::LogFormat::text : droplit::LogFormat::json;
        });
    add("--storage", "STORE",
        std::string("memory, sqlite:PATH or ") + (has_postgres ? "" : "(not in this build) ") +
            "postgresql://...; a password belongs in PGPASSFILE, since other users can see a command line. Default: "
            "memory.",
        [this](const std::string& text) { keep_in(text); });
    add_ecosystems("--ecosystem", "Makes an ecosystem active if it was never there.", options_.active);
    add_ecosystems("--delete-ecosystem", "Deletes an ecosystem permanently, after every --ecosystem.",
                   options_.deleted);
  }

  void add_serving() {
    add_number("--threads", "N", "How many threads serve", options_.server.threads, 1U, 256U);
    add("--store-threads", "N",
        "How many more threads call the store, 0 to 256. Each commits all creates that wait at once; 0: for memory those "
        "that serve, otherwise one. Default: 0 for memory; 1 for sqlite; 8 for postgresql, each with a connection.",
        [this](const std::string& text) { options_.store_threads = number("--store-threads", text, 0U, 256U); });
    add_number("--max-connections", "N", "How many connections are served at a time", options_.server.max_connections,
               1U, UINT32_MAX);
    add_number("--max-memory", "BYTES", "What all connections may use together", options_.server.max_memory,
               std::uint64_t{4 * 1024 * 1024}, UINT64_MAX);
    add_number("--max-head", "BYTES", "The longest request line and fields", options_.server.max_head, 1024U,
               1024U * 1024);
    add_number("--max-body", "BYTES", "The longest body", options_.endpoint.max_body, 1U, 1024U * 1024 * 1024);
    add_number("--body-rate", "BYTES", "The least bytes a second of a body, on average; 0: any",
               options_.server.body_rate, 0U, UINT32_MAX);
  }

  void add_deadlines() {
    droplit::ServerOptions& server = options_.server;
    add_duration("--head-deadline", "From the first byte of a head to its last", server.head_deadline);
    add_duration("--body-grace", "How long a body may be slower than --body-rate", server.body_grace, milliseconds(0));
    add_duration("--body-deadline", "For a whole body", server.body_deadline);
    add_duration("--idle-deadline",
                 "How long a connection may be idle; behind a proxy more than the proxy keeps idle connections",
                 server.idle_deadline);
    add_duration("--write-deadline", "For the peer to take a response", server.write_deadline);
    add_duration("--linger-deadline", "For the peer to read the last response", server.linger_deadline,
                 milliseconds(0));
    add_duration("--stop-grace", "For the requests under way when a signal comes", server.stop_grace, milliseconds(0));
  }

  void add_stores() {
    add("--sqlite-durability", "WORD",
        "full: a commit outlives a loss of power; normal: the newest ones may not. Default: full.",
        [this](const std::string& text) {
          if (text != "full" && text != "normal") throw SyntaxError("--sqlite-durability takes full or normal");
          options_.sqlite.durability =
              text == "full" ? droplit::SqliteDurability::full : droplit::SqliteDurability::normal;
        });
    add_duration("--sqlite-busy-timeout", "How long an operation waits for other threads and processes",
                 options_.sqlite.busy_timeout, milliseconds(0));
    add_duration("--sqlite-upgrade-timeout", "How long an upgrade of a file of an older version may take",
                 options_.sqlite.upgrade_timeout, milliseconds(0));
#if defined(DROPLIT_POSTGRES)
    add_duration("--postgres-connect-timeout", "For one try to connect", options_.postgres.connect_timeout);
    add_duration("--postgres-timeout", "For one operation with all its tries, at least 100ms",
                 options_.postgres.timeout, milliseconds(100));
    add_duration("--postgres-upgrade-timeout", "For an upgrade of the schema by this server or another, at least 100ms",
                 options_.postgres.upgrade_timeout, milliseconds(100));
    add("--postgres-schema", "NAME", "Lower-case letters, digits and underscores. Default: droplit.",
        [this](const std::string& text) { options_.postgres.schema = text; });
    add("--postgres-session", "WORD",
        "own: each connection has a session of its own; pooled: a pooler such as PgBouncer hands sessions on. Default: own.",
        [this](const std::string& text) {
          if (text != "own" && text != "pooled") throw SyntaxError("--postgres-session takes own or pooled");
          options_.postgres.session =
              text == "own" ? droplit::PostgresSessionMode::own : droplit::PostgresSessionMode::pooled;
        });
#endif
  }

  void add_keys() {
    keys_ =
        program::add_flag(root_, "--idempotency-keys",
                          "Creates once for each idempotency-key of an ecosystem. Without it the field is ignored.");
    add_duration("--max-key-age", "How long a key is remembered, 2d to 36525d; with --idempotency-keys", max_key_age_,
                 std::chrono::hours(48), std::chrono::hours(24 * 36'525), "48h or 30d");
  }

  void set_up_keys() {
    options_.endpoint.idempotency_keys = keys_->count() != 0;
    const bool has_age = root_.get_option("--max-key-age")->count() != 0;
    if (has_age && !options_.endpoint.idempotency_keys) throw SyntaxError("--max-key-age needs --idempotency-keys");
    options_.memory.max_key_age = max_key_age_;
    options_.sqlite.max_key_age = max_key_age_;
#if defined(DROPLIT_POSTGRES)
    options_.postgres.max_key_age = max_key_age_;
#endif
  }

  static void listen_at(const std::string& name, std::string_view text, droplit::ServerOptions& server) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) throw SyntaxError(name + " takes HOST:PORT");
    const std::string_view host = text.substr(0, colon);
    server.host = host == "localhost" ? "127.0.0.1" : host;
    server.port = number<std::uint16_t>("the port of " + name, text.substr(colon + 1), 0, 65535);
  }

  // Other spellings of one address are found out when the second is bound.
  void refuse_metrics_beside_the_service() const {
    const droplit::ServerOptions& service = options_.server;
    if (options_.metrics && service.port != 0 && options_.metrics->host == service.host &&
        options_.metrics->port == service.port) {
      throw SyntaxError("--metrics takes another address than --listen");
    }
  }

  void keep_in(std::string_view text) {
    if (text == "memory") return;
    constexpr std::string_view sqlite = "sqlite:";
    if (text.size() > sqlite.size() && text.starts_with(sqlite)) {
      options_.kind = StoreKind::sqlite;
      options_.place = text.substr(sqlite.size());
    } else if (has_postgres && (text.starts_with("postgresql://") || text.starts_with("postgres://"))) {
      options_.kind = StoreKind::postgres;
      options_.place = text;
    } else {
      throw SyntaxError(std::string("--storage takes memory or sqlite:PATH") +
                        (has_postgres ? " or postgresql://..." : ""));
    }
  }

  void refuse_options_of_other_stores() const {
    for (const auto& [option, read] : readers_) {
      const std::string& name = option->get_lnames().front();
      const bool other = (name.starts_with("sqlite-") && options_.kind != StoreKind::sqlite) ||
                         (name.starts_with("postgres-") && options_.kind != StoreKind::postgres);
      if (other && option->count() != 0) throw SyntaxError("--" + name + " is not for this --storage");
    }
  }

#if defined(DROPLIT_POSTGRES)
  static constexpr bool has_postgres = true;
#else
  static constexpr bool has_postgres = false;
#endif

  Options options_;
  CLI::App root_;
  std::vector<std::pair<CLI::Option*, Reader>> readers_;
  milliseconds max_key_age_ = droplit::MemoryOptions().max_key_age;
  CLI::Option* keys_ = nullptr;
  CLI::Option* no_try_it_ = nullptr;
  CLI::Option* check_ = nullptr;
  CLI::Option* request_ids_ = nullptr;
  CLI::Option* help_ = nullptr;
};

}  // namespace server
