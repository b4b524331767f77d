// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A PostgreSQL of the test's own, and what may happen to one.
#pragma once

#include <libpq-fe.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// Another program's session, in which everything is waited for; what goes wrong is thrown, or counted as a failure.
class PostgresSession {
 public:
  explicit PostgresSession(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str()), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    PQsetNoticeReceiver(
        connection_.get(), [](void*, const PGresult*) {}, nullptr);
  }

  /// Runs it and returns its SQLSTATE, empty if it succeeded.
  std::string run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), PQclear);
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "lost";
  }

  /// Runs it and returns all values of its rows, each followed by a bar; throws if it fails.
  std::string ask(const std::string& sql) { return values_of(PQexec(connection_.get(), sql.c_str())); }

  void prepare(const std::string& name, const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr), PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQresultErrorMessage(result.get()));
  }

  /// Runs what was prepared, as `ask`.
  std::string execute(const std::string& name, const std::vector<std::string>& parameters) {
    std::vector<const char*> texts;
    for (const std::string& each : parameters) texts.push_back(each.c_str());
    return values_of(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(texts.size()), texts.data(),
                                    nullptr, nullptr, 0));
  }

  /// Waits until `ask` returns this.
  void await(const std::string& sql, const std::string& values) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (ask(sql) != values) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain for: " + sql);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  static std::string values_of(PGresult* rows) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(rows, PQclear);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK) throw std::runtime_error(PQresultErrorMessage(rows));
    std::string values;
    for (int row = 0; row != PQntuples(rows); ++row) {
      for (int i = 0; i != PQnfields(rows); ++i) {
        values.append(PQgetisnull(rows, row, i) != 0 ? "NULL" : PQgetvalue(rows, row, i)).append("|");
      }
    }
    return values;
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// A temporary folder in which PostgreSQL's programs run, gone with the object. Not as root, whom PostgreSQL refuses:
/// then as the user `postgres`, or `nobody`. Throws if there is no PostgreSQL. Started and used by the main thread.
class PostgresHome {
 public:
  PostgresHome() {
    const passwd* user = ::geteuid() != 0 ? nullptr : ::getpwnam("postgres");
    if (::geteuid() == 0 && user == nullptr) user = ::getpwnam("nobody");
    if (user != nullptr) {
      user_ = user->pw_uid;
      group_ = user->pw_gid;
    }
    forget_environment();
    ::umask(022);  // the user reads what is written here
    find_programs();
    // Not where TMPDIR says: the user must get there, and the names of sockets are short.
    std::string name = "/tmp/droplit-pg-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
    if (user != nullptr && ::chown(name.c_str(), user_, group_) != 0) throw std::runtime_error("chown failed");
    ::chmod(name.c_str(), 0755);
  }
  PostgresHome(const PostgresHome&) = delete;
  PostgresHome& operator=(const PostgresHome&) = delete;
  ~PostgresHome() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::filesystem::path folder() const { return folder_; }
  [[nodiscard]] const std::string& programs() const { return programs_; }  ///< where they are

  [[nodiscard]] std::string log() const {
    std::ifstream in(folder_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Starts a program as the cluster's user, its output in the log; it does not outlive the thread that started it.
  [[nodiscard]] pid_t spawn(const std::vector<std::string>& command) const {
    std::vector<char*> arguments;
    for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    const std::string log_name = folder_ / "log";
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0))
      ::_exit(126);
    ::setpgid(0, 0);  // apart from the terminal's signals
    // A shell's background job ignores this signal, and PgBouncer would go on to.
    ::signal(SIGQUIT, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log_name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::unsetenv("LD_PRELOAD");
    if (::chdir("/") != 0) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  /// What the environment says of other servers.
  static void forget_environment() {
    std::vector<std::string> names;
    for (char** each = ::environ; *each != nullptr; ++each) {
      const std::string_view entry = *each;
      if (entry.starts_with("PG")) names.emplace_back(entry.substr(0, entry.find('=')));
    }
    for (const std::string& name : names) ::unsetenv(name.c_str());
  }

  static int wait(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  /// Sends it to a server and all its processes.
  static void signal_all(pid_t server, int signal) {
    std::vector<pid_t> all{server};
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
      std::ifstream stat(each.path() / "stat");
      std::string line;
      if (!std::getline(stat, line)) continue;
      std::istringstream words(line.substr(line.rfind(')') + 1));  // state and parent come after the name
      std::string state;
      pid_t parent = 0;
      words >> state >> parent;
      if (parent == server) all.push_back(std::stoi(each.path().filename()));
    }
    for (const pid_t each : all) ::kill(each, signal);
  }

 private:
  void find_programs() {
    namespace fs = std::filesystem;
    std::vector<std::string> places;
    std::error_code none;
    for (const auto& each : fs::directory_iterator("/usr/lib/postgresql", none)) places.push_back(each.path() / "bin");
    const char* path = ::getenv("PATH");
    std::istringstream words(path != nullptr ? path : "");
    for (std::string place; std::getline(words, place, ':');) places.push_back(place);
    for (const std::string& place : places) {
      if (fs::exists(place + "/initdb", none) && fs::exists(place + "/postgres", none)) programs_ = place;
    }
    if (programs_.empty()) throw std::runtime_error("PostgreSQL's initdb and postgres are not installed");
  }

  std::string programs_;
  std::filesystem::path folder_;
  uid_t user_ = 0;
  gid_t group_ = 0;
};

/// A server in a folder of its own, reached by a Unix socket only, that is gone with the object and with the test.
class PostgresCluster : public PostgresHome {
 public:
  PostgresCluster() {
    const pid_t initdb = spawn({programs() + "/initdb", "-D", folder() / "data", "-U", "droplit", "-A", "trust", "-E",
                                "UTF8", "--locale=C", "--no-sync", "--no-instructions"});
    if (wait(initdb) != 0) throw std::runtime_error("initdb failed: " + log());
    start();
  }
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;
  ~PostgresCluster() {
    if (server_ <= 0) return;
    resume();
    end(SIGQUIT);
  }

  [[nodiscard]] std::string conninfo(const std::string& database = "postgres") const {
    return "host=" + folder().string() +
           " port=5432 user=droplit sslmode=disable gssencmode=disable dbname=" + database;
  }

  [[nodiscard]] std::string socket() const { return folder() / ".s.PGSQL.5432"; }

  /// Starts the server, with more settings if there are any, and waits until it accepts connections.
  void start(const std::vector<std::string>& settings = {}) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      begin_start(settings);
      while (::waitpid(server_, nullptr, WNOHANG) == 0) {
        if (PQping(conninfo().c_str()) == PQPING_OK) return;
        if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("the server does not start: " + log());
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      // Its predecessor's processes are still there.
      if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("the server ends: " + log());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  /// Starts the server, and kills it after that time, be it ready or not. False if it had ended by itself.
  bool kill_in_start(std::chrono::milliseconds after) {
    begin_start({});
    std::this_thread::sleep_for(after);
    const int status = end(SIGKILL);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  void stop_fast() { end(SIGINT); }          ///< sessions are ended
  void stop_immediately() { end(SIGQUIT); }  ///< as a crash
  void kill() { end(SIGKILL); }              ///< the first process dies, and the others notice

  /// All its processes are stopped; the system still accepts connections and bytes for it.
  void pause() { signal_all(server_, SIGSTOP); }
  void resume() { signal_all(server_, SIGCONT); }

 private:
  void begin_start(const std::vector<std::string>& settings) {
    std::vector<std::string> command{programs() + "/postgres",
                                     "-D",
                                     folder() / "data",
                                     "-k",
                                     folder().string(),
                                     "-c",
                                     "listen_addresses=",
                                     "-c",
                                     "shared_buffers=16MB",
                                     "-c",
                                     "recovery_init_sync_method=syncfs"};
    for (const std::string& setting : settings) command.insert(command.end(), {"-c", setting});
    server_ = spawn(command);
  }

  int end(int signal) {
    ::kill(server_, signal);
    return wait(std::exchange(server_, -1));
  }

  pid_t server_ = -1;
};
