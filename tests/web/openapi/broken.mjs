// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A document that is broken on purpose turns a gate red, each time for the right reason.
import {writeFileSync} from "node:fs";
import {fileURLToPath} from "node:url";
import {Report} from "../support.mjs";
import {bodies} from "./bodies.mjs";
import {client} from "./client.mjs";
import {at} from "./document.mjs";
import {examples} from "./examples.mjs";
import {lint} from "./lint.mjs";
import {proxy} from "./proxy.mjs";

const gates = {bodies, client, examples, lint, proxy};

// What an edit changes, by a short name.
const parts = (document) => {
  const {schemas, responses, parameters, requestBodies, securitySchemes} = document.components;
  const response = (status) => responses[`CreateClient${status}`];
  const example = (status, name, type = "application/json") => response(status).content[type].examples[name];
  return {
    document,
    paths: document.paths,
    post: document.paths["/api/clients"].post,
    draft: schemas.CreateClient,
    created: schemas.Client,
    invalid: schemas.InvalidParams,
    entry: (path) =>
      schemas.InvalidParams.properties.errors.items.oneOf.find(({properties}) => properties.path.const === path),
    requests: requestBodies.CreateClient.content["application/json"].examples,
    parameters,
    securitySchemes,
    response,
    example,
  };
};

const without = (list, word) => list.filter((each) => each !== word);

/// `[what is broken, the gate that turns red, what it says, the edit]`.
const edits = [
  [
    "an example of a 400 has another message",
    "examples",
    /400 Ecosystem Invalid: the server says 400/,
    ({example}) => (example(400, "Ecosystem Invalid").value.errors[0].message = "field is required"),
  ],
  [
    "the example of a 404 names another ecosystem",
    "examples",
    /404 Ecosystem Not Found: the server says 404/,
    ({example}) =>
      (example(404, "Ecosystem Not Found", "text/plain").value =
        "Ecosystem with id C000000000000000000000000 does not exist."),
  ],
  [
    "the example of a 201 has its members in another order",
    "examples",
    /201 Required parameters: the server says 201/,
    ({example}) => {
      const one = example(201, "Required parameters");
      one.value = Object.fromEntries(Object.entries(one.value).reverse());
    },
  ],
  [
    "the example of a 201 has no id",
    "lint",
    /no-invalid-media-type-examples.*'id'/,
    ({example}) => delete example(201, "All parameters").value.id,
  ],
  [
    "the example of a request has an unknown type",
    "lint",
    /no-invalid-media-type-examples.*type/,
    ({requests}) => (requests["All parameters"].value.type = "robot"),
  ],
  [
    "an example of a request is refused",
    "examples",
    /201 Required parameters: the server says 404/,
    ({requests}) => (requests["Required parameters"].value.ecosystemId = "C594b89aea18568c408c3ad2d"),
  ],

  [
    "an enumeration of the request has one more value",
    "client",
    /Unused '@ts-expect-error'/,
    ({draft}) => draft.properties.type.enum.push("robot"),
  ],
  [
    "an enumeration of the request has one value less",
    "bodies",
    /201 \[\], not 400 \[type\]/,
    ({draft}) => draft.properties.type.enum.pop(),
  ],
  [
    "an enumeration of the response has one value less",
    "bodies",
    /type must be equal to one of the allowed values/,
    ({created}) => created.properties.type.enum.pop(),
  ],
  [
    "a message is not among those of its entry",
    "bodies",
    /must match exactly one schema in oneOf/,
    ({entry}) => entry("name").properties.message.enum.pop(),
  ],

  [
    "a required member of the request is not",
    "bodies",
    /400 \[type\], not 201 \[\]/,
    ({draft}) => (draft.required = without(draft.required, "type")),
  ],
  [
    "an optional member of the request is required",
    "bodies",
    /201 \[\], not 400 \[name\]/,
    ({draft}) => draft.required.push("name"),
  ],
  [
    "an optional member of the response is required",
    "bodies",
    /must have required property 'name'/,
    ({created}) => created.required.push("name"),
  ],
  [
    "a required member of the response is not",
    "client",
    /'string \| undefined' is not assignable/,
    ({created}) => (created.required = without(created.required, "id")),
  ],

  ["a status is missing", "bodies", /404 is not among the responses/, ({post}) => delete post.responses[404]],
  [
    "a status without a body is missing",
    "examples",
    /no response is described for Unauthorized/,
    ({post}) => delete post.responses[401],
  ],
  [
    "a status is another",
    "examples",
    /200 All parameters: no request is known/,
    ({post}) => {
      post.responses[200] = post.responses[201];
      delete post.responses[201];
    },
  ],
  [
    "a status has a response that no request gets",
    "examples",
    /402 Payment Required: no request is known/,
    ({post}) => (post.responses[402] = {description: "Payment Required (no body): never."}),
  ],
  [
    "a status no longer says that it has responses without a body",
    "examples",
    /no response is described for Forbidden/,
    ({response}) => (response(403).description = response(403).description.replaceAll(" (no body)", "")),
  ],
  [
    "a response has another media type",
    "examples",
    /content-type application\/json, which is not described/,
    ({response}) => {
      const {content} = response(500);
      response(500).content = {"application/problem+json": content["application/json"]};
    },
  ],

  [
    "a pattern of the request forbids upper case",
    "bodies",
    /201 \[\], not 400 \[ecosystemId\]/,
    ({draft}) => (draft.properties.ecosystemId.pattern = "^C[0-9a-f]{24}$"),
  ],
  [
    "a pattern of the request allows U+0000",
    "bodies",
    /400 \[name\], not 201 \[\]/,
    ({draft}) => delete draft.properties.name.pattern,
  ],
  [
    "null is no longer the same as absent",
    "bodies",
    /201 \[\], not 400 \[description\]/,
    ({draft}) => (draft.properties.description.type = "string"),
  ],
  [
    "a pattern of the response is wrong",
    "bodies",
    /id must match pattern/,
    ({created}) => (created.properties.id.pattern = "^[0-9a-f]{25}$"),
  ],
  [
    "unknown members are ignored even where the id is missing",
    "bodies",
    /400 \[additional parameters, ecosystemId\], not 400 \[ecosystemId\]/,
    ({draft}) => (draft.else = {}),
  ],
  [
    "a constant has no type beside it",
    "lint",
    /type-beside-const/,
    ({invalid}) => delete invalid.properties.errorType.type,
  ],
  [
    "a word of JSON Schema is misspelled",
    "lint",
    /aditionalProperties/,
    ({created}) => (created.aditionalProperties = false),
  ],

  [
    "a header of the response has another value",
    "examples",
    /retry-after: value must be equal to constant/,
    ({response}) => (response(503).headers["retry-after"].schema.const = "2"),
  ],
  [
    "a header of the response is not described",
    "examples",
    /405 with allow, which is not described/,
    ({response}) => delete response(405).headers,
  ],
  [
    "a required header of the response is not sent",
    "examples",
    /405 without x-allow/,
    ({response}) => (response(405).headers["x-allow"] = response(405).headers.allow),
  ],
  [
    "the token is sent in another header",
    "proxy",
    /201 .* and Prism says: request/,
    ({securitySchemes}) => (securitySchemes.token.name = "x-token"),
  ],
  [
    "a header parameter is called authorization",
    "lint",
    /security-scheme-instead-of-parameter/,
    ({parameters}) => (parameters.ApiVersion.name = "authorization"),
  ],
  ["the older path is missing", "client", /"\/v0\/api\/clients"/, ({paths}) => delete paths["/v0/api/clients"]],
];

export async function broken({document, program, server, report}) {
  const brokenFile = fileURLToPath(new URL("broken.json", import.meta.url));
  const run = async (gate, what) => {
    const found = new Report();
    await gates[gate]({file: brokenFile, document: what, program, server, report: found, count: 3000});
    return found.findings;
  };

  // The other gates are tests that run as they do here.
  for (const finding of await run("bodies", document)) report.finding(`unbroken: ${finding}`);
  const first = run("examples", document); // of which one response takes ten seconds

  for (const [what, gate, says, edit] of edits) {
    const copy = structuredClone(document);
    edit(parts(copy));
    if (JSON.stringify(copy) === JSON.stringify(document)) report.finding(`${what}: the edit changes nothing`);
    writeFileSync(brokenFile, JSON.stringify(copy, null, 2));
    const findings = await run(gate, copy);
    if (!findings.length) report.finding(`${what}: ${gate} finds nothing`);
    else if (!findings.some((each) => says.test(each)))
      report.finding(`${what}: ${gate} says only: ${findings[0].slice(0, 400)}`);
    report.compared("edits");
  }
  await first;
  report.atLeast("edits", 20);
}
