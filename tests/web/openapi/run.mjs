// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// run.mjs GATE DOCUMENT CONTRACT_SERVER [SEED]: runs one gate on an OpenAPI document, beside a server of the contract's
// world. Where DOCUMENT is `keys`, the server takes idempotency keys, and the document is the one that it prints.
import {execFileSync} from "node:child_process";
import {readFileSync, writeFileSync} from "node:fs";
import {fileURLToPath} from "node:url";
import {Report, startServer} from "../support.mjs";

const [name, source, program, seed = "1"] = process.argv.slice(2);
const keys = source === "keys";
const options = keys ? ["--keys"] : [];
const file = keys ? fileURLToPath(new URL(`keys-${name}.json`, import.meta.url)) : source;
if (keys) writeFileSync(file, execFileSync(program, [...options, "--document"]));

const {[name]: gate} = await import(`./${name}.mjs`);
const report = new Report();
const server = await startServer(program, ...options);
try {
  const document = JSON.parse(readFileSync(file, "utf8"));
  await gate({file, document, program, options, keys, server, report, seed: Number(seed)});
} finally {
  await server.stop();
}
report.print(name);
process.exitCode = report.findings.length ? 1 : 0;
