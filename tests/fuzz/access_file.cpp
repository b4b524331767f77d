// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The text of an access file: accepted if and only if the model's reader finds the documented form, each token with its
// kind and ecosystems; a refusal has one line and no token.
#include "json_mutator.hpp"
#include "target.hpp"

#include <droplit/access/token_file.hpp>

#include "support/model/contract.hpp"
#include "support/piece.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace fuzz::access_file {
namespace {

using namespace droplit;
using model::Json;

struct Holder {
  std::string kind;
  std::optional<std::set<std::string>> ecosystems;  ///< nothing: no list
};
using Holders = std::map<std::string, Holder>;  // by token

std::optional<std::set<std::string>> read_ecosystems(const Json& list) {
  std::set<std::string> ids;
  if (list.kind != Json::Kind::array) return std::nullopt;
  for (const Json& item : list.items) {
    const auto id = item.kind == Json::Kind::string ? model::ecosystem_id(item.text) : std::nullopt;
    if (!id || !ids.insert(*id).second) return std::nullopt;
  }
  return ids;
}

bool read_holder(const Json& entry, Holders& out) {
  std::map<std::string, Json> members;
  if (entry.kind != Json::Kind::object) return false;
  for (const auto& [name, value] : entry.members) {
    if (name != "token" && name != "kind" && name != "ecosystems") return false;
    if (!members.emplace(name, value).second) return false;
  }
  if (!members.contains("token") || !members.contains("kind")) return false;
  const Json& token = members["token"];
  const Json& kind = members["kind"];
  if (token.kind != Json::Kind::string || token.text.empty() || token.text.size() > 4096) return false;
  for (const char c : token.text) {
    if (c <= ' ' || c >= '\x7F') return false;
  }
  if (kind.kind != Json::Kind::string) return false;
  if (kind.text != "account" && kind.text != "server" && kind.text != "client" && kind.text != "user") return false;
  Holder holder{kind.text, {}};
  if (members.contains("ecosystems")) {
    holder.ecosystems = read_ecosystems(members["ecosystems"]);
    if (!holder.ecosystems) return false;
  }
  return out.emplace(token.text, holder).second;
}

std::optional<Holders> read_holders(std::string_view text) {
  const auto json = model::read_json(std::string(text));
  if (!json || json->kind != Json::Kind::object || json->members.size() != 1) return std::nullopt;
  const auto& [name, list] = json->members[0];
  if (name != "tokens" || list.kind != Json::Kind::array) return std::nullopt;
  Holders holders;
  for (const Json& entry : list.items) {
    if (!read_holder(entry, holders)) return std::nullopt;
  }
  return holders;
}

PrincipalKind kind_of(const std::string& kind) {
  if (kind == "account") return PrincipalKind::account;
  return kind == "server" ? PrincipalKind::server : PrincipalKind::other;
}

void run(std::string_view input) {
  const auto expected = read_holders(input);
  auto outcome = TokenFile::parse(test::Piece(input));
  require(outcome.has_value() == expected.has_value(), "a file is accepted if the model accepts it",
          outcome.has_exception() ? outcome.assume_exception().what() : "accepted");
  if (!expected) {
    const std::string& what = outcome.assume_exception().what();
    require(outcome.assume_exception().fate() == Fate::not_applied, "a file that is refused applied nothing");
    require(what.starts_with("access file: line ") && what.size() < 150, "a refusal names a line", what);
    for (const char c : what) require(c >= ' ' && c < '\x7F', "a refusal is one line", what);
    return;
  }
  TokenFile& file = outcome.assume_value();
  const auto none = "C594b89aea18568c408c3adff"_ecosystem_id;
  for (const auto& [token, holder] : *expected) {
    const auto principal = file.authenticate(token);
    require(principal.kind() == kind_of(holder.kind), "a token has its kind", token);
    const bool is_free = !holder.ecosystems && holder.kind == "account";
    const bool has_none = holder.ecosystems && holder.ecosystems->contains(none.text());
    require(file.authorize(principal, none) == (is_free || has_none), "what is not listed is not authorised");
    if (!holder.ecosystems) continue;
    for (const std::string& id : *holder.ecosystems) {
      require(file.authorize(principal, *EcosystemId::parse(id)), "what is listed is authorised");
    }
    const std::string longer = token + "x";
    require(expected->contains(longer) || file.authenticate(longer).kind() == PrincipalKind::none,
            "another token is unknown");
    require(file.revoke(token) && !file.revoke(token), "a token is revoked once");
    require(file.authenticate(token).kind() == PrincipalKind::none, "a revoked token is unknown");
  }
}

const Registered registered({"access_file", run, mutate_json});

}  // namespace
}  // namespace fuzz::access_file
