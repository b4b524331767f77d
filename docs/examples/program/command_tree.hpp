// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// `droplit client create`.
inline std::string path_of(const CLI::App& app) {
  return (app.get_parent() == nullptr ? "" : path_of(*app.get_parent()) + ' ') + app.get_name();
}

inline bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() != 0; }

inline std::vector<std::string_view> commands_of(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// The long names of the options, without their dashes.
inline std::vector<std::string_view> options_of(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::Option* option : app.get_options()) names.push_back(option->get_lnames().front());
  return names;
}

/// The option of any command below that has this name, dashes included.
inline const CLI::Option* find_option(const CLI::App& app, std::string_view name) {
  for (const CLI::Option* option : app.get_options()) {
    if (name.starts_with("--") && option->get_lnames().front() == name.substr(2)) return option;
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (const CLI::Option* const option = find_option(*command, name)) return option;
  }
  return nullptr;
}

}  // namespace program
