// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the scripts share: a server's process, HTTP over a plain socket, and what a test found.
import {spawn} from "node:child_process";
import {once} from "node:events";
import net from "node:net";
import {constants} from "node:os";
import readline from "node:readline";

/// Starts a program that prints `listening on URL`. It gets SIGTERM at `stop`, and when this process ends.
export async function startServer(program, ...args) {
  const script = '"$@" & server=$!; exec >&-; read -r end; kill $server; wait $server 2>/dev/null';
  const child = spawn("sh", ["-c", script, "sh", program, ...args], {stdio: ["pipe", "pipe", "inherit"]});
  const ended = once(child, "exit");
  const stop = async () => {
    child.stdin.end();
    const [code] = await ended;
    if (code !== 0 && code !== 128 + constants.signals.SIGTERM) throw new Error(`${program} ended with ${code}`);
  };
  for await (const line of readline.createInterface(child.stdout)) {
    const url = /listening on (http:\/\/[\w.:[\]]+)/.exec(line)?.[1];
    if (!url) continue;
    child.stdout.resume();
    return {url, port: Number(new URL(url).port), stop};
  }
  await stop();
  throw new Error(`${program} does not listen`);
}

/// The bytes of a request: `fields` is a list of pairs, texts have one character for each byte; only the first `cut` bytes
/// are sent.
export function requestBytes({method = "POST", target, fields = [], body = "", cut}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, "latin1");
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  if (!fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))) {
    lines.push(`content-length: ${bytes.length}\r\n`);
  }
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\nhost: a\r\n${lines.join("")}\r\n`, "latin1");
  return Buffer.concat([head, bytes]).subarray(0, cut);
}

/// A connection of HTTP/1.1 on which requests need not wait for responses.
export class Connection {
  #socket;
  #received = Buffer.alloc(0);
  #waiting = [];

  constructor(port) {
    this.#socket = net.connect({port, host: "127.0.0.1", noDelay: true});
    this.#socket.on("data", (bytes) => {
      this.#received = this.#received.length ? Buffer.concat([this.#received, bytes]) : bytes;
      this.#deliver();
    });
    this.#socket.on("error", () => {}); // 'close' follows
    this.#socket.on("close", () => {
      this.closed = true;
      for (const {reject} of this.#waiting.splice(0)) reject(new Error("the connection was closed without a response"));
    });
  }

  closed = false;

  /// The response to a request, `{status, fields, body}`: the fields' names in lower case, the body as bytes.
  send(request) {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new Error("the connection is closed"));
      this.#waiting.push({resolve, reject, headOnly: request.method === "HEAD"});
      this.#socket.write(requestBytes(request));
    });
  }

  close() {
    this.#socket.destroy();
  }

  #deliver() {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [first, ...lines] = this.#received.toString("latin1", 0, end).split("\r\n");
      const fields = lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      });
      const field = (name) => fields.find(([each]) => each === name)?.[1];
      const length = this.#waiting[0]?.headOnly ? 0 : Number(field("content-length"));
      const begin = end + 4;
      if (!this.#waiting.length || !/^HTTP\/1\.1 \d{3}/.test(first) || !Number.isInteger(length)) {
        this.#socket.destroy(new Error("not a response"));
        return;
      }
      if (this.#received.length < begin + length) return;
      const body = this.#received.subarray(begin, begin + length);
      this.#received = this.#received.subarray(begin + length);
      if (/\bclose\b/.test(field("connection") ?? "")) this.closed = true;
      this.#waiting.shift().resolve({status: Number(first.slice(9, 12)), fields: new Map(fields), body});
    }
  }
}

/// Sends requests one after another, over one connection for as long as the server keeps it.
export class Client {
  #port;
  #connection;

  constructor(port) {
    this.#port = port;
  }

  send(request) {
    if (!this.#connection || this.#connection.closed) {
      this.close();
      this.#connection = new Connection(this.#port);
    }
    return this.#connection.send(request);
  }

  close() {
    this.#connection?.close();
  }
}

/// What a gate compared, and what it found.
export class Report {
  #counts = new Map();
  #notes = [];
  findings = [];

  compared(what, count = 1) {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  count(what) {
    return this.#counts.get(what) ?? 0;
  }

  finding(text) {
    this.findings.push(text);
  }

  note(text) {
    this.#notes.push(text);
  }

  /// Nothing is shown by a gate that compared less than it should.
  atLeast(what, count) {
    if (this.count(what) < count) this.finding(`only ${this.count(what)} ${what} compared, not ${count}`);
  }

  print(name) {
    console.log(`${name}: ${this.findings.length} findings`);
    for (const each of this.#notes) console.log(`  ${each}`);
    for (const [what, count] of this.#counts) console.log(`  ${count} ${what}`);
    for (const each of this.findings.slice(0, 20)) console.log(`- ${each}`);
  }
}
