/**
 * The lines of the record: one closed, versioned schema. The names follow OCSF's API Activity where it has them: actor,
 * API operation (`act`), resource (`target`), status (`outcome`). What is not declared here cannot enter, so no secret can (P3).
 */
import type { Actor } from '../platform/actor.ts';
import type { ActingAgent, Change, Delegation, Ending } from '../platform/change.ts';
import { sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import { canonicalText, type RecordObject, type RecordValue } from './canonical.ts';

/** What a line says, beside its place in the chain. */
export type Entry =
  | { kind: 'began' }
  | ({
      kind: 'intent';
      id: string;
      platform: string;
      workspace?: string | undefined;
      /** The digest of the configuration that was in force. */
      config?: string | undefined;
    } & Change)
  /** What became of it; `made` is the id of what came into being. */
  | ({ kind: 'outcome'; id: string } & Ending)
  /** A tool call that a session of ours made, as the platform tells it. */
  | ({ kind: 'call' } & RecordedCall)
  /** Every call of a session that was over before `through` has its line; where it is `closed`, nothing more can come. */
  | { kind: 'pulled'; session: string; through: string; state: 'open' | 'closed'; platform: string }
  /** The first line of a further file: `file` is the one before. */
  | { kind: 'continued'; file: string }
  /** Before it lies a piece of a line that a crash left: how long it is, and its digest. Nothing was taken away. */
  | { kind: 'repaired'; bytes: number; digest: string };

/** One tool call: who answers for it, what allowed it, and what became of it. */
export interface RecordedCall {
  /** The session, as the instance of the agent. */
  session: string;
  /** The id of its event. */
  call: string;
  /** The thread of a sub-agent. */
  thread?: string | undefined;
  /** When the platform took it up; empty where it does not say. */
  happened: string;
  /** For whom the session was started, and how that was proven. */
  responsible: Actor;
  agent: ActingAgent;
  /** The MCP server, `builtin` or `custom`. */
  service: string;
  tool: string;
  /** SHA-256 of the canonical arguments, and how long those are. */
  input: string;
  characters: number;
  /** The arguments, where they were asked for. */
  arguments?: string | undefined;
  /** What the platform said: `allow`, `ask`, `deny`, or `unknown`. */
  permission: string;
  /** What we had decided of this tool when the session began. */
  delegation?: Delegation | undefined;
  /** How it was answered, and by whom; without `confirmer` by somebody whom the record does not know. */
  answer?: string | undefined;
  confirmer?: Actor | undefined;
  /** `success` or `failure` as the tool says, `none` where no result came. */
  result: 'success' | 'failure' | 'none';
  platform: string;
  workspace?: string | undefined;
  /** Those of the request that made the session. */
  config?: string | undefined;
  trace?: string | undefined;
}

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
  const entries = Object.entries(value).flatMap(([name, member]): [string, RecordValue][] => {
    if (member === undefined) return [];
    if (typeof member === 'string') return [[name, shortened(member)]];
    if (Array.isArray(member)) return [[name, member.map((each) => plain(each as Record<string, unknown>))]];
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
const shapes: Record<Entry['kind'], Shape> = {
  began: [[], []],
  intent: [
    ['act', 'actor', 'id', 'platform', 'target'],
    ['agent', 'answer', 'call', 'config', 'delegation', 'mark', 'tools', 'trace', 'workspace'],
  ],
  outcome: [
    ['attempts', 'id', 'outcome'],
    ['error', 'made'],
  ],
  call: [
    [
      'agent',
      'call',
      'characters',
      'happened',
      'input',
      'permission',
      'platform',
      'responsible',
      'result',
      'service',
      'session',
      'tool',
    ],
    ['answer', 'arguments', 'config', 'confirmer', 'delegation', 'thread', 'trace', 'workspace'],
  ],
  pulled: [['platform', 'session', 'state', 'through'], []],
  continued: [['file'], []],
  repaired: [['bytes', 'digest'], []],
};
const common = ['at', 'count', 'kind', 'log', 'previous', 'v'];
type Shape = readonly [required: readonly string[], optional: readonly string[]];
const somebody: Shape = [['kind'], ['account', 'issuer', 'label', 'proof', 'subject']];
/** Objects of texts: the members that have to be there, then those that may. */
const objects: Record<string, Shape> = {
  actor: somebody,
  agent: [['id', 'version'], ['name']],
  confirmer: somebody,
  delegation: [['rule', 'verdict'], []],
  responsible: somebody,
  target: [['kind', 'label'], ['id']],
};
/** Lists of such objects. */
const lists: Record<string, Shape> = { tools: [['rule', 'service', 'tool', 'verdict'], []] };
const numbers = new Set(['attempts', 'bytes', 'characters', 'count', 'v']);

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
    const [shaped, listed] = [objects[name], lists[name]];
    if (shaped !== undefined) {
      if (!isTextObject(member, shaped)) return false;
    } else if (listed !== undefined) {
      if (!Array.isArray(member) || !member.every((each) => isTextObject(each, listed))) return false;
    } else if (numbers.has(name) ? !Number.isSafeInteger(member) : typeof member !== 'string') return false;
  }
  return found === required.length + common.length;
}

function isTextObject(value: unknown, [required, optional]: Shape): boolean {
  if (!isRecord(value)) return false;
  const names = Object.keys(value);
  return (
    names.every((name, index) => index === 0 || name > (names[index - 1] ?? '')) &&
    names.every((name) => required.includes(name) || optional.includes(name)) &&
    required.every((name) => names.includes(name)) &&
    Object.values(value).every((member) => typeof member === 'string')
  );
}
