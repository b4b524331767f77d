// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The Console's account file. What begins with an opening brace is the content of the file: its token is read if and
// only if the model finds one, and no message has a byte of it. Any other text is a token, which is written and read
// back.
#include "json_mutator.hpp"
#include "target.hpp"

#include <console/account.hpp>

#include "support/model/json.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace fuzz::account {
namespace {

/// A home directory, which exists as long as the process.
class Home {
 public:
  Home() {
    std::string name = std::filesystem::temp_directory_path() / "droplit-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "there is a temporary directory");
    path_ = name;
    require(::setenv("HOME", name.c_str(), 1) == 0, "the home directory can be set");
    ::mkdir((name + "/droplit.io").c_str(), 0700);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path file() const { return path_ / "droplit.io/account.json"; }

 private:
  std::filesystem::path path_;
};

std::optional<std::string> token_in(std::string_view text) {
  const auto json = model::read_json(std::string(text));
  if (!json || json->kind != model::Json::Kind::object) return std::nullopt;
  const model::Json* last = nullptr;
  for (const auto& [name, value] : json->members) {
    if (name == "token") last = &value;
  }
  if (last == nullptr || last->kind != model::Json::Kind::string) return std::nullopt;
  const std::string& token = last->text;
  if (token.empty() || token.front() == ' ' || token.back() == ' ') return std::nullopt;
  for (const char c : token) {
    if (c < ' ' || c > '~') return std::nullopt;
  }
  return token;
}

std::optional<std::string> read(const console::Account& account, std::string_view content) {
  try {
    return account.read();
  } catch (const console::AccountError& error) {
    const std::string_view what = error.what();
    require(what.starts_with(account.shown() + ": ") && what.size() < account.shown().size() + 100,
            "a message names the file", what);
    require(content.size() < 16 || what.find(content) == std::string_view::npos, "no message has the content");
    return std::nullopt;
  }
}

void run(std::string_view input) {
  static const Home home;
  const auto account = console::Account::at_home();
  if (input.size() > console::max_account_size) return;
  if (input.starts_with('{')) {
    std::ofstream out(home.file(), std::ios::binary | std::ios::trunc);
    out << input;
    out.close();
    std::filesystem::permissions(home.file(), std::filesystem::perms(0600));
    const auto token = read(account, input);
    require(token == token_in(input), "the token is the model's", token.value_or("none"));
    return;
  }
  if (!console::is_token(input)) return;
  account.write(input);
  require(read(account, input) == std::string(input), "a token is read back as it was written");
  struct stat about {};
  require(::stat(home.file().c_str(), &about) == 0 && (about.st_mode & 0777) == 0600, "the file is its owner's");
  require(account.remove() && !account.remove(), "the file is removed once");
}

const Registered registered({"account", run, mutate_json});

}  // namespace
}  // namespace fuzz::account
