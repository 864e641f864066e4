/**
 * Signed notes (C2SP signed-note) with Ed25519: a text, and lines that say who signed it. Public tools open them, and
 * witnesses can add their own line. A note is compared by its text and its keys, never by its bytes.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** A key that signs notes, as verifiers have it. */
export interface NoteKey {
  name: string;
  publicKey: KeyObject;
}

/** Ed25519, as C2SP numbers it. */
const ed25519 = 0x01;
/** Larger ones are none of ours. */
const longestNote = 64 * 1024;
/** Public verifiers take no more. */
const mostSignatures = 100;
/** Names that no tool reads in two ways. */
const namePattern = /^[a-z0-9./-]{1,200}$/;
/** Printable ASCII, a line each, and no blank line: then every tool finds the same end of the text. */
const textPattern = /^(?:[\x20-\x7e]+\n)+$/;
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** The raw 32 bytes of an Ed25519 key. */
function rawKey(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('a note is signed with an Ed25519 key');
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** The first four bytes of SHA-256 over name, a line end, the algorithm and the key. */
function keyHash({ name, publicKey }: NoteKey): Buffer {
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.concat([Buffer.of(ed25519), rawKey(publicKey)]))
    .digest()
    .subarray(0, 4);
}

/** The verifier key in the form that public tools take: name, hash and key. Throws `TypeError` for a name that is none. */
export function verifierKey(key: NoteKey): string {
  requireName(key.name);
  const encoded = Buffer.concat([Buffer.of(ed25519), rawKey(key.publicKey)]).toString('base64');
  return `${key.name}+${keyHash(key).toString('hex')}+${encoded}`;
}

/** Reads a verifier key. Throws `TypeError` for what is none, in any other form than the one it is written in. */
export function readVerifierKey(text: string): NoteKey {
  const [name = '', hash = '', encoded = '', ...more] = text.split('+');
  // The base64 of a key may itself hold a plus sign.
  const bytes = Buffer.from([encoded, ...more].join('+'), 'base64');
  requireName(name);
  if (bytes.length !== 33 || bytes[0] !== ed25519) throw new TypeError('it is no Ed25519 verifier key');
  const publicKey = createPublicKey({
    key: Buffer.concat([spkiPrefix, bytes.subarray(1)]),
    format: 'der',
    type: 'spki',
  });
  const key = { name, publicKey };
  if (verifierKey(key) !== text || keyHash(key).toString('hex') !== hash) throw new TypeError('it is no verifier key');
  return key;
}

/** Signs a text, and opens what came out before it is given away. Throws `TypeError` for a text or name that is none. */
export function signNote(text: string, key: NoteKey, privateKey: KeyObject): string {
  requireName(key.name);
  if (!textPattern.test(text)) throw new TypeError('a note is lines of printable ASCII without a blank one');
  const signature = Buffer.concat([keyHash(key), sign(null, Buffer.from(text), privateKey)]).toString('base64');
  const note = `${text}\n\u2014 ${key.name} ${signature}\n`;
  if (openNote(note, key) !== text) throw new TypeError('the private key is not that of the public one');
  return note;
}

/**
 * The text of a note that this key signed, once; undefined where it did not, or where the note is none. Lines of others, such
 * as witnesses, are left aside; a damaged one is none.
 */
export function openNote(note: string, key: NoteKey): string | undefined {
  if (Buffer.byteLength(note) > longestNote || !note.endsWith('\n')) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  if (!textPattern.test(text)) return undefined;
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > mostSignatures) return undefined;
  const hash = keyHash(key);
  let signed = 0;
  for (const line of lines) {
    const [, name, encoded = ''] = /^\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    if (name === undefined || bytes.length < 5 || bytes.toString('base64') !== encoded) return undefined;
    if (name !== key.name || !bytes.subarray(0, 4).equals(hash)) continue;
    if (!verify(null, Buffer.from(text), key.publicKey, bytes.subarray(4))) return undefined;
    signed += 1;
  }
  return signed === 1 ? text : undefined;
}

function requireName(name: string): void {
  if (!namePattern.test(name))
    throw new TypeError('the name of a key has small letters, digits, dots, slashes and dashes');
}
