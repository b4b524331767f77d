// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// "Create a client" as it is often written by hand. docs/migration.md replaces it by migration_after.cpp.
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <ctime>
#include <exception>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>
#include <string>
#include <vector>

using nlohmann::json;

struct Store {
  std::mutex mutex;
  std::map<std::string, bool> ecosystems{{"C594b89aea18568c408c3ad24", true}, {"C594b89aea18568c408c3ad25", false}};
  std::vector<json> clients;

  bool has_ecosystem(const std::string& id) {
    const std::lock_guard lock(mutex);
    const auto found = ecosystems.find(id);
    return found != ecosystems.end() && found->second;
  }
  void add(const json& client) {
    const std::lock_guard lock(mutex);
    clients.push_back(client);
  }
};

void refuse(httplib::Response& response, int status, const std::string& why) {
  response.status = status;
  response.set_content(json{{"error", why}}.dump(), "application/json");
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&seconds));
  return text;
}

void create(Store& store, const httplib::Request& request, httplib::Response& response) {
  if (request.get_header_value("authorization") != "demo") return refuse(response, 401, "unknown token");
  const json body = json::parse(request.body);
  if (!body.contains("ecosystemId")) return refuse(response, 400, "ecosystemId is required");
  if (!body.contains("type")) return refuse(response, 400, "type is required");
  static const std::regex id_form("C[0-9a-fA-F]{24}");
  const std::string ecosystem = body["ecosystemId"];
  if (!std::regex_match(ecosystem, id_form)) return refuse(response, 400, "invalid ecosystemId");
  const std::string type = body["type"];
  if (type != "application" && type != "server") return refuse(response, 400, "invalid type");
  if (body.contains("name") && !body["name"].is_string()) return refuse(response, 400, "invalid name");
  if (!store.has_ecosystem(ecosystem)) return refuse(response, 404, "no such ecosystem");

  static std::atomic<int> next_id{1};
  json client{{"id", std::to_string(next_id++)}, {"createdAt", now()}, {"ecosystemId", ecosystem}, {"type", type}};
  client["name"] = body.value("name", "");
  client["description"] = body.value("description", "");
  store.add(client);
  response.status = 201;
  response.set_content(client.dump(), "application/json");
}

int main() {
  Store store;
  httplib::Server server;
  server.Post("/api/clients", [&](const httplib::Request& request, httplib::Response& response) {
    try {
      create(store, request, response);
    } catch (const std::exception& error) {
      refuse(response, 400, error.what());
    }
  });
  std::cout << "listening on http://127.0.0.1:" << server.bind_to_any_port("127.0.0.1") << std::endl;
  return server.listen_after_bind() ? 0 : 1;
}
