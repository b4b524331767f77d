// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <droplit/detail/config.hpp>
#include <droplit/fault.hpp>
#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

/// An answer as libcurl hands it over, line by line and piece by piece, and how far the request got before.
class CurlResponse {
 public:
  /// `to_head`: the answer to a HEAD, which has no body.
  CurlResponse(std::size_t max_head, std::size_t max_body, bool to_head) noexcept
      : max_head_(max_head), max_body_(max_body), to_head_(to_head) {}

  /// The request is about to be written onto a connection. False if it was before: a second one may be a second client.
  bool begin() noexcept { return !std::exchange(begun_, true); }

  /// A line of a head, or of a trailer. False if the answer is not read on.
  bool head(std::string_view line) {
    if (line.size() > max_head_ - head_size_) return stop("its head is longer than the limit");
    head_size_ += line.size();
    if (complete_) return true;  // a trailer, which changes nothing
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (!in_head_) {  // at the first line, or behind a 1xx
      in_head_ = true;
      response_.fields.clear();
      status_ = line.starts_with("HTTP/1.") ? read_status(line) : 0;
      return status_ != 0 || stop("its head is not one of HTTP");
    }
    if (line.empty()) {
      in_head_ = false;
      complete_ = status_ >= 200;
      if (status_ == 101 || (!complete_ && ++interim_ > max_interim)) return stop("it has heads that nobody asked for");
      if (complete_ && !is_plain_coding()) return stop("its transfer coding is not known");
      return true;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && response_.fields.add(line.substr(0, colon), line.substr(colon + 1))) {
      return true;
    }
    return stop("its head is not one of HTTP");
  }

  /// A piece of the body. False if the answer is not read on.
  bool body(std::string_view piece) {
    if (piece.size() <= max_body_ - response_.body.size()) {
      response_.body += piece;
      return true;
    }
    response_.body += piece.substr(0, max_body_ - response_.body.size());
    return stop("its body is longer than the limit");
  }

  /// What it comes to. `failure` is what libcurl says, empty if all went well.
  Outcome<Response> finish(std::string_view failure) {
    if (!begun_) return Fault(FaultSource::transport, Fate::not_sent, std::string(failure));
    if (status_ < 200) {
      return Fault(FaultSource::transport, Fate::maybe_applied, "there is no answer: " + said(failure));
    }
    if (flaw_.empty() && failure.empty()) flaw_ = framing_flaw();
    if (flaw_.empty() && failure.empty()) {
      response_.status = status_;
      return std::move(response_);
    }
    response_.status = status_;
    return Fault::unknown_response(status_, "the answer was not read to its end: " + said(failure), response_.body,
                                   retry_after(response_));
  }

 private:
  static constexpr int max_interim = 16;

  // The three digits of a status line, or 0.
  static int read_status(std::string_view line) noexcept {
    line.remove_prefix((std::min)(line.find(' '), line.size() - 1) + 1);
    if (line.size() > 3 && line[3] != ' ') return 0;
    int status = 0;
    for (const char c : line.substr(0, 3)) {
      if (c < '0' || c > '9') return 0;
      status = status * 10 + (c - '0');
    }
    return status < 100 ? 0 : status;
  }

  // An answer without a length ends with its connection, and so does one that was cut: only a body can tell them apart.
  [[nodiscard]] std::string_view framing_flaw() const noexcept {
    const std::size_t lengths = response_.fields.count("content-length");
    const std::size_t codings = response_.fields.count("transfer-encoding");
    if (!complete_) return "its head is cut";
    if (to_head_ || status_ == 204 || status_ == 304) return {};
    if (lengths + codings > 1) return "it has several lengths";
    if (lengths + codings == 0 && response_.body.empty()) return "it has neither length nor body";
    if (lengths == 1 && !is_length_of_body(response_.fields.get("content-length"))) return "its length is wrong";
    return {};
  }

  [[nodiscard]] bool is_plain_coding() const noexcept {
    const std::string_view coding = response_.fields.get("transfer-encoding");
    return coding.empty() || equals_ignoring_case(coding, "chunked");
  }

  [[nodiscard]] bool is_length_of_body(std::string_view digits) const noexcept {
    std::uint64_t length = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9' || length > max_body_) return false;
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return !digits.empty() && length == response_.body.size();
  }

  bool stop(std::string_view flaw) noexcept {
    flaw_ = flaw;
    return false;
  }

  [[nodiscard]] std::string said(std::string_view failure) const {
    return std::string(flaw_.empty() ? failure : flaw_);
  }

  std::size_t max_head_;
  std::size_t max_body_;
  std::size_t head_size_ = 0;
  std::string_view flaw_;
  Response response_;
  int status_ = 0;  // of the newest head
  int interim_ = 0;
  bool to_head_;
  bool begun_ = false;
  bool in_head_ = false;
  bool complete_ = false;  // the head of the final answer is
};

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
