// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../client_draft.hpp"
#include "json_scan.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace droplit::detail {

/// Reads a whole body that is as nearly all are: one object of the contract's members, their values strings or null.
/// Anything else is left to the streaming reader, which alone says what a body is; a body that this one reads, it reads
/// the same (tests/detail/plain_body.cpp).
class PlainBody {
 public:
  /// Fills the form, and all is done but `finish`, until when the body must stay; or false, and the form holds
  /// anything.
  static bool read(std::string_view body, DraftForm& form) {
    const char* const end = body.data() + body.size();
    const char* at = after(body.data(), end, '{');
    while (at != nullptr) {
      at = member(at, end, form);
      if (at == nullptr) return false;
      if (at != end && *at == ',') {
        ++at;
        continue;
      }
      at = after(at, end, '}');
      return at != nullptr && skip(at, end) == end;
    }
    return false;
  }

 private:
  static const char* skip(const char* at, const char* end) noexcept {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }

  // What stands behind `c`, which may have white space before it; null if it is not there.
  static const char* after(const char* at, const char* end, char c) noexcept {
    if (at == end || *at != c) {
      at = skip(at, end);
      if (at == end || *at != c) return nullptr;
    }
    return at + 1;
  }

  template <std::size_t Size>
  static bool is_at(const char* at, const char* end, const char (&text)[Size]) noexcept {
    return static_cast<std::size_t>(end - at) >= Size - 1 && std::memcmp(at, text, Size - 1) == 0;
  }

  // What stands behind a member, and the white space after it.
  static const char* member(const char* at, const char* end, DraftForm& form) {
    static_assert(client_fields.size() == 4, "a field that is not read here");
    at = after(at, end, '"');
    if (at == nullptr || at == end) return nullptr;
    switch (*at) {
      case 'e': return value(at, end, "ecosystemId\":\"", Field::ecosystem_id, form);
      case 't': return value(at, end, "type\":\"", Field::type, form);
      case 'n': return value(at, end, "name\":\"", Field::name, form);
      case 'd': return value(at, end, "description\":\"", Field::description, form);
      default: return nullptr;
    }
  }

  // `name` is what comes mostly: the name, and no white space before its string.
  template <std::size_t Size>
  static const char* value(const char* at, const char* end, const char (&name)[Size], Field field, DraftForm& form) {
    if (is_at(at, end, name)) {
      at += Size - 1;
    } else {
      constexpr std::size_t quoted = Size - 3;  // with its closing quote
      if (static_cast<std::size_t>(end - at) < quoted || std::memcmp(at, name, quoted) != 0) return nullptr;
      at = after(at + quoted, end, ':');
      if (at == nullptr) return nullptr;
      at = skip(at, end);
      if (at == end) return nullptr;
      if (*at != '"') {
        form.set_null(field);
        return is_at(at, end, "null") ? skip(at + 4, end) : nullptr;
      }
      ++at;
    }
    at = string(at, end, field, form);
    return at == nullptr || at == end || *at == ',' ? at : skip(at, end);
  }

  // An id or a type that is none, if nothing in it needs a closer look.
  [[gnu::noinline]] static const char* word(const char* at, const char* end, Field field, DraftForm& form) {
    const PlainRun run = plain_run({at, static_cast<std::size_t>(end - at)});
    const char* const close = at + run.size;
    if (!run.ascii || close == end || *close != '"') return nullptr;
    form.begin_text(field);
    form.append(field, {at, run.size});
    return close + 1;
  }

  static const char* string(const char* at, const char* end, Field field, DraftForm& form) {
    if (field == Field::ecosystem_id) {
      constexpr std::size_t size = EcosystemId::max_size;
      if (static_cast<std::size_t>(end - at) <= size || at[size] != '"') return word(at, end, field, form);
      const auto id = EcosystemId::parse({at, size});
      if (!id) return word(at, end, field, form);
      form.set(*id);
      return at + size + 1;
    }
    if (field == Field::type) {
      for (std::size_t i = 0; i != client_type_names.size(); ++i) {
        const std::string_view name = client_type_names[i];
        if (static_cast<std::size_t>(end - at) > name.size() && at[name.size()] == '"' &&
            std::memcmp(at, name.data(), name.size()) == 0) {
          form.set(static_cast<ClientType>(i));
          return at + name.size() + 1;
        }
      }
      return word(at, end, field, form);
    }
    return text(at, end, field, form);
  }

  static const char* text(const char* at, const char* end, Field field, DraftForm& form) {
    const JsonString found = scan_json_string(at, end);
    if (found.close == nullptr) return nullptr;
    const std::string_view raw(at, static_cast<std::size_t>(found.close - at));
    if (!found.escaped) {
      if (!found.ascii && !is_utf8(raw)) return nullptr;
      form.set_view(field, raw);
    } else {
      std::string& out = form.begin_whole_text(field);
      if (!unescape_json_text(at, found.close, out) || (!found.ascii && !is_utf8(out))) return nullptr;
    }
    return found.close + 1;
  }
};

}  // namespace droplit::detail
