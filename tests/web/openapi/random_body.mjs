// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Random request bodies: most are JSON objects with the members of a new client, valid or not; some are cut or spoilt.
import {contract} from "./document.mjs";

/// Numbers from a seed (mulberry32).
export function makeRandom(seed) {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(unit() * n);
  return {
    below,
    chance: (percent) => below(100) < percent,
    of: (list) => list[below(list.length)],
    times: (n, make) => Array.from({length: below(n + 1)}, make),
  };
}

/// One of `[weight, make]...`, made.
function weighted(random, ...choices) {
  let left = random.below(choices.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, make] of choices) {
    if (left < weight) return make();
    left -= weight;
  }
}

const pieces = ["a", "Z", "0", " ", "-", ".", "lobby", "\u007f", "\u00e9", "\u4e16\u754c", "\ud83d\ude00", "\u2028",
  "\ufeff", "\ufffd", "\uffff", "\u0001", "\t", "\n", '"', '\\', "/", "<", "\u0300", "\u0430"];
const keys = ["x", "", "Name", "name ", "ecosystemid", "ecosystem_id", "types", "__proto__", "constructor", "toString",
  "length", "0", "additional parameters", "\u00e9", "\ud83d\ude00", 'a"b', "a\\b", "a, b", "]"];
const numbers = ["0", "-0", "1", "-1.5", "1e3", "1E-7", "12345678901234567890", "0.1", "1e400", "-1e999999999"];
const notJson = ["01", "+1", ".5", "1.", "NaN", "Infinity", "undefined", "'a'", '"\\x41"', '"\\u12"', '"\t"', '"\u0001"',
  "[1,]", "{,}", "tru", "/**/1"];

// A JSON string, some of its characters escaped.
function quoted(random, text, percent = 10) {
  const simple = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"};
  const escaped = (unit) => {
    const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
    return simple[unit] && random.chance(70) ? simple[unit] : `\\u${random.chance(50) ? hex : hex.toUpperCase()}`;
  };
  const out = [...text].map((character) => {
    const must = character < " " || character === '"' || character === '\\';
    return must || random.chance(percent) ? character.split("").map(escaped).join("") : character;
  });
  return `"${out.join("")}"`;
}

const text = (random) => quoted(random, random.times(random.chance(2) ? 300 : 5, () => random.of(pieces)).join(""));
const space = (random) => (random.chance(5) ? random.times(3, () => random.of([" ", "\t", "\n", "\r"])).join("") : "");

function anything(random, levels = 4) {
  const nested = (open, close, make) => () => open + random.times(3, make).join(",") + close;
  return weighted(random,
    [3, () => random.of(["null", "true", "false"])],
    [3, () => random.of(numbers)],
    [4, () => text(random)],
    [levels && 2, nested("[", "]", () => anything(random, levels - 1))],
    [levels && 2, nested("{", "}", () => `${key(random)}:${anything(random, levels - 1)}`)]);
}

function key(random) {
  return quoted(random, random.of(random.chance(20) ? ["ecosystemId", "type", "name", "description"] : keys), 5);
}

const eitherCase = (random, hex) => hex.replace(/[a-f]/g, (digit) => (random.chance(50) ? digit : digit.toUpperCase()));

function ecosystemId(random) {
  const id = (whole) => `C${random.chance(50) ? whole.slice(1) : eitherCase(random, whole.slice(1))}`;
  return weighted(random,
    [140, () => quoted(random, id(contract.active), 3)],
    [3, () => quoted(random, id(contract.deleted), 3)],
    [3, () => quoted(random, id(contract.never), 3)],
    [10, () => quoted(random, spoilt(random, contract.active))],
    [5, () => text(random)],
    [8, () => "null"],
    [8, () => anything(random)]);
}

function type(random) {
  return weighted(random,
    [140, () => quoted(random, random.of(["application", "server"]), 3)],
    [8, () => quoted(random, random.of(["Application", "SERVER", "client", "server ", "", "application, server"]))],
    [5, () => quoted(random, spoilt(random, "application"))],
    [8, () => "null"],
    [8, () => anything(random)]);
}

function optionalText(random) {
  return weighted(random,
    [80, () => text(random)],
    [5, () => quoted(random, spoilt(random, `a${random.of(pieces)}\u0000b`), 0)],
    [6, () => "null"],
    [6, () => anything(random)]);
}

// One character is removed, repeated, or replaced.
function spoilt(random, whole) {
  const at = random.below(whole.length);
  const piece = random.of(["", whole[at] + whole[at], random.of(pieces), "\u0000"]);
  return whole.slice(0, at) + piece + whole.slice(at + 1);
}

function object(random) {
  const members = [];
  const add = (name, value, percent) => {
    if (random.chance(percent)) members.push([quoted(random, name, 2), value(random)]);
  };
  add("ecosystemId", ecosystemId, 92);
  add("type", type, 92);
  add("name", optionalText, 40);
  add("description", optionalText, 40);
  if (random.chance(25)) members.push(...random.times(3, () => [key(random), anything(random)]));
  if (random.chance(8)) {
    const again = random.of([["ecosystemId", ecosystemId], ["type", type], ["name", optionalText]]);
    add(...again, 100);
  }
  if (random.chance(3)) members.push(['"deep"', deep(random)]);
  if (random.chance(1)) {
    const exponent = `${random.of(["", "+", "-"])}1${"0".repeat(9 + random.below(20))}`;
    members.push(['"big"', `${random.of(["1", "-0.5"])}e${exponent}`]);
  }
  if (random.chance(1)) {
    const half = random.of(["\\ud83d", "\\udE00", "\\ude00\\ud83d", "\\ud83d\\u0041"]);
    members.push([key(random), `"${half}"`]);
  }
  if (random.chance(2)) members.push([key(random), random.of(notJson)]);
  for (let i = members.length; i > 1; --i) {  // in any order
    const j = random.below(i);
    [members[i - 1], members[j]] = [members[j], members[i - 1]];
  }
  const gap = () => space(random);
  const inner = members.map(([name, value]) => gap() + name + gap() + ":" + gap() + value + gap());
  return gap() + "{" + inner.join(",") + "}" + gap();
}

// 28 to 37 levels, of which the whole has one more.
function deep(random) {
  let whole = "0";
  for (let levels = 28 + random.below(10); levels; --levels) whole = random.chance(50) ? `[${whole}]` : `{"a":${whole}}`;
  return whole;
}

/// The bytes of one body.
export function bodyOf(random) {
  const whole = weighted(random,
    [95, () => object(random)],
    [3, () => anything(random)],
    [1, () => object(random).slice(0, 20)],
    [1, () => random.of(["", " ", "{", "\ufeff{}", "{}{}", "null", "[[", '"', "\u0000"])]);
  return weighted(random,
    [96, () => Buffer.from(whole)],
    [1, () => Buffer.from(whole).subarray(0, random.below(whole.length + 1))],
    [1, () => Buffer.from(whole ? spoilt(random, whole) : whole)],
    [1, () => Buffer.from(whole + random.of(["}", ",", " x", "null", "\u0000", "\n"]))],
    [1, () => {
      const bytes = Buffer.from(whole);
      if (bytes.length) bytes[random.below(bytes.length)] = random.of([0x80, 0xc0, 0xe2, 0xf8, 0xff]);
      return bytes;
    }]);
}
