// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a client written against the document's types can do with idempotency keys. Lines that must not compile are
// marked.
import createClient from "openapi-fetch";
import type {components, paths} from "./schema.js";

type Draft = components["schemas"]["CreateClient"];
type Entry = components["schemas"]["InvalidParams"]["errors"][number];
type Headers201 = components["responses"]["CreateClient201"]["headers"];

function entryLine(entry: Entry): string {
  const place: "body" | "header" | "query" = entry.in;
  return `${place} ${entry.path}: ${entry.message}`;
}

interface Names {
  active: string;
  deleted: string;
  account: string;
}

export async function run(url: string, names: Names, check: (what: string, got: string, expected: string) => void) {
  const client = createClient<paths>({baseUrl: url, headers: {authorization: names.account}});

  const create = async (what: string, body: Draft, key: string | undefined, expected: string) => {
    const header = key === undefined ? {} : {"idempotency-key": key};
    const {data, error, response} = await client.POST("/api/clients", {body, params: {header}});
    const replayed: Headers201["idempotency-replayed"] | null = response.headers.get("idempotency-replayed") as
      | "true"
      | "false"
      | null;
    let line = `${response.status} ${replayed ?? "-"}`;
    if (data !== undefined) line += ` ${data.id}`;
    if (typeof error === "object" && error.errorType === "InvalidParams") line += ` ${error.errors.map(entryLine)}`;
    check(what, line, expected);
  };

  const draft: Draft = {ecosystemId: names.active, type: "application"};
  await create("without a key", draft, undefined, "201 - 594b89aea18568c408c3ad25");
  await create("a new key", draft, "order-1", "201 false 594b89aea18568c408c3ad25");
  await create("a taken key", {...draft, name: "Lobby"}, "order-7#1", "201 true 594b89aea18568c408c3ad23");
  await create("the same as a string", {...draft, name: "Lobby"}, '"order-7#1"', "201 true 594b89aea18568c408c3ad23");
  await create(
    "a taken key in a deleted ecosystem",
    {...draft, ecosystemId: names.deleted, name: "Lobby"},
    "order-7#1",
    "201 true 594b89aea18568c408c3ad23",
  );
  await create(
    "Idempotency Key Reused",
    draft,
    "order-7#1",
    "422 - header idempotency-key: idempotency key was used with other parameters",
  );
  await create(
    "Idempotency Key Invalid",
    draft,
    "order 1",
    "400 - header idempotency-key: invalid idempotency key",
  );
  // @ts-expect-error: a key is a string
  await client.POST("/api/clients", {body: draft, params: {header: {"idempotency-key": 7}}});
}
