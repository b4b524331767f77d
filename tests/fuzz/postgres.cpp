// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One insert into a PostgresStorage whose server, or a pooler before it, keeps the protocol until it breaks it: three
// bytes for each execution, what becomes of the statement, of its reply, and where that is cut. What the server has
// committed is known, so every fate can be judged.
#include "target.hpp"

#include <droplit/storage/postgres.hpp>

#include "support/postgres_peer.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz::postgres {
namespace {

using namespace droplit;
using Peer = PostgresPeer;

constexpr std::size_t max_executions = 8;

const Client& new_client() {
  static const Client client(ClientId({1}), Timestamp::clamp_unix_millis(1), EcosystemId({1}), ClientType::server);
  return client;
}

/// One execution: whether it commits, and what is sent for it.
struct Step {
  bool commits = false;
  Peer::Reply reply;
};

class Server {
 public:
  explicit Server(bool with_key) : with_key_(with_key) {}

  Step next(Input& in) {
    const std::uint8_t what = in.byte();
    const std::uint8_t which = in.byte();
    const std::uint8_t cut = in.byte();
    const bool maybe = (what & 0x80) != 0;
    switch (what % 8) {
      case 0: return commit(result() + Peer::ready(), false);
      case 1: {  // a reply that is cut
        const std::string reply = result() + Peer::ready();
        return commit(reply.substr(0, cut % (reply.size() + 1)), true);
      }
      case 2: {  // an error of a session that goes on is proof, unless it says that the server ends
        const std::string code = code_of(which);
        const bool proves = !code.starts_with("57") || code == "57014";
        const std::string reply = Peer::error("ERROR", code) + Peer::ready();
        return maybe && !proves ? commit(reply, false) : keep(reply, false);
      }
      case 3: {
        const std::string reply =
            (maybe ? result() : "") + Peer::error((which & 16) != 0 ? "PANIC" : "FATAL", code_of(which));
        return maybe || (which & 32) != 0 ? commit(reply, true) : keep(reply, true);
      }
      case 4: return maybe ? commit("", true) : keep("", true);
      case 5: {  // a notice before the end
        const std::string notice =
            Peer::warning("WARNING", (which & 1) != 0 ? "SyncRepWaitForLSN" : "exec_simple_query");
        return commit(result() + notice + Peer::ready(), false);
      }
      case 6: {  // rows of a transaction that stays open
        return keep(result() + Peer::ready((which & 1) != 0 ? 'T' : 'E'), (which & 2) != 0);
      }
      default: {  // bytes that are not the protocol's
        const std::string reply = (which & 1) != 0 ? result() : std::string();
        std::string bytes = reply.substr(0, cut) + std::string(in.take(which / 2));
        std::replace(bytes.begin(), bytes.end(), 'Z', 'z');  // a server that says it is ready is no liar
        return maybe ? commit(bytes, true) : keep(bytes, true);
      }
    }
  }

 private:
  static std::string code_of(std::uint8_t which) {
    static constexpr const char* codes[] = {"57000", "57014", "57P01", "57P02", "57P03", "57P05", "53100", "53300",
                                            "55P03", "40001", "40P01", "40003", "08006", "XX000", "25006", "26000"};
    return codes[which % 16];
  }

  Step commit(std::string bytes, bool closes) {
    committed_ = true;
    return {true, {std::move(bytes), closes}};
  }
  static Step keep(std::string bytes, bool closes) { return {false, {std::move(bytes), closes}}; }

  /// The rows of an insert that is committed, or was before.
  [[nodiscard]] std::string result() const {
    if (!with_key_) return Peer::row({"active", "1"}) + Peer::complete();
    Peer::Values row(detail::sql::column_count);
    if (!committed_) {
      row.insert(row.end(), {"1", "active", std::nullopt, std::nullopt, "0"});
    } else {
      const Client& client = new_client();
      row = {client.id().text(), std::to_string(client.created_at().unix_millis()), client.ecosystem_id().text(),
             std::string(to_string(client.type()))};
      row.resize(detail::sql::column_count);
      row.insert(row.end(), {"0", std::nullopt, std::nullopt, "t", std::nullopt});
    }
    return Peer::row(row) + Peer::complete();
  }

  bool with_key_;
  bool committed_ = false;
};

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t how = in.byte();
  const bool with_key = (how & 1) != 0;
  Server server(with_key);
  std::vector<bool> commits;
  std::vector<Peer::Reply> script;
  while (script.size() != max_executions && !in.empty()) {
    const Step step = server.next(in);
    commits.push_back(step.commits);
    script.push_back(step.reply);
  }
  std::optional<Outcome<KeyedInsertion>> outcome;
  std::vector<Peer::Execution> executions;
  {
    Peer peer(script);
    PostgresOptions options;
    options.connections = 1;
    options.connect_timeout = std::chrono::minutes(1);  // a machine may be busy
    options.timeout = std::chrono::milliseconds(100);
    options.schema = "s";
    options.session = (how & 2) != 0 ? PostgresSessionMode::pooled : PostgresSessionMode::own;
    {
      auto opened = PostgresStorage::open(peer.conninfo(), options);
      require(opened.has_value(), "a store opens, since the script is of executions alone");
      PostgresStorage& storage = opened.assume_value();
      if (with_key) {
        outcome = storage.insert_once(new_client(), *IdempotencyKey::parse("k"));
      } else {
        const auto plain = storage.insert(new_client());
        if (plain.has_value()) outcome = KeyedInsertion(plain.assume_value());
        if (plain.has_exception()) outcome = plain.assume_exception();
      }
    }
    executions = peer.executions();
  }
  bool committed = false;
  for (std::size_t i = 0; i != executions.size() && i != commits.size(); ++i) {
    require(!committed || with_key || executions[i].sql.find("ON CONFLICT (id) DO UPDATE") != std::string::npos,
            "what may have been committed is only settled", executions[i].sql);
    committed = committed || commits[i];
  }
  if (outcome->has_value()) {
    require(outcome->assume_value().insertion() == Insertion::inserted, "an insert of this server is nothing else");
    require(committed, "what is inserted was committed");
    return;
  }
  const Fault& fault = outcome->assume_exception();
  require(!committed || fault.fate() == Fate::maybe_applied, "what was committed is never not applied", fault.what());
  require(fault.what().find("canary") == std::string::npos, "a fault has no word of the server");
}

const Registered registered({"postgres", run});

}  // namespace
}  // namespace fuzz::postgres
