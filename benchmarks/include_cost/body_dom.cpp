// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The job of body.cpp written by hand on Boost.JSON's DOM: the same responses, but for the names of unknown members.
#include "../support/job.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

namespace json = boost::json;

struct Response {
  int status;
  std::string body;
};

json::string_view view(std::string_view text) noexcept { return {text.data(), text.size()}; }

struct Hash {
  std::size_t operator()(const job::Id& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.data()), id.size()});
  }
};

/// Thread-safe, as the store of ours is.
class Store {
 public:
  enum class Insertion { inserted, taken, ecosystem_unknown };

  void add_ecosystem(const job::Id& id) {
    const std::lock_guard lock(mutex_);
    ecosystems_.insert(id);
  }

  Insertion insert(const job::Created& client) {
    const std::lock_guard lock(mutex_);
    if (ecosystems_.count(client.ecosystem_id) == 0) return Insertion::ecosystem_unknown;
    return clients_.try_emplace(client.id, client).second ? Insertion::inserted : Insertion::taken;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<job::Id, Hash> ecosystems_;
  std::unordered_map<job::Id, job::Created, Hash> clients_;
};

job::Reading read(std::string_view body) {
  boost::system::error_code ec;
  const json::value value = json::parse(view(body), ec);
  const json::object* const object = ec ? nullptr : value.if_object();
  if (object == nullptr) return job::unreadable();
  std::array<job::Member, 4> members;
  for (std::size_t i = 0; i != members.size(); ++i) {
    const json::value* const member = object->if_contains(view(job::names[i]));
    if (member == nullptr || member->is_null()) continue;
    const json::string* const text = member->if_string();
    members[i].kind = text != nullptr ? job::Member::Kind::text : job::Member::Kind::other;
    if (text != nullptr) members[i].text = {text->data(), text->size()};
  }
  return job::judge(members);
}

Response refused(const std::vector<job::Entry>& errors) {
  json::array entries;
  for (const job::Entry& error : errors) {
    entries.push_back({{"in", view(error.in)}, {"message", view(error.message)}, {"path", view(error.path)}});
  }
  return {400, json::serialize(json::object{{"errorType", "InvalidParams"}, {"errors", std::move(entries)}})};
}

Response created(const job::Created& client) {
  json::object object;
  object["createdAt"] = view(job::iso8601(client.unix_millis));
  if (client.description) object["description"] = *client.description;
  object["ecosystemId"] = view(job::hex(client.ecosystem_id, true));
  object["id"] = view(job::hex(client.id));
  if (client.name) object["name"] = *client.name;
  object["type"] = client.server ? "server" : "application";
  return {201, json::serialize(object)};
}

Response create(Store& store, std::string_view body) {
  job::Reading draft = read(body);
  if (!draft.errors.empty()) return refused(draft.errors);
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  job::Created client{.ecosystem_id = draft.ecosystem_id,
                      .unix_millis = std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000,
                      .server = draft.server,
                      .name = std::move(draft.name),
                      .description = std::move(draft.description)};
  for (int tries = 0; tries != 4; ++tries) {
    if (::getentropy(client.id.data(), client.id.size()) != 0) break;
    switch (store.insert(client)) {
      case Store::Insertion::inserted: return created(client);
      case Store::Insertion::ecosystem_unknown: return refused({{"body", "invalid id", "ecosystemId"}});
      case Store::Insertion::taken: break;
    }
  }
  return {500, R"({"errorType":"Internal Server Error"})"};
}

}  // namespace

int main(int argc, char** argv) {
  Store store;
  job::Id ecosystem;
  job::parse_ecosystem_id("C594b89aea18568c408c3ad24", ecosystem);
  store.add_ecosystem(ecosystem);
  const Response response = create(store, argc > 1 ? argv[1] : "");
  std::printf("%d %s\n", response.status, response.body.c_str());
}
