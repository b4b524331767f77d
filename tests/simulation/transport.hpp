// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A transport over the simulated network that reads responses with the library's own reader, and a proxy on the way
// that sometimes replaces a response by one of its own.
#pragma once

#include <droplit/http.hpp>
#include <droplit/outcome.hpp>
#include <droplit/response.hpp>
#include <droplit/transport.hpp>
#include <droplit/transport/curl/response.hpp>

#include "network.hpp"
#include "server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

/// A request that was sent, and what came back.
struct Attempt {
  Nanos sent_at = 0;
  bool sent = false;
  bool tampered = false;
  bool whole = false;
  int status = 0;
  std::string body;
  std::string replayed;  ///< the field
  bool exact_503 = false;
};

inline std::uint64_t& requests_sent() {
  static std::uint64_t count = 0;
  return count;
}

class SimTransport {
 public:
  SimTransport(std::vector<std::uint16_t> ports, std::string token, unsigned trouble)
      : ports_(std::move(ports)), token_(std::move(token)), trouble_(trouble) {}
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;
  ~SimTransport() {
    if (kept_) kept_->close();
  }

  [[nodiscard]] const std::string& token() const noexcept { return token_; }

  std::vector<Attempt> attempts;
  Nanos timeout = 30 * second;

  droplit::Outcome<droplit::Response> send(const droplit::Request& request) {
    droplit::detail::curl::ResponseReader reader(64 * 1024, 1024 * 1024, false);
    Attempt& attempt = attempts.emplace_back();
    attempt.sent_at = scheduler().now();
    if (!droplit::is_sendable(request)) return reader.finish("the request cannot be written as HTTP");
    const Nanos until = scheduler().now() + timeout;
    const bool fresh = !kept_ || kept_->has_end || kept_->is_reset || !kept_->unread.empty() || random().one_in(8);
    if (fresh) {
      if (kept_) kept_->close();
      scheduler().sleep(random().between(50 * micro, milli));
      kept_ = network().connect(ports_[random().below(ports_.size())]);
      if (!kept_) return reader.finish("refused");
    }
    const auto end = kept_;
    const auto owner = [&end] {
      const auto peer = end->peer();
      return peer ? peer->owner : nullptr;
    };
    reader.begin();
    attempt.sent = true;
    ++requests_sent();
    if (random().below(1000) < trouble_) {
      scheduler().after(random().between(0, 5 * milli), [end] { End::cut(end); });
    }
    std::string flaw;
    const std::string wire = write(request);
    for (std::size_t done = 0; done != wire.size() && flaw.empty();) {
      done += end->send(std::string_view(wire).substr(done));
      if (done == wire.size()) break;
      if (!scheduler().wait_for(end->waiters, until, [&] { return end->room() != 0 || end->is_reset; })) flaw = "late";
      if (end->is_reset) flaw = "reset";
    }
    if (flaw.empty()) flaw = read(*end, until, attempt, request);
    const bool whole = flaw.empty();
    attempt.whole = whole;
    scheduler().trace(flaw, static_cast<std::uint64_t>(attempt.status));
    if (!whole && attempt.status == 0 && fresh && flaw != "late" && !end->was_cut) {
      const Process* const process = owner();
      if (process != nullptr && !process->dead && !process->stopping)
        findings().add("a whole request gets no response: " + flaw);
    }
    if (whole && random().below(1000) < trouble_) tamper(attempt);
    if (!whole || end->is_reset || random().one_in(16)) {
      end->close();
      kept_.reset();
    }
    return deliver(reader, flaw, attempt);
  }

 private:
  static Random& random() noexcept { return scheduler().random(); }

  [[nodiscard]] std::string write(const droplit::Request& request) const {
    std::string wire =
        request.method + " " + request.target + " HTTP/1.1\r\nhost: a\r\nauthorization: " + token_ + "\r\n";
    for (const droplit::HeaderField field : request.fields) {
      wire.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    return wire + "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
  }

  // Reads a response into head and body, and returns what was wrong with it, if anything.
  std::string read(End& end, Nanos until, Attempt& attempt, const droplit::Request&) {
    std::string text;
    const auto more = [&]() -> std::string {
      const bool in_time =
          scheduler().wait_for(end.waiters, until, [&] { return !end.unread.empty() || end.has_end || end.is_reset; });
      if (!in_time) return "late";
      if (end.is_reset) return "reset";
      if (end.unread.empty()) return "closed";
      text += end.read(1 + random().below(4096));
      return {};
    };
    std::size_t head_end = std::string::npos;
    while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
      if (std::string flaw = more(); !flaw.empty()) return flaw;
    }
    head_.clear();
    for (std::string_view rest = std::string_view(text).substr(0, head_end + 2); !rest.empty();) {
      head_.emplace_back(rest.substr(0, rest.find("\r\n")));
      rest.remove_prefix(head_.back().size() + 2);
    }
    attempt.status = std::stoi(text.substr(9, 3));
    const std::string length = field("content-length");
    if (length.empty()) return "no length";
    while (text.size() < head_end + 4 + std::stoul(length)) {
      if (std::string flaw = more(); !flaw.empty()) return flaw;
    }
    attempt.body = text.substr(head_end + 4, std::stoul(length));
    attempt.replayed = field("idempotency-replayed");
    attempt.exact_503 = attempt.status == 503 && attempt.body.empty() && field("retry-after") == "1";
    return {};
  }

  [[nodiscard]] std::string field(std::string_view name) const {
    for (const std::string& line : head_) {
      if (std::string_view(line).substr(0, name.size()) == name) return line.substr(name.size() + 2);
    }
    return {};
  }

  void tamper(Attempt& attempt) {
    const auto kind = random().below(9);
    if ((kind == 6 || kind == 8) && attempt.status != 201) return;
    attempt.tampered = true;
    const auto other = [&attempt](const char* status, const char* fields, std::string body) {
      attempt.body = std::move(body);
      return std::string("HTTP/1.1 ") + status + "\n" + fields +
             "content-length: " + std::to_string(attempt.body.size());
    };
    std::string head;
    switch (kind) {
      case 0: head = other("503 Busy", "content-type: text/html\nretry-after: 1\n", "<p>busy"); break;
      case 1: head = other("503 Busy", "content-type: text/plain\nretry-after: 1\n", ""); break;
      case 2: head = other("503 Busy", "retry-after: 5\n", ""); break;
      case 3: head = other("502 Bad Gateway", "content-type: text/html\n", "<p>bad"); break;
      case 4:
        head = other("404 Not Found", "content-type: text/plain; charset=utf-8\n",
                     "Ecosystem with id C00000000000000000000dead does not exist.");
        break;
      case 5: head_.emplace_back("content-encoding: gzip"); return;
      case 8: head_.emplace_back("content-encoding: gzip"); [[fallthrough]];
      case 6:
        std::erase_if(head_, [](const std::string& line) { return line.starts_with("idempotency-replayed"); });
        attempt.replayed.clear();
        return;
      default: head = other("504 Late", "content-type: application/json\n", "{}");
    }
    head_.clear();
    for (std::size_t at = 0; at <= head.size();) {
      const std::size_t next = std::min(head.find('\n', at), head.size());
      head_.push_back(head.substr(at, next - at));
      at = next + 1;
    }
  }

  droplit::Outcome<droplit::Response> deliver(droplit::detail::curl::ResponseReader& reader, const std::string& flaw,
                                              const Attempt& attempt) {
    if (attempt.status != 0) {
      for (const std::string& line : head_) reader.head(line + "\r\n");
      reader.head("\r\n");
      const std::size_t half = attempt.body.size() / 2;
      reader.body(std::string_view(attempt.body).substr(0, half));
      reader.body(std::string_view(attempt.body).substr(half));
    }
    return reader.finish(flaw);
  }

  std::vector<std::uint16_t> ports_;
  std::string token_;
  unsigned trouble_;
  std::shared_ptr<End> kept_;
  std::vector<std::string> head_;
};

}  // namespace sim
