// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// simdjson On-Demand, the parser and the padded buffer kept. Used the normal way it does not look into members that are
// skipped, so here it walks all of them, and counts the levels while it does.
#pragma once

#include "support/job.hpp"

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace peers {

class SimdjsonOnDemand {
 public:
  static constexpr std::string_view name = "simdjson On-Demand, strict walk";
  static constexpr bool limits_depth = true;

  job::Reading read(std::string_view body) {
    if (buffer_.size() < body.size() + simdjson::SIMDJSON_PADDING) {
      buffer_.resize(body.size() + simdjson::SIMDJSON_PADDING);
    }
    std::memcpy(buffer_.data(), body.data(), body.size());
    std::array<job::Member, 4> members;
    if (!read(body.size(), members)) return job::unreadable();
    return job::judge(members);
  }

 private:
  static constexpr int max_depth = 32;

  bool read(std::size_t size, std::array<job::Member, 4>& members) {
    simdjson::ondemand::document document;
    if (parser_.iterate(buffer_.data(), size, buffer_.size()).get(document)) return false;
    simdjson::ondemand::object object;
    if (document.get_object().get(object)) return false;
    for (auto field : object) {
      std::string_view key;
      if (field.unescaped_key().get(key)) return false;
      simdjson::ondemand::value value;
      if (field.value().get(value)) return false;
      job::Member* const member = member_named(key, members);
      if (member == nullptr) {
        if (!walk(value, 2)) return false;
      } else if (!take(value, *member)) {
        return false;
      }
    }
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;  // nothing stands behind it
  }

  static job::Member* member_named(std::string_view key, std::array<job::Member, 4>& members) noexcept {
    for (std::size_t i = 0; i != members.size(); ++i) {
      if (job::names[i] == key) return &members[i];
    }
    return nullptr;
  }

  static bool take(simdjson::ondemand::value value, job::Member& member) {
    member = {};
    simdjson::ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type == simdjson::ondemand::json_type::string) {
      member.kind = job::Member::Kind::text;
      return !value.get_string().get(member.text);
    }
    if (type != simdjson::ondemand::json_type::null) member.kind = job::Member::Kind::other;
    return walk(value, 2);
  }

  /// Looks at everything in a value that stands on level `depth` if it is an object or array.
  static bool walk(simdjson::ondemand::value value, int depth) {
    simdjson::ondemand::json_type type;
    if (value.type().get(type)) return false;
    switch (type) {
      case simdjson::ondemand::json_type::array: {
        simdjson::ondemand::array array;
        if (depth > max_depth || value.get_array().get(array)) return false;
        for (auto element : array) {
          simdjson::ondemand::value inner;
          if (element.get(inner) || !walk(inner, depth + 1)) return false;
        }
        return true;
      }
      case simdjson::ondemand::json_type::object: {
        simdjson::ondemand::object object;
        if (depth > max_depth || value.get_object().get(object)) return false;
        for (auto field : object) {
          std::string_view key;
          simdjson::ondemand::value inner;
          if (field.unescaped_key().get(key) || field.value().get(inner) || !walk(inner, depth + 1)) return false;
        }
        return true;
      }
      case simdjson::ondemand::json_type::string: {
        std::string_view text;
        return !value.get_string().get(text);
      }
      case simdjson::ondemand::json_type::number: {
        simdjson::ondemand::number number;
        return !value.get_number().get(number);
      }
      case simdjson::ondemand::json_type::boolean: {
        bool boolean = false;
        return !value.get_bool().get(boolean);
      }
      case simdjson::ondemand::json_type::null: {
        bool null = false;
        return !value.is_null().get(null) && null;
      }
    }
    return false;
  }

  simdjson::ondemand::parser parser_;
  std::vector<char> buffer_;
};

}  // namespace peers
