// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Law: the draft parser gives what Boost.JSON's DOM and checks by hand give, for bodies made of the corpus by mutation.
#include <droplit/draft_parser.hpp>

#include "support/catch.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

using droplit::Findings;
namespace json = boost::json;

// The contract once more, over a DOM.
std::string described(std::string_view body) {
  json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error, {}, options);
  if (error || !value.is_object()) return "unreadable";
  const json::object& object = value.get_object();

  const auto member = [&](std::string_view name) -> const json::value* {
    const json::value* found = object.if_contains({name.data(), name.size()});
    return found != nullptr && found->is_null() ? nullptr : found;
  };
  std::string out;
  const json::value* id = member("ecosystemId");
  const json::value* type = member("type");
  std::string unknown;
  bool has_unknown = false;
  for (const auto& entry : object) {
    const std::string_view name(entry.key().data(), entry.key().size());
    if (name == "ecosystemId" || name == "type" || name == "name" || name == "description") continue;
    unknown += (has_unknown ? ", " : "") + std::string(name);
    has_unknown = true;
  }
  if (id == nullptr && type == nullptr && !has_unknown) {
    out += "|both missing";
  } else {
    if (id == nullptr && has_unknown) out += "|[ " + unknown + " ]";
    const auto well_formed = [](std::string_view text) {
      return text.size() == 25 && text[0] == 'C' &&
             text.substr(1).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    };
    if (id == nullptr) out += "|id missing";
    if (id != nullptr && !(id->is_string() && well_formed({id->get_string().data(), id->get_string().size()}))) {
      out += "|id invalid";
    }
    if (type == nullptr) out += "|type missing";
    if (type != nullptr && !(type->is_string() && (*type == "application" || *type == "server")))
      out += "|type invalid";
  }
  std::string kept;
  for (const char* name : {"name", "description"}) {
    const json::value* text = member(name);
    if (text == nullptr) continue;
    if (!text->is_string()) {
      out += std::string("|") + name + " other";
      continue;
    }
    const json::string& string = text->get_string();
    if (string.find('\0') != json::string::npos) out += std::string("|") + name + " characters";
    kept += std::string(name) + "=" + std::string(string.data(), string.size()) + ";";
  }
  return out.empty() ? "draft " + kept : out;
}

std::string described(const droplit::Outcome<droplit::ClientDraft>& outcome) {
  std::string out;
  if (outcome.has_value()) {
    out = "draft ";
    if (outcome.assume_value().name()) out += "name=" + outcome.assume_value().name()->str() + ";";
    if (outcome.assume_value().description()) out += "description=" + outcome.assume_value().description()->str() + ";";
    return out;
  }
  const auto violations = outcome.assume_error().violations();
  for (const droplit::Violation violation : violations) {
    switch (violation.code) {
      case droplit::ApiErrc::body_parameters_missing: break;
      case droplit::ApiErrc::ecosystem_missing:
        if (violation.field == droplit::Field::ecosystem_id) {
          out += "|id missing";
        } else {
          out += "|" + std::string(violation.message.substr(violation.message.find('[')));
        }
        break;
      case droplit::ApiErrc::ecosystem_invalid: out += "|id invalid"; break;
      case droplit::ApiErrc::client_type_missing: out += "|type missing"; break;
      case droplit::ApiErrc::client_type_invalid: out += "|type invalid"; break;
      default:
        out += "|" + std::string(to_string(violation.field)) +
               (violation.code == droplit::ApiErrc::body_parameter_invalid ? " other" : " characters");
    }
  }
  if (violations[0].code == droplit::ApiErrc::body_parameters_missing) out = "|both missing" + out;
  return out;
}

const std::vector<std::string> corpus{
    R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"application","name":"Lobby panel","description":"by the door"})",
    R"({"type":"server","ecosystemId":"C594B89AEA18568C408C3AD24","name":null})",
    R"({"ecosystemid":"C594b89aea18568c408c3ad24","type":"gateway","x":[1,-2.5e3,{"a":[true,false,null]}],"x":"y"})",
    R"({"\u0065cosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"\u0000\ud83d\ude00\n","":{}})",
    "{ \"ecosystemId\" : \"C594b89aea18568c408c3ad24\" , \"type\" :\t\"server\" ,\r\n\"description\" : \"\xC5\xBElu\xC5\xA5\" }",
    R"({"type":"server","type":null,"type":7,"name":{"name":"x"},"description":[],"ecosystemId":12,"ecosystemId":""})",
};

const std::vector<std::string> pieces{
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "0",
    "-1e9",
    "\"name\":",
    "\"type\":\"server\",",
    "\\u0000",
    "\\ud83d",
    "\xC3\xA9",
    "\xFF",
    "\xED\xA0\x80",
    " ",
    "\n",
    "\"ecosystemId\":null,",
    "\"z\":1,",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "//",
    "'",
};

}  // namespace

TEST_CASE("a mutated body is read as the DOM reads it, whole and in pieces") {
  std::mt19937 random(20180228);
  const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  int drafts = 0;
  int refusals = 0;
  int unreadable = 0;
  for (int round = 0; round != 60000; ++round) {
    std::string body = corpus[below(corpus.size())];
    for (std::size_t changes = below(4); changes != 0; --changes) {
      const std::size_t at = below(body.size() + 1);
      switch (below(5)) {
        case 0: body.insert(at, pieces[below(pieces.size())]); break;
        case 1: body.erase(at, below(8)); break;
        case 2:
          if (at != body.size()) body[at] = static_cast<char>(below(256));
          break;
        case 3: body.insert(at, body.substr(below(body.size() + 1), below(30))); break;
        default: {  // a member of another body
          const std::string& other = corpus[below(corpus.size())];
          body.insert(at, other.substr(below(other.size()), below(40)));
        }
      }
    }
    std::string expected = described(body);
    if (expected == "unreadable") {
      expected = "|both missing";
      ++unreadable;
    } else {
      ++(expected.starts_with("draft") ? drafts : refusals);
    }
    const std::string whole = described(droplit::parse_draft(body));
    if (whole != expected) {
      INFO(body);
      CHECK(whole == expected);
    }
    droplit::DraftParser parser;
    for (std::size_t from = 0; from < body.size();) {
      const std::size_t size = 1 + below(12);
      parser.write(std::string_view(body).substr(from, size));
      from += size;
    }
    if (const std::string in_pieces = described(parser.finish()); in_pieces != expected) {
      INFO(body);
      CHECK(in_pieces == expected);
    }
  }
  CHECK(drafts > 5000);
  CHECK(refusals > 5000);
  CHECK(unreadable > 5000);
}
