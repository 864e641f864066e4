/**
 * The lines of the record: one closed, versioned schema. The names follow OCSF's API Activity where it has them: actor,
 * API operation (`act`), resource (`target`), status (`outcome`). What is not declared here cannot enter, so no secret can (P3).
 */
import type { Change, Ending } from '../platform/change.ts';
import { sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import { canonicalText, type RecordObject } from './canonical.ts';

/** What a line says, beside its place in the chain. */
export type Entry =
  | { kind: 'began' }
  | ({ kind: 'intent'; id: string; platform: string; workspace?: string | undefined } & Change)
  /** What became of it; `made` is the id of what came into being. */
  | ({ kind: 'outcome'; id: string } & Ending)
  /** The first line of a further file: `file` is the one before. */
  | { kind: 'continued'; file: string }
  /** Before it lies a piece of a line that a crash left: how long it is, and its digest. Nothing was taken away. */
  | { kind: 'repaired'; bytes: number; digest: string };

/** Where a chain ends: how many lines it has, and the SHA-256 of the bytes of the last one, in hex. */
export interface Head {
  log: string;
  count: number;
  hash: string;
}

/** A line that was read. */
export interface Line {
  log: string;
  count: number;
  previous: string;
  at: string;
  entry: Entry;
}

/** What the first line of a log has before it. */
export const noHash = '0'.repeat(64);
/** The longest text of one member, in UTF-16 code units; what is longer is cut, with a mark, and said with its digest. */
const longestText = 4096;

/** The next line, without its end, and the head that it makes. Throws `TypeError` for an entry that no record may hold. */
export function writeLine(head: Head, entry: Entry, at: string): { text: string; head: Head } {
  const count = head.count + 1;
  const text = canonicalText({ ...members(entry), at, count, log: head.log, previous: head.hash, v: 1 });
  return { text, head: { log: head.log, count, hash: sha256(text) } };
}

function members(entry: Entry): RecordObject {
  return plain(entry as unknown as Record<string, unknown>);
}

function plain(value: Record<string, unknown>): RecordObject {
  const entries = Object.entries(value).flatMap(([name, member]): [string, RecordObject | string | number][] => {
    if (member === undefined) return [];
    if (typeof member === 'string') return [[name, shortened(member)]];
    if (isRecord(member)) return [[name, plain(member)]];
    return [[name, member as number]];
  });
  return Object.fromEntries(entries);
}

function shortened(text: string): string {
  const whole = text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
  if (whole.length <= longestText) return whole;
  const kept = whole.slice(0, longestText).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept}… (${text.length} characters, sha256 ${sha256(text)})`;
}

/** The members of each kind of line beside those of all: those that have to be there, then those that may. */
const shapes: Record<Entry['kind'], readonly [required: readonly string[], optional: readonly string[]]> = {
  began: [[], []],
  intent: [['act', 'actor', 'id', 'platform', 'target'], ['workspace']],
  outcome: [
    ['attempts', 'id', 'outcome'],
    ['error', 'made'],
  ],
  continued: [['file'], []],
  repaired: [['bytes', 'digest'], []],
};
const common = ['at', 'count', 'kind', 'log', 'previous', 'v'];
/** Objects of texts: the members that have to be there, then those that may. */
const objects: Record<string, readonly [required: readonly string[], optional: readonly string[]]> = {
  actor: [['kind'], ['account', 'issuer', 'label', 'proof', 'subject']],
  target: [['kind', 'label'], ['id']],
};
const numbers = new Set(['attempts', 'bytes', 'count', 'v']);

/** Reads a line as it stands in the file. Undefined for what is no line of ours or not its own canonical form. */
export function readLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Members in order, no double ones, no other form of a number or a text: then writing it again gives the same.
  if (!isRecord(value) || JSON.stringify(value) !== text || !hasMembers(value)) return undefined;
  const { log, count, previous, at, v, ...entry } = value as unknown as Line & { v: number };
  return v === 1 ? { log, count, previous, at, entry: entry as unknown as Entry } : undefined;
}

function hasMembers(value: Record<string, unknown>): boolean {
  const kind = String(value['kind']);
  if (!Object.hasOwn(shapes, kind)) return false;
  const [required, optional] = shapes[kind as Entry['kind']];
  let last = '';
  let found = 0;
  for (const [name, member] of Object.entries(value)) {
    if (name <= last) return false;
    last = name;
    if (required.includes(name)) found += 1;
    else if (!optional.includes(name) && !common.includes(name)) return false;
    else if (common.includes(name)) found += 1;
    const shaped = objects[name];
    if (shaped !== undefined) {
      if (!isTextObject(member, shaped)) return false;
    } else if (numbers.has(name) ? !Number.isSafeInteger(member) : typeof member !== 'string') return false;
  }
  return found === required.length + common.length;
}

function isTextObject(value: unknown, [required, optional]: (typeof objects)[string]): boolean {
  if (!isRecord(value)) return false;
  const names = Object.keys(value);
  return (
    names.every((name, index) => index === 0 || name > (names[index - 1] ?? '')) &&
    names.every((name) => required.includes(name) || optional.includes(name)) &&
    required.every((name) => names.includes(name)) &&
    Object.values(value).every((member) => typeof member === 'string')
  );
}
