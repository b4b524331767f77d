// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Random bodies, judged by the document's schemas and by the server: the status, the paths of a 400, and the body of each
// response against its schema.
import {Connection} from "../support.mjs";
import {depth, hasLoneSurrogate, isUtf8, maxDepth, parsed} from "./beyond_schemas.mjs";
import {contract, createClient, schemasOf} from "./document.mjs";
import {bodyOf, makeRandom} from "./random_body.mjs";

const unread = {status: 400, paths: ["ecosystemId", "type"]};
/// What a schema cannot judge, and what the contract says of it. Of the first rule that applies, `expect` is the
/// judgement, or undefined where either one is right.
const beyondSchemas = [
  {name: "not UTF-8", applies: ({bytes}) => !isUtf8(bytes), expect: () => unread},
  {name: "not JSON", applies: ({value}) => value === undefined, expect: () => unread},
  {name: "a lone surrogate", applies: ({text}) => hasLoneSurrogate(text), expect: () => unread},
  {name: "an exponent beyond 999999999", applies: ({text}) => /[eE][+-]?\d{10}/.test(text), expect: () => undefined},
  {name: "more than 32 levels", applies: ({text}) => depth(text) > maxDepth, expect: () => unread},
];
const ofTheStore = [
  {
    name: "an ecosystem that was deleted",
    applies: (id) => id === contract.deleted,
    judgement: {status: 404, paths: []},
  },
  {
    name: "an ecosystem that never was",
    applies: (id) => id !== contract.active,
    judgement: {status: 400, paths: ["ecosystemId"]},
  },
];

// Keywords that fail because of others, which are listed too.
const combining = new Set(["if", "not", "anyOf", "allOf", "oneOf", "propertyNames"]);

/// The judgement of a request's schema: the status, and for a 400 the paths of its entries.
function judge(validate, value) {
  if (validate(value)) return {status: 201, paths: []};
  const paths = new Set();
  for (const {keyword, instancePath, params, propertyName} of validate.errors) {
    if (combining.has(keyword)) continue;
    if (propertyName !== undefined || keyword === "additionalProperties") {
      paths.add("additional parameters");
    } else if (instancePath !== "") {
      paths.add(instancePath.slice(1));
    } else if (keyword === "required") {
      paths.add(params.missingProperty);
    } else if (keyword === "type") {
      unread.paths.forEach((path) => paths.add(path));
    } else {
      throw new Error(`the schema says no by ${keyword}`);
    }
  }
  return {status: 400, paths: [...paths]};
}

function expectation(validate, sent, report) {
  for (const rule of beyondSchemas) {
    if (!rule.applies(sent)) continue;
    report.compared(`bodies beyond schemas (${rule.name})`);
    return rule.expect();
  }
  const judgement = judge(validate, sent.value);
  const id = judgement.status === 201 && canonical(sent.value.ecosystemId);
  const known = id && ofTheStore.find(({applies}) => applies(id));
  if (known) {
    report.compared(`bodies beyond schemas (${known.name})`);
    return known.judgement;
  }
  report.compared("bodies judged by schemas");
  report.compared(`bodies of ${judgement.status} judged by schemas`);
  return judgement;
}

const canonical = (id) => `C${id.slice(1).toLowerCase()}`;
const listed = (paths) => [...paths].sort().join(", ");

/// `count` bodies that schemas can judge, and those between them that they cannot.
export async function bodies({document, server, report, count = 20_000, seed = 1}) {
  report.note(`seed ${seed}`);
  const random = makeRandom(seed);
  const schemas = schemasOf(document);
  const operation = createClient(document);
  const validate = schemas.ofRequest(operation);
  const connections = Array.from({length: 8}, () => new Connection(server.port));

  const one = async (connection) => {
    const bytes = bodyOf(random);
    const text = bytes.toString("utf8");
    const sent = {bytes, text, value: parsed(text)};
    const expected = expectation(validate, sent, report);
    const response = await connection.send({
      target: "/api/clients",
      fields: [
        ["authorization", contract.account],
        ["content-type", "application/json"],
      ],
      body: bytes,
    });
    const body = response.body.toString("utf8");
    const value = parsed(body);
    const got = {
      status: response.status,
      paths: response.status === 400 ? (value?.errors ?? []).map(({path}) => path) : [],
    };
    const said = `${JSON.stringify(text.slice(0, 500))}: ${got.status} [${listed(got.paths)}]`;
    if (expected && (expected.status !== got.status || listed(expected.paths) !== listed(got.paths))) {
      report.finding(`${said}, not ${expected.status} [${listed(expected.paths)}]`);
    }
    const wrong = schemas.wrongResponse(operation, response);
    if (wrong) report.finding(`${said}: ${wrong}`);
    report.compared("responses against their schemas");
  };
  const worker = async (connection) => {
    while (report.count("bodies judged by schemas") < count && report.findings.length < 20) {
      await Promise.all(Array.from({length: 16}, () => one(connection)));
    }
    connection.close();
  };
  await Promise.all(connections.map(worker));

  report.atLeast("bodies judged by schemas", count);
  for (const status of [201, 400]) report.atLeast(`bodies of ${status} judged by schemas`, count / 10);
  for (const {name} of [...beyondSchemas, ...ofTheStore])
    report.atLeast(`bodies beyond schemas (${name})`, count / 1000);
}
