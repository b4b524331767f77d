// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract as data, read from tests/data/contract (its format: tests/data/README.md), and the world it plays in.
#pragma once

#include <droplit/endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace contract {

// The fixed world.

inline constexpr std::string_view active = "C594b89aea18568c408c3ad24";
inline constexpr std::string_view deleted = "C594b89aea18568c408c3ad2d";
inline constexpr std::string_view never = "C594b89aea18568c408c3ad2e";
inline constexpr std::string_view foreign = "Cff4b89aea18568c408c3ad24";
inline constexpr std::string_view foreign_deleted = "Cff4b89aea18568c408c3ad2d";
inline constexpr std::string_view foreign_never = "Cff4b89aea18568c408c3ad2e";
inline constexpr std::string_view account_token = "Acc-7oQ2.yF~x1";
inline constexpr std::string_view server_token = "Srv-9kD4.wB~z3";
inline constexpr std::string_view client_token = "Cli-1mN6.uC~v5";
inline constexpr std::string_view user_token = "Usr-3pR8.sE~t7";

/// The key under which clients were created a while ago, one in each ecosystem there was by then.
inline constexpr std::string_view taken_key = "order-7#1";

struct Storage {
  std::vector<droplit::Client> clients;

  droplit::Insertion insert(const droplit::Client& client) {
    const std::string id = client.ecosystem_id().text();
    if (id == deleted || id == foreign_deleted) return droplit::Insertion::ecosystem_deleted;
    if (id != active && id != foreign) return droplit::Insertion::ecosystem_unknown;
    clients.push_back(client);
    return droplit::Insertion::inserted;
  }

  droplit::KeyedInsertion insert_once(const droplit::Client& client, const droplit::IdempotencyKey& key) {
    const std::string id = client.ecosystem_id().text();
    if (key.str() != taken_key || id == never || id == foreign_never) return insert(client);
    droplit::Client kept(*droplit::ClientId::parse("594b89aea18568c408c3ad23"),
                         *droplit::Timestamp::parse("2018-02-28T15:16:57.000Z"), client.ecosystem_id(),
                         droplit::ClientType::application, droplit::Text::parse("Lobby"));
    if (!kept.has_same_draft(client)) return droplit::Insertion::key_reused;
    return droplit::KeyedInsertion::replayed(std::move(kept));
  }
};

struct Principal {
  droplit::PrincipalKind is;
  [[nodiscard]] droplit::PrincipalKind kind() const noexcept { return is; }
};

struct Access {
  [[nodiscard]] Principal authenticate(std::string_view token) const noexcept {
    using droplit::PrincipalKind;
    return {token == account_token                         ? PrincipalKind::account
            : token == server_token                        ? PrincipalKind::server
            : token == client_token || token == user_token ? PrincipalKind::other
                                                           : PrincipalKind::none};
  }
  [[nodiscard]] bool authorize(Principal principal, droplit::EcosystemId id) const noexcept {
    return principal.is == droplit::PrincipalKind::account ||
           (principal.is == droplit::PrincipalKind::server && id.bytes()[0] != 0xFF);
  }
};

struct Clock {
  [[nodiscard]] droplit::Timestamp now() const { return *droplit::Timestamp::parse("2018-02-28T15:16:58.941Z"); }
};

struct Ids {
  [[nodiscard]] droplit::ClientId next(droplit::Timestamp) const {
    return *droplit::ClientId::parse("594b89aea18568c408c3ad25");
  }
};

/// All of it, with an endpoint that takes idempotency keys or does not.
struct World {
  explicit World(bool keys = false) : endpoint(storage, access, clock, ids, {.idempotency_keys = keys}) {}

  Storage storage;
  Access access;
  Clock clock;
  Ids ids;
  droplit::Endpoint<Storage, Access, Clock, Ids> endpoint;
};

/// One request, and the response that the contract requires.
struct Case {
  std::string where;  ///< file, line and sentence
  std::string row;
  std::string method = "POST";
  std::string target = "/api/clients";
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  int status = 0;
  std::string answer_type;  ///< the content type; empty for none
  std::vector<std::pair<std::string, std::string>> answer_fields;
  std::string answer_body;
  bool closes = false;
  bool only_direct = false;
  bool only_body = true;  ///< nothing but the body differs from a right request
  bool keys = false;      ///< for an endpoint that takes idempotency keys; without a key, it holds for both

  /// Whether the response is that to an earlier request again.
  [[nodiscard]] bool replays() const {
    return std::find(answer_fields.begin(), answer_fields.end(),
                     std::pair<std::string, std::string>("idempotency-replayed", "true")) != answer_fields.end();
  }

  /// How many clients are stored.
  [[nodiscard]] std::size_t created() const { return status == 201 && !replays() ? 1 : 0; }

  [[nodiscard]] droplit::Request request() const {
    droplit::Request request{method, target, {}, body};
    for (const auto& [name, value] : fields) {
      if (!request.fields.add(name, value)) throw std::runtime_error(where + ": not a header field");
    }
    return request;
  }
};

namespace detail {

class Reader {
 public:
  Reader() {
    words_ = {{"ACTIVE", std::string(active)},
              {"DELETED", std::string(deleted)},
              {"NEVER", std::string(never)},
              {"FOREIGN", std::string(foreign)},
              {"FOREIGN_DELETED", std::string(foreign_deleted)},
              {"FOREIGN_NEVER", std::string(foreign_never)},
              {"ACCOUNT", std::string(account_token)},
              {"SERVER", std::string(server_token)},
              {"CLIENT", std::string(client_token)},
              {"USER", std::string(user_token)},
              {"TAKEN", std::string(taken_key)}};
  }

  void read(const std::filesystem::path& file) {
    name_ = file.filename().string();
    number_ = 0;
    row_.clear();
    const auto words_of_all = words_;
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + file.string());
    std::vector<std::pair<std::string, std::string>> block;
    for (std::string line; std::getline(in, line);) {
      ++number_;
      for (const char c : line) {
        if (c < ' ' || c > '~') fail("not printable ASCII");
      }
      if (line.ends_with(' ')) fail("a space at the end");
      if (line.starts_with('#')) continue;
      if (line.empty()) {
        finish(block);
        continue;
      }
      const std::size_t space = line.find(' ');
      std::string key = line.substr(0, space);
      std::string value = space == std::string::npos ? std::string() : line.substr(space + 1);
      if (key == "let") {
        const std::size_t end = value.find(' ');
        if (end == std::string::npos) fail("a word without a text");
        words_[value.substr(0, end)] = expand(value.substr(end + 1));
        continue;
      }
      if (block.empty()) first_line_ = number_;
      block.emplace_back(std::move(key), expand(value));
    }
    finish(block);
    if (name_ != "words.txt") words_ = words_of_all;
  }

  std::vector<Case> cases;

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(name_ + ":" + std::to_string(number_) + ": " + what);
  }

  std::string expand(std::string_view text) const {
    std::string out;
    while (!text.empty()) {
      const std::size_t open = text.find("$(");
      out += text.substr(0, open);
      if (open == std::string_view::npos) break;
      text.remove_prefix(open + 2);
      std::size_t end = 0;
      for (std::size_t level = 1;; ++end) {
        if (end == text.size()) fail("a $( that is not closed");
        if (text[end] == '$' && end + 1 != text.size() && text[end + 1] == '(') ++level;
        if (text[end] == ')' && --level == 0) break;
      }
      out += what(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    return out;
  }

  std::string what(std::string_view inside) const {
    if (inside.starts_with("hex ")) {
      std::string bytes;
      for (inside.remove_prefix(4); !inside.empty(); inside.remove_prefix(std::min<std::size_t>(3, inside.size()))) {
        const int high = droplit::detail::hex_value(inside[0]);
        const int low = inside.size() > 1 ? droplit::detail::hex_value(inside[1]) : -1;
        if (high < 0 || low < 0 || (inside.size() > 2 && inside[2] != ' ')) fail("bytes that are not hex");
        bytes += static_cast<char>(high * 16 + low);
      }
      return bytes;
    }
    if (const std::size_t times = inside.find(" times "); times != std::string_view::npos) {
      const std::string text = expand(inside.substr(times + 7));
      std::string out;
      for (int i = std::stoi(std::string(inside.substr(0, times))); i > 0; --i) out += text;
      return out;
    }
    const auto word = words_.find(std::string(inside));
    if (word == words_.end()) fail("unknown word $(" + std::string(inside) + ")");
    return word->second;
  }

  std::pair<std::string, std::string> field(const std::string& value) const {
    const std::size_t colon = value.find(':');
    if (colon == std::string::npos) fail("a field without a colon");
    return {value.substr(0, colon), value.substr(colon + 1 == value.size() ? colon + 1 : colon + 2)};
  }

  void finish(std::vector<std::pair<std::string, std::string>>& block) {
    if (block.empty()) return;
    if (block.front().first != "case") fail("a block that is no case");
    Case one;
    one.where = name_ + ":" + std::to_string(first_line_) + ": " + block.front().second;
    one.body = expand("$(GOOD)");
    std::map<std::string, std::vector<std::string>> given;
    std::vector<std::string> without;
    for (const auto& [key, value] : block) {
      if (key == "row") {
        row_ = value;
      } else if (key == "method" || key == "target" || key == "authorization" || key == "content-type" ||
                 key == "idempotency-key" || key == "body") {
        given[key].push_back(value);
      } else if (key == "without") {
        without.push_back(value);
      } else if (key == "field") {
        one.fields.push_back(field(value));
        without.push_back(one.fields.back().first);
      } else if (key == "gives") {
        gives(one, value);
      } else if (key == "also") {
        one.answer_fields.push_back(field(value));
      } else if (key == "keys") {
        one.keys = true;
      } else if (key == "closes") {
        one.closes = true;
      } else if (key == "only") {
        if (value != "direct") fail("only what?");
        one.only_direct = true;
      } else if (key != "case") {
        fail("unknown key " + key);
      }
    }
    if (row_.empty()) fail("a case without a row");
    if (one.status == 0) fail("a case without an answer");
    one.row = row_;
    one.only_body = without.empty();
    std::string repeated = "body";
    for (const auto& [key, values] : given) {
      if (key != "body") one.only_body = false;
      if (values.size() > 1) {
        if (repeated != "body" || (key != "body" && given["body"].size() > 1)) fail("two keys that repeat");
        repeated = key;
      }
    }
    const std::size_t count = std::max<std::size_t>(1, given[repeated].size());
    for (std::size_t i = 0; i != count; ++i) {
      Case variant = one;
      const auto value = [&](const std::string& key, std::string otherwise) {
        const auto& values = given[key];
        return values.empty() ? otherwise : key == repeated ? values[i] : values[0];
      };
      variant.method = value("method", one.method);
      variant.target = value("target", one.target);
      variant.body = value("body", one.body);
      for (const auto& [name, otherwise] :
           {std::pair<std::string, std::string>("content-type", "application/json"),
            std::pair<std::string, std::string>("authorization", std::string(account_token))}) {
        if (std::find(without.begin(), without.end(), name) != without.end()) {
          if (!given[name].empty()) fail("a field that is given and is not");
          continue;
        }
        variant.fields.insert(variant.fields.begin(), {name, value(name, otherwise)});
      }
      if (!given["idempotency-key"].empty())
        variant.fields.emplace_back("idempotency-key", value("idempotency-key", {}));
      if (count > 1) variant.where += " (" + std::to_string(i + 1) + ")";
      cases.push_back(std::move(variant));
    }
    block.clear();
  }

  void gives(Case& one, const std::string& value) const {
    const std::size_t space = value.find(' ');
    if (space == std::string::npos) fail("an answer without a content type");
    const std::string_view rest = std::string_view(value).substr(space + 1);
    one.status = std::stoi(value.substr(0, space));
    const std::string_view type = rest.substr(0, rest.find(' '));
    if (type == "json") {
      one.answer_type = "application/json";
    } else if (type == "text") {
      one.answer_type = "text/plain; charset=utf-8";
    } else if (rest != "none") {
      fail("an answer of no known content type");
    }
    if (type != "none") one.answer_body = rest.substr(type.size() + 1);
  }

  std::map<std::string, std::string> words_;
  std::string name_;
  std::string row_;
  int number_ = 0;
  int first_line_ = 0;
};

}  // namespace detail

/// Every case there is for an endpoint that takes idempotency keys, or for one that does not, in the order of the
/// files' names. A mistake in a file is a `std::runtime_error`.
inline std::vector<Case> read_cases(bool keys = false) {
  const std::filesystem::path folder = std::filesystem::path(DROPLIT_TEST_DATA) / "contract";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt" && entry.path().filename() != "words.txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  detail::Reader reader;
  reader.read(folder / "words.txt");
  for (const auto& file : files) {
    const std::size_t before = reader.cases.size();
    reader.read(file);
    if (reader.cases.size() == before) throw std::runtime_error(file.string() + " has no case");
  }
  std::erase_if(reader.cases, [keys](const Case& one) {
    const bool has_key = std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
      return droplit::detail::equals_ignoring_case(field.first, "idempotency-key");
    });
    return one.keys != keys && (one.keys || has_key);
  });
  return std::move(reader.cases);
}

/// `text` with everything that is not printable ASCII as `\xHH`, and not more of it than helps.
inline std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 2000)) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      out += "\\x";
      out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
    }
  }
  return text.size() > 2000 ? out + " ... (" + std::to_string(text.size()) + " bytes)" : out;
}

/// What differs between the response and the contract's; empty if nothing does.
inline std::string difference(const Case& expected, const droplit::Response& answer) {
  droplit::Response right;
  right.status = expected.status;
  if (!expected.answer_type.empty()) right.fields.add("content-type", expected.answer_type);
  for (const auto& [name, value] : expected.answer_fields) right.fields.add(name, value);
  right.fields.add("content-length", std::to_string(expected.answer_body.size()));
  right.body = expected.answer_body;
  right.close = expected.closes;
  if (answer == right) return {};
  const auto shown = [](const droplit::Response& response) {
    return std::to_string(response.status) + (response.close ? " closes\n" : "\n") +
           printable(response.fields.lines()) + "\n" + printable(response.body) + "\n";
  };
  return expected.where + " [" + expected.row + "]\nthe contract:\n" + shown(right) + "the response:\n" + shown(answer);
}

}  // namespace contract
