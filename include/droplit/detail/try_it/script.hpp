// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

// The script of `TryIt`, after the functions of snippets.hpp: together they are /try-it.js, a module without
// dependencies. What it says of the API, it reads from /openapi.json when it starts.

#include <droplit/detail/config.hpp>

#include <string_view>

namespace droplit::inline DROPLIT_DETAIL_ABI::detail {

inline constexpr std::string_view try_it_script = R"js(
// What this page says of the API is read from openapi.json.
// The token is in its input element and in the requests that are sent, nowhere else.

const find = (id) => document.getElementById(id);
const token = find("token");

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A sentence of the document, in which some words are code.
const spell = (text = "") => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

// The document, and of it the first operation that takes a body.

const base = Object.assign(new URL(".", document.baseURI), {username: "", password: "", hash: "", search: ""})
  .href.slice(0, -1);  // no request is made with a password in its URL
const api = await fetch(base + "/openapi.json").then((response) => response.json()).catch(() => {
  find("about").textContent = "openapi.json could not be read.";
  throw new Error("no openapi.json");
});
const follow = (node) =>
  node.$ref ? follow(node.$ref.slice(2).split("/").reduce((from, key) => from[key], api)) : node;
const [path, method, operation] = Object.entries(api.paths)
  .flatMap(([path, item]) => Object.entries(item).map(([key, value]) => [path, key.toUpperCase(), value]))
  .find(([, , operation]) => operation.requestBody);
const [mediaType, content] = Object.entries(follow(operation.requestBody).content)[0];
const schema = follow(content.schema);
const scheme = follow(Object.values(api.components.securitySchemes)[0]);
const example = follow(Object.values(content.examples)[0]).value;

// Every example of a response, with the code's name.
const examples = Object.entries(operation.responses).flatMap(([status, response]) =>
  Object.values(follow(response).content ?? {}).flatMap((content) =>
    Object.entries(content.examples ?? {}).map(([key, value]) => ({status, name: key, ...follow(value)}))));

// A request: where the members of `change` are not given, it is like the example of the document.
function request(title, body, change = {}) {
  return {
    title,
    body,
    isPlain: !change.query && !change.headers && typeof body === "object",
    url: new URL(base + path + (change.query ? "?" + change.query : "")),
    headers: Object.entries({"content-type": mediaType, ...change.headers}),
    text: typeof body === "object" ? JSON.stringify(body, null, 2) : body,
  };
}

// What is shown.

let current;  // the request that is shown

function show(request) {
  current = request;
  const language = document.querySelector("[name=language]:checked").value;
  find("which").textContent = request.title;
  find("copied").textContent = "";
  find("code").textContent = languages[language](request);
}

find("copy").onclick = async () => {
  const code = find("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {  // there is no clipboard where the page came over plain HTTP
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
  find("copied").textContent = "Copied.";
};

// Sending, and the response.

let isSending = false;
let receivedBody = "";

const showBody = () => {
  let text = receivedBody;
  if (!find("raw").checked) {
    try {
      text = JSON.stringify(JSON.parse(text), null, 2);
    } catch {}  // not JSON
  }
  find("body").textContent = text;
};

function showStatus(kind, title, name = "", ...sentences) {
  find("status").replaceChildren(make("strong", {class: kind}, title), make("b", {}, name),
    ...sentences.map((sentence) => make("p", {}, ...spell(sentence))));
}

// A text names the id that was sent, and that of an example another one.
const withoutIds = (text) => text.replace(/C?[0-9a-f]{24}/gi, "");

function showResponse({status, statusText, headers}, text) {
  const documented = follow(operation.responses[status] ?? {description: "The document does not have this status."});
  const code = examples.find((each) => each.status === String(status) && (typeof each.value === "string"
    ? withoutIds(text) === withoutIds(each.value) : text === JSON.stringify(each.value)));
  showStatus(status < 300 ? "good" : "bad", `${status} ${statusText}`,
             ...(code ? [code.name, code.description] : ["", ...documented.description.split("\n")]));
  find("headers").replaceChildren(...[...headers].map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  receivedBody = text;
  showBody();
  find("received").hidden = false;
}

async function send(request) {
  if (isSending || !token.reportValidity()) return;
  isSending = true;
  show(request);
  find("response").setAttribute("aria-busy", "true");
  showStatus("", "Sending...");
  const received = await fetch(request.url, {
    method,
    headers: [...request.headers, [scheme.name, token.value]],
    body: request.text,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(60000),
  }).then(async (response) => [response, await response.text()]).catch(() => null);
  if (received) {
    showResponse(...received);
  } else {
    find("received").hidden = true;
    showStatus("bad", "No response", "",
               "The connection could not be made, or was lost: the request may have been applied.");
  }
  find("response").removeAttribute("aria-busy");
  isSending = false;
  find("response").scrollIntoView({block: "nearest"});
}

// The form.

const fields = Object.entries(schema.properties).map(([name, property]) => {
  const {description = "", enum: values, pattern} = follow(property);
  const attributes = {id: "field-" + name, "aria-describedby": "about-" + name, spellcheck: "false"};
  const isOneLine = pattern && !new RegExp(pattern, "u").test("\n");
  const input = values ? make("select", attributes, ...values.map((value) => make("option", {}, value)))
    : isOneLine ? make("input", attributes) : make("textarea", {...attributes, rows: 1});
  input.value = example[name] ?? "";
  const isSent = make("input", {type: "checkbox", checked: "", "aria-label": "send " + name});
  isSent.onchange = () => { input.disabled = !isSent.checked; };
  const isRequired = schema.required.includes(name);
  find("fields").append(make("div", {class: "field"},
    make("label", {for: input.id}, name + " ", make("small", {}, isRequired ? "required" : "optional")),
    make("label", {class: "option"}, isSent, "send"),
    input,
    make("p", {id: "about-" + name}, ...spell(description))));
  return {name, input, isSent};
});

const fromForm = () => request("from the form", Object.fromEntries(
  fields.filter(({isSent}) => isSent.checked).map(({name, input}) => [name, input.value])));

find("fields").oninput = () => show(fromForm());
const form = find("form");
form.onsubmit = (event) => {
  event.preventDefault();
  send(fromForm());
};
form.onkeydown = (event) => {
  if (event.key === "Enter" && event.ctrlKey) form.requestSubmit();
};
find("show").onchange = () => { token.type = find("show").checked ? "text" : "password"; };
addEventListener("pagehide", () => { token.value = ""; });

// The errors.

for (const each of examples.filter((example) => example["x-request"])) {
  const change = each["x-request"];
  const asked = each["x-ask"];
  const name = each.name.replaceAll(" ", "-");
  const isHeader = asked in (change.headers ?? {});
  const ask = make("input", {id: "ask-" + name, required: "", spellcheck: "false",
    ...(isHeader ? {pattern: "[!-~]+", title: "printable ASCII"} : {})});
  const provoke = make("form", {autocomplete: "off"},
    make("button", {"aria-describedby": "about-" + name}, each.name), make("small", {}, each.status),
    make("p", {id: "about-" + name}, ...spell(each.description)),
    ...(asked ? [make("label", {for: ask.id}, asked), ask] : []));
  provoke.onsubmit = (event) => {
    event.preventDefault();
    const body = change.body ?? example;
    const answer = {[asked]: ask.value};
    send(isHeader ? request(each.name, body, {...change, headers: {...change.headers, ...answer}})
                  : request(each.name, asked ? {...body, ...answer} : body, change));
  };
  find("provoke").append(make("li", {}, provoke));
}

// The page.

document.title = find("summary").textContent = operation.summary;
find("route").append(make("b", {}, method), path);
find("about").replaceChildren(...spell(operation.description));
find("token-name").textContent = scheme.name;
find("token-about").append(...spell(scheme.description));
find("languages").append(...Object.keys(languages).map((name, index) =>
  make("label", {}, make("input", {type: "radio", name: "language", value: name, ...(index ? {} : {checked: ""})}),
    make("span", {}, name))));
find("languages").onchange = () => show(current);
for (const radio of document.getElementsByName("form")) radio.onchange = showBody;
show(fromForm());
document.querySelector("main").hidden = false;
)js";

}  // namespace droplit::inline DROPLIT_DETAIL_ABI::detail
