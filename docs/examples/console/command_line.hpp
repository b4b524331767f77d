// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "command_tree.hpp"
#include "nearest.hpp"
#include "report.hpp"
#include "text.hpp"

#include <droplit/client_draft.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace console {

/// What is wrong with the command line, in one line without anything that may be a value.
struct SyntaxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The commands and their options. CLI11 holds the tree and sorts the arguments; values are kept byte for byte.
class CommandLine {
 public:
  CommandLine() : root_("Creates clients at droplit.io.", "droplit") {
    set_up(root_);
    add_flag(root_, "-h,--help", "Prints this.");
    version_ = add_flag(root_, "--version", "Prints the version.");
    App& client = add_command(root_, "client", "What is done with clients.");
    create_ = &add_command(client, "create", "Creates a client and prints it.");
    for (const droplit::FieldRow& field : droplit::client_fields) {
      std::string text = std::string(field.sentence) + ' ' + accepted(field.kind) + '.';
      if (field.field == droplit::Field::ecosystem_id) text += " Required.";
      if (field.field == droplit::Field::type) text += " Default: application.";
      fields_.push_back(add_option(*create_, std::string("--").append(field.name()), placeholder(field), text));
    }
    url_ = add_option(*create_, "--url", "URL",
                      "The service. http:// or https://, a host, a port and a path are accepted. Default: DROPLIT_URL, "
                      "or else https://ioe.droplit.io.");
    ca_file_ =
        add_option(*create_, "--cacert", "FILE",
                   "Whom to trust instead of those the system trusts. A file of certificates in PEM is accepted.");
    timeout_ = add_option(*create_, "--timeout", "SECONDS",
                          "How long to wait for the answer. A whole number from 1 to 3600 is accepted. Default: 30.");
    json_ = add_flag(*create_, "--json", "Prints the body of the answer, byte for byte, of an error too.");
    login_ = &add_command(root_, "login", "Keeps a token, read from a hidden prompt or from standard input.");
    logout_ = &add_command(root_, "logout", "Forgets the token.");
    App& completion = add_command(root_, "completion", "Prints what a shell needs to complete command lines.");
    add_command(completion, "bash", "Prints the script for bash: source <(droplit completion bash)");
  }

  using App = CLI::App;
  using Option = CLI::Option;

  /// Reads the arguments; throws a `SyntaxError`.
  void parse(int argc, char** argv) {
    std::vector<std::string> arguments = split(argc, argv);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
      root_.parse(arguments);
    } catch (const CLI::ParseError&) {  // whose words tell values
      throw SyntaxError(lacking_.empty() ? "the command line cannot be read"
                                         : lacking_ + " needs a value" + see_help());
    }
    if (asks_for_help() || asks_for_version()) return;
    if (const auto strangers = root_.remaining(true); !strangers.empty()) refuse(strangers.front());
    for (const Option* option : command().get_options()) {
      if (option->count() > 1) throw SyntaxError("--" + option->get_lnames().front() + " is given twice");
    }
    if (const auto names = commands_of(command()); !names.empty()) {
      std::string text = "a command is missing behind `" + path_of(command()) + "`:";
      for (const std::string_view name : names) text.append(name == names.front() ? " " : ", ").append(name);
      throw SyntaxError(text + see_help());
    }
    static_cast<void>(timeout());
    if (ca_file() == "") throw SyntaxError("--cacert takes the name of a file");
  }

  [[nodiscard]] bool asks_for_help() const {
    for (const App* app = &root_;; app = app->get_subcommands().front()) {
      if (app->count("--help") != 0) return true;
      if (app->get_subcommands().empty()) return false;
    }
  }
  [[nodiscard]] bool asks_for_version() const { return version_->count() != 0; }

  [[nodiscard]] const App& root() const noexcept { return root_; }

  /// The command that the arguments name, as far as they do.
  [[nodiscard]] const App& command() const {
    const App* app = &root_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
  }
  [[nodiscard]] bool is_create() const { return &command() == create_; }
  [[nodiscard]] bool is_login() const { return &command() == login_; }
  [[nodiscard]] bool is_logout() const { return &command() == logout_; }

  /// What the client shall be; views into this object.
  [[nodiscard]] droplit::ClientParameters parameters() const {
    return {value(fields_[0]), value(fields_[1]).value_or(to_string(droplit::ClientType::application)),
            value(fields_[2]), value(fields_[3])};
  }
  [[nodiscard]] std::optional<std::string_view> url() const { return value(url_); }
  [[nodiscard]] std::optional<std::string_view> ca_file() const { return value(ca_file_); }
  [[nodiscard]] bool json() const { return json_->count() != 0; }

  /// In seconds.
  [[nodiscard]] int timeout() const {
    const std::string_view text = value(timeout_).value_or("30");
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds < 1 || seconds > 3600) {
      throw SyntaxError("--timeout takes a whole number of seconds from 1 to 3600");
    }
    return seconds;
  }

 private:
  static std::string placeholder(const droplit::FieldRow& field) {
    if (field.kind == droplit::FieldKind::ecosystem_id) return "ECOSYSTEM-ID";
    return field.kind == droplit::FieldKind::client_type ? "TYPE" : "TEXT";
  }

  static void set_up(App& app) {
    app.set_help_flag();
    app.allow_extras();
    app.require_subcommand(0, 1);
  }

  static Option* add_flag(App& app, const std::string& names, const std::string& sentence) {
    return app.add_flag(names, sentence)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  static Option* add_option(App& app, const std::string& name, const std::string& value, const std::string& sentence) {
    return app
        .add_option(
            name, [](const CLI::results_t&) { return true; }, sentence)
        ->type_name(value)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  static App& add_command(App& parent, const std::string& name, const std::string& sentence) {
    App& app = *parent.add_subcommand(name, sentence);
    set_up(app);
    add_flag(app, "-h,--help", "Prints this.");
    return app;
  }

  static std::optional<std::string_view> value(const Option* option) {
    if (option->count() == 0) return std::nullopt;
    return option->results().front();
  }

  // The arguments with each `--name=value` in two, since CLI11 loses an empty value; and nothing in them that CLI11
  // takes for more than it is.
  std::vector<std::string> split(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      if (argument == "--" && i + 1 == argc) break;
      if (argument == "--" || argument == "++") throw SyntaxError("an argument is not expected" + see_help());
      const std::size_t equals = argument.find('=');
      const std::string name = argument.substr(0, equals);
      const Option* const option = find_option(root_, name);
      if (option == nullptr) {
        if (argument.size() > 2 && argument.starts_with("-h")) throw SyntaxError("unknown option" + see_help());
        arguments.push_back(argument);
      } else if (equals != std::string::npos) {
        if (!takes_value(*option)) throw SyntaxError(name + " takes no value");
        arguments.push_back(name);
        arguments.push_back(argument.substr(equals + 1));
      } else {
        arguments.push_back(name);
        if (!takes_value(*option)) continue;
        if (i + 1 == argc) {
          lacking_ = name;
        } else {
          arguments.emplace_back(argv[++i]);
        }
      }
    }
    return arguments;
  }

  [[nodiscard]] std::string see_help() const { return " (see `" + path_of(command()) + " --help`)"; }

  // Refuses an argument that no command takes. It is told only where it is the name of an option or nearly so.
  [[noreturn]] void refuse(std::string_view stranger) const {
    if (stranger.size() < 2 || stranger[0] != '-') {
      const auto commands = commands_of(command());
      if (!commands.empty()) throw SyntaxError("unknown command" + did_you_mean(stranger, commands) + see_help());
      throw SyntaxError("an argument is not expected" + did_you_mean(stranger, options_of(command()), "--") +
                        see_help());
    }
    if (!stranger.starts_with("--")) throw SyntaxError("unknown option" + see_help());
    const std::string_view name = stranger.substr(2, stranger.find('=') - 2);
    const std::string named = "unknown option --" + escaped(name);
    if (name == "token") throw SyntaxError(named + ": a token is never an option" + std::string(how_to_log_in));
    const auto options = options_of(command());
    if (std::find(options.begin(), options.end(), name) != options.end()) {
      throw SyntaxError(named + " before the command; it stands behind `" + path_of(command()) + "`");
    }
    const std::string meant = did_you_mean(name, options, "--");
    throw SyntaxError((meant.empty() ? "unknown option" : named + meant) + see_help());
  }

  App root_;
  App* create_ = nullptr;
  App* login_ = nullptr;
  App* logout_ = nullptr;
  Option* version_ = nullptr;
  std::vector<Option*> fields_;  // as in the table of fields
  Option* url_ = nullptr;
  Option* ca_file_ = nullptr;
  Option* timeout_ = nullptr;
  Option* json_ = nullptr;
  std::string lacking_;  // the option at the end that has no value
};

}  // namespace console
