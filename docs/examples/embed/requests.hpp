// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the programs embed_*.cpp share: an endpoint with its policies, and requests that a program sends to its own
// server, byte by byte, so that nothing on the client's side repairs them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embed {

/// One request: its name, and what is written to the socket, piece by piece.
struct Call {
  std::string name;
  std::vector<std::string> pieces;
  bool followed = false;  ///< by a second request in the last piece
};

inline constexpr std::string_view valid_body =
    R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"server","name":"Lobby"})";
inline constexpr std::string_view token = "authorization: Acc-7oQ2.yF~x1\r\n";
inline constexpr std::string_view json = "content-type: application/json\r\n";

/// The head of a request to `target`, with these field lines.
inline std::string head(std::string_view method_and_target, std::string_view lines) {
  return std::string(method_and_target).append(" HTTP/1.1\r\nhost: localhost\r\n").append(lines).append("\r\n");
}

inline std::string length_of(std::string_view body) {
  return "content-length: " + std::to_string(body.size()) + "\r\n";
}

/// A whole request with a body of known length.
inline std::string post(std::string_view lines, std::string_view body = valid_body,
                        std::string_view method_and_target = "POST /api/clients") {
  return head(method_and_target, std::string(lines) + length_of(body)).append(body);
}

/// A valid request but for its body.
inline std::string with_body(std::string_view body) { return post(std::string(token).append(json), body); }

inline std::string in_ecosystem(std::string_view id) {
  return with_body(R"({"ecosystemId":")" + std::string(id) + R"(","type":"server"})");
}

/// A body in chunks of `size` bytes.
inline std::string chunked(std::string_view body, std::size_t size) {
  std::string text;
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    char line[20];
    const std::string_view piece = body.substr(0, size);
    text.append(line, std::to_chars(line, line + sizeof line, piece.size(), 16).ptr).append("\r\n");
    text.append(piece).append("\r\n");
  }
  return text + "0\r\n\r\n";
}

/// A request that RFC 9112 calls malformed, because two servers may see its end in different places, and a valid one
/// after it: a server that reads the second one could be made to read what a proxy took for a body. The first one has
/// 4096 bytes, so that servers with a buffer of that size do not lose the second one.
inline Call smuggle(std::string name, std::string malformed) {
  const std::string note = "x-note: " + std::string(4086 - malformed.size(), 'a') + "\r\n";
  malformed.insert(malformed.find("\r\n") + 2, note).append(with_body(valid_body));
  return {std::move(name), {std::move(malformed)}, true};
}

inline std::vector<Call> calls() {
  const std::string lines = std::string(token).append(json);
  const std::string whole = post(lines);
  const std::string in_chunks = head("POST /api/clients", lines + "transfer-encoding: chunked\r\n");
  const std::string expecting = head("POST /api/clients", lines + length_of(valid_body) + "expect: 100-continue\r\n");
  const std::string typed = std::string(token) + "content-type: ";
  const auto coded = [&lines](const std::string& codings) { return head("POST /api/clients", lines + codings); };
  const std::string chunks = chunked(valid_body, 99);
  const std::string too_long(1024 * 1024 + 1, ' ');
  const std::size_t cut = whole.size() - 40;
  return {
      {"valid", {whole}},
      {"body in two pieces", {whole.substr(0, cut), whole.substr(cut)}},
      {"body in chunks", {in_chunks + chunked(valid_body, 7)}},
      {"body after 100 Continue", {expecting, std::string(valid_body)}},
      {"/v0 and a slash", {post(lines, valid_body, "POST /v0/api/clients/")}},
      {"two requests at once", {whole + whole}, true},
      {"ecosystem invalid", {in_ecosystem("not-an-id")}},
      {"ecosystem missing", {with_body(R"({"ecosystem":"C594b89aea18568c408c3ad24","type":"server"})")}},
      {"query field", {post(lines, valid_body, "POST /api/clients?verbose=1")}},
      {"query fields, one twice", {post(lines, valid_body, "POST /api/clients?b&%61=1&b=2&c")}},
      {"body not JSON", {with_body("{")}},
      {"type invalid", {with_body(R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"gateway"})")}},
      {"type missing", {with_body(R"({"ecosystemId":"C594b89aea18568c408c3ad24"})")}},
      {"ecosystem deleted", {in_ecosystem("C594b89aea18568c408c3ad2d")}},
      {"no token", {post(json)}},
      {"unknown token", {post("authorization: nobody\r\n" + std::string(json))}},
      {"token twice", {post(std::string(token) + lines)}},
      {"token with an escape", {post("authorization: %41cc-7oQ2.yF~x1\r\n" + std::string(json))}},
      {"token of a user", {post("authorization: Usr-3pR8.sE~t7\r\n" + std::string(json))}},
      {"ecosystem of others",
       {post("authorization: Srv-9kD4.wB~z3\r\n" + std::string(json),
             R"({"ecosystemId":"Cff4b89aea18568c408c3ad24","type":"server"})")}},
      {"no content type", {post(token)}},
      {"content type twice", {post(lines + std::string(json))}},
      {"content type broken", {post(typed + "application\r\n")}},
      {"content type of a form", {post(typed + "application/x-www-form-urlencoded\r\n")}},
      {"content type of parts", {post(typed + "multipart/form-data\r\n")}},
      {"long body of a form", {post(typed + "application/x-www-form-urlencoded\r\n", too_long.substr(0, 9000))}},
      {"content encoding", {post(lines + "content-encoding: gzip\r\n")}},
      {"another target", {post(lines, valid_body, "POST /api/client")}},
      {"target with an escape", {post(lines, valid_body, "POST /api/%63lients")}},
      {"target with a host", {post(lines, valid_body, "POST http://localhost/api/clients")}},
      {"GET", {head("GET /api/clients", token)}},
      {"HEAD", {head("HEAD /api/clients", token)}},
      {"OPTIONS", {head("OPTIONS /api/clients", "")}},
      {"a method of its own", {head("BREW /api/clients", token)}},
      {"body too long, announced",
       {head("POST /api/clients", lines + length_of(too_long) + "expect: 100-continue\r\n"), too_long}},
      {"body too long, in chunks", {in_chunks + chunked(too_long, too_long.size())}},
      {"store busy", {in_ecosystem("C594b89aea18568c408c3adbb")}},
      {"store failing", {in_ecosystem("C594b89aea18568c408c3adff")}},
      {"no host",
       {"POST /api/clients HTTP/1.1\r\n" + lines + length_of(valid_body) + "\r\n" + std::string(valid_body)}},
      {"length and chunks",
       {head("POST /api/clients", lines + "transfer-encoding: chunked\r\n" + length_of(valid_body)) +
        chunked(valid_body, 99)}},
      {"chunk size not a number", {in_chunks + "x\r\n"}},
      {"length not a number", {head("POST /api/clients", lines + "content-length: 7x\r\n") + std::string(valid_body)}},
      {"space before a colon", {post("authorization : Acc-7oQ2.yF~x1\r\n" + std::string(json))}},
      smuggle("another coding", coded("transfer-encoding: gzip\r\n")),
      smuggle("another coding, folded", coded("transfer-encoding:\r\n gzip\r\n")),
      smuggle("another coding, folded, and a length",
              coded("transfer-encoding:\r\n gzip\r\n" + length_of(valid_body)).append(valid_body)),
      smuggle("another coding and a length",
              coded("transfer-encoding: gzip\r\n" + length_of(valid_body)).append(valid_body)),
      smuggle("coding with a parameter", coded("transfer-encoding: chunked;q=1\r\n") + chunks),
      smuggle("codings identity and chunked",
              coded("transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n") + chunks),
      smuggle("codings chunked and identity",
              coded("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n") + chunks),
      smuggle("chunks in HTTP/1.0", "POST /api/clients HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n" +
                                        lines + "transfer-encoding: chunked\r\n\r\n" + chunks),
      {"trailer of 70000 bytes",
       {in_chunks + chunks.substr(0, chunks.size() - 2) + "x-note: " + std::string(70000, 'a') + "\r\n\r\n" + whole},
       true},
      {"target of 20000 bytes", {post(lines, valid_body, "POST /api/clients?" + std::string(20000, 'a'))}},
      {"field of 20000 bytes", {post(lines + "x-note: " + std::string(20000, 'a') + "\r\n")}},
  };
}

/// A connection to the program's own server.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{30, 0};  // a server that is silent for that long does not respond
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(socket_); }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has responded and closed
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// The next response in one line: status, some fields, whether the connection closes, and the beginning of the body
  /// without the random id of a client. A 100 alone is "100".
  std::string read(bool has_body) {
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!receive()) return ended_ ? "closed without a response" : "no response";
    }
    const std::string lines = take(received_.find("\r\n\r\n") + 2);
    take(2);
    std::string line = lines.substr(9, 3);
    if (line == "100") return line;
    for (const char* const name : {"content-type", "allow", "retry-after"}) {
      if (const auto value = field(lines, name)) line.append(" ").append(name).append("=").append(*value);
    }
    const auto length = field(lines, "content-length");
    const std::size_t size = !has_body ? 0 : length ? std::stoul(*length) : std::string::npos;
    while (received_.size() < size && receive()) continue;
    std::string body = take(size);
    if (!length) line += " without content-length";
    if (const auto control = field(lines, "connection"); control && lower(*control) == "close") {
      while (receive()) continue;
      line += !ended_ ? " announces a close, stays open" : received_.empty() ? " close" : " more bytes, close";
    }
    for (std::size_t at = 0; (at = body.find(R"("id":")", at)) != std::string::npos; at += 6)
      body.replace(at + 6, 24, "-");
    if (!body.empty()) line.append(" ").append(body, 0, std::min<std::size_t>(body.find_first_of("\r\n"), 300));
    return line;
  }

 private:
  static std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }

  static std::optional<std::string> field(const std::string& lines, const std::string& name) {
    const std::size_t at = lower(lines).find("\r\n" + name + ":");
    if (at == std::string::npos) return std::nullopt;
    std::string value = lines.substr(at + name.size() + 3);
    value.erase(value.find("\r\n"));
    return value.substr(std::min(value.size(), value.find_first_not_of(' ')));
  }

  std::string take(std::size_t size) {
    std::string text = received_.substr(0, size);
    received_.erase(0, size);
    return text;
  }

  bool receive() {
    char piece[16384];
    const auto size = ::recv(socket_, piece, sizeof piece, 0);
    if (size <= 0) {
      ended_ = size == 0 || errno != EAGAIN;
      return false;
    }
    received_.append(piece, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  std::string received_;
  bool ended_ = false;
};

/// Sends a request on a connection of its own, and returns the line of its responses.
inline std::string send(std::uint16_t port, const Call& call) {
  Connection connection(port);
  const bool has_body = call.name != "HEAD";
  const bool expects = call.pieces.front().find("expect:") != std::string::npos;
  std::string line = call.name + ": ";
  for (const std::string& piece : call.pieces) {
    connection.write(piece);
    if (!expects && &piece != &call.pieces.back()) continue;
    const std::string response = connection.read(has_body);
    line += response;
    if (response != "100") break;  // the server does not wait for the body
    line += ", then ";
  }
  if (call.followed) line += ", then " + connection.read(has_body);
  return line;
}

/// How long a request delays the next one. A server may respond later, after a time limit of its own.
inline constexpr std::chrono::milliseconds patience{500};

/// Sends all requests, and then prints the responses, one line for each request.
inline void send_all(std::uint16_t port) {
  const std::vector<Call> all = calls();
  std::vector<std::future<std::string>> lines;
  for (const Call& call : all) {
    lines.push_back(std::async(std::launch::async, [port, &call] { return send(port, call); }));
    lines.back().wait_for(patience);
  }
  for (std::future<std::string>& line : lines) std::cout << line.get() << '\n';
  std::cout.flush();
}

/// Sends all requests to the program's server. With the argument `serve`: prints the address, and lets the server run
/// until a signal ends the program.
inline void run(int argc, char** argv, std::uint16_t port) {
  if (argc < 2 || std::string_view(argv[1]) != "serve") return send_all(port);
  std::cout << "listening on http://127.0.0.1:" << port << std::endl;
  for (;;) ::pause();
}

}  // namespace embed
