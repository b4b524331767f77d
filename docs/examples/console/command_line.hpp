// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include "../program/arguments.hpp"
#include "../program/command_tree.hpp"
#include "report.hpp"

#include <droplit/client_draft.hpp>
#include <droplit/idempotency_key.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace console {

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
      fields_.push_back(add_option(*create_, std::string("--").append(field.name), placeholder(field), text));
    }
    url_ = add_option(*create_, "--url", "URL",
                      "The service. http:// or https://, a host, a port and a path are accepted. Default: DROPLIT_URL, "
                      "or else https://ioe.droplit.io.");
    ca_file_ = add_option(*create_, "--cacert", "FILE",
                          "Certificates to trust instead of the system's. A file in PEM is accepted.");
    timeout_ = add_option(*create_, "--timeout", "SECONDS",
                          "How long to wait for the response. A whole number from 1 to 3600 is accepted. Default: 30.");
    key_ =
        add_option(*create_, "--idempotency-key", "KEY",
                   "Creates one client, however often the command is repeated with the same KEY within 24 hours. Only "
                   "for a service that honours idempotency keys. 1 to 255 characters from ! to ~ are accepted.");
    retry_ = add_option(*create_, "--retry", "TIMES",
                        "How often to send the request again after a fault, under KEY or one that is made. Only for a "
                        "service that honours idempotency keys: any other may create several clients. A whole number "
                        "from 1 to 100 is accepted. Default: never.");
    json_ = add_flag(*create_, "--json", "Prints the body of the response, byte for byte, of an error too.");
    login_ = &add_command(root_, "login", "Keeps a token, read from a hidden prompt or from standard input.");
    logout_ = &add_command(root_, "logout", "Forgets the token.");
    App& completion = add_command(root_, "completion", "Prints what a shell needs to complete command lines.");
    add_command(completion, "bash", "Prints the script for bash: source <(droplit completion bash)");
  }

  using App = CLI::App;
  using Option = CLI::Option;

  /// Reads the arguments; throws a `SyntaxError`.
  void parse(int argc, char** argv) {
    read_arguments(root_, argc, argv);
    if (asks_for_help() || asks_for_version()) return;
    const auto unknown = root_.remaining(true);
    if (!unknown.empty() && (unknown.front() == "--token" || unknown.front().starts_with("--token="))) {
      throw SyntaxError("unknown option --token: a token is never an option" + std::string(how_to_log_in));
    }
    check_arguments(root_, [](const Option&) { return false; });
    if (const auto names = commands_of(command()); !names.empty()) {
      std::string text = "a command is missing after `" + path_of(command()) + "`:";
      for (const std::string_view name : names) text.append(name == names.front() ? " " : ", ").append(name);
      throw SyntaxError(text + see_help(root_));
    }
    static_cast<void>(timeout());
    static_cast<void>(retry());
    static_cast<void>(key());
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
  [[nodiscard]] const App& command() const { return command_of(root_); }
  [[nodiscard]] bool is_create() const { return &command() == create_; }
  [[nodiscard]] bool is_login() const { return &command() == login_; }
  [[nodiscard]] bool is_logout() const { return &command() == logout_; }

  /// The fields of the client; views into this object.
  [[nodiscard]] droplit::ClientParameters parameters() const {
    droplit::ClientParameters parameters;
    for (std::size_t i = 0; i != fields_.size(); ++i)
      parameters.*droplit::client_fields[i].parameter = value(fields_[i]);
    if (!parameters.type) parameters.type = to_string(droplit::ClientType::application);
    return parameters;
  }
  [[nodiscard]] std::optional<std::string_view> url() const { return value(url_); }
  [[nodiscard]] std::optional<std::string_view> ca_file() const { return value(ca_file_); }
  [[nodiscard]] bool json() const { return json_->count() != 0; }

  /// In seconds.
  [[nodiscard]] int timeout() const { return whole_number(timeout_, 3600).value_or(30); }

  /// How often to send the request again.
  [[nodiscard]] int retry() const { return whole_number(retry_, 100).value_or(0); }

  [[nodiscard]] std::optional<droplit::IdempotencyKey> key() const {
    if (key_->count() == 0) return std::nullopt;
    auto key = droplit::IdempotencyKey::parse(*value(key_));
    if (!key) throw SyntaxError("--idempotency-key takes 1 to 255 characters from ! to ~");
    return key;
  }

 private:
  static std::string placeholder(const droplit::FieldRow& field) {
    if (field.kind == droplit::FieldKind::ecosystem_id) return "ECOSYSTEM-ID";
    return field.kind == droplit::FieldKind::client_type ? "TYPE" : "TEXT";
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

  // The value of an option that takes 1 to `most`, if it is given.
  static std::optional<int> whole_number(const Option* option, int most) {
    if (option->count() == 0) return std::nullopt;
    const std::string_view text = *value(option);
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > most) {
      throw SyntaxError("--" + option->get_lnames().front() + " takes a whole number" +
                        (option->get_type_name() == "SECONDS" ? " of seconds" : "") + " from 1 to " +
                        std::to_string(most));
    }
    return number;
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
  Option* key_ = nullptr;
  Option* retry_ = nullptr;
  Option* json_ = nullptr;
};

}  // namespace console
