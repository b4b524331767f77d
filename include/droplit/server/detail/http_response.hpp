// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// How `HttpSession` writes responses: status line, fields, `date`, `connection` and body, in one pass into memory that
// is used again. Enough of it is reserved that a 500 can be sent without allocating.

#include <droplit/detail/config.hpp>
#include <droplit/http.hpp>
#include <droplit/response.hpp>
#include <droplit/server/detail/date.hpp>

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// Reserves memory for a 500 with an `x-request-id`, and for its bytes in `out`.
inline void reserve_for_fault(Response& response, std::string& out) {
  reserve_for_fault(response);
  response.fields.reserve(288);
  out.reserve(512);
}

/// Frees the memory of a long response.
inline void release_memory(Response& response, std::string& out) {
  std::string().swap(response.body);
  std::string().swap(out);
  reserve_for_fault(response, out);
}

/// The reason phrase; that of Beast 1.81 for two statuses is an earlier RFC's than 9110.
inline std::string_view reason_of(unsigned status) noexcept {
  if (status == 413) return "Content Too Large";
  if (status == 422) return "Unprocessable Content";
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return {reason.data(), reason.size()};
}

/// Writes a response as HTTP/1.1 into `out`, whose memory is used again. `http_1_0`: to a client of HTTP/1.0.
inline void write_http(std::string& out, const Response& response, bool closes, bool http_1_0, bool with_body) {
  const auto status = static_cast<unsigned>(response.status);
  const char code[] = {static_cast<char>('0' + status / 100 % 10), static_cast<char>('0' + status / 10 % 10),
                       static_cast<char>('0' + status % 10), ' '};
  const std::string_view parts[] = {"HTTP/1.1 ",
                                    {code, sizeof code},
                                    reason_of(status),
                                    "\r\n",
                                    response.fields.lines(),
                                    "date: ",
                                    HttpDate::now(),
                                    closes     ? "\r\nconnection: close\r\n\r\n"
                                    : http_1_0 ? "\r\nconnection: keep-alive\r\n\r\n"
                                               : "\r\n\r\n",
                                    with_body ? std::string_view(response.body) : std::string_view()};
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  out.resize(size);
  char* at = out.data();
  for (const std::string_view part : parts) at = std::copy_n(part.data(), part.size(), at);
}

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
