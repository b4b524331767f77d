// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// Reads command lines with CLI11 such that no value is lost, changed or repeated in an error: CLI11 drops an empty
// value after `=`, knows abbreviations of its own, and quotes arguments, which may be secrets, in its errors.

#include "command_tree.hpp"
#include "nearest.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Why the command line is invalid, in one line without anything that may be a value.
struct SyntaxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A command, or the program itself, that `read_arguments` reads for.
inline void set_up(CLI::App& app) {
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);
}

/// `names` are as `-h,--help`.
inline CLI::Option* add_flag(CLI::App& app, const std::string& names, const std::string& sentence) {
  return app.add_flag(names, sentence)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// An option whose values are in its `results()`, byte for byte.
inline CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& value,
                               const std::string& sentence) {
  return app
      .add_option(
          name, [](const CLI::results_t&) { return true; }, sentence)
      ->type_name(value)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// The command that the arguments name, as far as they do.
inline const CLI::App& command_of(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

inline std::string see_help(const CLI::App& root) { return " (see `" + path_of(command_of(root)) + " --help`)"; }

// The arguments with each `--name=value` in two, and nothing in them that CLI11 takes for more than it is. `lacking` is
// the option at the end that has no value.
inline std::vector<std::string> split_arguments(const CLI::App& root, int argc, char** argv, std::string& lacking) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--" && i + 1 == argc) break;
    if (argument == "--" || argument == "++") throw SyntaxError("an argument is not expected" + see_help(root));
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const CLI::Option* const option = find_option(root, name);
    if (option == nullptr) {
      if (argument.size() > 2 && argument.starts_with("-h")) throw SyntaxError("unknown option" + see_help(root));
      arguments.push_back(argument);
    } else if (equals != std::string::npos) {
      if (!takes_value(*option)) throw SyntaxError(name + " takes no value");
      arguments.push_back(name);
      arguments.push_back(argument.substr(equals + 1));
    } else {
      arguments.push_back(name);
      if (!takes_value(*option)) continue;
      if (i + 1 == argc) {
        lacking = name;
      } else {
        arguments.emplace_back(argv[++i]);
      }
    }
  }
  return arguments;
}

/// Reads the arguments; throws a `SyntaxError`. An argument that no command takes is left for `check_arguments`.
inline void read_arguments(CLI::App& root, int argc, char** argv) {
  std::string lacking;
  std::vector<std::string> arguments = split_arguments(root, argc, argv, lacking);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    root.parse(arguments);
  } catch (const CLI::ParseError&) {  // whose words repeat values
    throw SyntaxError(lacking.empty() ? "the command line cannot be read"
                                      : lacking + " needs a value" + see_help(root));
  }
}

/// Throws the error for an argument that no command takes. Only the name of an option, or nearly one, is repeated.
[[noreturn]] inline void refuse_argument(const CLI::App& root, std::string_view argument) {
  const CLI::App& command = command_of(root);
  if (argument.size() < 2 || argument[0] != '-') {
    const auto commands = commands_of(command);
    if (!commands.empty()) throw SyntaxError("unknown command" + did_you_mean(argument, commands) + see_help(root));
    throw SyntaxError("an argument is not expected" + did_you_mean(argument, options_of(command), "--") +
                      see_help(root));
  }
  if (!argument.starts_with("--")) throw SyntaxError("unknown option" + see_help(root));
  const std::string_view name = argument.substr(2, argument.find('=') - 2);
  const std::string named = "unknown option --" + escaped(name);
  const auto options = options_of(command);
  if (std::find(options.begin(), options.end(), name) != options.end()) {
    throw SyntaxError(named + " before the command; it belongs after `" + path_of(command) + "`");
  }
  const std::string meant = did_you_mean(name, options, "--");
  throw SyntaxError((meant.empty() ? "unknown option" : named + meant) + see_help(root));
}

/// Throws a `SyntaxError` for an argument that is not expected, and for an option that is given twice and may not be.
inline void check_arguments(const CLI::App& root, const std::function<bool(const CLI::Option&)>& may_repeat) {
  if (const auto unknown = root.remaining(true); !unknown.empty()) refuse_argument(root, unknown.front());
  for (const CLI::Option* option : command_of(root).get_options()) {
    if (option->count() > 1 && !may_repeat(*option)) {
      throw SyntaxError("--" + option->get_lnames().front() + " is given twice");
    }
  }
}

}  // namespace program
