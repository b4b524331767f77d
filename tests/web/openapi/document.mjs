// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// An OpenAPI document as the gates read it, and the names of the contract's world (tests/data/README.md).
import Ajv from "ajv/dist/2020.js";

export const contract = {
  active: "C594b89aea18568c408c3ad24",
  deleted: "C594b89aea18568c408c3ad2d",
  never: "C594b89aea18568c408c3ad2e",
  foreign: "Cff4b89aea18568c408c3ad24",
  account: "Acc-7oQ2.yF~x1",
  server: "Srv-9kD4.wB~z3",
  client: "Cli-1mN6.uC~v5",
};

/// What a JSON pointer or `#/...` names.
export function at(document, pointer) {
  const steps = pointer.replace(/^#/, "").split("/").slice(1);
  return steps.reduce((node, step) => node?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], document);
}

export function resolved(document, node) {
  return node?.$ref ? resolved(document, at(document, node.$ref)) : node;
}

const step = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// `{method, path, operation}` of each operation.
export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => ({method, path, operation: item[method]})),
  );
}

export function createClient(document) {
  return operationsOf(document).find(({method, path}) => method === "post" && path === "/api/clients");
}

// Fields that HTTP has in each response, or that OpenAPI describes elsewhere.
const ofEachResponse = new Set(["connection", "content-length", "content-type", "date"]);

/// The schemas of a document, each compiled once.
export function schemasOf(document) {
  const ajv = new Ajv({
    allErrors: true,
    strictTypes: false,
    strictRequired: false,
    formats: {"date-time": true}, // a note: patterns judge
  });
  // The document is the root of the schemas, so that its keys are words of them.
  ajv.addVocabulary(["example", "discriminator", "externalDocs", "xml", ...Object.keys(document)]);
  ajv.addSchema(document, "document", undefined, false);
  const compiled = new Map();
  const compile = (pointer) => {
    if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({$ref: `document#${pointer}`}));
    return compiled.get(pointer);
  };
  // The pointer of a node of the document, after its `$ref`.
  const pointerOf = (pointer) => {
    const ref = at(document, pointer)?.$ref;
    return ref ? pointerOf(ref.slice(1)) : pointer;
  };
  const errors = (validate) => ajv.errorsText(validate.errors, {dataVar: "value"});

  const wrong = (pointer, value) => {
    const validate = compile(encodeURI(pointer));
    return validate(value) ? "" : errors(validate);
  };

  return {
    wrong,

    /// The validation of a request's JSON body.
    ofRequest({method, path}) {
      const body = pointerOf(`/paths/${step(path)}/${method}/requestBody`);
      return compile(encodeURI(`${body}/content/${step("application/json")}/schema`));
    },

    /// What is wrong with a response (as `Connection` has it) by the document, or an empty text.
    wrongResponse({method, path, operation}, {status, fields, body}) {
      if (!operation.responses[status]) return `${status} is not among the responses`;
      const pointer = pointerOf(`/paths/${step(path)}/${method}/responses/${status}`);
      const response = at(document, pointer);
      for (const [name, header] of Object.entries(response.headers ?? {})) {
        const {required, schema} = resolved(document, header);
        const value = fields.get(name.toLowerCase());
        if (value === undefined) {
          if (required) return `${status} without ${name}`;
          continue;
        }
        const typed = resolved(document, schema).type === "integer" ? Number(value) : value;
        const fault = wrong(`${pointerOf(`${pointer}/headers/${step(name)}`)}/schema`, typed);
        if (fault) return `${name}: ${fault}`;
      }
      const undescribed = [...fields.keys()].filter(
        (name) => !(name in (response.headers ?? {})) && !ofEachResponse.has(name),
      );
      if (undescribed.length) return `${status} with ${undescribed}, which is not described`;
      const type = fields.get("content-type");
      if (type === undefined) {
        if (body.length) return `${status} with a body, but without a content-type`;
        return response.content && !/ \(no body\): /.test(response.description) ? `${status} without a body` : "";
      }
      const mediaType = type.replace(/ *;.*/, "");
      if (!response.content?.[mediaType]) return `${status} with content-type ${type}, which is not described`;
      const text = body.toString("utf8");
      let value = text;
      if (mediaType === "application/json") {
        try {
          value = JSON.parse(text);
        } catch {
          return `not JSON: ${text}`;
        }
      }
      return wrong(`${pointer}/content/${step(mediaType)}/schema`, value);
    },
  };
}

/// Each example of a request's or a response's body: `{operation, status, type, name, value, request}`, a request's
/// without a status; `request` is what asks for a response, if the example says so.
export function examplesOf(document) {
  const all = [];
  for (const operation of operationsOf(document)) {
    const add = (status, holder) => {
      for (const [type, {examples}] of Object.entries(resolved(document, holder)?.content ?? {})) {
        for (const [name, example] of Object.entries(examples ?? {})) {
          const {value, "x-request": request} = resolved(document, example);
          all.push({operation, status, type, name, value, request});
        }
      }
    };
    add(undefined, operation.operation.requestBody);
    for (const [status, response] of Object.entries(operation.operation.responses)) add(Number(status), response);
  }
  return all;
}
