// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Each example, and each response without a body, is what a server sends to a request that asks for it.
import {Client} from "../support.mjs";
import {contract, examplesOf, operationsOf, resolved, schemasOf} from "./document.mjs";

const good = JSON.stringify({ecosystemId: contract.active, type: "application"});
const token = (value) => [
  ["authorization", value],
  ["content-type", "application/json"],
];
const post = (rest) => ({method: "POST", fields: token(contract.account), body: good, ...rest});
const named = (name) => post({body: JSON.stringify({ecosystemId: contract.active, type: "server", name})});

/// Requests for the responses whose examples name none, by the code's name; each operation describes all that are its
/// own. The operation's method and path are taken where a request has none.
const ofServer = {
  "Bad Request": {fields: [["a b", "c"]]},
  "URI Too Long": {target: `/${"a".repeat(100_000)}`},
  "Header Fields Too Large": {fields: [["a", "b".repeat(100_000)]]},
  "Request Timeout": {cut: 20},
  "Internal Server Error": named("storage throws"), // of any operation, but only this one can be made to fail
  "Service Unavailable": named("storage is away"),
};
const ofOperation = {
  post: {
    ...ofServer,
    Unauthorized: post({fields: token("nonsense")}),
    "Token Kind Forbidden": post({fields: token(contract.client)}),
    Forbidden: post({fields: token(contract.server), body: good.replace(contract.active, contract.foreign)}),
    "Not Found": post({target: "/api/client"}),
    "Method Not Allowed": {method: "DELETE"},
    "Content Too Large": post({body: `${good}${" ".repeat(1 << 20)}`}),
  },
  options: {...ofServer, OPTIONS: {}},
};

/// What servers sent, so that each request is sent to each only once.
const sent = new WeakMap();

function send(server, request) {
  if (!sent.has(server)) sent.set(server, new Map());
  const responses = sent.get(server);
  const key = JSON.stringify(request);
  if (!responses.has(key)) {
    const client = new Client(server.port);
    responses.set(
      key,
      client.send(request).finally(() => client.close()),
    );
  }
  return responses.get(key);
}

// The names of the codes without a body, as a response's description lists them.
function namesWithoutBody(response) {
  return [...response.description.matchAll(/^(.+) \(no body\): /gm)].map(([, name]) => name);
}

export async function examples({document, server, report}) {
  const schemas = schemasOf(document);
  const wanted = []; // {operation, status, name, request, body}
  for (const operation of operationsOf(document)) {
    for (const [status, holder] of Object.entries(operation.operation.responses)) {
      const response = resolved(document, holder);
      const names = namesWithoutBody(response);
      if (!names.length && !response.content) report.finding(`${status}: neither a body nor a code without one`);
      for (const name of names) wanted.push({operation, status: Number(status), name, body: ""});
    }
  }
  for (const example of examplesOf(document)) {
    const {operation} = example;
    if (example.status === undefined) {
      wanted.push({operation, status: 201, name: example.name, request: post({body: JSON.stringify(example.value)})});
      continue;
    }
    const body = example.type === "application/json" ? JSON.stringify(example.value) : example.value;
    const asked = example.request;
    const fields = [...token(contract.account), ...Object.entries(asked?.headers ?? {})];
    const request = asked && post({query: asked.query, fields, body: JSON.stringify(asked.body)});
    wanted.push({
      operation,
      status: example.status,
      name: example.name,
      request: request ?? requestOf(document, example),
      body,
    });
  }

  for (const operation of operationsOf(document)) {
    for (const name of Object.keys(ofOperation[operation.method])) {
      if (wanted.some((one) => one.operation.operation === operation.operation && one.name === name)) continue;
      report.finding(`${operation.method} ${operation.path}: no response is described for ${name}`);
    }
  }

  await Promise.all(
    wanted.map(async ({operation, status, name, request = ofOperation[operation.method][name], body}) => {
      const what = `${operation.method} ${operation.path}: ${status} ${name}`;
      if (!request) return report.finding(`${what}: no request is known that asks for it`);
      const {target = operation.path, query, method = operation.method.toUpperCase(), ...rest} = request;
      const response = await send(server, {method, target: query ? `${target}?${query}` : target, ...rest});
      const text = response.body.toString("utf8");
      const said = `${response.status} ${response.fields.get("content-type") ?? ""} ${text}`;
      if (response.status !== status || (body !== undefined && text !== body)) {
        report.finding(`${what}: the server says ${said}${body ? `, not ${body}` : ""}`);
      }
      const wrong = schemas.wrongResponse(operation, response);
      if (wrong) report.finding(`${what}: ${wrong}`);
      report.compared(body === undefined ? "requests" : body === "" ? "responses without a body" : "responses");
    }),
  );
  for (const [what, count] of [
    ["requests", 4],
    ["responses", 30],
    ["responses without a body", 25],
  ])
    report.atLeast(what, count);
}

// The request of a 201 is the request's example of the same name.
function requestOf(document, {operation, status, name}) {
  if (status !== 201) return undefined;
  const body = resolved(document, operation.operation.requestBody).content["application/json"].examples[name]?.value;
  return body && post({body: JSON.stringify(body)});
}
