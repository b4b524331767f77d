// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What does the side that asks for clients cost: the body of a draft, the outcome of a 201, a create over
// CurlTransport?
//
// Prints `NAME<TAB>NUMBER` lines: nanoseconds of processor time a call, the least of many short runs. `raw` is a loop
// on libcurl itself that does what a create over the network needs and no more: a connection that is kept, a new easy
// handle for each request, a POST with the same fields, and a string for the response's body. client.sh makes rows of
// these lines. With an argument, only what begins with it.
#include <droplit/draft_parser.hpp>
#include <droplit/json.hpp>
#include <droplit/remote/create_client.hpp>
#include <droplit/transport/curl.hpp>

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view request_body =
    R"({"ecosystemId":"C594b89aea18568c408c3ad24","type":"application","name":"Lobby panel",)"
    R"("description":"Wall panel by the north entrance"})";
constexpr std::string_view response_body =
    R"({"createdAt":"2018-02-28T15:16:58.941Z","description":"Wall panel by the north entrance",)"
    R"("ecosystemId":"C594b89aea18568c408c3ad24","id":"594b89aea18568c408c3ad25","name":"Lobby panel",)"
    R"("type":"application"})";

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Nanoseconds of processor time that this process has used.
double processor_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto nanos = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

struct Question {
  std::string_view name;
  std::size_t times;
  double least = 0;
};

template <class Call>
void measure(Question& question, Call call) {
  const double before = processor_time();
  for (std::size_t i = 0; i != question.times; ++i) call();
  const double each = (processor_time() - before) / static_cast<double>(question.times);
  if (question.least == 0 || each < question.least) question.least = each;
}

/// A process that responds to each request on a connection with the same 201.
class FixedServer {
 public:
  FixedServer() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener, any, size) == 0 && ::listen(listener, 8) == 0, "no listener");
    ::getsockname(listener, any, &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    child_ = ::fork();
    check(child_ >= 0, "no process");
    if (child_ != 0) {
      ::close(listener);
      return;
    }
    for (;;) {
      const int connection = ::accept(listener, nullptr, nullptr);
      if (::fork() == 0) serve(connection);
      ::close(connection);
    }
  }
  ~FixedServer() {
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }
  FixedServer(const FixedServer&) = delete;
  FixedServer& operator=(const FixedServer&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  [[noreturn]] static void serve(int connection) {
    const std::string response =
        "HTTP/1.1 201 Created\r\nServer: fixed\r\nDate: Sat, 28 Nov 2026 18:00:00 GMT\r\n"
        "content-type: application/json\r\ncontent-length: " +
        std::to_string(response_body.size()) + "\r\n\r\n" + std::string(response_body);
    std::string request;
    char piece[4096];
    for (;;) {
      const ssize_t size = ::recv(connection, piece, sizeof piece, 0);
      if (size <= 0) ::_exit(0);
      request.append(piece, static_cast<std::size_t>(size));
      if (!request.ends_with(request_body)) continue;
      request.clear();
      if (::send(connection, response.data(), response.size(), MSG_NOSIGNAL) < 0) ::_exit(0);
    }
  }

  std::string url_;
  pid_t child_ = -1;
};

class RawLoop {
 public:
  explicit RawLoop(const std::string& url) : url_(url + "/api/clients") {
    for (const char* line : {"authorization: token", "content-type: application/json", "expect:"}) {
      lines_ = ::curl_slist_append(lines_, line);
    }
  }
  ~RawLoop() {
    ::curl_slist_free_all(lines_);
    ::curl_multi_cleanup(multi_);
  }
  RawLoop(const RawLoop&) = delete;
  RawLoop& operator=(const RawLoop&) = delete;

  void create() {
    std::string body;
    CURL* const easy = ::curl_easy_init();
    ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    ::curl_easy_setopt(easy, CURLOPT_PROXY, "");
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines_);
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_body.data());
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_body.size()));
    ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(&append));
    ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    ::curl_multi_add_handle(multi_, easy);
    for (int running = 1; running != 0;) {
      ::curl_multi_perform(multi_, &running);
      if (running != 0) ::curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    ::curl_multi_remove_handle(multi_, easy);
    ::curl_easy_cleanup(easy);
    check(status == 201 && body == response_body, "the raw loop failed");
  }

 private:
  static std::size_t append(char* data, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
  }

  std::string url_;
  curl_slist* lines_ = nullptr;
  CURLM* multi_ = ::curl_multi_init();
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 30;
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  const FixedServer server;
  const droplit::ClientDraft draft = droplit::parse_draft(request_body).value();
  droplit::Response response;
  response.status = 201;
  response.fields.add("content-type", "application/json");
  response.body = response_body;
  const droplit::Client client = read_response(response, draft).value();
  std::string out;
  append_json(out, draft);
  check(out == request_body && to_json(client) == response_body, "the bodies are not the contract's");
  droplit::CurlOptions options;
  options.url = server.url();
  options.proxy = "";
  droplit::CurlTransport transport("token", options);
  RawLoop raw(server.url());

  Question read{"read", 20'000}, write{"write", 20'000}, encode{"encode", 20'000}, decode{"decode", 20'000},
      transported{"transport", 200}, in_raw_loop{"raw", 200};
  const auto is_wanted = [wanted](const Question& question) { return question.name.starts_with(wanted); };
  for (int i = 0; i != rounds; ++i) {
    if (is_wanted(read)) measure(read, [&] { keep(droplit::parse_draft(request_body)); });
    if (is_wanted(decode)) measure(decode, [&] { keep(read_response(response, draft)); });
    if (is_wanted(write)) {
      measure(write, [&] {
        out.clear();
        append_json(out, client);
        keep(out);
      });
    }
    if (is_wanted(encode)) {
      measure(encode, [&] {
        out.clear();
        append_json(out, draft);
        keep(out);
      });
    }
    if (is_wanted(transported)) {
      measure(transported,
              [&] { check(create_client(transport, draft).has_value(), "a create over CurlTransport failed"); });
    }
    if (is_wanted(in_raw_loop)) measure(in_raw_loop, [&] { raw.create(); });
  }
  for (const Question& question : {read, write, encode, decode, transported, in_raw_loop}) {
    if (is_wanted(question)) std::printf("%s\t%.1f\n", std::string(question.name).c_str(), question.least);
  }
  return 0;
}
