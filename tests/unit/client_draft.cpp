// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/client_draft.hpp>

#include "support/catch.hpp"

#include <droplit/detail/json/writer.hpp>
#include <droplit/draft_parser.hpp>

#include <array>
#include <concepts>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace droplit;
using Flaw = Findings::Flaw;

static_assert(std::copyable<ClientDraft> && std::equality_comparable<ClientDraft>);
static_assert(!std::is_default_constructible_v<ClientDraft>);
static_assert(!std::is_constructible_v<ClientDraft, std::string, ClientType>);
static_assert(!std::is_constructible_v<ClientDraft, EcosystemId, ClientType, std::string>);
static_assert(std::is_nothrow_move_constructible_v<ClientDraft>);

// The table of fields, in the order of the page.
static_assert(client_fields.size() == 4);
static_assert(client_fields[0].name == "ecosystemId" && client_fields[0].required);
static_assert(client_fields[1].name == "type" && client_fields[1].required);
static_assert(client_fields[2].name == "name" && !client_fields[2].required);
static_assert(client_fields[3].name == "description" && !client_fields[3].required);
static_assert(client_fields[0].kind == FieldKind::ecosystem_id && client_fields[1].kind == FieldKind::client_type &&
              client_fields[2].kind == FieldKind::text && client_fields[3].kind == FieldKind::text);

namespace {

constexpr std::string_view id = "C594b89aea18568c408c3ad24";

ApiError refusal(Findings findings) { return *ApiError::from(std::move(findings)); }

const ApiError unreadable = refusal({{}, {}, true, {Flaw{}, {}, {}, {}}});

}  // namespace

TEST_CASE("valid parameters make a draft") {
  const auto draft = ClientDraft::make({id, "server", "n", ""}).value();
  CHECK(draft.ecosystem_id() == "C594b89aea18568c408c3ad24"_ecosystem_id);
  CHECK(draft.type() == ClientType::server);
  CHECK(draft.name() == Text::parse("n"));
  CHECK(draft.description() == Text::parse(""));
  CHECK(draft ==
        ClientDraft("C594b89aea18568c408c3ad24"_ecosystem_id, ClientType::server, Text::parse("n"), Text::parse("")));
  const auto bare = ClientDraft::make({"C594B89AEA18568C408C3AD24", "application", {}, {}}).value();
  CHECK_FALSE(bare.name());
  CHECK_FALSE(bare.description());
  CHECK(bare != draft);
}

TEST_CASE("texts can be moved out of a draft") {
  auto draft = ClientDraft::make({id, "server", std::string(100, 'n'), "d"}).value();
  CHECK(std::move(draft).name() == Text::parse(std::string(100, 'n')));
  CHECK(std::move(draft).description() == Text::parse("d"));
}

TEST_CASE("parameters may be temporaries, optionals, null pointers and views of the draft that is assigned") {
  const char* const null = nullptr;
  const auto long_name = [] { return std::string(100, 'n'); };
  auto draft = ClientDraft::make({.ecosystem_id = std::string(id),
                                  .type = std::optional<std::string>("server"),
                                  .name = long_name(),
                                  .description = null})
                   .value();
  CHECK(draft.name() == Text::parse(long_name()));
  CHECK_FALSE(draft.description());
  draft = ClientDraft::make({id, "server", std::nullopt, draft.name()->str()}).value();
  CHECK_FALSE(draft.name());
  CHECK(draft.description() == Text::parse(long_name()));
  CHECK(ClientDraft::make({null, null, null, null}).error() == unreadable);
  draft = ClientDraft(draft.ecosystem_id(), draft.type(), draft.description(), std::move(draft).description());
  CHECK(draft.description() == Text::parse(long_name()));
}

static_assert(!std::is_assignable_v<decltype((ClientParameters().name)), std::nullptr_t>);

TEST_CASE("invalid parameters make the refusal that a server would respond with, every violation at once") {
  CHECK(ClientDraft::make({}).error() == unreadable);
  CHECK(ClientDraft::make({{}, "server", {}, {}}).error() == refusal({{}, {}, false, {Flaw::missing, {}, {}, {}}}));
  CHECK(ClientDraft::make({id, {}, {}, {}}).error() == refusal({{}, {}, false, {Flaw{}, Flaw::missing, {}, {}}}));
  CHECK(ClientDraft::make({"x", "y", std::string_view("\0", 1), std::string_view("a\0b", 3)}).error() ==
        refusal({{}, {}, false, {Flaw::invalid, Flaw::invalid, Flaw::characters, Flaw::characters}}));
  CHECK(ClientDraft::make({"", "", "", ""}).error() ==
        refusal({{}, {}, false, {Flaw::invalid, Flaw::invalid, {}, {}}}));
  CHECK(ClientDraft::make({std::string_view("C594b89aea18568c408c3ad24\0", 26), "server", {}, {}}).error() ==
        refusal({{}, {}, false, {Flaw::invalid, {}, {}, {}}}));
  CHECK(ClientDraft::make({id, std::string_view("server\0", 7), {}, {}}).error() ==
        refusal({{}, {}, false, {Flaw{}, Flaw::invalid, {}, {}}}));
  CHECK(ClientDraft::make({std::string(100000, 'C'), std::string(100000, 's'), {}, {}}).error() ==
        refusal({{}, {}, false, {Flaw::invalid, Flaw::invalid, {}, {}}}));
  CHECK(ClientDraft::make({{}, {}, std::string_view("\0", 1), {}}).error() ==
        refusal({{}, {}, false, {Flaw::missing, Flaw::missing, Flaw::characters, {}}}));
}

TEST_CASE("text that is not UTF-8 is Body Parameters Missing alone, in whichever field") {
  for (const std::string_view bad : {"\x80", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    CHECK(ClientDraft::make({bad, "server", {}, {}}).error() == unreadable);
    CHECK(ClientDraft::make({id, bad, {}, {}}).error() == unreadable);
    CHECK(ClientDraft::make({id, "server", bad, {}}).error() == unreadable);
    CHECK(ClientDraft::make({id, "server", {}, bad}).error() == unreadable);
    CHECK(ClientDraft::make({"x", "y", std::string_view("\0", 1), bad}).error() == unreadable);
  }
}

TEST_CASE("what make says of strings, parse_draft says of their body") {
  using namespace std::string_literals;
  const std::vector<std::optional<std::string>> ids{
      std::nullopt, std::string(id), ""s, "x"s, std::string(id) + "\0"s, "C000000000000000000000000"s, "\xFF"s};
  const std::vector<std::optional<std::string>> types{std::nullopt, "application"s, "server"s, "Server"s, "server\0"s,
                                                      ""s,          "\xC3\xA9"s,    "\xC3"s};
  const std::vector<std::optional<std::string>> texts{
      std::nullopt,          ""s, "a"s, "\0"s, "a\"\\\n\x1F\x7F"s, "\xC3\xA9"s, "\xF0\x9F\x98\x80"s, "\xED\xA0\x80"s,
      std::string(3000, 'x')};
  std::mt19937_64 random(1);
  std::size_t drafts = 0;
  for (const auto& a : ids) {
    for (const auto& b : types) {
      for (const auto& c : texts) {
        for (const auto& d : texts) {
          const std::array<const std::optional<std::string>*, 4> given{&a, &b, &c, &d};
          std::string body = "{";
          const std::size_t first = random() % 4;
          for (std::size_t i = 0; i != 4; ++i) {  // in any order
            const std::size_t field = (first + i) % 4;
            if (!*given[field]) continue;
            if (body.size() > 1) body += ',';
            detail::append_json_string(body, client_fields[field].name);
            body += ':';
            detail::append_json_string(body, **given[field]);
          }
          body += '}';
          const auto made = ClientDraft::make({a, b, c, d});
          const auto parsed = parse_draft(body);
          if (made.has_value() != parsed.has_value()) FAIL(body);
          if (made ? made.value() != parsed.value() : made.error() != parsed.error()) FAIL(body);
          drafts += made.has_value();
        }
      }
    }
  }
  CHECK(drafts == 2 * 2 * 7 * 7);
}
