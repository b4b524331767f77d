// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// What the contract says of a JSON text and JSON Schema cannot.

export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/// Whether a string has an escape of half a character. The text itself is UTF-8 and has no halves.
export function hasLoneSurrogate(text) {
  const units = text.replace(/\\(?:u([0-9a-fA-F]{4})|[^])/g, (_, hex) =>
    hex ? String.fromCharCode(parseInt(hex, 16)) : " ",
  );
  return /\p{Surrogate}/u.test(units);
}

/// How many levels of objects and arrays a text has.
export function depth(text) {
  let level = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[^])*"|[[\]{}]/g)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++level);
    if (token === "]" || token === "}") --level;
  }
  return deepest;
}

export const maxDepth = 32;

export const isUtf8 = (bytes) => Buffer.from(bytes.toString("utf8")).equals(bytes);
