// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/droplit.hpp>
#include <droplit/storage/sqlite.hpp>

int refused_violations();

int main(int, char** argv) {
  const auto storage = droplit::SqliteStorage::open(argv[1]);
  const auto draft = droplit::parse_draft(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server"})");
  return storage.has_value() && draft.has_value() && refused_violations() == 2 ? 0 : 1;
}
