// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The whole way from what a server has read to the bytes that it writes.
#include <droplit/access/token_file.hpp>
#include <droplit/droplit.hpp>
#include <droplit/storage/memory.hpp>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace droplit::literals;

int main() {
  droplit::MemoryStorage storage;
  storage.add_ecosystem("C594b89aea18568c408c3ad24"_ecosystem_id);
  const auto access = droplit::TokenFile::parse(R"({"tokens": [{"token": "demo", "kind": "account"}]})").value();
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  droplit::Endpoint endpoint(storage, access, clock, ids);  // once; it may serve many threads

  // What any server has of a request once it was read.
  const std::string method = "POST";
  const std::string target = "/api/clients";
  const std::vector<std::pair<std::string, std::string>> fields{
      {"Host", "localhost"}, {"Authorization", "demo"}, {"Content-Type", "application/json"}};
  const std::string body = R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"gateway"})";

  droplit::RequestHead head(method, target);
  for (const auto& [name, value] : fields) head.add(name, value);
  droplit::Response response;
  endpoint.handle(head, body, response);

  std::cout << "HTTP/1.1 " << response.status << " \r\n" << response.fields.lines();
  if (response.close) std::cout << "connection: close\r\n";
  std::cout << "\r\n" << response.body;
}
