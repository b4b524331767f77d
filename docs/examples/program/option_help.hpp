// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "command_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace program {

/// Appends `text` in lines of at most 80 columns, each after `indent` spaces.
inline void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column != 0 && column + 1 + end > 80) {
      out += '\n';
      column = 0;
    }
    out.append(column == 0 ? indent : 1, ' ').append(text.substr(0, end));
    column += (column == 0 ? indent : 1) + end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += '\n';
}

/// Appends each option and what it does.
inline void append_options(std::string& out, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    std::string name;
    if (!option->get_snames().empty()) name = '-' + option->get_snames().front() + ", ";
    name.append("--").append(option->get_lnames().front());
    if (takes_value(*option)) name.append(" ").append(option->get_type_name());
    append_wrapped(out, name, 2);
    append_wrapped(out, option->get_description(), 6);
  }
}

}  // namespace program
