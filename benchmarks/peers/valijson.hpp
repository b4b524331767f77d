// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// valijson, a validator of JSON Schema, over nlohmann-json and over Boost.JSON. It says whether the body is right; for
// a wrong one the checks by hand tell all that is wrong in the API's words.
#pragma once

#include "boost_json.hpp"
#include "nlohmann.hpp"
#include "rapidjson.hpp"
#include "support/job.hpp"

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <string_view>

namespace peers {

class ValijsonNlohmann {
 public:
  static constexpr std::string_view name = "valijson over nlohmann-json";
  static constexpr bool limits_depth = false;

  ValijsonNlohmann() {
    const nlohmann::json text = nlohmann::json::parse(client_schema);
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(text), schema_);
  }

  job::Reading read(std::string_view body) {
    const nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
    if (value.is_discarded()) return job::unreadable();
    if (!validator_.validate(schema_, valijson::adapters::NlohmannJsonAdapter(value), nullptr) && !value.is_object())
      return job::unreadable();
    return Nlohmann::judge(value);
  }

 private:
  valijson::Schema schema_;
  valijson::Validator validator_;
};

class ValijsonBoost {
 public:
  static constexpr std::string_view name = "valijson over Boost.JSON";
  static constexpr bool limits_depth = true;

  ValijsonBoost() {
    const boost::json::value text = boost::json::parse(client_schema);
    valijson::SchemaParser().populateSchema(valijson::adapters::BoostJsonAdapter(text), schema_);
  }

  job::Reading read(std::string_view body) {
    boost::system::error_code ec;
    const boost::json::value value = boost::json::parse({body.data(), body.size()}, ec);
    if (ec) return job::unreadable();
    if (!validator_.validate(schema_, valijson::adapters::BoostJsonAdapter(value), nullptr) && !value.is_object())
      return job::unreadable();
    return boost_json::judge(value);
  }

 private:
  valijson::Schema schema_;
  valijson::Validator validator_;
};

}  // namespace peers
