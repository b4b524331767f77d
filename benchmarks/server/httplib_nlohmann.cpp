// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// httplib_nlohmann ACCESS-FILE ACTIVE-ECOSYSTEM DELETED-ECOSYSTEM CONNECTIONS: the endpoint as one writes it by hand on
// cpp-httplib and nlohmann-json, over a map under a mutex. A connection has a thread as long as it lives, so there are
// as many as there may be connections. Unknown members are named in the order of the alphabet, in which nlohmann-json
// keeps them.
#include "peers/nlohmann.hpp"
#include "support/job.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

enum class State { unknown, active, deleted };

struct IdHash {
  std::size_t operator()(const job::Id& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.data()), id.size()});
  }
};

class Store {
 public:
  Store(const job::Id& active, const job::Id& deleted)
      : ecosystems_{{active, State::active}, {deleted, State::deleted}} {}

  State insert(const job::Created& client) {
    const std::lock_guard lock(mutex_);
    const auto found = ecosystems_.find(client.ecosystem_id);
    if (found == ecosystems_.end()) return State::unknown;
    if (found->second == State::active) clients_.emplace(client.id, client);
    return found->second;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<job::Id, State, IdHash> ecosystems_;
  std::unordered_map<job::Id, job::Created, IdHash> clients_;
};

/// Four bytes of seconds, five of the process, three of a counter.
job::Id new_id(std::int64_t unix_millis) {
  static const std::uint64_t process = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  static std::atomic<std::uint32_t> counter{0};
  const auto seconds = static_cast<std::uint64_t>(unix_millis / 1000);
  const std::uint32_t count = counter++;
  job::Id id;
  for (unsigned i = 0; i != 4; ++i) id[i] = static_cast<std::uint8_t>(seconds >> (24 - 8 * i));
  for (unsigned i = 0; i != 5; ++i) id[4 + i] = static_cast<std::uint8_t>(process >> 8 * i);
  for (unsigned i = 0; i != 3; ++i) id[9 + i] = static_cast<std::uint8_t>(count >> (16 - 8 * i));
  return id;
}

std::string not_allowed(const std::vector<std::string>& names) {
  std::string message = "contains fields that are not allowed: [ ";
  for (std::size_t i = 0; i != names.size(); ++i) message += (i == 0 ? "" : ", ") + names[i];
  return message + " ]";
}

void add_once(std::vector<std::string>& names, std::string name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

std::vector<std::string> query_names(std::string_view target) {
  std::vector<std::string> names;
  if (target.find('?') == std::string_view::npos) return names;
  for (target.remove_prefix(target.find('?') + 1); !target.empty();) {
    const std::string_view part = target.substr(0, target.find('&'));
    target.remove_prefix(std::min(target.size(), part.size() + 1));
    if (!part.empty()) add_once(names, httplib::detail::decode_url(std::string(part.substr(0, part.find('='))), false));
  }
  return names;
}

bool is_json(const httplib::Request& request) {
  if (request.get_header_value_count("Content-Type") != 1) return false;
  std::string type = request.get_header_value("Content-Type");
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t end = type.find_first_of("; ");
  if (type.compare(0, end, "application/json") != 0) return false;
  const std::size_t charset = type.find("charset=");
  return charset == std::string::npos || type.compare(charset + 8, 5, "utf-8") == 0;
}

class Endpoint {
 public:
  Endpoint(Store& store, std::map<std::string, std::string> kinds) : store_(store), kinds_(std::move(kinds)) {}

  void create(const httplib::Request& request, httplib::Response& response) {
    const auto kind = kinds_.find(request.get_header_value("Authorization"));
    if (kind == kinds_.end()) {
      response.status = 401;
      return;
    }
    if (kind->second != "account" && kind->second != "server") {
      return tell(response, 403, "Token type not permitted!", text);
    }

    std::string message;  // the entries only look at their texts
    std::string query_message;
    job::Reading reading = is_json(request) ? read(request.body, message) : job::unreadable();
    if (const auto names = query_names(request.target); !names.empty()) {
      query_message = not_allowed(names);
      reading.errors.insert(reading.errors.begin(), {"query", query_message, additional});
    }
    if (!reading.errors.empty()) return invalid(response, reading.errors);

    job::Created client;
    client.unix_millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    client.id = new_id(client.unix_millis);
    client.ecosystem_id = reading.ecosystem_id;
    client.server = reading.server;
    client.name = std::move(reading.name);
    client.description = std::move(reading.description);
    switch (store_.insert(client)) {
      case State::unknown: return invalid(response, {{"body", "invalid id", job::names[0]}});
      case State::deleted:
        return tell(response, 404,
                    "Ecosystem with id " + std::string(job::hex(client.ecosystem_id, true)) + " does not exist.", text);
      case State::active: break;
    }
    std::string body;
    json_.write(body, client);
    tell(response, 201, std::move(body), json);
  }

 private:
  static constexpr const char* json = "application/json";
  static constexpr const char* text = "text/plain; charset=utf-8";
  static constexpr std::string_view additional = "additional parameters";

  job::Reading read(const std::string& body, std::string& message) const {
    const auto value = nlohmann::json::parse(body, nullptr, false);
    if (!value.is_object()) return job::unreadable();
    job::Reading reading = json_.judge(value);
    if (!reading.errors.empty() && reading.errors[0] == job::Entry{"body", job::required, job::names[0]}) {
      std::vector<std::string> names;
      for (const auto& [name, ignored] : value.items()) {
        if (std::find(job::names.begin(), job::names.end(), name) == job::names.end()) add_once(names, name);
      }
      if (!names.empty()) {
        message = not_allowed(names);
        reading.errors.insert(reading.errors.begin(), {"body", message, additional});
      }
    }
    return reading;
  }

  void invalid(httplib::Response& response, const std::vector<job::Entry>& errors) const {
    std::string body;
    json_.write(body, errors);
    tell(response, 400, std::move(body), json);
  }

  static void tell(httplib::Response& response, int status, std::string body, const char* type) {
    response.status = status;
    response.set_content(std::move(body), type);
  }

  Store& store_;
  std::map<std::string, std::string> kinds_;
  peers::Nlohmann json_;
};

job::Id ecosystem(const char* text) {
  job::Id id;
  if (!job::parse_ecosystem_id(text, id)) std::exit(2);
  return id;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  std::ifstream file(argv[1]);
  std::map<std::string, std::string> kinds;
  const auto access = nlohmann::json::parse(file);
  for (const auto& token : access.at("tokens")) kinds[token.at("token")] = token.at("kind");
  Store store(ecosystem(argv[2]), ecosystem(argv[3]));
  Endpoint endpoint(store, std::move(kinds));
  const auto connections = static_cast<std::size_t>(std::strtoul(argv[4], nullptr, 10));

  httplib::Server server;
  server.new_task_queue = [connections] { return new httplib::ThreadPool(connections); };
  server.set_keep_alive_max_count(~std::size_t{0});
  server.set_keep_alive_timeout(60);
  server.set_tcp_nodelay(true);
  server.set_payload_max_length(1024 * 1024);
  constexpr const char* path = "(?:/v0)?/api/clients/?";
  const auto other = [](const httplib::Request&, httplib::Response& response) {
    response.status = 405;
    response.set_header("Allow", "OPTIONS, POST");
  };
  server.Post(
      path, [&](const httplib::Request& request, httplib::Response& response) { endpoint.create(request, response); });
  server.Get(path, other).Put(path, other).Patch(path, other).Delete(path, other).Options(path, other);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::printf("listening on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
