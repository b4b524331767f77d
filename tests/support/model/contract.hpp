// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract as an independent model: a request in, the whole response out, written from the text of the contract
// alone. It is slow and obvious, and shares no code with the library that it judges.
#pragma once

#include "json.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace model {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "POST";
  std::string target = "/api/clients";  ///< in origin form
  Fields fields = {};
  std::string body = {};
};

struct Response {
  int status = 0;
  Fields fields = {};  ///< without `date` and `connection`
  std::string body = {};
  bool operator==(const Response&) const = default;
};

enum class TokenKind { account, server, client, user };
enum class EcosystemState { active, deleted };

/// What a body asks for, once it is valid.
struct Draft {
  std::string ecosystem_id;  ///< canonical
  std::string type;
  std::optional<std::string> name;
  std::optional<std::string> description;
  bool operator==(const Draft&) const = default;
};

/// A client that was created under a key.
struct Kept {
  Draft draft;
  std::string client_id;
  std::string created_at;
};

/// Whom the service knows, what a client that it creates is given, and which keys it remembers.
struct World {
  std::map<std::string, TokenKind> tokens;
  std::map<std::string, EcosystemState> ecosystems;  ///< by canonical id; one that is not here never was
  std::set<std::string> forbidden;                   ///< ecosystems that no server token may touch
  std::string created_at;
  std::string client_id;
  std::size_t max_body = 1024 * 1024;
  bool takes_keys = false;
  std::map<std::pair<std::string, std::string>, Kept> keys = {};  ///< by ecosystem and key
};

struct Entry {
  std::string code;
  std::string in;
  std::string message;
  std::string path;
  bool operator==(const Entry&) const = default;
};

/// A draft, or every violation in order.
struct Judged {
  std::optional<Draft> draft;
  std::vector<Entry> entries;
};

inline std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// `C` and 24 hex digits; the canonical form has lower-case digits.
inline std::optional<std::string> ecosystem_id(const std::string& text) {
  if (text.size() != 25 || text[0] != 'C') return std::nullopt;
  const std::string digits = lower(text.substr(1));
  if (digits.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return "C" + digits;
}

inline std::string listed(const std::vector<std::string>& names) {
  std::string all = "contains fields that are not allowed: [ ";
  for (std::size_t i = 0; i != names.size(); ++i) all += (i == 0 ? "" : ", ") + names[i];
  return all + " ]";
}

inline void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// Judges the body, the names of the query fields and the key. `body` is absent where it counts as not given.
inline Judged judge(const std::optional<std::string>& body, const std::vector<std::string>& query_fields,
                    bool key_is_malformed = false) {
  Judged judged;
  std::vector<Entry>& entries = judged.entries;
  if (!query_fields.empty()) {
    entries.push_back({"Query Field Not Allowed", "query", listed(query_fields), "additional parameters"});
  }
  if (key_is_malformed) {
    entries.push_back({"Idempotency Key Invalid", "header", "invalid idempotency key", "idempotency-key"});
  }

  const auto json = body ? read_json(*body) : std::nullopt;
  if (!json || json->kind != Json::Kind::object) {
    entries.push_back({"Body Parameters Missing", "body", "field is required", "ecosystemId"});
    entries.push_back({"Body Parameters Missing", "body", "field is required", "type"});
    return judged;
  }

  // The last of repeated members counts; null is the same as absent.
  std::map<std::string, Json> last;
  std::vector<std::string> unknown;
  for (const auto& [name, value] : json->members) {
    if (name == "ecosystemId" || name == "type" || name == "name" || name == "description") {
      last[name] = value;
    } else {
      add_once(unknown, name);
    }
  }
  const auto given = [&](const std::string& name) -> const Json* {
    const auto found = last.find(name);
    return found == last.end() || found->second.kind == Json::Kind::null ? nullptr : &found->second;
  };

  const Json* const id = given("ecosystemId");
  const Json* const type = given("type");
  Draft draft;
  if (id == nullptr && type == nullptr && unknown.empty()) {
    entries.push_back({"Body Parameters Missing", "body", "field is required", "ecosystemId"});
    entries.push_back({"Body Parameters Missing", "body", "field is required", "type"});
  } else {
    if (id == nullptr) {
      if (!unknown.empty()) entries.push_back({"Ecosystem Missing", "body", listed(unknown), "additional parameters"});
      entries.push_back({"Ecosystem Missing", "body", "field is required", "ecosystemId"});
    } else {
      const auto canonical = id->kind == Json::Kind::string ? ecosystem_id(id->text) : std::nullopt;
      if (canonical) {
        draft.ecosystem_id = *canonical;
      } else {
        entries.push_back({"Ecosystem Invalid", "body", "invalid id", "ecosystemId"});
      }
    }
    if (type == nullptr) {
      entries.push_back({"Client Type Missing", "body", "field is required", "type"});
    } else if (type->kind == Json::Kind::string && (type->text == "application" || type->text == "server")) {
      draft.type = type->text;
    } else {
      entries.push_back(
          {"Client Type Invalid", "body", "field must be one of the following values: application, server", "type"});
    }
  }
  const auto text = [&](const std::string& name, std::optional<std::string>& out) {
    const Json* const value = given(name);
    if (value == nullptr) return;
    if (value->kind != Json::Kind::string) {
      entries.push_back({"Body Parameter Invalid", "body", "expected field to be a string", name});
    } else if (value->text.find('\0') != std::string::npos) {
      entries.push_back(
          {"Body Parameter Characters Invalid", "body", "contains characters that are not allowed", name});
    } else {
      out = value->text;
    }
  };
  text("name", draft.name);
  text("description", draft.description);
  if (entries.empty()) judged.draft = draft;
  return judged;
}

// Responses.

inline Response with_body(int status, const std::string& content_type, const std::string& body) {
  return {status, {{"content-length", std::to_string(body.size())}, {"content-type", content_type}}, body};
}
inline Response empty(int status) { return {status, {{"content-length", "0"}}, ""}; }
inline Response text(int status, const std::string& line) {
  return with_body(status, "text/plain; charset=utf-8", line);
}

inline Response refusal(const std::vector<Entry>& entries, int status = 400) {
  std::string body = R"({"errorType":"InvalidParams","errors":[)";
  for (std::size_t i = 0; i != entries.size(); ++i) {
    body += (i == 0 ? "" : ",") + std::string(R"({"in":)") + json_string(entries[i].in) + R"(,"message":)" +
            json_string(entries[i].message) + R"(,"path":)" + json_string(entries[i].path) + "}";
  }
  return with_body(status, "application/json", body + "]}");
}

inline Response created(const Kept& client) {
  const Draft& draft = client.draft;
  std::string body = R"({"createdAt":)" + json_string(client.created_at);
  if (draft.description) body += R"(,"description":)" + json_string(*draft.description);
  body += R"(,"ecosystemId":)" + json_string(draft.ecosystem_id) + R"(,"id":)" + json_string(client.client_id);
  if (draft.name) body += R"(,"name":)" + json_string(*draft.name);
  return with_body(201, "application/json", body + R"(,"type":)" + json_string(draft.type) + "}");
}

/// The body of the response to OPTIONS.
inline Response parameters() {
  std::string body = R"({"POST":{)";
  for (const std::string name : {"ecosystemId", "type", "name", "description"}) {
    const bool required = name == "ecosystemId" || name == "type";
    body += json_string(name) + R"(:{"in":"body","type":"string","required":)" + (required ? "true" : "false") +
            (name == "type" ? R"(,"enum":["application","server"]},)" : "},");
  }
  body.back() = '}';
  return with_body(200, "application/json", body + "}");
}

// What a request is made of.

inline std::vector<std::string> values(const Request& request, const std::string& name) {
  std::vector<std::string> found;
  for (const auto& [field, value] : request.fields) {
    if (lower(field) == name) found.push_back(value);
  }
  return found;
}

inline std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Whether a content-encoding names nothing but `identity`.
inline bool is_identity(const std::string& encoding) {
  std::size_t begin = 0;
  while (begin <= encoding.size()) {
    const std::size_t end = std::min(encoding.find(',', begin), encoding.size());
    const std::string coding = lower(trimmed(encoding.substr(begin, end - begin)));
    if (!coding.empty() && coding != "identity") return false;
    begin = end + 1;
  }
  return true;
}

/// `application/json` by the grammar of RFC 9110, section 8.3.1; a charset must be utf-8.
class ContentType {
 public:
  static bool is_json(const std::string& value) {
    ContentType reader(trimmed(value));
    return reader.media_type() == "application/json" && reader.parameters();
  }

 private:
  explicit ContentType(std::string text) : text_(std::move(text)) {}

  std::string token() {
    const std::size_t begin = at_;
    const std::string others = "!#$%&'*+-.^_`|~";
    const auto is_token = [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             others.find(c) != std::string::npos;
    };
    while (at_ < text_.size() && is_token(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string media_type() {
    const std::string type = token();
    if (type.empty() || at_ == text_.size() || text_[at_++] != '/') return "";
    const std::string subtype = token();
    return lower(type + "/" + subtype);
  }

  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::optional<std::string> quoted() {
    std::string content;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return content;
      }
      if (c == '\\') {
        if (++at_ == text_.size()) return std::nullopt;
        c = text_[at_];
      }
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7F') return std::nullopt;
      content += c;
    }
    return std::nullopt;
  }

  // *( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )
  bool parameters() {
    for (;;) {
      space();
      if (at_ == text_.size()) return true;
      if (text_[at_++] != ';') return false;
      space();
      if (at_ == text_.size() || text_[at_] == ';') continue;
      const std::string name = lower(token());
      if (name.empty() || at_ == text_.size() || text_[at_++] != '=') return false;
      std::optional<std::string> value;
      if (at_ < text_.size() && text_[at_] == '"') {
        value = quoted();
      } else {
        value = token();
        if (value->empty()) return false;
      }
      if (!value || (name == "charset" && lower(*value) != "utf-8")) return false;
    }
  }

  std::string text_;
  std::size_t at_ = 0;
};

/// U+FFFD for each maximal subpart that is not UTF-8, as WHATWG decodes.
inline std::string well_formed(const std::string& bytes) {
  if (code_points(bytes)) return bytes;
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t size = 0;
    for (std::size_t n = 1; n <= 4 && i + n <= bytes.size() && size == 0; ++n) {
      if (code_points(bytes.substr(i, n))) size = n;
    }
    if (size != 0) {
      out += bytes.substr(i, size);
      i += size;
      continue;
    }
    // The longest beginning of any code point, or else one byte.
    std::size_t part = 1;
    for (std::size_t n = 2; n <= 3 && i + n <= bytes.size(); ++n) {
      const std::string prefix = bytes.substr(i, n);
      bool begins = false;
      for (const char second : {'\x80', '\x90', '\xA0', '\xBF', '\x8F', '\x9F'}) {
        for (std::size_t total = n + 1; total <= 4 && !begins; ++total) {
          std::string whole = prefix;
          while (whole.size() < total) whole += second;
          begins = code_points(whole) && code_points(whole)->size() == 1;
        }
      }
      if (begins) part = n;
    }
    append_utf8(out, 0xFFFD);
    i += part;
  }
  return out;
}

inline std::vector<std::string> query_fields(const std::string& query) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin <= query.size()) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string part = query.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty()) continue;
    const std::string name = part.substr(0, part.find('='));
    std::string decoded;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const std::string digits = "0123456789abcdef";
      const bool escape = name[i] == '%' && i + 2 < name.size();
      const std::size_t high = escape ? digits.find(lower(name.substr(i + 1, 1))) : std::string::npos;
      const std::size_t low = escape ? digits.find(lower(name.substr(i + 2, 1))) : std::string::npos;
      if (high != std::string::npos && low != std::string::npos) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
      } else {
        decoded += name[i];
      }
    }
    add_once(names, well_formed(decoded));
  }
  return names;
}

/// The key in the value of a field, or nothing if it is malformed: 1 to 255 of the characters 0x21 to 0x7E, plain or as
/// a string by the grammar of RFC 8941, section 3.3.3.
inline std::optional<std::string> idempotency_key(const std::string& value) {
  std::string key = value;
  if (!value.empty() && value[0] == '"') {
    if (value.size() < 2 || value.back() != '"') return std::nullopt;
    key.clear();
    const std::string inside = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < inside.size(); ++i) {
      if (inside[i] == '"') return std::nullopt;
      if (inside[i] == '\\') {
        if (i + 1 == inside.size() || (inside[i + 1] != '"' && inside[i + 1] != '\\')) return std::nullopt;
        ++i;
      }
      key += inside[i];
    }
  }
  if (key.empty() || key.size() > 255) return std::nullopt;
  for (const char c : key) {
    if (c <= 0x20 || c >= 0x7F) return std::nullopt;
  }
  return key;
}

/// The response to a request that is refused whatever its body says, or that has none; nothing if the body decides.
inline std::optional<Response> refused_by_head(const World& world, const Request& request) {
  // The target, then the method.
  if (request.target.find('#') != std::string::npos) return empty(400);
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path != "/api/clients" && path != "/api/clients/" && path != "/v0/api/clients" && path != "/v0/api/clients/") {
    return empty(404);
  }
  if (request.method != "POST") {
    Response response = request.method == "OPTIONS" ? parameters() : empty(405);
    response.fields.insert(response.fields.begin(), {"allow", "OPTIONS, POST"});
    return response;
  }

  // Who calls.
  const auto tokens = values(request, "authorization");
  const auto token = tokens.size() == 1 ? world.tokens.find(trimmed(tokens[0])) : world.tokens.end();
  if (token == world.tokens.end()) return empty(401);
  if (token->second != TokenKind::account && token->second != TokenKind::server) {
    return text(403, "Token type not permitted!");
  }
  if (request.body.size() > world.max_body) return empty(413);
  return std::nullopt;
}

/// The response to a request whose framing is valid, and the client that was created, if one was. The world remembers
/// what was created under a key.
inline Response respond(World& world, const Request& request, std::optional<Draft>* client = nullptr) {
  if (auto refusal_of_head = refused_by_head(world, request)) return *refusal_of_head;

  // Query, key and body together.
  bool counts = true;
  const auto types = values(request, "content-type");
  if (types.size() != 1 || !ContentType::is_json(types[0])) counts = false;
  for (const std::string& encoding : values(request, "content-encoding")) {
    if (!is_identity(encoding)) counts = false;
  }
  const std::size_t mark = request.target.find('?');
  const auto fields =
      mark == std::string::npos ? std::vector<std::string>() : query_fields(request.target.substr(mark + 1));
  std::optional<std::string> key;
  bool key_is_malformed = false;
  if (const auto lines = values(request, "idempotency-key"); world.takes_keys && !lines.empty()) {
    if (lines.size() == 1) key = idempotency_key(trimmed(lines[0]));
    key_is_malformed = !key;
  }
  const Judged judged = judge(counts ? std::optional(request.body) : std::nullopt, fields, key_is_malformed);
  if (!judged.draft) return refusal(judged.entries);

  // The right to the ecosystem, then the store.
  const std::string& id = judged.draft->ecosystem_id;
  const TokenKind caller = world.tokens.at(trimmed(values(request, "authorization")[0]));
  if (caller == TokenKind::server && world.forbidden.contains(id)) return empty(403);
  const auto answered = [&key](Response response, const char* replayed) {
    if (key) response.fields.emplace_back("idempotency-replayed", replayed);
    return response;
  };
  const auto kept = key ? world.keys.find({id, *key}) : world.keys.end();
  if (kept != world.keys.end()) {
    if (kept->second.draft == *judged.draft) return answered(created(kept->second), "true");
    return refusal(
        {{"Idempotency Key Reused", "header", "idempotency key was used with other parameters", "idempotency-key"}},
        422);
  }
  const auto state = world.ecosystems.find(id);
  if (state == world.ecosystems.end()) {
    return refusal({{"Ecosystem Invalid", "body", "invalid id", "ecosystemId"}});
  }
  if (state->second == EcosystemState::deleted) return text(404, "Ecosystem with id " + id + " does not exist.");
  if (client != nullptr) *client = judged.draft;
  const Kept now{*judged.draft, world.client_id, world.created_at};
  if (key) world.keys.insert({{id, *key}, now});
  return answered(created(now), "false");
}

}  // namespace model
