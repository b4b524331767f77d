// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/storage/postgres/connection.hpp>
#include <droplit/storage/postgres/opening.hpp>
#include <droplit/storage/postgres/statements.hpp>
#include <droplit/storage/postgres/work.hpp>

#include <droplit/client.hpp>
#include <droplit/client_type.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/detail/limits.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/fault.hpp>
#include <droplit/id.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>
#include <droplit/text.hpp>
#include <droplit/timestamp.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI {

/// Whose the server's sessions are.
enum class PostgresSessionMode : std::uint8_t {
  own,  ///< the store's, as long as a connection lasts: settings are made once, statements prepared once
  /// A pooler's, which hands them from program to program after each transaction (PgBouncer, `pool_mode =
  /// transaction`): settings are made in each transaction and end with it, statements have no names, and nothing of
  /// ours stays.
  pooled,
};

struct PostgresOptions {
  std::size_t connections = 8;                      ///< at most so many at a time; 1 to 10000
  std::chrono::milliseconds connect_timeout{2000};  ///< for one try to connect; 1 ms to 24 h
  /// For one operation with all its tries, 100 ms to 24 h. A quarter at most is spent before anything is sent; the
  /// server gives a statement two fifths and a lock three tenths, and a try is given up after a half.
  std::chrono::milliseconds timeout{5000};
  std::string schema = "droplit";  ///< lower-case letters, digits and underscores; made if it is not there
  PostgresSessionMode session = PostgresSessionMode::own;
};

/// Keeps clients in a database of PostgreSQL, which any number of processes may use at once.
///
/// Thread-safe and linearizable; an operation borrows one connection of a bounded pool. No operation takes longer than
/// its `timeout` (a host's name is looked up by the system, with its own limits), whatever the server does; after any
/// `Fault` it goes on working, and a server that is back is used again. Where a connection was lost while an insert was
/// under way, the same insert on a new connection finds out what became of it; only where that fails too is the `Fault`
/// a maybe-applied one. A child of `fork` must neither use nor destroy what its parent opened. A moved-from object may
/// only be assigned or destroyed.
class PostgresStorage {
 public:
  /// Connects, and makes the schema in an empty place. `conninfo` is libpq's, `key=value` pairs or a URI. A schema that
  /// is not ours, or of a newer version, is refused and left as it was, and so is a database that is not in UTF-8. The
  /// fate of a failure is that of clients: empty tables may have been made.
  static Outcome<PostgresStorage> open(const std::string& conninfo, const PostgresOptions& options = {}) {
    return detail::guarded<PostgresStorage>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<PostgresStorage> {
      auto target = target_of(conninfo, options);
      if (!target) return std::move(target).as_failure();
      const auto until = end_of_opening(options);
      auto opened = detail::PostgresOpening::run(target.assume_value(), options.schema, detail::postgres_steps, until);
      if (!opened) return std::move(opened).as_failure();
      const detail::PostgresStatements statements(options.schema);
      for (const detail::PostgresStatement* each : statements.all()) {  // which asks whether our tables are there
        const detail::PostgresReply reply = opened.assume_value()->prepare(*each, until);
        if (reply.end == detail::PostgresEnd::refused) return detail::postgres_refused("open", reply.state);
        if (reply.end != detail::PostgresEnd::answered) return detail::postgres_away("open", "the connection was lost");
      }
      const std::size_t connections = detail::bounded<std::size_t>(options.connections, 1, 10000);
      return PostgresStorage(std::unique_ptr<State>(new State{
          statements,
          {std::move(target).assume_value(), connections, limit_of(options), std::move(opened).assume_value()}}));
    });
  }

  /// Makes the ecosystem active if it was never there, and tells what it now is: a deleted one stays deleted.
  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    const Task task{"add_ecosystem", sql().add_ecosystem, sql().add_ecosystem, true};
    return work().run<EcosystemState>(task, std::array{Written(id).c_str()},
                                      [](const Row& row, bool) -> Settled<EcosystemState> { return row.state(); });
  }

  /// Deletes the ecosystem for ever, and tells what it was before. Its clients stay; an unknown one stays unknown.
  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    const Task task{"delete_ecosystem", sql().delete_ecosystem, sql().delete_ecosystem, true};
    const auto read = [&](const Row& row, bool settling) -> Settled<EcosystemState> {
      auto before = row.state();
      // The try that was lost may have deleted it, or be about to when it is there.
      const bool known = !settling || !before || before.assume_value() == EcosystemState::active;
      return known ? before : work().unsettled(task, "an earlier try may have deleted it, or may yet");
    };
    return work().run<EcosystemState>(task, std::array{Written(id).c_str()}, read);
  }

  [[nodiscard]] Outcome<Ecosystem> find_ecosystem(EcosystemId id) const {
    const Task task{"find_ecosystem", sql().find_ecosystem, sql().find_ecosystem, false};
    const auto read = [id](const Row& row, bool) -> Settled<Ecosystem> {
      auto state = row.state();
      if (!state) return std::move(state).as_failure();
      return Ecosystem(id, state.assume_value());
    };
    return work().run<Ecosystem>(task, std::array{Written(id).c_str()}, read);
  }

  [[nodiscard]] Outcome<std::optional<Client>> find_client(ClientId id) const {
    using Found = Outcome<std::optional<Client>>;
    const Task task{"find_client", sql().find_client, sql().find_client, false};
    const auto read = [id](const Row& row, bool) -> Settled<std::optional<Client>> {
      if (row.is_none()) return Found(std::optional<Client>());
      const auto created_at = Timestamp::from_unix_millis(row.number(0).value_or(Timestamp::max_unix_millis + 1));
      const auto ecosystem = EcosystemId::parse(row.text(1).value_or(std::string_view()));
      const auto type = parse_client_type(row.text(2).value_or(std::string_view()));
      std::optional<Text> name;
      std::optional<Text> description;
      if (!created_at || !ecosystem || !type || !row.text_into(3, name) || !row.text_into(4, description)) {
        return Found(Fault(FaultSource::storage, Fate::not_applied,
                           detail::postgres_words("find_client", "a row that is no client")));
      }
      return Found(Client(id, *created_at, *ecosystem, *type, std::move(name), std::move(description)));
    };
    return work().run<std::optional<Client>>(task, std::array{Written(id).c_str()}, read);
  }

  Outcome<Insertion> insert(const Client& client) {
    const Task task{"insert", sql().insert, sql().insert_again, true};
    std::array<char, 24> created_at{};
    std::to_chars(created_at.data(), created_at.data() + created_at.size() - 1, client.created_at().unix_millis());
    const std::string type(to_string(client.type()));
    const auto text = [](const std::optional<Text>& t) { return t ? t->str().c_str() : nullptr; };
    bool was_deleted = false;
    const auto read = [&](const Row& row, bool settling) -> Settled<Insertion> {
      const auto state = row.state();
      if (!state) return state.as_failure();
      if (row.number(1).value_or(0) != 0) return Insertion::inserted;
      switch (state.assume_value()) {
        case EcosystemState::active: return Insertion::id_taken;
        case EcosystemState::unknown:  // the try that was lost may be about to run when it is there
          return settling ? Settled<Insertion>(work().unsettled(task, "an earlier try may yet run"))
                          : Insertion::ecosystem_unknown;
        case EcosystemState::deleted:
        default: break;
      }
      // The try that was lost kept the client before the deletion or never will. If this look began before that, one
      // that begins now sees it.
      if (settling && !std::exchange(was_deleted, true)) return std::nullopt;
      return Insertion::ecosystem_deleted;
    };
    return work().run<Insertion>(task,
                                 std::array{Written(client.id()).c_str(), static_cast<const char*>(created_at.data()),
                                            Written(client.ecosystem_id()).c_str(), type.c_str(), text(client.name()),
                                            text(client.description())},
                                 read);
  }

  /// Finds out what `open` would find in this database, and changes nothing. Takes as long as `open` at the most.
  static Outcome<StoreState> inspect(const std::string& conninfo, const PostgresOptions& options = {}) {
    return detail::guarded<StoreState>(FaultSource::storage, Fate::not_applied, [&]() -> Outcome<StoreState> {
      auto target = target_of(conninfo, options);
      if (!target) return std::move(target).as_failure();
      return detail::PostgresOpening::inspect(target.assume_value(), options.schema, detail::postgres_steps,
                                              end_of_opening(options));
    });
  }

 private:
  using Row = detail::PostgresRow;
  using Task = detail::PostgresTask;
  template <class T>
  using Settled = detail::PostgresSettled<T>;

  // An id as text, without allocating.
  template <class Id>
  class Written {
   public:
    explicit Written(Id id) noexcept { *id.write(text_.data()) = '\0'; }
    [[nodiscard]] const char* c_str() const noexcept { return text_.data(); }

   private:
    std::array<char, Id::max_size + 1> text_;
  };

  struct State {
    detail::PostgresStatements statements;
    detail::PostgresWork work;
  };

  explicit PostgresStorage(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

  static std::chrono::milliseconds within(std::chrono::milliseconds time, int least) noexcept {
    return detail::bounded(time, std::chrono::milliseconds(least), std::chrono::milliseconds(detail::longest_millis));
  }
  static std::chrono::milliseconds limit_of(const PostgresOptions& options) { return within(options.timeout, 100); }
  static detail::PostgresTime end_of_opening(const PostgresOptions& options) {
    return std::chrono::steady_clock::now() + within(options.connect_timeout, 1) + limit_of(options);
  }

  static Outcome<detail::PostgresTarget> target_of(const std::string& conninfo, const PostgresOptions& options) {
    const std::string& schema = options.schema;
    const bool plain = schema.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!plain || schema.empty() || schema.size() > 63 || schema[0] <= '9') return refused("no name of a schema");
    if (!detail::PostgresConnection::can_read(conninfo)) return refused("the connection string cannot be read");
    const auto limit = limit_of(options);
    return detail::PostgresTarget{conninfo, within(options.connect_timeout, 1), limit * 2 / 5, limit * 3 / 10,
                                  options.session == PostgresSessionMode::pooled};
  }

  static Fault refused(std::string_view why) {
    return {FaultSource::storage, Fate::not_applied, detail::postgres_words("open", why)};
  }

  [[nodiscard]] const detail::PostgresStatements& sql() const noexcept { return state_->statements; }
  [[nodiscard]] detail::PostgresWork& work() const noexcept { return state_->work; }

  std::unique_ptr<State> state_;
};

static_assert(Storage<PostgresStorage>);

}  // namespace droplit::inline DROPLIT_DETAIL_ABI
