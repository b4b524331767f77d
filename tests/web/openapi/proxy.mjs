// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// The contract's cases, sent to a server directly and through Prism, which judges requests and responses by the
// document: the responses are the same, none breaks the document, and a request breaks it exactly where the server
// refuses it. Without `--errors`, with which Prism would keep requests that break the document from the server.
import {execFileSync} from "node:child_process";
import {fileURLToPath} from "node:url";
import {Client, startServer} from "../support.mjs";
import {depth, hasLoneSurrogate, isUtf8, maxDepth, parsed} from "./beyond_schemas.mjs";
import {contract} from "./document.mjs";

const prism = fileURLToPath(new URL("../node_modules/@stoplight/prism-cli/dist/index.js", import.meta.url));

const fieldOf = ({fields}, name) => fields.find(([each]) => each.toLowerCase() === name)?.[1];
const isJson = (one) => /^application\/json\b/i.test(fieldOf(one, "content-type") ?? "");

const token = "[\\w!#$%&'*+.^`|~-]+";
const parameter = `charset=(utf-8|"utf-8")|(?!charset)${token}=(${token}|"[^"\\\\]*")`;
const plainType = new RegExp(`^(${token}/${token}( *; *(${parameter}))*)?$`, "i");

/// What Prism does not pass on as it is: it reads requests and writes them anew.
const rewritten = [
  {
    name: "a method that it does not know",
    applies: ({method}) => !/^(GET|POST|PUT|DELETE|OPTIONS|PATCH)$/.test(method),
  },
  {name: "a body in a GET", applies: ({method, body}) => method === "GET" && body !== ""},
  {
    name: "a target that is not plain",
    applies: ({target}) => !/^(?!.*__proto__)(\/[a-zA-Z0-9-]+)+\/?(\?[\w&=.-]*)?$/.test(target),
  },
  {
    name: "a field that is not plain, or given twice",
    applies: ({fields}) =>
      fields.some(([, value]) => !/^[!-~ ]*$/.test(value)) ||
      new Set(fields.map(([name]) => name.toLowerCase())).size !== fields.length,
  },
  {
    name: "a field about the body or the connection",
    applies: ({fields}) =>
      fields.some(([name]) =>
        /^(content-(length|encoding)|transfer-encoding|connection|expect|host|te|upgrade)$/i.test(name),
      ),
  },
  {
    name: "a content-type of another charset, or of broken grammar",
    applies: (one) => !plainType.test(fieldOf(one, "content-type") ?? ""),
  },
  {name: "a body that is not UTF-8", applies: ({body}) => !isUtf8(Buffer.from(body, "latin1"))},
  {
    name: "a body that is not JSON, or a JSON text",
    applies: (one) => isJson(one) && one.body !== "" && /^(undefined|string)$/.test(typeof parsed(one.body)),
  },
  {
    name: "a media type like application/problem+json, which it takes for JSON",
    applies: (one) => /\+json\b/.test(fieldOf(one, "content-type") ?? ""),
  },
  {name: "a number that JavaScript does not have", applies: ({body}) => /\d[eE][+-]?\d{3}|\d{309}/.test(body)},
  {name: "a body of thousands of levels", applies: ({body}) => /[[{]{1000}/.test(body)},
  {name: "a body above the limit that is shorter when written anew", applies: ({body}) => body.length > 1 << 20},
];

/// What an OpenAPI document cannot say of requests: `accepted` where it forbids too much, `refused` where it allows too
/// much.
const unsaid = [
  {name: "a path may end with one more slash", accepted: ({target}) => /\/(\?|$)/.test(target)},
  {name: "OPTIONS looks neither at a body nor at its type", accepted: ({method}) => method === "OPTIONS"},
  {name: "no query field is allowed", refused: ({target}) => target.includes("?")},
  {name: "which tokens there are, and what they may do", refused: (_, {status}) => status === 401 || status === 403},
  {name: "no text has half a character", refused: ({body}) => hasLoneSurrogate(body)},
  {name: "a body has at most 32 levels", refused: ({body}) => depth(body) > maxDepth},
  {
    name: "which keys were used, and with which parameters",
    ofKeys: true,
    refused: (_, {status}) => status === 422,
  },
  {
    name: "an empty key is malformed; to Prism it is none",
    ofKeys: true,
    refused: (one) => fieldOf(one, "idempotency-key") === "",
  },
  {
    name: "which ecosystems there are",
    refused: (one) => !parsed(one.body)?.ecosystemId?.endsWith?.(contract.active.slice(1)),
  },
];

/// What it cannot say of responses: that some of a status have a body and others have none.
const isEmptyOfSeveral = ({body, fields}) => body.length === 0 && !fields.has("content-type");

// What Prism found: lines, of requests and of responses.
function violations(response) {
  const value = response.fields.get("sl-violations") ?? "[]";
  const all = parsed(value) ?? [{location: ["request"], message: value.slice(0, 200)}];
  const of = (side) =>
    all.filter(({location}) => location[0] === side).map(({location, message}) => `${location.join(".")}: ${message}`);
  return {request: of("request"), response: of("response")};
}

const said = ({status, fields, body}) =>
  `${status} ${fields.get("content-type") ?? ""} ${fields.get("allow") ?? ""} ${fields.get("idempotency-replayed") ?? ""} ${body.toString("utf8", 0, 1000)}`;

export async function proxy({file, program, options = [], keys, server, report}) {
  const cases = JSON.parse(execFileSync(program, [...options, "--cases"], {maxBuffer: 1 << 28}).toString());
  const proxyServer = await startServer(process.execPath, prism, "proxy", file, server.url, "--port=0", "--cors=false");
  const direct = new Client(server.port);
  const proxied = new Client(proxyServer.port);
  try {
    for (const one of cases) {
      const rule = rewritten.find(({applies}) => applies(one));
      if (rule) report.compared(`cases left out (${rule.name})`);
      else compare(one, await Promise.all([direct.send(one), proxied.send(one)]), report);
    }
  } finally {
    direct.close();
    proxied.close();
    await proxyServer.stop();
  }
  report.atLeast("responses against the document (without a body)", 1);
  report.atLeast("accepted requests", 100);
  report.atLeast("refused requests", 200);
  for (const {name} of rewritten) report.atLeast(`cases left out (${name})`, 1);
  for (const {name, accepted, ofKeys} of unsaid) {
    if (ofKeys && !keys) continue;
    report.atLeast(`${accepted ? "accepted" : "refused"} requests against the document (${name})`, 1);
  }
}

function compare(one, [expected, got], report) {
  if (said(expected) !== said(got)) report.finding(`${one.where}: ${said(got)} through Prism, not ${said(expected)}`);
  const found = violations(got);
  if (found.response.length && isEmptyOfSeveral(got)) {
    report.compared("responses against the document (without a body)");
  } else if (found.response.length) {
    report.finding(`${one.where}: ${found.response.join("; ")}`);
  }
  const side = expected.status < 400 ? "accepted" : "refused";
  if ((side === "accepted") === (found.request.length === 0)) return report.compared(`${side} requests`);
  const reason = unsaid.find((each) => each[side]?.(one, expected));
  if (reason) return report.compared(`${side} requests against the document (${reason.name})`);
  report.finding(`${one.where}: ${said(expected)}, and Prism says: ${found.request.join("; ") || "nothing"}`);
}
