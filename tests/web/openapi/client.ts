// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What a client written against the document's types can do. Lines that must not compile are marked.
import createClient from "openapi-fetch";
import type {components, paths} from "./schema.js";

type Draft = components["schemas"]["CreateClient"];
type Created = components["schemas"]["Client"];
type Entry = components["schemas"]["InvalidParams"]["errors"][number];

const api = (baseUrl: string, authorization: string) => createClient<paths>({baseUrl, headers: {authorization}});
type Api = ReturnType<typeof api>;

const post = (client: Api, body: Draft) => client.POST("/api/clients", {body});
type Result = Awaited<ReturnType<typeof post>>;

// One line for what a call came to. Each kind of body is known by its type.
function told({data, error, response}: Result): string {
  if (data !== undefined) return createdLine(data);
  if (error === undefined) return `${response.status}`;
  if (typeof error === "string") return `${response.status} ${error}`;
  if (error.errorType === "InvalidParams") return `${response.status} ${error.errors.map(entryLine).join("; ")}`;
  const failed: "Internal Server Error" = error.errorType;
  return `${response.status} ${failed}`;
}

function createdLine(created: Created): string {
  const kind: "application" | "server" = created.type;
  const id: string = created.id;
  const name: string | undefined = created.name;
  return `201 ${id} ${created.ecosystemId} ${kind} ${name ?? "-"} ${created.createdAt}`;
}

function entryLine(entry: Entry): string {
  const place: "body" | "query" = entry.in;
  return `${place} ${entry.path}: ${entry.message}`;
}

interface Names {
  active: string;
  deleted: string;
  account: string;
  client: string;
}

export async function run(url: string, names: Names, check: (what: string, got: string, expected: string) => void) {
  const client = api(url, names.account);
  const {active} = names;
  const required = "field is required";

  const call = async (what: string, body: Draft, expected: string, caller = client) => {
    check(what, told(await post(caller, body)), expected);
  };
  const created = (rest: string) => `201 594b89aea18568c408c3ad25 ${active} ${rest} 2018-02-28T15:16:58.941Z`;
  await call("a client", {ecosystemId: active, type: "application"}, created("application -"));
  await call(
    "a client with texts",
    {ecosystemId: active, type: "server", name: "Lobby", description: ""},
    created("server Lobby"),
  );
  await call("null is as good as absent", {ecosystemId: active, type: "server", name: null}, created("server -"));
  check(
    "the older path",
    told(await client.POST("/v0/api/clients", {body: {ecosystemId: active, type: "server"}})),
    created("server -"),
  );

  await call("Ecosystem Invalid", {ecosystemId: "C1", type: "server"}, "400 body ecosystemId: invalid id");
  // @ts-expect-error: ecosystemId is required
  await call("Ecosystem Missing", {type: "server"}, `400 body ecosystemId: ${required}`);
  // @ts-expect-error: a body is required
  const withoutBody = await client.POST("/api/clients", {});
  check("Body Parameters Missing", told(withoutBody), `400 body ecosystemId: ${required}; body type: ${required}`);
  await call(
    "Client Type Invalid",
    // @ts-expect-error: type is an enumeration
    {ecosystemId: active, type: "robot"},
    "400 body type: field must be one of the following values: application, server",
  );
  // @ts-expect-error: type is required
  await call("Client Type Missing", {ecosystemId: active}, `400 body type: ${required}`);
  await call(
    "Ecosystem Not Found",
    {ecosystemId: names.deleted, type: "server"},
    `404 Ecosystem with id ${names.deleted} does not exist.`,
  );
  await call(
    "Body Parameter Invalid",
    // @ts-expect-error: name is a string
    {ecosystemId: active, type: "server", name: 1},
    "400 body name: expected field to be a string",
  );
  await call(
    "Body Parameter Characters Invalid",
    {ecosystemId: active, type: "server", description: "\0"},
    "400 body description: contains characters that are not allowed",
  );
  const withQuery = await client.POST("/api/clients", {
    body: {ecosystemId: active, type: "server"},
    // @ts-expect-error: there is no query
    params: {query: {page: "1"}},
  });
  check(
    "Query Field Not Allowed",
    told(withQuery),
    "400 query additional parameters: contains fields that are not allowed: [ page ]",
  );

  const draft: Draft = {ecosystemId: active, type: "server"};
  await call("Unauthorized", draft, "401", api(url, "nonsense"));
  await call("Token Kind Forbidden", draft, "403 Token type not permitted!", api(url, names.client));
  await call("Internal Server Error", {...draft, name: "storage throws"}, "500 Internal Server Error");
  await call("Service Unavailable", {...draft, name: "storage is away"}, "503");
}
