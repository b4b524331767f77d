// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// run.mjs GATE DOCUMENT CONTRACT_SERVER [SEED]: runs one gate on an OpenAPI document, beside a server of the contract's
// world.
import {readFileSync} from "node:fs";
import {Report, startServer} from "../support.mjs";

const [name, file, program, seed = "1"] = process.argv.slice(2);
const {[name]: gate} = await import(`./${name}.mjs`);
const report = new Report();
const server = await startServer(program);
try {
  await gate({file, document: JSON.parse(readFileSync(file, "utf8")), program, server, report, seed: Number(seed)});
} finally {
  await server.stop();
}
report.print(name);
process.exitCode = report.findings.length ? 1 : 0;
