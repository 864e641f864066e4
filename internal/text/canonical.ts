/** JSON in the one form in which equal values are equal texts (RFC 8785: keys by UTF-16 code unit, no white space). */
import { hash } from 'node:crypto';

/** Deeper than any schema that a person can review. */
const deepest = 64;

/** The canonical text of a value that came out of JSON. Throws `RangeError` where it is nested deeper than 64. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > deepest) throw new RangeError(`nested deeper than ${deepest}`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`).join(',')}}`;
}

/** SHA-256 of some bytes, or of a text as UTF-8; in lower-case hex unless something else is asked for. */
export function sha256(data: Uint8Array | string, encoding: 'hex' | 'base64' | 'base64url' = 'hex'): string {
  return hash('sha256', data, encoding);
}
