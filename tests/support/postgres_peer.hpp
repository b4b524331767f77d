// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A server that replies as a test says, in PostgreSQL's protocol, version 3: what a pooler or a dying server may send.
#pragma once

#include <droplit/storage/postgres/steps.hpp>

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

/// Serves one connection at a time on a Unix socket. It accepts every user, replies to what a PostgresStorage sends
/// while it opens, and then gives each execution of a statement the next reply of its script; at the end of that it
/// closes.
class PostgresPeer {
 public:
  /// What an execution gets: messages, and whether the connection is closed after them.
  struct Reply {
    std::string bytes;
    bool close = false;
    bool stall = false;  ///< The bytes of a Bind are not read; the connection stays open until the client closes it.
  };
  struct Execution {
    int connection;  ///< from 1
    std::string sql;
    std::string name;  ///< of the prepared statement; empty if it was sent as a text
    int prepared;      ///< how many were prepared under a name until then
  };

  explicit PostgresPeer(std::vector<Reply> script = {}) : script_(std::move(script)) {
    std::string name = "/tmp/droplit-peer-XXXXXX";  // not TMPDIR: the names of sockets are short
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
    const std::string path = folder_ / ".s.PGSQL.5432";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listening_, 16) != 0) {
      throw std::runtime_error("the peer cannot listen");
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  PostgresPeer(const PostgresPeer&) = delete;
  PostgresPeer& operator=(const PostgresPeer&) = delete;
  ~PostgresPeer() {
    thread_.request_stop();
    thread_.join();
    ::close(listening_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string conninfo() const {
    return "host=" + folder_.string() + " port=5432 user=u dbname=d sslmode=disable gssencmode=disable";
  }

  [[nodiscard]] std::vector<Execution> executions() const {
    const std::lock_guard lock(mutex_);
    return executions_;
  }

  /// The scripts that came while stores were opened, and the settings of their transactions.
  [[nodiscard]] std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

  /// What is prepared under a name next, so many times, fails with this code; if that is empty, connections are closed.
  void refuse_to_prepare(const std::string& code, int times = 1) {
    const std::lock_guard lock(mutex_);
    refusal_ = code;
    refusals_ = times;
  }

  /// How many have connected.
  [[nodiscard]] int connections() const { return connection_; }

  /// Sends messages that no statement asked for.
  void say(std::string_view bytes) const { send(bytes); }

  // ---- messages ----

  using Values = std::vector<std::optional<std::string>>;  // nothing: NULL

  /// Rows of texts, with their description; the first row says how many columns there are.
  static std::string rows(const std::vector<Values>& all) {
    std::string description = int16(all.at(0).size());
    for (std::size_t i = 0; i != all[0].size(); ++i) {
      constexpr std::uint32_t text = 25;
      description += text_z("c") + int32(0) + int16(0) + int32(text) + int16(0xFFFF) + int32(0xFFFFFFFF) + int16(0);
    }
    std::string bytes = message('T', description);
    for (const Values& values : all) {
      std::string data = int16(values.size());
      for (const auto& value : values) data += value ? int32(value->size()) + *value : int32(0xFFFFFFFF);
      bytes += message('D', data);
    }
    return bytes;
  }
  static std::string row(const Values& values) { return rows({values}); }
  /// The server begins a COPY: `H` out, `G` in, `W` both ways.
  static std::string copy(char type) { return message(type, std::string(1, '\0') + int16(0)); }
  static std::string complete() { return message('C', text_z("SELECT 1")); }
  static std::string ready(char transaction = 'I') { return message('Z', std::string(1, transaction)); }
  static std::string error(const std::string& severity, const std::string& code) {
    return message('E', fields(severity, severity, code, "ProcessInterrupts"));
  }
  /// `severity` as a server says it in its own language.
  static std::string warning(const std::string& severity, const std::string& function) {
    return message('N', fields(severity, "WARNING", "01000", function));
  }

 private:
  static std::string int16(std::size_t n) { return {static_cast<char>(n >> 8 & 255), static_cast<char>(n & 255)}; }
  static std::string int32(std::size_t n) { return int16(n >> 16 & 0xFFFF) + int16(n & 0xFFFF); }
  static std::string text_z(const std::string& text) { return text + '\0'; }
  static std::string message(char type, const std::string& body) { return type + int32(body.size() + 4) + body; }
  static std::string fields(const std::string& severity, const std::string& plain, const std::string& code,
                            const std::string& function) {
    return "S" + text_z(severity) + "V" + text_z(plain) + "C" + text_z(code) + "M" + text_z("canary") + "R" +
           text_z(function) + '\0';
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd one{listening_, POLLIN, 0};
      if (::poll(&one, 1, 10) <= 0) continue;
      client_ = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      ++connection_;
      serve(stop);
      ::close(client_);
    }
  }

  /// Whether so many bytes came.
  bool read(std::size_t size, std::string& out, const std::stop_token& stop) const {
    out.clear();
    std::array<char, 65536> buffer;
    while (out.size() != size) {
      pollfd one{client_, POLLIN, 0};
      if (stop.stop_requested()) return false;
      if (::poll(&one, 1, 10) <= 0) continue;
      const ssize_t n = ::read(client_, buffer.data(), std::min(buffer.size(), size - out.size()));
      if (n <= 0) return false;
      out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return true;
  }

  static std::size_t size_in(std::string_view bytes) {
    std::size_t n = 0;
    for (const char c : bytes.substr(0, 4)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void await_end(const std::stop_token& stop) const {
    pollfd one{client_, POLLRDHUP, 0};
    while (!stop.stop_requested() && ::poll(&one, 1, 10) == 0) {
    }
  }

  void serve(const std::stop_token& stop) {
    std::string bytes;
    if (!read(4, bytes, stop) || !read(size_in(bytes) - 4, bytes, stop)) return;
    const auto parameter = [](const char* name) { return message('S', text_z(name) + text_z("UTF8")); };
    send(message('R', int32(0)) + parameter("server_encoding") + parameter("client_encoding") + ready());
    std::map<std::string, std::string> prepared;
    std::string name;
    std::string out;
    for (bool skipping = false; read(5, bytes, stop);) {
      const char type = bytes[0];
      const std::size_t size = size_in(std::string_view(bytes).substr(1)) - 4;
      if (type == 'B' && size > 65536 && stalls()) {
        next({}, {});
        return await_end(stop);
      }
      if (!read(size, bytes, stop)) return;
      const std::string first = bytes.substr(0, bytes.find('\0'));
      const std::string second = bytes.substr(std::min(bytes.size(), first.size() + 1)).c_str();
      switch (type) {
        case 'Q':
          note(first);
          out += answer_to(first) + ready();
          break;
        case 'P': {
          prepared[first] = second;
          const auto code = first.empty() ? std::nullopt : refusal();
          if (code == "") return;
          out += code ? error("ERROR", *code) : message('1', "");
          break;
        }
        case 'B':
          name = second;
          out += message('2', "");
          break;
        case 'E': {
          const std::string& sql = prepared[name];
          if (sql.starts_with("SELECT pg_catalog.set_config")) {
            note(sql);
            out += row({"", ""}) + complete();
            break;
          }
          Reply reply = next(sql, name);
          send(out + reply.bytes);
          if (reply.close) return;
          out.clear();
          skipping = true;
          break;
        }
        case 'S':
          if (!std::exchange(skipping, false)) out += ready();
          break;
        case 'X': return;
        default: break;
      }
      if (type == 'Q' || type == 'S') send(std::exchange(out, {}));
    }
  }

  /// Ours, of the latest version.
  static std::string answer_to(const std::string& sql) {
    if (sql.find("pg_namespace") != std::string::npos) return row({"1", "3", "1"}) + complete();
    if (sql.find("droplit_versions") != std::string::npos) {
      const std::string latest = std::to_string(droplit::detail::postgres::steps.size());
      return row({latest, latest}) + complete();
    }
    return row({""}) + complete();
  }

  void note(const std::string& sql) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(sql);
  }

  bool stalls() const {
    const std::lock_guard lock(mutex_);
    return executions_.size() < script_.size() && script_[executions_.size()].stall;
  }

  /// Why what is prepared now is refused, if it is.
  std::optional<std::string> refusal() {
    const std::lock_guard lock(mutex_);
    if (refusals_ != 0) return --refusals_, refusal_;
    ++prepared_;
    return std::nullopt;
  }

  Reply next(const std::string& sql, const std::string& name) {
    const std::lock_guard lock(mutex_);
    executions_.push_back({connection_, sql, name, prepared_});
    return executions_.size() <= script_.size() ? script_[executions_.size() - 1] : Reply{"", true};
  }

  std::filesystem::path folder_;
  int listening_ = -1;
  std::atomic<int> client_ = -1;
  std::atomic<int> connection_ = 0;
  mutable std::mutex mutex_;
  std::vector<Reply> script_;
  std::string refusal_;
  int refusals_ = 0;
  int prepared_ = 0;
  std::vector<Execution> executions_;
  std::vector<std::string> notes_;
  std::jthread thread_;
};
