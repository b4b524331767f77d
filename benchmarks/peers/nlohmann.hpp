// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// nlohmann-json without exceptions on malformed bodies. It has no limit of depth.
#pragma once

#include "support/job.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peers {

struct Nlohmann {
  static constexpr std::string_view name = "nlohmann-json";
  static constexpr bool limits_depth = false;

  job::Reading read(std::string_view body) const {
    const nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
    if (!value.is_object()) return job::unreadable();
    return judge(value);
  }

  static job::Reading judge(const nlohmann::json& value) {
    std::array<job::Member, 4> members;
    for (std::size_t i = 0; i != members.size(); ++i) {
      const auto member = value.find(job::names[i]);
      if (member == value.end() || member->is_null()) continue;
      const auto* const text = member->get_ptr<const std::string*>();
      members[i].kind = text != nullptr ? job::Member::Kind::text : job::Member::Kind::other;
      if (text != nullptr) members[i].text = *text;
    }
    return job::judge(members);
  }

  void write(std::string& out, const job::Created& created) const {
    nlohmann::json value = nlohmann::json::object();  // which sorts its members, as the contract has them
    value["createdAt"] = std::string_view(job::iso8601(created.unix_millis));
    if (created.description) value["description"] = *created.description;
    value["ecosystemId"] = std::string_view(job::hex(created.ecosystem_id, true));
    value["id"] = std::string_view(job::hex(created.id));
    if (created.name) value["name"] = *created.name;
    value["type"] = created.server ? "server" : "application";
    out = value.dump();
  }

  void write(std::string& out, const std::vector<job::Entry>& errors) const {
    nlohmann::json entries = nlohmann::json::array();
    for (const job::Entry& error : errors) {
      entries.push_back({{"in", error.in}, {"message", error.message}, {"path", error.path}});
    }
    out = nlohmann::json{{"errorType", "InvalidParams"}, {"errors", std::move(entries)}}.dump();
  }
};

}  // namespace peers
