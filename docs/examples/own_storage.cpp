// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A store of one's own, a file that only grows, and the suite that says whether it keeps the contract.
#include <droplit/storage.hpp>
#include <droplit/testing/storage_contract.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
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
    return append(client, "-");
  }

  Outcome<KeyedInsertion> insert_once(const Client& client, const IdempotencyKey& key) {
    const std::lock_guard lock(mutex_);
    const auto holder = holders_.find({client.ecosystem_id(), key.str()});
    if (holder != holders_.end()) {
      const Client& first = clients_.at(holder->second);
      if (client.created_at().unix_millis() - first.created_at().unix_millis() <= max_key_age.count()) {
        return first.has_same_draft(client) ? KeyedInsertion::replayed(first) : KeyedInsertion(Insertion::key_reused);
      }
    }
    auto inserted = append(client, '+' + key.str());
    if (!inserted) return std::move(inserted).as_failure();
    return KeyedInsertion(inserted.value());
  }

  static constexpr std::chrono::milliseconds max_key_age = std::chrono::hours(30 * 24);

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
  // Client and key are one line, and so one step.
  Outcome<Insertion> append(const Client& client, const std::string& key) {
    switch (state(client.ecosystem_id())) {
      case EcosystemState::deleted: return Insertion::ecosystem_deleted;
      case EcosystemState::unknown: return Insertion::ecosystem_unknown;
      case EcosystemState::active:
      default: break;
    }
    if (clients_.contains(client.id())) return Insertion::id_taken;
    log_ << "client " << client.id().text() << ' ' << client.created_at().text() << ' ' << client.ecosystem_id().text();
    log_ << ' ' << to_string(client.type()) << ' ' << key << written(client.name()) << written(client.description());
    if (!(log_ << std::endl)) return Fault(FaultSource::storage, Fate::maybe_applied, "log: a line was not written");
    keep(client, key);
    return Insertion::inserted;
  }

  void keep(const Client& client, const std::string& key) {
    clients_.emplace(client.id(), client);
    if (key != "-") holders_.insert_or_assign({client.ecosystem_id(), key.substr(1)}, client.id());
  }

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
    std::string verb, id, time, ecosystem, type, key;
    in >> verb >> id;
    if (verb == "client") {
      in >> time >> ecosystem >> type >> key;
      auto name = read_text(in);
      auto description = read_text(in);
      if (in.get() != '\n') return false;
      keep({ClientId::parse(id).value(), Timestamp::parse(time).value(), EcosystemId::parse(ecosystem).value(),
            parse_client_type(type).value(), std::move(name), std::move(description)},
           key);
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
  std::map<std::pair<EcosystemId, std::string>, ClientId> holders_;  // of keys
};
static_assert(KeyedStorage<LogStorage>);

/// What the suite needs to close it, open it again and let it crash too.
struct Reopenable {
  explicit Reopenable(std::string file) : path(std::move(file)) { reopen(); }
  auto insert(const Client& client) { return store->insert(client); }
  auto insert_once(const Client& client, const IdempotencyKey& key) { return store->insert_once(client, key); }
  auto add_ecosystem(EcosystemId id) { return store->add_ecosystem(id); }
  auto delete_ecosystem(EcosystemId id) { return store->delete_ecosystem(id); }
  auto find_client(ClientId id) { return store->find_client(id); }
  void reopen() {
    store.reset();
    store = std::make_unique<LogStorage>(path);
  }
  auto max_key_age() { return LogStorage::max_key_age; }

  /// Each byte that is written is a step.
  bool crash(std::size_t step, const std::function<void()>& call) {
    const auto length = std::filesystem::file_size(path) + step;
    call();
    const bool ended = length < std::filesystem::file_size(path);
    if (ended) std::filesystem::resize_file(path, length);
    reopen();
    return ended;
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

  std::filesystem::remove_all(directory);
  std::cout << (report ? "the store keeps the contract\n" : "the store breaks the contract\n");
  return report ? 0 : 1;
}
