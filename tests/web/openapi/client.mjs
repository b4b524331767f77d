// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// A client in TypeScript: its types are made from the document, it is compiled with --strict, and creates clients.
import {execFileSync} from "node:child_process";
import {copyFileSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";
import openapiTS, {astToString} from "openapi-typescript";
import {contract} from "./document.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const compilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  target: "es2022",
  module: "nodenext",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
};

// The diagnostics of the compiler, or an empty text.
function compile(folder) {
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({compilerOptions, files: ["client.ts"]}));
  try {
    execFileSync(process.execPath, [here("../node_modules/typescript/lib/tsc.js"), "--project", folder], {
      encoding: "utf8",
    });
    return "";
  } catch (error) {
    return error.stdout || String(error);
  }
}

export async function client({document, keys, server, report}) {
  const folder = mkdtempSync(here("./client-")); // below node_modules' folder
  try {
    writeFileSync(join(folder, "schema.d.ts"), astToString(await openapiTS(JSON.stringify(document))));
    writeFileSync(join(folder, "package.json"), '{"type": "module"}');
    copyFileSync(here(keys ? "client_keys.ts" : "client.ts"), join(folder, "client.ts"));
    const diagnostics = compile(folder);
    if (diagnostics) return report.finding(diagnostics);
    report.compared("programs compiled");
    const {run} = await import(pathToFileURL(join(folder, "client.js")));
    await run(server.url, contract, (what, got, expected) => {
      report.compared("calls");
      if (got !== expected) report.finding(`${what}: ${got}, not ${expected}`);
    });
    report.atLeast("calls", keys ? 7 : 15);
  } finally {
    rmSync(folder, {recursive: true});
  }
}
