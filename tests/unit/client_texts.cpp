// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#include <droplit/client_texts.hpp>

#include "support/catch.hpp"

#include <optional>
#include <type_traits>
#include <utility>

using namespace droplit;

static_assert(std::is_nothrow_move_constructible_v<ClientTexts> &&
              std::is_nothrow_default_constructible_v<ClientTexts>);

TEST_CASE("texts that were not given are absent, which differs from empty ones") {
  const ClientTexts none;
  for (const std::optional<Text>& text : none.texts()) CHECK_FALSE(text);
  CHECK(none == ClientTexts(std::nullopt, std::nullopt));
  CHECK(none != ClientTexts(Text::parse(""), std::nullopt));
  CHECK(none != ClientTexts(std::nullopt, Text::parse("")));
}

TEST_CASE("a text is found by its accessor, by its field and in its place") {
  const ClientTexts texts(Text::parse("n"), Text::parse("d"));
  CHECK(texts.name() == Text::parse("n"));
  CHECK(texts.description() == Text::parse("d"));
  CHECK(&texts.name() == &texts.text(Field::name));
  CHECK(&texts.description() == &texts.text(Field::description));
  CHECK(&texts.texts()[0] == &texts.name());
  CHECK(&texts.texts()[1] == &texts.description());
  CHECK(ClientTexts(texts.texts()) == texts);
}

TEST_CASE("a text is moved out of a temporary") {
  ClientTexts texts(Text::parse(std::string(100, 'n')), Text::parse("d"));
  const char* const characters = texts.name()->str().data();
  const std::optional<Text> name = std::move(texts).name();
  CHECK(name->str().data() == characters);
  CHECK(ClientTexts(Text::parse("n"), Text::parse("d")).text(Field::description) == Text::parse("d"));
  CHECK(ClientTexts(Text::parse("n"), Text::parse("d")).texts()[0] == Text::parse("n"));
}
