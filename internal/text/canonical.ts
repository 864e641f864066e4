/** JSON in the one form in which equal values are equal texts (RFC 8785: keys by UTF-16 code unit, no white space). */
import { hash } from 'node:crypto';

/** Deeper than any schema that a person can review. */
const deepest = 64;

/** The canonical text of a value that came out of JSON. Throws `RangeError` where it is nested deeper than 64. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > deepest) throw new RangeError(`nested deeper than ${deepest}`);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Put together once, at the end: each level that joins its parts would copy all that is below it.
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalJson(item, depth + 1)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const key of inOrder(Object.keys(members))) {
    const item = members[key];
    if (item === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`;
  }
  return `{${text}}`;
}

/** `sort` takes room for many, and most objects have few keys: these are put in order where they are. */
const few = 8;

function inOrder(keys: string[]): string[] {
  if (keys.length > few) return keys.sort();
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] as string;
    let place = index;
    for (; place > 0 && (keys[place - 1] as string) > key; place -= 1) keys[place] = keys[place - 1] as string;
    keys[place] = key;
  }
  return keys;
}

/** SHA-256 of some bytes, or of a text as UTF-8; in lower-case hex unless something else is asked for. */
export function sha256(data: Uint8Array | string, encoding: 'hex' | 'base64' | 'base64url' = 'hex'): string {
  return hash('sha256', data, encoding);
}
