import { randomBytes } from 'node:crypto';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Makes an id in the documented form: a prefix that names the kind, then an opaque text. */
export function newId(prefix: string): string {
  let text = `${prefix}_01`;
  for (const byte of randomBytes(22)) text += alphabet[byte % alphabet.length];
  return text;
}
