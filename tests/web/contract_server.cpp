// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract for tests in other languages: serves the endpoint of contract_cases.hpp until a signal ends it, with a
// storage that fails where a client's name says so; or prints the contract's cases with `--cases`, or the endpoint's
// OpenAPI document with `--document`. With `--keys` before, the endpoint takes idempotency keys.
#include "support/contract_cases.hpp"

#include <droplit/endpoint.hpp>
#include <droplit/openapi.hpp>
#include <droplit/server/beast.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// Clients are not kept: a test may create many.
struct Storage {
  droplit::Outcome<droplit::Insertion> insert(const droplit::Client& client) {
    return unless_it_fails(client, [&] { return kept.insert(client); });
  }
  droplit::Outcome<droplit::KeyedInsertion> insert_once(const droplit::Client& client,
                                                        const droplit::IdempotencyKey& key) {
    return unless_it_fails(client, [&] { return kept.insert_once(client, key); });
  }

  template <class Insert>
  auto unless_it_fails(const droplit::Client& client, Insert insert) -> droplit::Outcome<decltype(insert())> {
    const std::string_view name = client.name() ? std::string_view(client.name()->str()) : std::string_view();
    if (name == "storage throws") throw std::runtime_error("canary");
    if (name == "storage is away") return droplit::Fault::unavailable(droplit::FaultSource::storage, "canary");
    kept.clients.clear();
    return insert();
  }

  contract::Storage kept;
};

// A JSON text of ASCII, one character for each byte.
std::string json_string(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text.append("\\u00").append({"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]});
  }
  return text += '"';
}

std::string list(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text.append(text.empty() ? "[" : ",").append("[" + json_string(name) + "," + json_string(value) + "]");
  }
  return text.empty() ? "[]" : text + "]";
}

// The request of a case.
std::string json(const contract::Case& one) {
  return "{\"where\":" + json_string(one.where) + ",\"method\":" + json_string(one.method) +
         ",\"target\":" + json_string(one.target) + ",\"fields\":" + list(one.fields) +
         ",\"body\":" + json_string(one.body) + "}";
}

void print_cases(bool keys) {
  char before = '[';
  for (const contract::Case& one : contract::read_cases(keys)) {
    if (one.only_direct) continue;
    std::printf("%c%s\n", before, json(one).c_str());
    before = ',';
  }
  std::puts("]");
}

void serve(droplit::EndpointOptions options) {
  Storage storage;
  contract::Access access;
  contract::Clock clock;
  contract::Ids ids;
  droplit::Endpoint endpoint(storage, access, clock, ids, options);
  droplit::BeastServer server(endpoint, {.threads = 1});
  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);
  server.run();
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const droplit::EndpointOptions options{.idempotency_keys = !arguments.empty() && arguments.front() == "--keys"};
  const std::string_view what = arguments.empty() ? std::string_view() : arguments.back();
  if (what == "--cases") {
    print_cases(options.idempotency_keys);
  } else if (what == "--document") {
    std::printf("%s", droplit::openapi_json({.endpoint = options}).c_str());
  } else {
    serve(options);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
