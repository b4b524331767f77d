// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The first part of the script of `TryIt`: writes a request in other languages. `schema`, `scheme`, `method` and `base`
// are of the second part, script.hpp, which calls this when it has read the document.

#include <droplit/detail/config.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr std::string_view try_it_snippets = R"js(// The same request in other languages.

const quote = (text) => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const escaped = {"\n": "\\n", "\"": "\\\"", "\\": "\\\\"};
const literal = (text) =>
  `"${text.replace(/[\0-\x1f"\\\x7f]|\?(?=\?)/g, (character) =>
    escaped[character] ?? "\\" + character.charCodeAt().toString(8).padStart(3, "0"))}"`;

// The fields of a request in the document's order, if it has nothing else and all of them are texts.
function fieldsOf({body, isPlain}) {
  const names = Object.keys(schema.properties).filter((name) => Object.hasOwn(body, name));
  const isText = (value) => typeof value === "string" && !value.includes("\0");
  if (!isPlain || names.length !== Object.keys(body).length || !Object.values(body).every(isText)) return null;
  return names.map((name) => [name, body[name]]);
}

const parametersOf = (fields) =>
  `{\n${fields.map(([name, value]) =>
    `      .${name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase())} = ${literal(value)},\n`).join("")}  }`;

// As the API's page writes it, where no field is left out before another.
const argumentsOf = (fields) =>
  fields.length < 2 || fields.length > 4 || fields.some(([name], index) => name !== Object.keys(schema.properties)[index])
    ? parametersOf(fields) : fields.map(([, value]) => literal(value)).join(", ");

const includes = (...headers) => headers.map((header) => `#include <${header}>\n`).join("");

const languages = {
  curl: ({url, headers, text}) =>
    [`curl -i -X ${method} ${quote(url.href)}`,
     `-H "${scheme.name}: $DROPLIT_TOKEN"`,
     ...headers.map((field) => "-H " + quote(field.join(": "))),
     "--data-raw " + quote(text)].join(" \\\n  "),

  Console: (request) => {
    const fields = fieldsOf(request);
    if (!fields || !schema.required.every((name) => name in request.body)) {
      return "# The Console cannot send this request: it takes the fields of the form.";
    }
    return [`droplit client create --url ${quote(base)}`,
            ...fields.map(([name, value]) => `--${name} ${quote(value)}`)].join(" \\\n  ");
  },

  "C++ SDK": (request) => {
    const fields = fieldsOf(request);
    if (!fields) return "// The SDK cannot send this request: it takes the fields of the form.";
    return `${includes("droplit/sdk.hpp", "droplit/transport/curl.hpp")}
${includes("cstdlib", "iostream")}
int main() {
  const char* const token = std::getenv("DROPLIT_TOKEN");
  droplit::CurlTransport transport(token != nullptr ? token : "", {.url = ${literal(base)}});
  droplit::Sdk droplit(transport);
  const auto reply = droplit.clients.create(${argumentsOf(fields)});
  std::cout << reply.status() << '\\n' << reply.body() << '\\n';
}
`;
  },

  "C++ core": (request) => {
    const fields = fieldsOf(request);
    if (!fields) return "// create_client cannot take this request: it takes the fields of the form.";
    return `${includes("droplit/droplit.hpp", "droplit/storage/memory.hpp")}
${includes("iostream")}
int main() {
  droplit::MemoryStorage storage;
  droplit::SystemClock clock;
  droplit::ObjectIds ids;
  const droplit::ClientParameters parameters${parametersOf(fields)};
  const auto ecosystem = droplit::EcosystemId::parse(parameters.ecosystem_id.value_or(""));
  if (ecosystem) storage.add_ecosystem(*ecosystem);
  const auto client = droplit::create_client(storage, clock, ids, parameters);
  const auto response = droplit::to_response(client);
  std::cout << response.status << '\\n' << response.body << '\\n';
}
`;
  },

  HTTP: ({url, headers, text}) =>
    [`${method} ${url.pathname}${url.search} HTTP/1.1`,
     `host: ${url.host}`,
     `${scheme.name}: TOKEN`,
     ...headers.map((field) => field.join(": ")),
     `content-length: ${new TextEncoder().encode(text).length}`,
     "",
     text].join("\r\n"),
};
)js";

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
