// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Boost.JSON's own DOM: plain, on a stack buffer with a parser that is kept, and through value_to. Depth is limited to
// 32 by its default.
#pragma once

#include "support/job.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peers {

namespace boost_json {

inline job::Reading judge(const boost::json::value& value) {
  const boost::json::object* const object = value.if_object();
  if (object == nullptr) return job::unreadable();
  std::array<job::Member, 4> members;
  for (std::size_t i = 0; i != members.size(); ++i) {
    const boost::json::value* const member = object->if_contains(job::names[i]);
    if (member == nullptr || member->is_null()) continue;
    const boost::json::string* const text = member->if_string();
    members[i].kind = text != nullptr ? job::Member::Kind::text : job::Member::Kind::other;
    if (text != nullptr) members[i].text = {text->data(), text->size()};
  }
  return job::judge(members);
}

inline boost::json::string_view view(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline boost::json::object object_of(const job::Created& created, boost::json::storage_ptr storage) {
  boost::json::object object(storage);
  object.reserve(6);
  object.emplace("createdAt", view(job::iso8601(created.unix_millis)));
  if (created.description) object.emplace("description", view(*created.description));
  object.emplace("ecosystemId", view(job::hex(created.ecosystem_id, true)));
  object.emplace("id", view(job::hex(created.id)));
  if (created.name) object.emplace("name", view(*created.name));
  object.emplace("type", created.server ? "server" : "application");
  return object;
}

inline boost::json::object object_of(const std::vector<job::Entry>& errors, boost::json::storage_ptr storage) {
  boost::json::array entries(storage);
  for (const job::Entry& error : errors) {
    entries.emplace_back(boost::json::object(
        {{"in", view(error.in)}, {"message", view(error.message)}, {"path", view(error.path)}}, storage));
  }
  boost::json::object object(storage);
  object["errorType"] = "InvalidParams";
  object["errors"] = std::move(entries);
  return object;
}

}  // namespace boost_json

/// What most people write: `parse`, look-ups, `serialize`.
struct BoostJson {
  static constexpr std::string_view name = "Boost.JSON DOM";
  static constexpr bool limits_depth = true;

  job::Reading read(std::string_view body) const {
    boost::system::error_code ec;
    const boost::json::value value = boost::json::parse({body.data(), body.size()}, ec);
    return ec ? job::unreadable() : boost_json::judge(value);
  }

  template <class What>
  void write(std::string& out, const What& what) const {
    out = boost::json::serialize(boost_json::object_of(what, {}));
  }
};

/// The DOM without the heap: a monotonic resource on a stack buffer, parser and serializer used again.
class BoostJsonMonotonic {
 public:
  static constexpr std::string_view name = "Boost.JSON DOM, monotonic";
  static constexpr bool limits_depth = true;

  job::Reading read(std::string_view body) {
    unsigned char buffer[4096];
    boost::json::monotonic_resource resource(buffer, sizeof buffer);
    parser_.reset(&resource);
    boost::system::error_code ec;
    parser_.write(body.data(), body.size(), ec);
    job::Reading reading = ec ? job::unreadable() : boost_json::judge(parser_.release());
    parser_.reset();  // which must not hold on to the buffer
    return reading;
  }

  template <class What>
  void write(std::string& out, const What& what) {
    unsigned char buffer[4096];
    boost::json::monotonic_resource resource(buffer, sizeof buffer);
    const boost::json::value value(boost_json::object_of(what, &resource));
    serializer_.reset(&value);
    out.clear();
    char piece[4096];
    while (!serializer_.done()) {
      const auto written = serializer_.read(piece, sizeof piece);
      out.append(written.data(), written.size());
    }
  }

 private:
  boost::json::parser parser_;
  boost::json::serializer serializer_;
};

namespace boost_json {

/// A member as `value_to` gives it: absent, a text, or something else.
struct Fields {
  std::array<std::optional<std::string>, 4> texts;
  std::array<bool, 4> others{};
};

inline boost::system::result<Fields> tag_invoke(boost::json::try_value_to_tag<Fields>, const boost::json::value& value) {
  const boost::json::object* const object = value.if_object();
  if (object == nullptr) return boost::json::make_error_code(boost::json::error::not_object);
  Fields fields;
  for (std::size_t i = 0; i != fields.texts.size(); ++i) {
    const boost::json::value* const member = object->if_contains(job::names[i]);
    if (member == nullptr || member->is_null()) continue;
    auto text = boost::json::try_value_to<std::string>(*member);
    fields.others[i] = !text;
    if (text) fields.texts[i] = *std::move(text);
  }
  return fields;
}

}  // namespace boost_json

/// The DOM, and then a struct of the program's own by `try_value_to`.
struct BoostJsonValueTo {
  static constexpr std::string_view name = "Boost.JSON DOM, value_to";
  static constexpr bool limits_depth = true;

  job::Reading read(std::string_view body) const {
    boost::system::error_code ec;
    const boost::json::value value = boost::json::parse({body.data(), body.size()}, ec);
    if (ec) return job::unreadable();
    const auto fields = boost::json::try_value_to<boost_json::Fields>(value);
    if (!fields) return job::unreadable();
    std::array<job::Member, 4> members;
    for (std::size_t i = 0; i != members.size(); ++i) {
      if (fields->others[i]) members[i].kind = job::Member::Kind::other;
      if (fields->texts[i]) members[i] = {job::Member::Kind::text, *fields->texts[i]};
    }
    return job::judge(members);
  }
};

}  // namespace peers
