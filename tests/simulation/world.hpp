// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// One simulated service from its beginning to its end: servers, a store, clients, peers, and what goes wrong.
// Afterwards it is compared what each client was told with what is stored.
#pragma once

#include <droplit/idempotency_key.hpp>
#include <droplit/sdk.hpp>

#include "peers.hpp"
#include "stores.hpp"
#include "transport.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

using droplit::ApiErrc;
using droplit::ClientDraft;
using droplit::Fate;

/// A create, as its caller saw it.
struct Call {
  std::string tag;  ///< the name of the client; of calls that repeat each other the same
  droplit::EcosystemId ecosystem{droplit::EcosystemId::Bytes{}};
  std::optional<std::string> key;
  Nanos begin = 0;
  Nanos end = 0;
  std::int64_t wall_begin = 0;
  std::int64_t wall_end = 0;
  bool brought = false;  ///< the key
  std::string token;
  bool was_acknowledged = false;  ///< when it began, an earlier call with its key had the client
  std::optional<droplit::Client> client = {};
  bool replayed = false;
  std::optional<ApiErrc> refusal = {};
  std::optional<Fate> fate = {};
  std::vector<Attempt> attempts = {};
};

class World {
 public:
  explicit World(std::uint64_t seed) {
    findings().all.clear();
    scheduler().reset(seed);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Runs to the end, and returns what was found.
  std::vector<std::string> run() {
    set_up();
    scheduler().run(4 * 3600 * second);
    for (const auto& each : servers_) {
      if (!each->ended) findings().add("a server does not end");
    }
    if (running_ != 0) findings().add("a caller waits for ever");
    if (findings().all.empty()) compare();
    const auto found = findings().all;
    scheduler().trace("end", stored().size(), found.size());
    return found;
  }

  /// To be called before the next one.
  void clear() {
    network().clear();
    servers_.clear();
    database_site() = {};
  }

 private:
  static constexpr std::int64_t day = 24 * 3600 * std::int64_t{1000};
  static constexpr std::int64_t key_age = 2 * day;

  static droplit::EcosystemId ecosystem(std::string_view last) {
    return *droplit::EcosystemId::parse("C594b89aea18568c408c3ad" + std::string(last));
  }

  static Random& random() noexcept { return scheduler().random(); }

  void set_up() {
    tokens_.revocation = &revocation_;
    for (const auto& id : {active_, doomed_, forbidden_}) {
      memory_.memory.add_ecosystem(id);
      database_.ecosystems[id.text()];
    }
    uses_postgres_ = random().one_in(2);
    clocks_differ_ = random().one_in(4);
    const unsigned troubles[] = {0, 20, 60, 150};
    memory_.trouble = random().one_of(troubles);
    pooled_ = random().one_in(2);
    database_site() = {&database_, random().one_of(troubles), pooled_};
    net_trouble_ = random().one_of(troubles) / 3;
    const std::size_t servers = 1 + random().below(3);
    for (std::size_t i = 0; i != servers; ++i) start_server(i);
    const std::int64_t starts[] = {1'700'000'000'000, 1'700'000'000'000, -5'000, 4'294'967'290'000, 0};
    wall_offset() = random().one_of(starts);
    const std::size_t clients = 3 + random().below(5);
    for (std::size_t i = 0; i != clients; ++i) spawn([this, i] { call_often(i); }, nullptr);
    if (!random().one_in(3)) plan_peers();
    plan_faults();
    spawn([this] { end_of_all(); }, &operator_);
  }

  void spawn(std::function<void()> body, Process* process, Nanos after = 0) {
    ++running_;
    if (process == nullptr) process = &*processes_.emplace(processes_.end());
    scheduler().spawn(
        process,
        [this, body = std::move(body)] {
          body();
          --running_;
          scheduler().notify(ended_);
        },
        after);
  }

  static std::uint16_t port(std::size_t server) { return static_cast<std::uint16_t>(8000 + server); }

  void start_server(std::size_t number) {
    std::unique_ptr<ProcessStore> store;
    if (uses_postgres_) {
      store = std::make_unique<PostgresAccess>(pooled_, std::chrono::milliseconds(key_age));
    } else {
      store = std::make_unique<MemoryAccess>(memory_);
    }
    current_[number] = servers_
                           .emplace_back(std::make_unique<Server>(server_options(port(number)), true, std::move(store),
                                                                  tokens_, made_ids_))
                           .get();
  }

  void plan_peers() {
    const std::size_t peers = random().below(4);
    for (std::size_t i = 0; i != peers; ++i) {
      const Nanos when = random().between(0, 8 * second);
      const std::size_t kind = random().below(Peer::kinds);
      spawn(
          [this, kind] {
            Peer peer(*current_[0], port(0));
            scheduler().trace("peer", kind);
            peer.run(kind);
          },
          nullptr, when);
    }
  }

  void plan_faults() {
    if (random().one_in(2)) {  // just when nobody knows whether an insert comes before it
      database_site().on_lost = [this](const Cells& values) {
        if (values.size() < 3 || values[2] != doomed_.text()) return;
        deletes_now_ = true;
        scheduler().notify(deletion_);
      };
    }
    spawn(
        [this] {
          if (scheduler().wait_for(deletion_, scheduler().now() + random().between(0, 12 * second),
                                   [&] { return deletes_now_; }))
            scheduler().sleep(random().between(0, 3 * milli));
          deletion_begun_ = scheduler().now();
          if (uses_postgres_) {
            Waiters done;
            bool ended = false;
            for (int i = 0; i != 100 && !ended; ++i) {
              if (!database_.is_up) {
                scheduler().sleep(100 * milli);
                continue;
              }
              bool failed = false;
              database_.run(StatementKind::remove, {doomed_.text()}, Ending::commits, [&](const Reply& reply) {
                ended = reply.state.empty() && !reply.crashed;
                failed = !ended;
                scheduler().notify(done);
              });
              scheduler().wait_for(done, never, [&] { return ended || failed; });
            }
            if (ended) deletion_ended_ = scheduler().now();
          } else {
            memory_.memory.delete_ecosystem(doomed_);
            deletion_ended_ = scheduler().now();
          }
        },
        &operator_);
    if (random().one_in(2)) {
      const Nanos when = random().between(0, 10 * second);
      revocation_ = when;
    }
    const std::size_t faults = random().below(5);
    for (std::size_t i = 0; i != faults; ++i) {
      spawn([this] { fault(); }, &operator_, random().between(0, 12 * second));
    }
  }

  void fault() {
    const auto kind = random().below(uses_postgres_ ? 6 : 4);
    scheduler().trace("fault", kind);
    switch (kind) {
      case 0: {  // a server is killed and started again
        const std::size_t number = random().below(current_.size());
        current_[number]->kill();
        scheduler().sleep(random().between(0, 2 * second));
        if (!closing_) start_server(number);
        return;
      }
      case 1: {  // one is stopped
        const std::size_t number = random().below(current_.size());
        current_[number]->stop();
        scheduler().sleep(random().between(0, 2 * second));
        if (!closing_) start_server(number);
        return;
      }
      case 2: {  // the clock is set
        const std::int64_t near[] = {-3'600'000, -500, 1000, 3 * day / 4, 3 * day / 4};
        const std::int64_t far[] = {-3'600'000, day, 3 * day, -10 * 365 * day};
        wall_offset() += clocks_differ_ ? random().one_of(far) : random().one_of(near);
        return;
      }
      case 3: {
        const auto& all = network().all;
        if (!all.empty()) End::cut(all[random().below(all.size())]);
        return;
      }
      default:
        database_.crash(random().one_in(2));
        scheduler().sleep(random().between(0, 5 * second));
        database_.is_up = true;
    }
  }

  void end_of_all() {
    scheduler().wait_for(ended_, never, [this] { return running_ == 1; });
    closing_ = true;
    database_.is_up = true;
    for (const auto& each : servers_) each->stop();
  }

  // Texts that are odd on the wire.
  static std::optional<droplit::Text> any_text() {
    static const char* const pieces[] = {"Lobby", "\"", "\\", "\n", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", " "};
    if (random().one_in(3)) return std::nullopt;
    std::string text;
    for (std::size_t n = random().below(6); n != 0; --n) text += random().one_of(pieces);
    if (random().one_in(60)) text.append(6000, 'x');
    return droplit::Text::parse(std::move(text));
  }

  void call_often(std::size_t number) {
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i != current_.size(); ++i) ports.push_back(port(i));
    const bool may_be_revoked = random().one_in(4);
    SimTransport transport(ports, may_be_revoked ? "revoked" : random().one_in(6) ? "server" : "account", net_trouble_);
    struct Keyed {
      ClientDraft draft;
      droplit::IdempotencyKey key;
    };
    std::vector<Keyed> used;
    const std::size_t calls = 4 + random().below(12);
    for (std::size_t n = 0; n != calls; ++n) {
      scheduler().sleep(random().one_in(10) ? random().between(0, 3 * second) : random().between(0, 20 * milli));
      const droplit::EcosystemId wheres[] = {active_, active_, active_, doomed_, doomed_, unknown_, forbidden_};
      const std::string tag = "c" + std::to_string(number) + "-" + std::to_string(n);
      const auto where = wheres[random().below(std::size(wheres))];
      const auto type = random().one_in(2) ? droplit::ClientType::server : droplit::ClientType::application;
      ClientDraft draft(where, type, droplit::Text::parse(tag), any_text());
      droplit::SdkOptions options;
      options.retry.max_attempts = static_cast<std::uint32_t>(1 + random().below(5));
      options.retry.first_delay = random().one_in(3) ? 0 : 50;
      options.retry.deadline = random().one_in(4) ? random().between(1000, 1006) : 120'000;
      options.retry.retry_unavailable = random().one_in(2);
      transport.timeout = random().one_in(5) ? 2 * second : 100 * second;
      std::optional<droplit::IdempotencyKey> key;
      const auto kind = random().below(8);
      if (kind < 3) {
        options.idempotency = true;
      } else if (kind < 5) {
        key = droplit::IdempotencyKey::parse("k-" + std::to_string(random().below(1'000'000'000)) + "\"\\");
        used.push_back({draft, *key});
      } else if (kind == 5 && !used.empty()) {  // a call again, or its key with another draft or elsewhere
        const Keyed& old = used[random().below(used.size())];
        key = old.key;
        if (random().one_in(4)) {
          draft = ClientDraft(random().one_in(2) ? old.draft.ecosystem_id() : active_, type, droplit::Text::parse(tag));
          used.push_back({draft, *key});
        } else {
          draft = old.draft;
        }
      }
      create(transport, options, draft, std::move(key));
    }
  }

  void create(SimTransport& transport, const droplit::SdkOptions& options, const ClientDraft& draft,
              std::optional<droplit::IdempotencyKey> key) {
    Call call;
    call.tag = draft.name()->str();
    call.ecosystem = draft.ecosystem_id();
    call.begin = scheduler().now();
    call.token = transport.token();
    call.brought = key.has_value();
    if (key) call.key = std::string(key->str());
    call.wall_begin = scheduler().now() / milli + wall_offset();
    if (key) call.was_acknowledged = acknowledged_.contains({call.key.value(), call.tag});
    if (key) keyed_begins_.push_back({draft.ecosystem_id().text() + *call.key, call.tag, scheduler().now()});
    transport.attempts.clear();
    droplit::Sdk<SimTransport> sdk(transport, options);
    const droplit::Reply reply = key ? sdk.clients.create(draft, *std::move(key)) : sdk.clients.create(draft);
    call.end = scheduler().now();
    call.wall_end = scheduler().now() / milli + wall_offset();
    call.attempts = std::move(transport.attempts);
    call.replayed = reply.replayed;
    if (reply.key) call.key = std::string(reply.key->str());
    if (reply.outcome.has_value()) call.client = reply.outcome.assume_value();
    if (reply.outcome.has_error()) call.refusal = reply.outcome.assume_error().code();
    if (reply.outcome.has_exception()) call.fate = reply.outcome.assume_exception().fate();
    if (call.client && call.key) acknowledged_.insert({*call.key, call.tag});
    scheduler().trace(call.tag, static_cast<std::uint64_t>(reply.status()), call.attempts.size());
    look_at(call, draft, options);
    calls_.push_back(std::move(call));
  }

  void add(const Call& call, const std::string& what) const { findings().add(call.tag + ": " + what); }

  static std::string json_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else if (c == '\x01') {
        out += "\\u0001";
      } else {
        out += c;
      }
    }
    return out + '"';
  }

  // What can be judged of a call alone.
  void look_at(const Call& call, const ClientDraft& draft, const droplit::SdkOptions& options) {
    if (call.attempts.size() > options.retry.max_attempts) add(call, "more attempts than allowed");
    for (const Attempt& each : call.attempts) {
      const bool is_late = each.sent_at / milli - call.begin / milli >= options.retry.deadline;
      if (is_late) add(call, "sent at the deadline or later");
      const bool is_honoured = each.status != 201 || !each.replayed.empty() || !call.key;
      if (!is_honoured && &each != &call.attempts.back()) add(call, "sent again although keys are not honoured");
      if (each.status == 201 && call.token == "revoked" && each.sent_at > revocation_)
        add(call, "created with a revoked token");
      if (each.tampered || each.status == 0) continue;
      static const std::set<int> known{201, 400, 401, 403, 404, 408, 422, 500, 503};
      if (!known.contains(each.status)) add(call, "status " + std::to_string(each.status));
      if (each.status == 503 && !each.exact_503) add(call, "a 503 of another form");
      if (each.status == 500 && each.body != R"({"errorType":"Internal Server Error"})")
        add(call, "a 500 of another form");
      if (each.status == 201 && each.whole) look_at_201(call, draft, each);
    }
    if (call.client && call.token == "server" && call.ecosystem == forbidden_) add(call, "created without the right");
    const auto is_uncertain = [](const Attempt& each) {
      return each.sent && !(each.exact_503 && each.whole && !each.tampered);
    };
    const bool was_uncertain =
        call.attempts.size() > 1 && std::any_of(call.attempts.begin(), call.attempts.end() - 1, is_uncertain);
    if (call.key && !call.attempts.empty() && call.fate != Fate::maybe_applied) {
      const Attempt& last = call.attempts.back();
      const bool is_honoured = last.status != 201 || !last.replayed.empty();
      if (!is_honoured && (call.brought || was_uncertain)) add(call, "a 201 of a service without keys is believed");
      if (was_uncertain && !call.client) add(call, "its fate is not the worst of its attempts");
    }
    if (call.attempts.size() != 1) return;
    const Attempt& only = call.attempts[0];
    if (only.exact_503 && !only.tampered && call.fate != Fate::not_applied) add(call, "a good 503 is not believed");
    if (only.tampered && call.fate != Fate::maybe_applied && !call.client)
      add(call, "a response of a proxy is believed");
    if (!only.sent && call.fate != Fate::not_sent) add(call, "not sent, but its fate is another");
  }

  void look_at_201(const Call& call, const ClientDraft& draft, const Attempt& attempt) {
    const auto at = attempt.body.find("\"id\":\"");
    if (at == std::string::npos || attempt.body.size() < 40) return add(call, "a 201 of another form");
    const std::string id = attempt.body.substr(at + 6, 24);
    std::string expected = R"({"createdAt":")" + attempt.body.substr(14, 24) + '"';
    if (draft.description()) expected += ",\"description\":" + json_text(draft.description()->str());
    expected += R"(,"ecosystemId":")" + draft.ecosystem_id().text() + R"(","id":")" + id + '"';
    expected += ",\"name\":" + json_text(draft.name()->str()) + R"(,"type":")";
    expected += draft.type() == droplit::ClientType::server ? "server\"}" : "application\"}";
    if (attempt.body != expected) add(call, "a 201 that is not of its draft: " + attempt.body);
    std::string& known = bodies_[id];
    if (known.empty()) known = attempt.body;
    if (known != attempt.body) add(call, "a 201 whose body has changed");
    if (attempt.replayed == (call.key ? "" : "false") || attempt.replayed == (call.key ? "" : "true")) {
      add(call, "idempotency-replayed is there without a key, or not there with one");
    }
    if (attempt.replayed == "false" && !first_201s_.insert(id).second) add(call, "two first 201s of one client");
  }

  [[nodiscard]] std::vector<Stored> stored() const { return uses_postgres_ ? stored_in(database_) : memory_.stored; }

  // What clients were told against what is stored.
  void compare() {
    std::map<std::string, std::vector<Stored>> by_tag;
    std::map<std::string, const Stored*> by_id;
    const std::vector<Stored> all = stored();
    for (const Stored& each : all) {
      by_tag[each.client.name()->str()].push_back(each);
      if (!by_id.emplace(each.client.id().text(), &each).second) findings().add("two clients of one id");
      if (!uses_postgres_ && memory_.memory.find_client(each.client.id()) != each.client)
        findings().add("a client is lost");
      if (each.client.ecosystem_id() == doomed_ && each.at > deletion_ended_)
        findings().add("a client after the deletion");
      if (each.client.ecosystem_id() == unknown_) findings().add("a client of no ecosystem");
    }
    std::set<std::string> tags;
    std::map<std::string, std::string> key_of_tag;
    for (const Call& call : calls_) {
      tags.insert(call.tag);
      const auto& mine = by_tag[call.tag];
      compare(call, mine, by_id);
      if (!call.key) {
        if (mine.size() > 1) add(call, "two clients of one call");
      } else {
        key_of_tag[call.tag] = call.ecosystem.text() + *call.key;
      }
    }
    std::map<std::string, std::vector<Stored>> by_key;
    for (const auto& [tag, clients] : by_tag) {
      if (!clients.empty() && !tags.contains(tag)) findings().add("a client that nobody asked for: " + tag);
      const auto key = key_of_tag.find(tag);
      if (key != key_of_tag.end())
        by_key[key->second].insert(by_key[key->second].end(), clients.begin(), clients.end());
    }
    for (auto& [key, clients] : by_key) {
      std::sort(clients.begin(), clients.end(), [](const Stored& a, const Stored& b) { return a.at < b.at; });
      for (std::size_t i = 1; i < clients.size(); ++i) {
        const auto age =
            clients[i].client.created_at().unix_millis() - clients[i - 1].client.created_at().unix_millis();
        if (age <= key_age && !clocks_differ_) findings().add("two clients of one key: " + key);
      }
    }
  }

  void compare(const Call& call, const std::vector<Stored>& mine, const std::map<std::string, const Stored*>& by_id) {
    if (call.client) {
      const auto found = by_id.find(call.client->id().text());
      if (found == by_id.end()) return add(call, "acknowledged, but not stored");
      if (found->second->client != *call.client) add(call, "acknowledged as another client than is stored");
      if (found->second->client.name()->str() != call.tag) add(call, "the client of another call");
      if (!call.replayed && call.ecosystem == doomed_ && call.begin > deletion_ended_)
        add(call, "created after the deletion");
      const auto age = std::min(call.wall_begin, call.wall_end) - found->second->client.created_at().unix_millis();
      if (call.replayed && age > key_age + 3'600'000) add(call, "replayed although the key has expired");
      if (call.replayed && call.attempts.size() == 1 && !was_called_before(call)) {
        add(call, "replayed, but it was the first");
      }
    }
    const bool is_single = !call.key || std::count_if(calls_.begin(), calls_.end(),
                                                      [&](const Call& other) { return other.tag == call.tag; }) == 1;
    if (call.fate && *call.fate != Fate::maybe_applied && is_single && !mine.empty()) {
      add(call, std::string("stored, but its fate is ") + std::string(droplit::to_string(*call.fate)));
    }
    if (!call.refusal) return;
    const ApiErrc code = *call.refusal;
    if (is_single && !mine.empty()) add(call, "refused, but stored");
    const bool knows_doomed = call.ecosystem == doomed_ && deletion_begun_ <= call.end;
    if (code == ApiErrc::ecosystem_not_found && !knows_doomed) add(call, "its ecosystem was not deleted");
    if (code == ApiErrc::ecosystem_invalid && call.ecosystem != unknown_) add(call, "its ecosystem is valid");
    const bool is_store = code == ApiErrc::ecosystem_not_found || code == ApiErrc::ecosystem_invalid;
    const bool is_key = code == ApiErrc::idempotency_key_reused;
    const bool is_access = code == ApiErrc::unauthorized || code == ApiErrc::forbidden;
    const bool is_slow = code == ApiErrc::request_timeout;
    if (!is_store && !is_key && !is_access && !is_slow) add(call, "a refusal that its draft does not deserve");
    if (is_key && !has_rival(call)) add(call, "its key is not taken");
    if (is_store && call.was_acknowledged && !clocks_differ_ && is_kept(call, mine))
      add(call, "not replayed, but refused");
  }

  // Whether the key of an acknowledged client was certainly remembered.
  [[nodiscard]] static bool is_kept(const Call& call, const std::vector<Stored>& mine) {
    return mine.size() == 1 && call.wall_end - mine[0].client.created_at().unix_millis() < key_age - day / 2;
  }

  [[nodiscard]] bool was_called_before(const Call& call) const {
    return std::any_of(keyed_begins_.begin(), keyed_begins_.end(),
                       [&](const auto& other) { return other.tag == call.tag && other.begin < call.begin; });
  }

  [[nodiscard]] bool has_rival(const Call& call) const {
    return std::any_of(keyed_begins_.begin(), keyed_begins_.end(), [&](const auto& other) {
      return other.key == call.ecosystem.text() + *call.key && other.tag != call.tag && other.begin <= call.end;
    });
  }

  struct KeyedBegin {
    std::string key;
    std::string tag;
    Nanos begin;
  };

  const droplit::EcosystemId active_ = ecosystem("24");
  const droplit::EcosystemId doomed_ = ecosystem("25");
  const droplit::EcosystemId unknown_ = ecosystem("26");
  const droplit::EcosystemId forbidden_ = ecosystem("27");  // to server tokens
  Nanos revocation_ = never;
  Nanos deletion_begun_ = never;
  Nanos deletion_ended_ = never;
  Tokens tokens_{nullptr, ecosystem("27")};
  SharedMemory memory_{std::chrono::milliseconds(key_age)};
  Database database_;
  bool uses_postgres_ = false;
  bool pooled_ = false;
  bool clocks_differ_ = false;  // by more than keys can bear
  unsigned net_trouble_ = 0;
  std::list<Process> processes_;
  Process operator_;
  std::set<std::string> made_ids_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::map<std::size_t, Server*> current_;
  std::vector<Call> calls_;
  std::set<std::pair<std::string, std::string>> acknowledged_;
  std::vector<KeyedBegin> keyed_begins_;
  std::map<std::string, std::string> bodies_;
  std::set<std::string> first_201s_;
  std::size_t running_ = 0;
  Waiters ended_;
  Waiters deletion_;
  bool deletes_now_ = false;
  bool closing_ = false;
};

}  // namespace sim
