// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// try_it.mjs DROPLIT-SERVER DROPLIT INCLUDE-FOLDER FOLDER: the Try It page in Chromium, over a real droplit-server.
// Screenshots go to FOLDER.
import {chromium} from "playwright-core";

import assert from "node:assert/strict";
import {execFile} from "node:child_process";
import fs from "node:fs";
import {createRequire} from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import {promisify} from "node:util";

import {startServer} from "./support.mjs";

const [serverProgram, consoleProgram, includeFolder, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";
const active = "C594b89aea18568c408c3ad24";
const deleted = "C594b89aea18568c408c3ad25";
const token = "try-it-token-7d1f0c";
const sizes = {phone: {width: 360, height: 740}, desktop: {width: 1280, height: 900}};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "try-it-"));
const profile = path.join(folder, "profile");
const run = promisify(execFile);
const checks = [];
let url;
let context;

const check = (name, body) => checks.push({name, body});

// The server and the browser.

async function start(...options) {
  const access = path.join(folder, "access.json");
  fs.writeFileSync(access, JSON.stringify({tokens: [{token, kind: "account"}]}), {mode: 0o600});
  return startServer(serverProgram, "--listen", "127.0.0.1:0", "--access", access, "--ecosystem", active,
    "--ecosystem", deleted, "--delete-ecosystem", deleted, ...options);
}

// The page, ready, with all that it complains about in `page.complaints`, and its requests in `page.sent`.
async function openPage({size = "desktop", scheme = "light", document: changed} = {}) {
  const page = await context.newPage();
  page.complaints = [];
  page.sent = [];
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("console", (message) => {
    const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (message.type() !== "log" && !isStatus) page.complaints.push(message.text());
  });
  page.on("request", (request) => page.sent.push(request));
  await page.exposeFunction("complain", (text) => page.complaints.push(text));
  await page.addInitScript(() => addEventListener("securitypolicyviolation",
    (event) => window.complain(`${event.violatedDirective} ${event.blockedURI}`)));
  if (changed) await page.route("**/openapi.json", (route) => route.fulfill({json: changed}));
  await page.setViewportSize(sizes[size]);
  await page.emulateMedia({colorScheme: scheme});
  await page.goto(url);
  await page.locator("main").waitFor();
  return page;
}

async function close(page) {
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));  // reports of violations are on their way
  assert.deepEqual(page.complaints, []);
  await page.close();
}

// Does what sends a request; its response as the browser got it, and the request.
async function sending(page, act) {
  const [response] = await Promise.all([
    page.waitForResponse((each) => each.request().method() === "POST"), act()]);
  await page.locator("#response:not([aria-busy])").waitFor();
  const request = response.request();
  return {status: response.status(), body: await response.text(), request, headers: await request.allHeaders(),
          sent: request.postData()};
}

const clickTryIt = (page) => () => page.getByRole("button", {name: "Try It!"}).click();
const field = (page, name) => page.locator(`[id="field-${name}"]`);
const statusText = (page) => page.locator("#status").innerText();
const code = async (page, language) => {
  await page.locator("#languages label", {hasText: new RegExp(`^${language.replaceAll("+", "\\+")}$`)}).click();
  return page.locator("#code").textContent();
};

// The document, and in it the operation, its content and the schema of that.
async function readDocument() {
  const document = await (await fetch(url + "openapi.json")).json();
  const follow = (node) => node.$ref ? follow(node.$ref.split("/").slice(1).reduce((from, key) => from[key], document)) : node;
  const operation = document.paths["/api/clients"].post;
  const content = follow(operation.requestBody).content["application/json"];
  return {document, operation, schema: follow(content.schema), example: Object.values(content.examples)[0].value,
          scheme: Object.values(document.components.securitySchemes)[0]};
}

const entries = (...list) => JSON.stringify({errorType: "InvalidParams",
  errors: list.map(([where, message, name]) => ({in: where, message, path: name}))});
const required = "field is required";
// The page's seven errors: what the server must say, and what of the request provokes it.
const errors = {
  "Ecosystem Invalid": {status: 400, body: entries(["body", "invalid id", "ecosystemId"])},
  "Ecosystem Missing": {status: 400, hasEntry: ["body", required, "ecosystemId"]},
  "Query Field Not Allowed": {status: 400, hasEntry: ["query", "contains fields that are not allowed: [ ", "additional parameters"]},
  "Body Parameters Missing": {status: 400, body: entries(["body", required, "ecosystemId"], ["body", required, "type"])},
  "Client Type Invalid": {status: 400, body: entries(["body",
    "field must be one of the following values: application, server", "type"])},
  "Client Type Missing": {status: 400, body: entries(["body", required, "type"])},
  "Ecosystem Not Found": {status: 404, body: `Ecosystem with id ${deleted} does not exist.`},
};

function checkError(name, {status, body}) {
  const expected = errors[name];
  assert.equal(status, expected.status, name);
  if (expected.body) {
    assert.equal(body, expected.body, name);
  } else {
    const [where, message, place] = expected.hasEntry;
    assert.ok(JSON.parse(body).errors.some((entry) =>
      entry.in === where && entry.message.startsWith(message) && entry.path === place), `${name}: ${body}`);
  }
}

// What is checked, in this order.

check("the script is a module that Node.js can read", async () => {
  const file = path.join(folder, "try-it.mjs");
  fs.writeFileSync(file, await (await fetch(url + "try-it.js")).text());
  await run(process.execPath, ["--check", file]);
});

check("page, script and style have at most 20,480 bytes, their fields, and need nothing else", async () => {
  let bytes = 0;
  for (const [name, type] of [["", "text/html"], ["try-it.js", "text/javascript"], ["try-it.css", "text/css"]]) {
    const response = await fetch(url + name);
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), type + "; charset=utf-8");
    assert.equal(response.headers.get("content-security-policy"), policy);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(response.headers.get("content-encoding"), null);
    bytes += (await response.arrayBuffer()).byteLength;
  }
  assert.ok(bytes > 10000 && bytes <= 20480, `${bytes} bytes`);
  const page = await openPage();
  assert.deepEqual(page.sent.map((request) => request.url()).sort(),
                   ["", "openapi.json", "try-it.css", "try-it.js"].map((name) => url + name));
  await close(page);
});

check("the policy is in force: an inline script, an inline style and another host are blocked", async () => {
  const page = await openPage();
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hasRun = true";
    document.body.append(script);
    document.body.setAttribute("style", "color: red");
    return fetch("http://127.0.0.2:9/").catch(() => {});
  });
  assert.equal(await page.evaluate(() => window.hasRun), undefined);
  for (const wanted of ["script-src-elem inline", "style-src-attr inline", "connect-src http://127.0.0.2:9/"]) {
    for (let tries = 0; tries !== 100 && !page.complaints.includes(wanted); ++tries) await page.waitForTimeout(50);
    assert.ok(page.complaints.includes(wanted), `${wanted} is not in: ${page.complaints.join("; ")}`);
  }
  await page.close();
});

check("a client is created from the form, which is filled with the examples of the document", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  const {status, body, sent, headers, request} = await sending(page, clickTryIt(page));
  assert.equal(status, 201, body);
  const client = JSON.parse(body);
  assert.deepEqual(JSON.parse(sent), (await readDocument()).example);
  assert.equal(client.ecosystemId, active);
  assert.match(client.id, /^[0-9a-f]{24}$/);
  assert.equal(request.url(), url + "api/clients");
  assert.equal(headers.authorization, token);
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers.referer, undefined);
  assert.equal(headers.cookie, undefined);

  assert.match(await statusText(page), /^201 Created/);
  assert.deepEqual(JSON.parse(await page.locator("#body").textContent()), client);
  assert.ok((await page.locator("#body").textContent()).includes("\n"), "not pretty");
  await page.getByText("Raw", {exact: true}).click();
  assert.equal(await page.locator("#body").textContent(), body);
  assert.match(await page.locator("#headers").innerText(), /content-type\s+application\/json/);
  assert.match(await page.locator("#headers").innerText(), new RegExp(`content-length\\s+${body.length}`));
  await close(page);
});

check("what is typed is what is sent, and a field that is switched off is left out", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  await field(page, "name").fill("");
  await page.getByLabel("send description").uncheck();
  await field(page, "type").selectOption("server");
  const {status, body, sent} = await sending(page, clickTryIt(page));
  assert.deepEqual(JSON.parse(sent), {ecosystemId: active, type: "server", name: ""});
  assert.equal(status, 201);
  assert.deepEqual(Object.keys(JSON.parse(body)), ["createdAt", "ecosystemId", "id", "name", "type"]);
  await close(page);
});

check("each of the page's seven errors is one click away, and the server says it to the request that is shown", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  for (const [name, {status}] of Object.entries(errors)) {
    const form = page.locator("#provoke form", {has: page.getByRole("button", {name, exact: true})});
    if (name === "Ecosystem Not Found") await form.locator("input").fill(deleted);
    const response = await sending(page, () => form.getByRole("button").click());
    checkError(name, response);
    assert.equal(response.headers.authorization, token);
    // The request that is shown is the one that was sent.
    const [head, ...rest] = (await code(page, "HTTP")).split("\r\n\r\n");
    const {pathname, search} = new URL(response.request.url());
    assert.equal(head.split("\r\n")[0], `POST ${pathname}${search} HTTP/1.1`);
    assert.ok(head.includes(`content-type: ${response.headers["content-type"]}`), head);
    assert.equal(rest.join("\r\n\r\n"), response.sent ?? "");
    // And so is the response.
    const shown = await statusText(page);
    assert.ok(shown.startsWith(`${status} `), shown);
    assert.equal(await page.locator("#status b").textContent(), name);
    await page.getByText("Raw", {exact: true}).click();
    assert.equal(await page.locator("#body").textContent(), response.body);
  }
  await close(page);
});

check("an error that needs an ecosystem asks for its id first, and every request asks for the token first", async () => {
  const page = await openPage();
  const button = page.getByRole("button", {name: "Ecosystem Not Found"});
  const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);
  await button.click();
  assert.ok(await isFocused(page.locator("#provoke input")));
  await page.locator("#provoke input").fill(deleted);
  await button.click();
  assert.ok(await isFocused(page.getByLabel("authorization")));
  await clickTryIt(page)();
  assert.ok(page.sent.every((request) => request.method() === "GET"));
  await close(page);
});

check("a value that no field can carry is not sent", async () => {
  const server = await start("--idempotency-keys");
  const page = await context.newPage();
  const posts = [];
  page.on("request", (request) => request.method() === "POST" && posts.push(request));
  await page.goto(server.url + "/");
  await page.locator("main").waitFor();
  await page.getByLabel("authorization").fill(token);
  const form = page.locator("#provoke form", {has: page.getByRole("button", {name: "Idempotency Key Reused", exact: true})});
  for (const key of ["\u20ac", " ", "a b", "caf\u00e9"]) {
    await form.locator("input").fill(key);
    await form.getByRole("button").click();
    assert.ok(await form.locator("input").evaluate((input) => input.validity.patternMismatch), key);
  }
  assert.equal(posts.length, 0);
  await page.close();
  await server.stop();
});

check("a user and a password in the page's address do not keep it from starting", async () => {
  const page = await openPage();
  await page.goto(url.replace("://", "://user:password@"));
  await page.locator("main").waitFor();
  assert.ok(!(await code(page, "curl")).includes("password"));
  await page.close();
});

check("an empty body, a refused token and a lost connection are shown as what they are", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill("another");
  const {status, body} = await sending(page, clickTryIt(page));
  assert.deepEqual([status, body], [401, ""]);
  assert.match(await statusText(page), /^401 Unauthorized/);
  await page.route("**/api/clients", (route) => route.abort("connectionreset"));
  await clickTryIt(page)();
  await page.locator("#status", {hasText: "No response"}).waitFor();
  assert.ok(await page.locator("#received").isHidden());
  page.complaints = page.complaints.filter((text) => !text.includes("net::ERR_CONNECTION_RESET"));
  await close(page);
});

check("while a request is on its way the page says so, and sends no second one", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route("**/api/clients", async (route) => {
    await held;
    await route.continue();
  });
  await clickTryIt(page)();
  await page.locator("#status", {hasText: "Sending"}).waitFor();
  await clickTryIt(page)();
  release();
  await page.locator("#status", {hasText: "201"}).waitFor();
  assert.equal(page.sent.filter((request) => request.method() === "POST").length, 1);
  await close(page);
});

check("the token is in no address, storage, attribute, snippet, clipboard or file, and is gone after a reload", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  await page.getByLabel("show token").check();
  assert.equal(await page.locator("#token").getAttribute("type"), "text");
  await sending(page, clickTryIt(page));
  for (const name of ["curl", "Console", "C++ SDK", "C++ core", "HTTP"]) {
    const text = await code(page, name);
    assert.ok(!text.includes(token), name);
    await page.getByRole("button", {name: "Copy"}).click();
    await page.locator("#copied", {hasText: "Copied"}).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  }
  const state = await page.evaluate(async () => [location.href, document.cookie, window.name, document.title,
    JSON.stringify(history.state), JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
    JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()),
    document.documentElement.outerHTML, document.body.innerText].join("\n"));
  assert.ok(!state.includes(token));
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ""]);
  for (const request of page.sent) {
    const {authorization, ...others} = await request.allHeaders();
    assert.ok(!(request.url() + JSON.stringify(others) + request.postData()).includes(token));
    assert.equal(authorization, request.method() === "POST" ? token : undefined);
  }
  await page.reload();
  await page.locator("main").waitFor();
  assert.equal(await page.getByLabel("authorization").inputValue(), "");
  await page.getByLabel("authorization").fill(token);
  await page.goto("about:blank");
  await page.goBack();
  await page.locator("main").waitFor();
  assert.equal(await page.getByLabel("authorization").inputValue(), "");
  await close(page);
});

// Values that break careless quoting.
const odd = {
  name: "it's \"quoted\" \\back $HOME `id` $(id) %s !1 ??/ 'x' \\",
  description: "line\nnext\ttab \u00e9\u{1f600} -- <b>&amp;</b> \u007f \\n end'",
};

check("the snippets are live, and each of them makes the same request whatever the values are", async () => {
  const page = await openPage();
  const empty = await code(page, "curl");
  for (const [name, text] of Object.entries(odd)) await field(page, name).fill(text);
  assert.notEqual(await page.locator("#code").textContent(), empty);
  const expected = {ecosystemId: active, type: "application", ...odd};
  const environment = {...process.env, DROPLIT_TOKEN: token, HOME: folder, no_proxy: "*",
                       PATH: path.dirname(consoleProgram) + ":" + process.env.PATH};
  const isCreated = (name, body) => {
    const {createdAt, id, ...client} = JSON.parse(body);
    assert.deepEqual(client, expected, name);
    assert.match(id, /^[0-9a-f]{24}$/, name);
    assert.ok(createdAt, name);
  };

  const curl = await run("sh", ["-c", await code(page, "curl")], {env: environment});
  const [head, ...body] = curl.stdout.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1.1 201 /);
  isCreated("curl", body.join("\r\n\r\n"));

  const console = await run("sh", ["-c", await code(page, "Console") + " --json"], {env: environment});
  isCreated("Console", console.stdout);

  const raw = (await code(page, "HTTP")).replace(": TOKEN\r\n", `: ${token}\r\n`);
  const response = await new Promise((resolve, reject) => {
    let received = "";
    const socket = net.connect(new URL(url).port, "127.0.0.1", () => socket.end(raw));
    socket.on("data", (piece) => { received += piece; }).on("end", () => resolve(received)).on("error", reject);
  });
  assert.match(response, /^HTTP\/1.1 201 /);
  isCreated("HTTP", response.slice(response.indexOf("\r\n\r\n") + 4));

  for (const [name, libraries] of [["C++ SDK", ["-lcurl"]], ["C++ core", []]]) {
    const source = path.join(folder, "snippet.cpp");
    fs.writeFileSync(source, await code(page, name));
    await run("c++", ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", includeFolder, source, "-o", source + ".run",
                      ...libraries, "-lboost_json"]);
    const {stdout} = await run(source + ".run", [], {env: environment});
    const [status, ...rest] = stdout.split("\n");
    assert.equal(status, "201", name);
    isCreated(name, rest.join("\n"));
  }
  await close(page);
});

check("a snippet whose language cannot make a request says so", async () => {
  const page = await openPage();
  await page.getByLabel("authorization").fill(token);
  for (const name of ["Query Field Not Allowed", "Body Parameter Invalid", "Body Parameter Characters Invalid",
                      "Ecosystem Missing, misnamed"]) {
    await sending(page, () => page.getByRole("button", {name, exact: true}).click());
    for (const language of ["Console", "C++ SDK", "C++ core"]) {
      assert.match(await code(page, language), /^(#|\/\/) .* cannot /, `${name}, ${language}`);
    }
  }
  await page.getByLabel("send type").uncheck();
  assert.match(await code(page, "Console"), / cannot /);
  assert.match(await code(page, "C++ SDK"), /create\(\{\n {6}\.ecosystem_id = "C/);
  await page.getByLabel("send type").check();
  assert.match(await code(page, "C++ SDK"), /create\("C594b89aea18568c408c3ad24", "application", "Example name", "/);
  await close(page);
});

check("everything works from the keyboard alone, and the focus can be seen", async () => {
  const page = await openPage();
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body) return ["the end of the page", true];
    const {outlineStyle, outlineWidth} = getComputedStyle(element.closest(".choice") ? element.nextSibling : element);
    return [element.id || element.textContent || element.ariaLabel, outlineStyle === "solid" && parseFloat(outlineWidth) >= 2];
  });
  const tabTo = async (wanted) => {
    for (let i = 0; i !== 40; ++i) {
      await press("Tab");
      const [name, isSeen] = await focused();
      assert.ok(isSeen, `the focus cannot be seen at ${name}`);
      if (name === wanted) return;
    }
    assert.fail(`no Tab leads to ${wanted}`);
  };
  await tabTo("token");
  await page.keyboard.type(token);
  await tabTo("field-name");
  await press("Control+A");
  await page.keyboard.type("Keyboard");
  const created = await sending(page, () => press("Control+Enter"));
  assert.equal(created.status, 201);
  assert.equal(JSON.parse(created.body).name, "Keyboard");
  await tabTo("Try It!");
  assert.equal((await sending(page, () => press("Enter"))).status, 201);
  await press("Tab");  // into the choice of the body's form
  await press("ArrowRight");
  assert.ok(!(await page.locator("#body").textContent()).includes("\n"), "not raw");
  await tabTo("body");
  await press("Tab");  // into the choice of the language
  await press("ArrowRight");
  assert.match(await page.locator("#code").textContent(), /^droplit client create /);
  await tabTo("copy");
  await press("Space");
  await page.locator("#copied", {hasText: "Copied"}).waitFor();
  for (const name of Object.keys(errors)) {
    await tabTo(name);
    if (name === "Ecosystem Not Found") {
      await tabTo("ask-Ecosystem-Not-Found");
      await page.keyboard.type(deleted);
    }
    checkError(name, await sending(page, () => press("Enter")));
  }
  await close(page);
});

check("a screen reader gets names, what is required, and the response", async () => {
  const page = await openPage();
  for (const each of await page.locator("input, select, textarea, button, pre").all()) {
    const label = await each.evaluate((element) => element.ariaLabel || element.labels?.[0]?.textContent || element.textContent);
    assert.ok(label.trim(), await each.evaluate((element) => element.outerHTML));
  }
  assert.equal(await page.getByLabel("ecosystemId required", {exact: true}).count(), 1);
  const about = await field(page, "ecosystemId").getAttribute("aria-describedby");
  assert.ok((await page.locator(`[id="${about}"]`).textContent()).length > 5);
  assert.equal(await page.locator("#status").getAttribute("role"), "status");
  assert.deepEqual(await page.locator("h1, h2").evaluateAll((all) => all.map((each) => each.tagName)),
                   ["H1", "H2", "H2", "H2", "H2"]);
  await close(page);
});

check("axe finds nothing, light and dark, on a phone and a desktop, and nothing is wider than the screen", async () => {
  for (const scheme of ["light", "dark"]) {
    for (const [size, {width}] of Object.entries(sizes)) {
      const page = await openPage({size, scheme});
      const look = async (state) => {
        const name = `${scheme}-${size}-${state}`;
        await page.screenshot({path: path.join(pictures, name + ".png"), fullPage: size === "phone"});
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${name} is too wide`);
        await page.evaluate(axe);
        const {violations, passes} = await page.evaluate(() => window.axe.run());
        assert.deepEqual(violations.map((each) => `${each.impact} ${each.id}: ${each.nodes.map((node) => node.html)}`), [], name);
        assert.ok(passes.some((each) => each.id === "color-contrast"), "axe has not looked at contrast");
      };
      await look("empty");
      await page.getByLabel("authorization").fill(token);
      await sending(page, clickTryIt(page));
      await look("created");
      await sending(page, () => page.getByRole("button", {name: "Ecosystem Missing", exact: true}).click());
      await look("error");
      if (size === "phone") assert.ok(await page.locator("#response").evaluate((element) => {
        const {top} = element.getBoundingClientRect();
        return top >= -1 && top < innerHeight;
      }), "the response is out of sight");
      await close(page);
    }
  }
});

check("the form, the snippets and the errors follow the document", async () => {
  const {document, operation, schema, example, scheme} = await readDocument();
  schema.properties.siteCode = {type: "string", description: "Where the client hangs.", enum: ["north", "south"]};
  schema.required.push("siteCode");
  example.siteCode = "south";
  operation.summary = "Make a thing";
  scheme.name = "x-key";
  document.paths = {"/api/things": {put: operation}};
  const page = await openPage({document});
  await page.route("**/api/things", (route) => route.fulfill({status: 201, json: {}}));
  assert.equal(await page.locator("h1").innerText(), "Make a thing");
  assert.match(await page.locator(".field", {hasText: "siteCode"}).innerText(), /siteCode\s*required[^]*Where the client hangs\./);
  assert.equal(await field(page, "siteCode").inputValue(), "south");
  await field(page, "siteCode").selectOption("north");
  assert.match(await code(page, "Console"), / --siteCode north$/);
  assert.match(await code(page, "C++ core"), /\.site_code = "north",/);
  const curl = await code(page, "curl");
  assert.match(curl, /-X PUT http:\S*\/api\/things /);
  assert.match(curl, /"x-key: \$DROPLIT_TOKEN"/);
  await page.getByLabel("x-key").fill(token);
  const [request] = await Promise.all([page.waitForRequest((each) => each.method() === "PUT"), clickTryIt(page)()]);
  assert.equal(JSON.parse(request.postData()).siteCode, "north");
  assert.equal((await request.allHeaders())["x-key"], token);
  await page.locator("#status", {hasText: "201"}).waitFor();
  await close(page);
});

check("without a document the page says so", async () => {
  const page = await context.newPage();
  await page.route("**/openapi.json", (route) => route.fulfill({status: 404, body: ""}));
  await page.goto(url);
  await page.getByText("openapi.json could not be read").waitFor();
  await page.close();
});

check("droplit-server --no-try-it serves the document, and no page", async () => {
  const without = await start("--no-try-it");
  try {
    assert.equal((await fetch(without.url + "/openapi.json")).status, 200);
    for (const name of ["/", "/try-it.js", "/try-it.css"]) assert.equal((await fetch(without.url + name)).status, 404);
    const created = await fetch(without.url + "/api/clients", {method: "POST",
      headers: {authorization: token, "content-type": "application/json"},
      body: JSON.stringify({ecosystemId: active, type: "server"})});
    assert.equal(created.status, 201);
  } finally {
    await without.stop();
  }
});

check("no file of the browser's profile has the token in it", async () => {
  await context.close();
  context = undefined;
  const files = fs.readdirSync(profile, {recursive: true}).map((name) => path.join(profile, name));
  assert.ok(files.length > 20);
  for (const file of files.filter((name) => fs.lstatSync(name).isFile())) {
    assert.ok(!fs.readFileSync(file).includes(token), file);
  }
});

test("the Try It page", async (t) => {
  fs.mkdirSync(pictures, {recursive: true});
  const server = await start();
  url = server.url + "/";
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: "/usr/bin/chromium",
      headless: true,
      permissions: ["clipboard-read", "clipboard-write"],
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
    });
    for (const {name, body} of checks) await t.test(name, body);
  } finally {
    await context?.close();
    await server.stop();
    fs.rmSync(folder, {recursive: true, force: true});
  }
});
