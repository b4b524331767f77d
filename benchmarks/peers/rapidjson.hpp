// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// RapidJSON with its check of UTF-8 switched on: the DOM plain, the DOM in situ on a copy with pools on the stack, and
// the DOM behind its validator of JSON Schema. It has no limit of depth.
#pragma once

#include "support/job.hpp"

#include <rapidjson/document.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peers {

namespace rapid_json {

inline constexpr unsigned flags = rapidjson::kParseValidateEncodingFlag;

template <class Value>
job::Reading judge(const Value& value) {
  if (!value.IsObject()) return job::unreadable();
  std::array<job::Member, 4> members;
  for (const auto& member : value.GetObject()) {  // one walk finds the last of a repeated name, FindMember the first
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    for (std::size_t i = 0; i != members.size(); ++i) {
      if (name != job::names[i]) continue;
      const auto& is = member.value;
      members[i] = {};
      if (is.IsString()) members[i] = {job::Member::Kind::text, {is.GetString(), is.GetStringLength()}};
      if (!is.IsString() && !is.IsNull()) members[i].kind = job::Member::Kind::other;
    }
  }
  return job::judge(members);
}

}  // namespace rapid_json

/// `Document::Parse`, which copies every string, and a `Writer` into a buffer that is used again.
class RapidJson {
 public:
  static constexpr std::string_view name = "RapidJSON DOM";
  static constexpr bool limits_depth = false;

  job::Reading read(std::string_view body) const {
    rapidjson::Document document;
    document.Parse<rapid_json::flags>(body.data(), body.size());
    return document.HasParseError() ? job::unreadable() : rapid_json::judge(document);
  }

  void write(std::string& out, const job::Created& created) {
    buffer_.Clear();
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer_);
    const auto text = [&writer](std::string_view view) {
      writer.String(view.data(), static_cast<rapidjson::SizeType>(view.size()));
    };
    writer.StartObject();
    writer.Key("createdAt");
    text(job::iso8601(created.unix_millis));
    if (created.description) {
      writer.Key("description");
      text(*created.description);
    }
    writer.Key("ecosystemId");
    text(job::hex(created.ecosystem_id, true));
    writer.Key("id");
    text(job::hex(created.id));
    if (created.name) {
      writer.Key("name");
      text(*created.name);
    }
    writer.Key("type");
    text(created.server ? "server" : "application");
    writer.EndObject();
    out.assign(buffer_.GetString(), buffer_.GetSize());
  }

  void write(std::string& out, const std::vector<job::Entry>& errors) {
    buffer_.Clear();
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer_);
    const auto member = [&writer](const char* key, std::string_view view) {
      writer.Key(key);
      writer.String(view.data(), static_cast<rapidjson::SizeType>(view.size()));
    };
    writer.StartObject();
    member("errorType", "InvalidParams");
    writer.Key("errors");
    writer.StartArray();
    for (const job::Entry& error : errors) {
      writer.StartObject();
      member("in", error.in);
      member("message", error.message);
      member("path", error.path);
      writer.EndObject();
    }
    writer.EndArray();
    writer.EndObject();
    out.assign(buffer_.GetString(), buffer_.GetSize());
  }

 private:
  rapidjson::StringBuffer buffer_;
};

/// `ParseInsitu` on a copy of the body, which it needs, with memory pools on the stack.
class RapidJsonInSitu {
 public:
  static constexpr std::string_view name = "RapidJSON DOM, in situ";
  static constexpr bool limits_depth = false;

  job::Reading read(std::string_view body) {
    copy_.assign(body);
    alignas(16) char values[4096];
    alignas(16) char stack[2048];
    Allocator value_pool(values, sizeof values);
    Allocator stack_pool(stack, sizeof stack);
    Document document(&value_pool, sizeof stack / 2, &stack_pool);
    document.ParseInsitu<rapid_json::flags>(copy_.data());
    // it stops at a NUL, so what stands behind one would pass unseen
    if (document.HasParseError() || body.find('\0') != std::string_view::npos) return job::unreadable();
    return rapid_json::judge(document);
  }

 private:
  using Allocator = rapidjson::MemoryPoolAllocator<>;
  using Document = rapidjson::GenericDocument<rapidjson::UTF8<>, Allocator, Allocator>;

  std::string copy_;
};

inline constexpr const char* client_schema = R"({
  "type": "object",
  "required": ["ecosystemId", "type"],
  "properties": {
    "ecosystemId": {"type": "string", "pattern": "^C[0-9a-fA-F]{24}$"},
    "type": {"type": "string", "enum": ["application", "server"]},
    "name": {"type": ["string", "null"]},
    "description": {"type": ["string", "null"]}
  }
})";

/// The DOM behind the JSON-Schema validator. The validator stops at the first violation, so it says whether the body is
/// right, and for a wrong one the checks by hand tell all that is wrong.
class RapidJsonSchema {
 public:
  static constexpr std::string_view name = "RapidJSON + JSON Schema";
  static constexpr bool limits_depth = false;

  RapidJsonSchema() : schema_(parsed()) {}

  job::Reading read(std::string_view body) const {
    rapidjson::Document document;
    document.Parse<rapid_json::flags>(body.data(), body.size());
    if (document.HasParseError()) return job::unreadable();
    rapidjson::SchemaValidator validator(schema_);
    if (!document.Accept(validator) && !document.IsObject()) return job::unreadable();
    return rapid_json::judge(document);
  }

 private:
  static rapidjson::Document parsed() {
    rapidjson::Document document;
    document.Parse(client_schema);
    return document;
  }

  rapidjson::SchemaDocument schema_;
};

}  // namespace peers
