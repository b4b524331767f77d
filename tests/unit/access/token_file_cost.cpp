// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Identifies argv[1] once, for tests/support/equal_cost.sh to count the instructions of `probe`.
#include <droplit/access/token_file.hpp>

[[gnu::noinline]] int probe(const droplit::TokenFile& file, std::string_view token) {
  return static_cast<int>(file.authenticate(token).kind());
}

int main(int, char** argv) {
  const auto file = droplit::TokenFile::parse(R"({"tokens":[
    {"token":"0123456789abcdef0123456789abcdef","kind":"account"},
    {"token":"fedcba9876543210fedcba9876543210","kind":"server"},
    {"token":"0123456789abcdef","kind":"server"}]})");
  return probe(file.value(), argv[1]) == static_cast<int>(droplit::PrincipalKind::none) ? 0 : 1;
}
