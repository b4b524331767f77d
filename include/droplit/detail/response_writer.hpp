// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How `write_response` begins and ends each response, in memory that is used again, and what it leaves in the response
// for an observer: the code or the fault that it was written from.

#include <droplit/api_errc.hpp>
#include <droplit/detail/config.hpp>
#include <droplit/detail/guarded.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

DROPLIT_DETAIL_NOINLINE inline void forget_fault(Response& out) noexcept { out.fault.reset(); }  // rare

inline void start(Response& out, int status, std::optional<ApiErrc> code = {}) {
  if (out.fault) [[unlikely]]
    forget_fault(out);
  out.status = status;
  out.fields.clear();
  out.body.clear();
  out.close = false;
  out.code = code;
}

/// Adds the last fields, once the body is complete: `lines`, which ends with the name of the field `content-length`,
/// and its value.
inline void end(Response& out, std::string_view lines = "content-length: ") {
  char text[128];
  char* at = text + sizeof text;
  *--at = '\n';
  *--at = '\r';
  std::size_t size = out.body.size();
  do {
    *--at = static_cast<char>('0' + size % 10);
    size /= 10;
  } while (size != 0);
  at -= lines.size();
  std::memcpy(at, lines.data(), lines.size());
  WrittenLines::add(out.fields, {at, static_cast<std::size_t>(text + sizeof text - at)});
}

/// A copy for an observer; without the texts if there is no memory for them.
inline std::optional<Fault> copy_of(const Fault& fault) noexcept {
  std::optional<Fault> copy;
  if (thrown_by(fault.source(), fault.fate(), [&] { copy.emplace(fault); })) copy.emplace(fault.without_texts());
  return copy;
}

/// Writes a 405. The methods are a copy, since those that are given may be views of `out`.
DROPLIT_DETAIL_NOINLINE inline void refuse_method(Response& out, const ApiErrcRow& row, const std::string& methods) {
  start(out, row.status, row.code);
  out.close = row.closes;
  out.fields.add("allow", methods);
  end(out);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
