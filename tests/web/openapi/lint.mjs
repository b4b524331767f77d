// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// `redocly lint` finds nothing.
import {execFile} from "node:child_process";
import {fileURLToPath} from "node:url";
import {examplesOf} from "./document.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export async function lint({file, document, report}) {
  const args = [
    here("../node_modules/@redocly/cli/bin/cli.js"),
    "lint",
    `--config=${here("redocly.yaml")}`,
    "--format=json",
    file,
  ];
  const env = {...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true"};
  const output = await new Promise((resolve) => {
    execFile(process.execPath, args, {env, maxBuffer: 1 << 26}, (_, stdout, stderr) => resolve({stdout, stderr}));
  });
  let problems;
  try {
    ({problems} = JSON.parse(output.stdout));
  } catch {
    report.finding(`redocly says: ${output.stdout}${output.stderr}`);
    return;
  }
  for (const {ruleId, message, location} of problems) {
    report.finding(`${ruleId}: ${message} at ${location.map(({pointer}) => pointer).join(", ")}`);
  }
  report.compared("examples linted", examplesOf(document).length);
  report.atLeast("examples linted", 20);
}
