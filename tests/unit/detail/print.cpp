// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/detail/print.hpp>

#include <droplit/client.hpp>
#include <droplit/client_draft.hpp>
#include <droplit/ecosystem.hpp>
#include <droplit/error.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/storage.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <exception>
#include <iomanip>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace droplit;

namespace {

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

template <class T>
concept Prints = requires(std::ostream& out, const T& value) {
  out << value;
};

struct Ours {};
struct Converts {
  operator Text() const;
};
enum class Theirs : bool {};
[[maybe_unused]] std::string_view to_string(Theirs) { return "theirs"; }

// Nothing but values of ours is printed by ours.
static_assert(!Prints<Ours>);
static_assert(!Prints<Converts>);
static_assert(!Prints<Theirs>);
static_assert(!Prints<FieldRow>);

const EcosystemId ecosystem = "C594b89aea18568c408c3ad24"_ecosystem_id;
const Timestamp noon = *Timestamp::parse("2018-02-28T15:16:58.941Z");

Client client(std::optional<Text> name = {}, std::optional<Text> description = {}) {
  return {"a594b89aea18568c408c3ad25"_client_id,
          noon,
          ecosystem,
          ClientType::server,
          std::move(name),
          std::move(description)};
}

}  // namespace

TEST_CASE("ids and times are printed as their text, enumerators as their name") {
  CHECK(printed(ecosystem) == "C594b89aea18568c408c3ad24");
  CHECK(printed(client().id()) == "a594b89aea18568c408c3ad25");
  CHECK(printed(noon) == "2018-02-28T15:16:58.941Z");
  CHECK(printed(ClientType::server) == "server");
  CHECK(printed(EcosystemState::deleted) == "deleted");
  CHECK(printed(Fate::maybe_applied) == "maybe applied");
  CHECK(printed(FaultSource::ids) == "ids");
  CHECK(printed(Insertion::id_taken) == "id_taken");
  CHECK(printed(StoreState::foreign) == "foreign");
  CHECK(printed(Field::ecosystem_id) == "ecosystemId");
  CHECK(printed(Field::none) == "none");
  CHECK(printed(Location::query) == "query");
  CHECK(printed(Location::header) == "header");
  CHECK(printed(Location::none) == "none");
  for (const ApiErrcRow& row : api_errc_table) CHECK(printed(row.code) == row.name);
}

TEST_CASE("a stream's width and fill apply") {
  std::ostringstream out;
  out << std::setw(10) << std::setfill('.') << std::left << ClientType::server << '|';
  CHECK(out.str() == "server....|");
}

TEST_CASE("a text is printed in quotes, on one line and with nothing that controls a terminal") {
  const auto text = [](const char* value) { return printed(*Text::parse(value)); };
  CHECK(text("") == R"("")");
  CHECK(text("Lobby \xC3\xA9 \xF0\x9F\x90\x9D") == "\"Lobby \xC3\xA9 \xF0\x9F\x90\x9D\"");
  CHECK(text("a\nb\r\t\\\x1B[1m\x7F") == R"("a\nb\r\t\\\u{1B}[1m\u{7F}")");
  CHECK(text("\xC2\x80\xC2\x9F\xC2\xA0\xE2\x80\xA8\xE2\x80\xAE\xE2\x81\xA6\xD8\x9C\xE2\x80\x8E") ==
        "\"\\u{80}\\u{9F}\xC2\xA0\\u{2028}\\u{202E}\\u{2066}\\u{61C}\\u{200E}\"");
  CHECK(text("\x01\x1F ~") == R"("\u{01}\u{1F} ~")");
  CHECK(text("\xE2\x80\x8D\xE2\x80\x8F\xE2\x80\x90") == "\"\xE2\x80\x8D\\u{200F}\xE2\x80\x90\"");
  CHECK(text("\xE2\x80\xA7\xE2\x80\xAF") == "\"\xE2\x80\xA7\xE2\x80\xAF\"");
  CHECK(text("\xE2\x81\xA5\xE2\x81\xA9\xE2\x81\xAA") == "\"\xE2\x81\xA5\\u{2069}\xE2\x81\xAA\"");
  CHECK(printed(Response{200, {}, "\xFF\xC3(\xED\xA0\x80", false}) == R"(Response{200 {} "\xFF\xC3(\xED\xA0\x80"})");
}

TEST_CASE("of a long text the beginning and the size are printed, and no character is cut") {
  CHECK(printed(*Text::parse(std::string(512, 'x'))) == '"' + std::string(512, 'x') + '"');
  CHECK(printed(*Text::parse(std::string(513, 'x'))) == '"' + std::string(512, 'x') + "\"... of 513 bytes");
  for (std::size_t before = 508; before != 512; ++before) {
    const std::string begin(before, 'x');
    const std::string whole = begin + "\xF0\x9F\x90\x9D" + std::string(10, 'y');
    const std::string shown = before == 508 ? begin + "\xF0\x9F\x90\x9D" : begin;
    CHECK(printed(*Text::parse(whole)) == '"' + shown + "\"... of " + std::to_string(whole.size()) + " bytes");
  }
  std::string shown;  // of bytes that are no character three are left away
  for (int i = 0; i != 509; ++i) shown += "\\x80";
  CHECK(printed(Response{200, {}, std::string(600, '\x80'), false}) ==
        "Response{200 {} \"" + shown + "\"... of 600 bytes}");
}

TEST_CASE("a client and a draft are printed with the members that they have") {
  CHECK(printed(client()) ==
        "Client{createdAt: 2018-02-28T15:16:58.941Z, ecosystemId: C594b89aea18568c408c3ad24, "
        "id: a594b89aea18568c408c3ad25, type: server}");
  CHECK(printed(client(Text::parse("Lobby"), Text::parse(""))) ==
        "Client{createdAt: 2018-02-28T15:16:58.941Z, description: \"\", ecosystemId: C594b89aea18568c408c3ad24, "
        "id: a594b89aea18568c408c3ad25, name: \"Lobby\", type: server}");
  CHECK(printed(ClientDraft(ecosystem, ClientType::application, Text::parse("Lobby"))) ==
        "ClientDraft{ecosystemId: C594b89aea18568c408c3ad24, type: application, name: \"Lobby\"}");
  CHECK(printed(ClientTexts(Text::parse("a"), Text::parse("b"))) == R"(ClientTexts{name: "a", description: "b"})");
  CHECK(printed(ClientTexts()) == "ClientTexts{}");
  CHECK(printed(KeyedClient{client(), true}) == "replayed " + printed(client()));
  CHECK(printed(KeyedClient{client(), false}) == "created " + printed(client()));
  CHECK(printed(Ecosystem(ecosystem, EcosystemState::active)) ==
        "Ecosystem{id: C594b89aea18568c408c3ad24, state: active}");
}

TEST_CASE("a refusal is printed with all its violations") {
  const ApiError error = ClientDraft::make({.ecosystem_id = "x", .type = "y"}).error();
  CHECK(printed(error) ==
        "ApiError{Violation{Ecosystem Invalid, body, ecosystemId: \"invalid id\"}, Violation{Client Type Invalid, "
        "body, type: \"field must be one of the following values: application, server\"}}");
  CHECK(printed(error.violations()[0]) == R"(Violation{Ecosystem Invalid, body, ecosystemId: "invalid id"})");
  CHECK(printed(ApiError()) == "ApiError{Violation{Bad Request}}");
  CHECK(printed(ApiError::ecosystem_not_found(ecosystem)) ==
        "ApiError{Violation{Ecosystem Not Found: \"Ecosystem with id C594b89aea18568c408c3ad24 does not exist.\"}}");
}

TEST_CASE("a fault is printed without its cause's text and without the response that it was read from") {
  const auto cause = std::make_exception_ptr(std::runtime_error("canary"));
  CHECK(printed(Fault(FaultSource::storage, Fate::not_applied, "busy", cause)) ==
        "Fault{storage, not applied: \"busy\"}");
  CHECK(printed(Fault::unknown_response(502, "a proxy's", "canary")) ==
        "Fault{response, maybe applied, status 502: \"a proxy's\"}");
  CHECK(printed(Fault()) == "Fault{library, maybe applied}");
}

TEST_CASE("an outcome is printed as what it is") {
  CHECK(printed(Outcome<Client>(client())) == "Outcome{" + printed(client()) + "}");
  CHECK(printed(Outcome<Client>(ApiError())) == "Outcome{ApiError{Violation{Bad Request}}}");
  CHECK(printed(Outcome<Client>(Fault())) == "Outcome{Fault{library, maybe applied}}");
  CHECK(printed(Outcome<Insertion>(Insertion::inserted)) == "Outcome{inserted}");
  CHECK(printed(Outcome<std::optional<Client>>(client())) == "Outcome{" + printed(client()) + "}");
  CHECK(printed(Outcome<std::optional<Client>>(std::nullopt)) == "Outcome{nothing}");
  CHECK(printed(Outcome<int>(7)) == "Outcome{a value}");
  CHECK(printed(Outcome<void>(BOOST_OUTCOME_V2_NAMESPACE::in_place_type<void>)) == "Outcome{}");
}

TEST_CASE("requests and responses are printed without what may be a token, in whatever case") {
  Request request{"POST", "/api/clients?a", {}, "{}"};
  for (const char* secret : {"authorization", "Authorization", "PROXY-AUTHORIZATION", "Cookie", "set-cookie"}) {
    REQUIRE(request.fields.add(secret, "canary"));
    CHECK(printed(HeaderField{secret, "canary"}) == std::string(secret) + ": (not printed)");
  }
  REQUIRE(request.fields.add("content-type", "application/json"));
  CHECK(printed(request) ==
        "Request{POST /api/clients?a {authorization: (not printed), Authorization: (not printed), "
        "PROXY-AUTHORIZATION: (not printed), Cookie: (not printed), set-cookie: (not printed), "
        "content-type: application/json} \"{}\"}");
  CHECK(printed(request.fields).find("canary") == std::string::npos);
  CHECK(printed(Response{413, {}, {}, true}) == R"(Response{413 {} "" close})");
}
