// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Judges a response more strictly than libcurl, which takes many broken ones as complete: within limits, framed as
// RFC 9112, sections 6.1 and 6.3, has it, in a known transfer coding. Also knows how far the request had got when a
// failure came, and with that its fate. Used by `CurlTransport`.

#include <droplit/detail/config.hpp>
#include <droplit/detail/http/grammar.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl {

/// Reads a response as libcurl delivers it: the head line by line, the body piece by piece.
class ResponseReader {
 public:
  /// `to_head`: the response to a HEAD, which has no body.
  ResponseReader(std::size_t max_head, std::size_t max_body, bool to_head) noexcept
      : max_head_(max_head), max_body_(max_body), to_head_(to_head) {}

  /// The request is about to be written onto a connection. False the second time: it could create a second client.
  bool begin() noexcept { return !std::exchange(begun_, true); }

  /// Reads a line of a head or a trailer. False if the rest must not be read.
  bool head(std::string_view line) {
    if (line.size() > max_head_ - head_size_) return stop("its head is longer than the limit");
    head_size_ += line.size();
    if (complete_) return true;  // a trailer, which changes nothing
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (!std::exchange(in_head_, true)) {
      response_.fields.clear();       // of a 1xx
      response_.fields.reserve(512);  // enough for most
      response_.status = read_status(line);
      return response_.status != 0 || stop(not_http);
    }
    if (line.empty()) return end_head();
    const std::size_t colon = line.find(':');
    const bool is_field =
        colon != std::string_view::npos && response_.fields.add(line.substr(0, colon), line.substr(colon + 1));
    return is_field || stop(not_http);
  }

  /// Reads a piece of the body. False if the rest must not be read.
  bool body(std::string_view piece) {
    const std::size_t room = max_body_ - response_.body.size();
    response_.body += piece.substr(0, room);
    return piece.size() <= room || stop("its body is longer than the limit");
  }

  /// The response, or the fault. `failure` is libcurl's description of its own; empty if there was none.
  Outcome<Response> finish(std::string_view failure) {
    if (!begun_) return Fault(FaultSource::transport, Fate::not_sent, std::string(failure));
    if (flaw_.empty()) flaw_ = failure;
    if (response_.status < 200) {
      return Fault(FaultSource::transport, Fate::maybe_applied, "there is no response: " + std::string(flaw_));
    }
    if (flaw_.empty()) flaw_ = framing_flaw();
    if (flaw_.empty()) return std::move(response_);
    return Fault::unknown_response(response_.status, "the response was not read to its end: " + std::string(flaw_),
                                   response_.body, retry_after(response_));
  }

 private:
  static constexpr int max_interim = 16;
  static constexpr std::string_view not_http = "its head is not HTTP/1";

  // The three digits of a status line, or 0.
  static int read_status(std::string_view line) noexcept {
    if (!line.starts_with("HTTP/1.")) return 0;
    take_until(line, ' ');
    const std::string_view digits = take_until(line, ' ');
    const auto status = parse_decimal(digits).value_or(0);
    return digits.size() == 3 && status >= 100 ? static_cast<int>(status) : 0;
  }

  bool end_head() noexcept {
    in_head_ = false;
    complete_ = response_.status >= 200;
    const bool is_unsolicited = response_.status == 101 || (!complete_ && ++interim_ > max_interim);
    if (is_unsolicited) return stop("it has heads that were not requested");
    const std::string_view coding = response_.fields.get("transfer-encoding");
    const bool is_known = !complete_ || coding.empty() || equals_ignoring_case(coding, "chunked");
    return is_known || stop("its transfer coding is not known");
  }

  // A response without a length ends with its connection, as does one that was cut: only a body distinguishes them.
  [[nodiscard]] std::string_view framing_flaw() const noexcept {
    const HeaderFields& fields = response_.fields;
    const std::size_t lengths = fields.count("content-length");
    const std::size_t codings = fields.count("transfer-encoding");
    if (!complete_) return "its head is cut";
    if (to_head_ || response_.status == 204 || response_.status == 304) return {};
    if (lengths + codings > 1) return "it has several lengths";
    if (lengths + codings == 0 && response_.body.empty()) return "it has neither length nor body";
    const auto length = parse_decimal(fields.get("content-length"));
    if (lengths == 1 && length != response_.body.size()) return "its length is invalid";
    return {};
  }

  bool stop(std::string_view flaw) noexcept {
    flaw_ = flaw;
    return false;
  }

  std::size_t max_head_;
  std::size_t max_body_;
  std::size_t head_size_ = 0;
  std::string_view flaw_;
  Response response_{0, {}, {}, false};
  int interim_ = 0;
  bool to_head_;
  bool begun_ = false;
  bool in_head_ = false;
  bool complete_ = false;  // the head of the final response is
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail::curl
