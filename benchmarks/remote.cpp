// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does the client's side cost, encoding a draft and decoding the 201, beside Boost.JSON's DOM and nlohmann-json?
#include "support/bench.hpp"
#include "support/job.hpp"
#include "support/policies.hpp"
#include "support/workloads.hpp"

#include <droplit/draft_parser.hpp>
#include <droplit/json.hpp>
#include <droplit/remote/create_client.hpp>

#include <boost/json.hpp>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace {

const std::string_view response_body =
    R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"Wall panel by the north entrance",)"
    R"("ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","name":"Lobby panel",)"
    R"("type":"application"})";

/// The members of a 201, checked by hand: nothing if one is missing or wrong.
template <class Text>
std::optional<job::Created> judge(Text text) {
  job::Created created;
  const std::optional<std::string_view> at = text("createdAt");
  const std::optional<std::string_view> ecosystem = text("ecosystemId");
  const std::optional<std::string_view> id = text("id");
  const std::optional<std::string_view> type = text("type");
  const auto time = at ? droplit::Timestamp::parse(*at) : std::nullopt;
  if (!time || !ecosystem || !id || !type || id->size() != 24) return std::nullopt;
  if (!job::parse_ecosystem_id(*ecosystem, created.ecosystem_id) || !job::parse_hex(*id, created.id)) {
    return std::nullopt;
  }
  if (*type != "server" && *type != "application") return std::nullopt;
  created.unix_millis = time->unix_millis();
  created.server = *type == "server";
  if (const std::optional<std::string_view> name = text("name")) created.name.emplace(*name);
  if (const std::optional<std::string_view> description = text("description"))
    created.description.emplace(*description);
  return created;
}

std::optional<job::Created> decode_boost(std::string_view body) {
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse({body.data(), body.size()}, ec);
  if (ec || !value.is_object()) return std::nullopt;
  return judge([&value](std::string_view name) -> std::optional<std::string_view> {
    const boost::json::value* const member = value.get_object().if_contains(name);
    if (member == nullptr || !member->is_string()) return std::nullopt;
    return std::string_view(member->get_string().data(), member->get_string().size());
  });
}

std::optional<job::Created> decode_nlohmann(std::string_view body) {
  const nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return judge([&value](std::string_view name) -> std::optional<std::string_view> {
    const auto member = value.find(name);
    if (member == value.end() || !member->is_string()) return std::nullopt;
    return member->get_ref<const std::string&>();
  });
}

void encode_boost(std::string& out, const job::Reading& draft) {
  boost::json::object object;
  object.reserve(4);
  object.emplace("ecosystemId", std::string_view(job::hex(draft.ecosystem_id, true)));
  object.emplace("type", draft.server ? "server" : "application");
  if (draft.name) object.emplace("name", *draft.name);
  if (draft.description) object.emplace("description", *draft.description);
  out = boost::json::serialize(object);
}

void encode_nlohmann(std::string& out, const job::Reading& draft) {
  nlohmann::ordered_json value;
  value["ecosystemId"] = std::string_view(job::hex(draft.ecosystem_id, true));
  value["type"] = draft.server ? "server" : "application";
  if (draft.name) value["name"] = *draft.name;
  if (draft.description) value["description"] = *draft.description;
  out = value.dump();
}

}  // namespace

int main(int argc, char** argv) {
  const droplit::ClientDraft draft = droplit::parse_draft(policies::w1).value();
  job::Reading reading;
  reading.ecosystem_id = draft.ecosystem_id().bytes();
  reading.name = draft.name()->str();
  reading.description = draft.description()->str();

  droplit::Response response;
  response.status = 201;
  response.fields.add("content-type", "application/json");
  response.body = response_body;

  std::string out;
  append_json(out, draft);
  job::check(out == policies::w1, out, "droplit", "encode");
  encode_boost(out, reading);
  job::check(out == policies::w1, out, "Boost.JSON DOM", "encode");
  encode_nlohmann(out, reading);
  job::check(out == policies::w1, out, "nlohmann-json", "encode");
  const auto client = read_response(response, draft);
  job::check(client.has_value() && to_json(client.assume_value()) == response_body, "client", "droplit", "decode");
  job::check(decode_boost(response_body).has_value(), "client", "Boost.JSON DOM", "decode");
  job::check(decode_boost(response_body) == decode_nlohmann(response_body), "client", "nlohmann-json", "decode");

  bench::add("remote", "encode", "droplit", [&](benchmark::State& state) {
    for (auto _ : state) {
      out.clear();
      append_json(out, draft);
      job::keep(out);
    }
  });
  bench::add("remote", "decode", "droplit", [&](benchmark::State& state) {
    for (auto _ : state) {
      const auto decoded = read_response(response, draft);
      job::keep(decoded);
    }
  });
  const auto baseline = [&](std::string_view who, auto encode, auto decode) {
    bench::add("remote", "encode", who, [&out, &reading, encode](benchmark::State& state) {
      for (auto _ : state) {
        encode(out, reading);
        job::keep(out);
      }
    });
    bench::add("remote", "decode", who, [decode](benchmark::State& state) {
      for (auto _ : state) {
        const auto decoded = decode(response_body);
        job::keep(decoded);
      }
    });
  };
  baseline("Boost.JSON DOM", encode_boost, decode_boost);
  baseline("nlohmann-json", encode_nlohmann, decode_nlohmann);
  return bench::run(argc, argv);
}
