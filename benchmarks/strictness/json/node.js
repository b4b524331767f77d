// Distributed under the Boost Software License, Version 1.0. See LICENSE.
const lines = require("fs").readFileSync(0, "latin1").split("\n").filter(Boolean);
for (const line of lines) {
  const [kind, digits] = line.split("\t");
  let verdict = "accepted";
  try {
    JSON.parse(Buffer.from(digits, "hex").toString());
  } catch {
    verdict = "refused";
  }
  console.log(["Node JSON.parse", kind, verdict].join("\t"));
}
