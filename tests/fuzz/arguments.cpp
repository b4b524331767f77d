// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console's command line, one argument in each line: it is refused in one line, or each value that it has is byte
// for byte one that was given, and each number is in its range.
#include "target.hpp"

#include <console/command_line.hpp>
#include <console/help.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz::arguments {
namespace {

void mutate(std::string& text, Random& random) {
  std::vector<std::string> lines;
  Input in(text);
  while (!in.empty()) lines.emplace_back(in.take_until('\n'));
  const std::size_t i = random.below(lines.size() + 1);
  const auto at = lines.begin() + static_cast<std::ptrdiff_t>(i);
  switch (random.below(5)) {
    case 0:
      if (i != lines.size()) lines.erase(at);
      break;
    case 1:
      if (i != lines.size()) lines.insert(at, std::string(lines[i]));
      break;
    case 2:  // a name and its value in one
      if (i + 1 < lines.size()) {
        lines[i] += '=' + lines[i + 1];
        lines.erase(at + 1);
      }
      break;
    default:
      lines.insert(at, random.any({"client",
                                   "create",
                                   "login",
                                   "logout",
                                   "completion",
                                   "bash",
                                   "--help",
                                   "-h",
                                   "--version",
                                   "--ecosystemId",
                                   "C594b89aea18568c408c3ad24",
                                   "--type",
                                   "server",
                                   "--type=application",
                                   "--name",
                                   "--name=",
                                   "--description=\xFF",
                                   "--url",
                                   "http://localhost:1/",
                                   "--cacert",
                                   "--timeout",
                                   "30",
                                   "--timeout=0",
                                   "--retry=3",
                                   "--retry",
                                   "101",
                                   "--idempotency-key",
                                   "--idempotency-key=k",
                                   "--json",
                                   "--json=1",
                                   "--token",
                                   "--token=secret",
                                   "--",
                                   "++",
                                   "-",
                                   "",
                                   "-x",
                                   "--unknown",
                                   "--help=1",
                                   "-hx",
                                   "/x",
                                   "{}",
                                   "[a]"}));
  }
  text.clear();
  for (const std::string& line : lines) text += line + '\n';
}

void run(std::string_view input) {
  std::vector<std::string> arguments{"droplit"};
  Input in(input);
  while (!in.empty() && arguments.size() != 64) {
    const std::string_view line = in.take_until('\n');
    arguments.emplace_back(line.substr(0, line.find('\0')));  // as an argument ends
  }
  std::vector<char*> argv;
  for (std::string& each : arguments) argv.push_back(each.data());
  argv.push_back(nullptr);

  console::CommandLine line;
  try {
    line.parse(static_cast<int>(arguments.size()), argv.data());
  } catch (const console::SyntaxError& error) {
    const std::string_view what = error.what();
    require(!what.empty() && what.find('\n') == std::string_view::npos, "a refusal is one line", what);
    const bool is_in_name = std::any_of(arguments.begin(), arguments.end(), [](const std::string& each) {
      return each.substr(0, each.find('=')).find("secret") != std::string::npos;
    });
    require(is_in_name || what.find("secret") == std::string_view::npos, "no value is in a message", what);
    return;
  }
  if (line.asks_for_help()) {
    require(console::help_of(line.command()).starts_with("usage: droplit"), "there is help");
    return;
  }
  if (line.asks_for_version() || !line.is_create()) return;
  const auto is_given = [&arguments](std::optional<std::string_view> value) {
    return !value || std::any_of(arguments.begin(), arguments.end(), [&value](const std::string& each) {
      return each == *value ||
             (each.starts_with("--") && each.substr(std::min(each.find('='), each.size() - 1) + 1) == *value);
    });
  };
  require(line.timeout() >= 1 && line.timeout() <= 3600 && line.retry() >= 0 && line.retry() <= 100,
          "numbers have ranges");
  require(is_given(line.url()) && is_given(line.ca_file()), "a value is as it was given");
  if (const auto key = line.key()) require(is_given(key->str()), "a key is as it was given", key->str());
  const auto draft = droplit::ClientDraft::make(line.parameters());
  if (!draft.has_value()) return;
  for (const auto& text : draft.assume_value().texts()) {
    if (text) require(is_given(text->str()), "a text is as it was given", text->str());
  }
}

const Registered registered({"arguments", run, mutate});

}  // namespace
}  // namespace fuzz::arguments
