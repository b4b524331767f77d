// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/command_tree.hpp"
#include "output.hpp"

#include <droplit/client_type.hpp>

#include <string>
#include <string_view>

namespace console {

namespace completion {

inline void append_words(std::string& out, const CLI::App& app) {
  for (const std::string_view name : commands_of(app)) out.append(name).append(" ");
  for (const std::string_view name : options_of(app)) out.append("--").append(name).append(" ");
}

// A branch of a `case` for each command: the words that may follow it.
inline void append_commands(std::string& out, const CLI::App& app) {
  out.append("        '").append(path_of(app)).append("') words='");
  append_words(out, app);
  out.append("' ;;\n");
  for (const std::string_view name : commands_of(app)) {
    append_commands(out, *app.get_subcommand(std::string(name)));
  }
}

inline void append_value_options(std::string& out, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (takes_value(*option)) out.append(out.empty() ? "--" : " | --").append(option->get_lnames().front());
  }
  for (const std::string_view name : commands_of(app)) {
    append_value_options(out, *app.get_subcommand(std::string(name)));
  }
}

}  // namespace completion

/// The script that completes command lines in bash: commands, options, types and files.
inline std::string bash_completion(const CLI::App& root) {
  std::string options;
  completion::append_value_options(options, root);
  std::string out = R"(# Completes droplit's command lines in bash: source <(droplit completion bash)
_droplit() {
  local IFS=$' \t\n' current=${COMP_WORDS[COMP_CWORD]} path=droplit option= before= words= word i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      [[ $word == '=' ]] || option=
    else
      case $word in
        )" + options +
                    R"() option=$word ;;
        -*) ;;
        *) path+=" $word" ;;
      esac
    fi
  done
  [[ -n $option && $current == '=' ]] && current=
  if [[ -z $option && $current == *=* ]]; then  # where COMP_WORDBREAKS has no =
    case ${current%%=*} in
      )" + options +
                    R"() option=${current%%=*} before=$option= current=${current#*=} ;;
    esac
  fi
  COMPREPLY=()
  case $option in
    --type) words=')";
  for (const std::string_view name : droplit::client_type_names) out.append(name).append(" ");
  out += R"(' ;;
    --cacert)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -P "$before" -f -- "$current")
      return
      ;;
    '')
      case $path in
)";
  completion::append_commands(out, root);
  return out + R"(      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "$current")
}
complete -F _droplit droplit
)";
}

}  // namespace console
