// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A store of one's own, a file that only grows, and the suite that says whether it keeps the contract.
#include <droplit/storage.hpp>
#include <droplit/testing/storage_contract.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>

using namespace droplit;

/// Writes each change to a file before it counts. For one process.
class LogStorage {
 public:
  explicit LogStorage(const std::string& path) {
    std::ofstream(path, std::ios::app).close();  // there from now on
    std::ifstream old(path);
    std::streamoff whole = 0;
    while (read_line(old)) whole = old.tellg();
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(whole));  // without a line that a crash cut off
    log_.open(path, std::ios::app);
  }

  Outcome<Insertion> insert(const Client& client) {
    const std::lock_guard lock(mutex_);  // to the end: check and insert are one step
    switch (state(client.ecosystem_id())) {
      case EcosystemState::deleted: return Insertion::ecosystem_deleted;
      case EcosystemState::unknown: return Insertion::ecosystem_unknown;
      case EcosystemState::active:
      default: break;
    }
    if (clients_.contains(client.id())) return Insertion::id_taken;
    log_ << "client " << client.id().text() << ' ' << client.created_at().text() << ' ' << client.ecosystem_id().text();
    log_ << ' ' << to_string(client.type()) << written(client.name()) << written(client.description()) << std::endl;
    if (!log_) return Fault(FaultSource::storage, Fate::maybe_applied, "log: a line was not written");
    clients_.emplace(client.id(), client);
    return Insertion::inserted;
  }

  // The suite also fills the store and looks into it.

  Outcome<EcosystemState> add_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    return state(id) == EcosystemState::unknown ? set(id, EcosystemState::active) : state(id);
  }

  Outcome<EcosystemState> delete_ecosystem(EcosystemId id) {
    const std::lock_guard lock(mutex_);
    const EcosystemState before = state(id);
    if (before == EcosystemState::active) {
      if (auto done = set(id, EcosystemState::deleted); !done) return done;
    }
    return before;
  }

  std::optional<Client> find_client(ClientId id) {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(id);
    return found == clients_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  EcosystemState state(EcosystemId id) const {
    const auto found = ecosystems_.find(id);
    return found == ecosystems_.end() ? EcosystemState::unknown : found->second;
  }

  Outcome<EcosystemState> set(EcosystemId id, EcosystemState state) {
    log_ << to_string(state) << ' ' << id.text() << std::endl;
    if (!log_) return Fault(FaultSource::storage, Fate::maybe_applied, "log: a line was not written");
    return ecosystems_[id] = state;
  }

  // A text is written after its size, since it may contain any bytes; absent is -1.
  static std::string written(const std::optional<Text>& text) {
    return text ? ' ' + std::to_string(text->str().size()) + ' ' + text->str() : " -1";
  }

  static std::optional<Text> read_text(std::istream& in) {
    std::streamoff size = -1;
    if (!(in >> size) || size < 0) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(size), '\0');
    in.ignore().read(bytes.data(), size);
    return Text::parse(std::move(bytes));
  }

  bool read_line(std::istream& in) {
    std::string verb, id, time, ecosystem, type;
    in >> verb >> id;
    if (verb == "client") {
      in >> time >> ecosystem >> type;
      auto name = read_text(in);
      auto description = read_text(in);
      if (in.get() != '\n') return false;
      const ClientId key = ClientId::parse(id).value();
      clients_.emplace(key, Client(key, Timestamp::parse(time).value(), EcosystemId::parse(ecosystem).value(),
                                   parse_client_type(type).value(), std::move(name), std::move(description)));
    } else {
      if (in.get() != '\n') return false;
      ecosystems_[EcosystemId::parse(id).value()] = verb == "active" ? EcosystemState::active : EcosystemState::deleted;
    }
    return true;
  }

  std::mutex mutex_;
  std::ofstream log_;
  std::map<EcosystemId, EcosystemState> ecosystems_;
  std::map<ClientId, Client> clients_;
};
static_assert(Storage<LogStorage>);

/// What the suite needs to close and open it again too.
struct Reopenable {
  explicit Reopenable(std::string file) : path(std::move(file)) { reopen(); }
  auto insert(const Client& client) { return store->insert(client); }
  auto add_ecosystem(EcosystemId id) { return store->add_ecosystem(id); }
  auto delete_ecosystem(EcosystemId id) { return store->delete_ecosystem(id); }
  auto find_client(ClientId id) { return store->find_client(id); }
  void reopen() {
    store.reset();
    store = std::make_unique<LogStorage>(path);
  }

  std::string path;
  std::unique_ptr<LogStorage> store;
};

int main() {
  const auto directory =
      std::filesystem::temp_directory_path() / ("own_storage-" + std::to_string(std::random_device()()));
  std::filesystem::create_directory(directory);

  int stores = 0;
  const auto report = check_storage_contract([&] { return Reopenable(directory / std::to_string(stores++)); });
  std::cout << report;

  // What the suite cannot ask, since only we know what a crash leaves of our file.
  const Client client("594b89aea18568c408c3ad25"_client_id, *Timestamp::parse("2018-02-28T15:16:58.941Z"),
                      "C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server, Text::parse("two\nlines"),
                      std::nullopt);
  Reopenable log(directory / "log");
  log.add_ecosystem(client.ecosystem_id()).value();
  const bool kept = log.insert(client).value() == Insertion::inserted;
  std::ofstream(log.path, std::ios::app) << "client 594b89aea18568c408c3ad26 2018-02-";  // and here it crashed
  log.reopen();
  const bool found = log.find_client(client.id()) == client;

  std::filesystem::remove_all(directory);
  std::cout << (report && kept && found ? "the store keeps the contract\n" : "the store breaks the contract\n");
  return report && kept && found ? 0 : 1;
}
