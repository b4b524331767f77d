// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Writes the cases of tests/data/contract and tests/data/strictness as inputs: seeds FOLDER writes FOLDER/TARGET/N.
#include "support/contract_cases.hpp"
#include "support/strictness.hpp"

#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_size = 2000;  // longer ones make the others slower

/// The tokens of the contract's cases as those of the model.
std::string with_models_tokens(std::string text) {
  const std::map<std::string_view, std::string_view> tokens{{contract::account_token, "account-token"},
                                                            {contract::server_token, "server-token"},
                                                            {contract::client_token, "client-token"},
                                                            {contract::user_token, "user-token"}};
  for (const auto& [from, to] : tokens) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

class Seeds {
 public:
  void add(const char* target, const std::string& input) {
    if (input.size() <= max_size) inputs_[target].insert(input);
  }
  void write(const fs::path& folder) const {
    for (const auto& [target, inputs] : inputs_) {
      fs::create_directories(folder / target);
      std::size_t number = 0;
      for (const std::string& input : inputs) {
        std::ofstream out(folder / target / std::to_string(number++), std::ios::binary);
        if (!(out << input).flush()) throw std::runtime_error("cannot write " + folder.string());
      }
    }
  }

 private:
  std::map<std::string, std::set<std::string>> inputs_;
};

void add(Seeds& seeds, const contract::Case& one, bool keys) {
  seeds.add("draft", one.body);
  seeds.add("pieces", '\x07' + one.body);
  seeds.add("query", one.target);
  std::string request = one.method + ' ' + one.target + '\n';
  for (const auto& [name, value] : one.fields) {
    request += name + ": " + value + '\n';
    if (name != "authorization") seeds.add("field_value", value);
  }
  request += '\n' + one.body;
  seeds.add("endpoint", (keys ? '\x01' : '\x02') + with_models_tokens(request));
  std::string response = std::to_string(one.status) + '\n';
  if (!one.answer_type.empty()) response += "content-type: " + one.answer_type + '\n';
  for (const auto& [name, value] : one.answer_fields) response += name + ": " + value + '\n';
  seeds.add("response", response + '\n' + one.answer_body);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    Seeds seeds;
    for (const bool keys : {false, true}) {
      for (const contract::Case& one : contract::read_cases(keys)) add(seeds, one, keys);
    }
    for (const strictness::Case& one : strictness::requests()) {
      for (const char* const how : {"\x01\0", "\x02\0", "\x03\0", "\x07\x80"}) {
        seeds.add("session", std::string(how, 2) + with_models_tokens(one.bytes));
      }
    }
    seeds.write(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
