// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console: creates a client from a command line, with a token that it keeps. docs/console.md says what it does.
#include "console/account.hpp"
#include "console/command_line.hpp"
#include "console/completion.hpp"
#include "console/help.hpp"
#include "console/output.hpp"
#include "console/prompt.hpp"
#include "console/report.hpp"
#include "program/process.hpp"
#include "program/text.hpp"

#include <droplit/sdk.hpp>
#include <droplit/transport/curl.hpp>
#include <droplit/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using console::complain;
using console::ExitStatus;

ExitStatus print(std::string_view text) {
  if (console::print(text)) return ExitStatus::done;
  complain("standard output cannot be written");
  return ExitStatus::output;
}

/// Prints the body of a response as it came; on a terminal as a line without control characters.
ExitStatus print_body(std::string_view body) {
  if (body.empty()) return ExitStatus::done;
  return print(::isatty(STDOUT_FILENO) == 1 ? console::escaped_json(body) + "\n" : std::string(body));
}

/// The token: DROPLIT_TOKEN, or else that of the account.
std::string token() {
  const char* const given = console::environment("DROPLIT_TOKEN");
  if (given == nullptr) return console::Account::at_home().read();
  if (console::is_token(given)) return given;
  throw console::AccountError(ExitStatus::unauthorised,
                              "DROPLIT_TOKEN cannot be used: printable ASCII is accepted, without spaces around it");
}

droplit::CurlOptions transport_options(const console::CommandLine& line) {
  droplit::CurlOptions options;
  if (const char* const url = console::environment("DROPLIT_URL")) options.url = url;
  if (line.url()) options.url = *line.url();
  if (line.ca_file()) options.ca_file = *line.ca_file();
  options.timeout = std::chrono::seconds(line.timeout());
  options.connect_timeout = std::min(options.connect_timeout, options.timeout);
  return options;
}

ExitStatus report(const droplit::Client& client, std::string_view body, bool json) {
  const bool colours = console::has_colours(STDOUT_FILENO);
  const ExitStatus status = json ? print_body(body) : print(console::record(client, colours));
  if (status != ExitStatus::done) complain("the client was created all the same; its id is " + client.id().text());
  return status;
}

ExitStatus report(const droplit::ApiError& error, std::string_view body, const console::CommandLine& line) {
  const auto status = static_cast<ExitStatus>(droplit::row(error.code()).exit_status);
  const bool as_body = line.json() && !body.empty();
  const ExitStatus printed = as_body ? print_body(body) : ExitStatus::done;
  if (!as_body || printed != ExitStatus::done) complain(error, line.parameters());
  return printed == ExitStatus::done ? status : printed;
}

/// How a person may go on after a fault of a create whose key was made here; empty if that cannot be done safely.
std::string how_to_go_on(const droplit::Reply& reply) {
  const bool doubtful = reply.outcome.assume_exception().fate() == droplit::Fate::maybe_applied;
  const bool honours_keys = reply.response.status != 201 || droplit::read_replayed(reply.response);
  if (!reply.key || !doubtful || !honours_keys) return {};
  return "to go on: the same command with --idempotency-key " + reply.key->str() +
         " creates no second client, until 24 hours after this one began";
}

/// A fault is always printed in words, since no body says what became of the request.
ExitStatus report(const droplit::Fault& fault, std::string_view body, bool json) {
  complain(fault);
  const bool known = fault.status() == 500 && body == droplit::to_response(fault).body;
  const ExitStatus printed = json && known ? print_body(body) : ExitStatus::done;
  return printed == ExitStatus::done ? ExitStatus::fault : printed;
}

/// Whether the file of certificates may be opened: reading a pipe or a device could block without a limit. A missing
/// file is an error of libcurl.
bool can_be_read(const std::string& ca_file) {
  struct stat about {};
  return ca_file.empty() || ::stat(ca_file.c_str(), &about) != 0 || S_ISREG(about.st_mode);
}

/// Sends again only under a key; the deadline is that of a key.
droplit::SdkOptions sdk_options(const console::CommandLine& line) {
  droplit::SdkOptions options;
  options.idempotency = line.retry() != 0;
  options.retry.max_attempts = static_cast<std::uint32_t>(1 + line.retry());
  options.retry.deadline = std::chrono::milliseconds(std::chrono::hours(24)).count();
  return options;
}

/// Checks the draft, then the account; only then is anything sent.
ExitStatus create(const console::CommandLine& line) {
  const auto draft = droplit::ClientDraft::make(line.parameters());
  if (draft.has_error()) {
    return report(draft.assume_error(), droplit::to_response(draft.assume_error()).body, line);
  }
  const std::string who = token();
  const droplit::CurlOptions options = transport_options(line);
  const auto refused = [&line](std::string_view why) {
    using droplit::Fault, droplit::FaultSource, droplit::Fate;
    return report(Fault(FaultSource::transport, Fate::not_sent, std::string(why)), {}, line.json());
  };
  if (!can_be_read(options.ca_file)) return refused("--cacert takes a regular file");
  droplit::CurlTransport transport(who, options);
  if (!transport.flaw().empty()) return refused(transport.flaw());  // also where it is to be sent again
  droplit::Sdk sdk(transport, sdk_options(line));
  const auto key = line.key();
  const droplit::Reply reply = key ? sdk.clients.create(draft.value(), *key) : sdk.clients.create(draft.value());
  if (reply.outcome.has_value()) return report(reply.outcome.assume_value(), reply.body(), line.json());
  if (reply.outcome.has_error()) return report(reply.outcome.assume_error(), reply.body(), line);
  const ExitStatus status = report(reply.outcome.assume_exception(), reply.body(), line.json());
  if (const std::string way = how_to_go_on(reply); !way.empty() && !key) complain(way);
  return status;
}

ExitStatus login() {
  const auto account = console::Account::at_home();
  account.write(console::read_token());
  return print("logged in; the token is in " + account.shown() + "\n");
}

ExitStatus logout() { return print(console::Account::at_home().remove() ? "logged out\n" : "not logged in\n"); }

std::string version() {
  return "droplit " + std::to_string(DROPLIT_VERSION / 10000) + "." + std::to_string(DROPLIT_VERSION / 100 % 100) +
         "." + std::to_string(DROPLIT_VERSION % 100) + "\n";
}

ExitStatus run(int argc, char** argv) try {
  console::CommandLine line;
  line.parse(argc, argv);
  if (line.asks_for_help()) return print(console::help_of(line.command()));
  if (line.asks_for_version()) return print(version());
  if (line.is_create()) return create(line);
  if (line.is_login()) return login();
  if (line.is_logout()) return logout();
  return print(console::bash_completion(line.root()));
} catch (const console::SyntaxError& wrong) {
  complain(wrong.what());
  return ExitStatus::syntax;
} catch (const console::AccountError& wrong) {
  complain(wrong.what());
  return wrong.status;
} catch (const std::exception&) {  // no memory
  complain("out of memory; a requested client may have been created");
  return ExitStatus::fault;
}

}  // namespace

int main(int argc, char** argv) {
  ::unsetenv("SSLKEYLOGFILE");  // libcurl would write there what opens the encryption
  ::unsetenv("OPENSSL_CONF");   // OpenSSL would read it whole before --timeout begins, also where it never ends
  if (!program::prepare_process()) return static_cast<int>(ExitStatus::output);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);  // a token is no part of any file but its own
  ::prctl(PR_SET_DUMPABLE, 0);      // for a core that goes to a program there is no limit
  return static_cast<int>(run(argc, argv));
}
