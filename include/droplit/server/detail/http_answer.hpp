// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../../api_errc.hpp"
#include "../../error.hpp"
#include "../../http.hpp"
#include "date.hpp"

#include <boost/beast/http/status.hpp>

#include <string>
#include <string_view>

namespace droplit::detail {

/// The refusal of what is wrong below the endpoint: one of the codes of framing.
inline ApiError http_refusal(ApiErrc code) noexcept {
  switch (code) {
    case ApiErrc::request_timeout: return ApiError::of<ApiErrc::request_timeout>();
    case ApiErrc::uri_too_long: return ApiError::of<ApiErrc::uri_too_long>();
    case ApiErrc::header_fields_too_large: return ApiError::of<ApiErrc::header_fields_too_large>();
    case ApiErrc::content_too_large: return ApiError::of<ApiErrc::content_too_large>();
    default: return ApiError::of<ApiErrc::bad_request>();
  }
}

/// Writes an answer as HTTP/1.1 into `out`, whose memory is used again. `old`: to a client of HTTP/1.0.
inline void write_http(std::string& out, const Response& response, bool closes, bool old, bool with_body) {
  const auto status = static_cast<unsigned>(response.status);
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  const std::string_view lines = response.fields.lines();
  out.reserve(lines.size() + response.body.size() + 160);
  out = "HTTP/1.1 ";
  for (const unsigned unit : {100U, 10U, 1U}) out += static_cast<char>('0' + status / unit % 10);
  out.append(1, ' ').append(reason.data(), reason.size()).append("\r\n").append(lines);
  out.append("date: ").append(HttpDate::now()).append("\r\n");
  if (closes) {
    out += "connection: close\r\n";
  } else if (old) {
    out += "connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (with_body) out += response.body;
}

}  // namespace droplit::detail
