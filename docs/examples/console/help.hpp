// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/command_tree.hpp"
#include "../program/option_help.hpp"
#include "output.hpp"

#include <string>
#include <string_view>

namespace console {

/// What `--help` prints of a command.
inline std::string help_of(const CLI::App& app) {
  const std::string path = path_of(app);
  const auto commands = commands_of(app);
  std::string out = "usage: " + path + (commands.empty() ? "" : " COMMAND");
  if (app.get_name() == "create") out += " --ecosystemId ECOSYSTEM-ID [OPTION...]";
  out.append("\n\n").append(app.get_description()).append("\n");

  if (!commands.empty()) out += "\ncommands:\n";
  for (const std::string_view name : commands) {
    const CLI::App* const command = app.get_subcommand(std::string(name));
    append_wrapped(out, name, 2);
    append_wrapped(out, command->get_description(), 6);
  }
  out += "\noptions:\n";
  append_options(out, app);
  if (app.get_name() == "create") {
    out += R"(
Each option may be given once, as --name VALUE or --name=VALUE; a value may
begin with a dash. A token is never an option.
)";
  }
  return out + R"(
environment:
  DROPLIT_TOKEN  the token, instead of that of the account file
  DROPLIT_URL    where the service is, instead of https://ioe.droplit.io
  NO_COLOR       if it is set, nothing is written in colours
  HOME           where the account file is
  http_proxy, https_proxy, all_proxy, no_proxy
                 proxies; that of an http:// URL sees the token in clear

files:
  ~/droplit.io/account.json  the token, in {"token": "..."}; mode 0600

exit status:
  0  created; of other commands: done
  1  refused by the contract: an option that is missing or invalid among others
  2  the command line is wrong: an unknown option, a missing value
  3  not authorised: no account, a broken account file, 401 or 403
  4  a fault: 5xx, not reachable, a response that is not understood
  5  the output or the account file could not be written

examples:
  droplit login
  droplit client create --ecosystemId C594b89aea18568c408c3ad24 --name "Lobby panel"
)";
}

}  // namespace console
