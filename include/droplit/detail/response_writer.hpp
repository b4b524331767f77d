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

/// Adds the fields that describe the body, which is complete.
inline void end(Response& out, std::string_view content_type) {
  char lines[128];
  char* at = lines + sizeof lines;
  const auto put = [&at](std::string_view text) {
    at -= text.size();
    std::memcpy(at, text.data(), text.size());
  };
  put("\r\n");
  std::size_t size = out.body.size();
  do {
    *--at = static_cast<char>('0' + size % 10);
    size /= 10;
  } while (size != 0);
  put("content-length: ");
  if (!content_type.empty()) {
    put("\r\n");
    put(content_type);
    put("content-type: ");
  }
  WrittenLines::add(out.fields, {at, static_cast<std::size_t>(lines + sizeof lines - at)});
}

/// A copy for an observer; without the texts if there is no memory for them.
inline std::optional<Fault> copy_of(const Fault& fault) noexcept {
  std::optional<Fault> copy;
  const auto copied = guarded<void>(fault.source(), fault.fate(), [&]() -> Outcome<void> {
    copy.emplace(fault);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  });
  if (!copied) copy.emplace(fault.without_texts());
  return copy;
}

/// Writes a 405. The methods are a copy, since those that are given may be views of `out`.
DROPLIT_DETAIL_NOINLINE inline void refuse_method(Response& out, const ApiErrcRow& row, const std::string& methods) {
  start(out, row.status, row.code);
  out.close = row.closes;
  out.fields.add("allow", methods);
  end(out, {});
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
