/**
 * The lines of the record: one closed, versioned schema. The names follow OCSF's API Activity where it has them: actor,
 * API operation (`act`), resource (`target`), status (`outcome`). What is not declared here cannot enter, so no secret can (P3).
 *
 * To add an act, give it a row in platform/acts.ts. To add a member or a kind of line, give it its type in {@link Entry} and
 * its row in {@link shapes}: one without the other does not compile.
 */
import type { Actor } from '../platform/actor.ts';
import type { ActingAgent, Change, Delegation, Ending } from '../platform/change.ts';
import { sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import type { RecordObject } from './canonical.ts';

/** What a line says, beside its place in the chain. */
export type Entry =
  | { kind: 'began' }
  | ({
      kind: 'intent';
      id: string;
      platform?: string | undefined;
      workspace?: string | undefined;
      /** The digest of the configuration that was in force. */
      config?: string | undefined;
    } & Omit<Change, 'line'>)
  /** What became of it; `made` is the id of what came into being. */
  | ({ kind: 'outcome'; id: string } & Ending)
  /** A tool call that a session of ours made, as the platform tells it. */
  | ({ kind: 'call' } & RecordedCall)
  /** Every call of a session that was over before `through` has its line; where it is `closed`, nothing more can come. */
  | { kind: 'pulled'; session: string; through: string; state: 'open' | 'closed'; platform: string }
  /** A yes, a no or a result that somebody gave to a call: it counts from here on, and is sent after it. */
  | ({ kind: 'answer' } & RecordedAnswer)
  /** What others told a console: a sign-in that ended at the provider, or what happened on the platform that no act of ours explains. */
  | ({ kind: 'heard' } & HeardEvent)
  /** A piece of the text of an entry that is too long for one line; `of` is the SHA-256 of the whole. */
  | { kind: 'part'; of: string; part: number; parts: number; text: string }
  /** The first line of a further file: `file` is the one before. */
  | { kind: 'continued'; file: string }
  /** Before it lies a piece of a line that a crash left: how long it is, and its digest. Nothing was taken away. */
  | { kind: 'repaired'; bytes: number; digest: string };

/** An answer to a call that waits, before it is sent. */
export interface RecordedAnswer {
  id: string;
  platform: string;
  workspace?: string | undefined;
  actor: Actor;
  answer: 'yes' | 'no' | 'result';
  /** Why they may: they own the session, the configuration names them, or a rule of it answers. */
  as: 'owner' | 'approver' | 'rule';
  /** The place in the configuration that says so. */
  rule?: string | undefined;
  /** What it is bound to; of a no to what nobody can read, the call alone. */
  ask: {
    session: string;
    call: string;
    digest?: string;
    service?: string;
    tool?: string;
    server?: string;
    agent?: string;
    version?: string;
    policy?: string;
  };
}

/** Something that was done elsewhere, as whoever did it says, with a signature. */
export interface HeardEvent {
  /** `sign_in.ended`, or the type of the event of the platform. */
  what: string;
  /** Its own id. */
  id: string;
  /** The issuer, or the address of the platform. */
  from: string;
  /** When, RFC 3339. */
  happened: string;
  /** Of a sign-in that ended: whose, and which one. */
  subject?: string | undefined;
  sign_in?: string | undefined;
  /** Of the platform: what it is about, and the vault that it is in. */
  target?: { kind: string; id?: string | undefined; label: string } | undefined;
  vault?: string | undefined;
  workspace?: string | undefined;
}

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

/** What a member holds: a text for people, which is cut where it is long; one that is kept whole; a number; members; a list of them. */
type Holds = 'text' | 'whole' | 'number' | Members | readonly [Members | 'text'];
/** What each member holds, and whether it has to be there. */
interface Members {
  readonly [name: string]: { readonly holds: Holds; readonly required: boolean };
}

const text = { holds: 'text', required: true } as const;
const maybeText = { holds: 'text', required: false } as const;
const number = { holds: 'number', required: true } as const;
const actor = {
  account: maybeText,
  acr: maybeText,
  amr: { holds: ['text'], required: false },
  auth_time: { holds: 'number', required: false },
  autonomous: { holds: { agent: text, sponsor: text }, required: false },
  issuer: maybeText,
  kind: text,
  label: maybeText,
  proof: maybeText,
  subject: maybeText,
} as const;
const target = { id: maybeText, kind: text, label: text } as const;
const agent = { id: text, name: maybeText, version: text } as const;
const delegation = { rule: text, verdict: text } as const;
const ask = {
  agent: maybeText,
  call: text,
  digest: maybeText,
  policy: maybeText,
  server: maybeText,
  service: maybeText,
  session: text,
  tool: maybeText,
  version: maybeText,
} as const;
const toolDelegation = { rule: text, service: text, tool: text, verdict: text } as const;

/** The members of each kind of line beside its kind and those of all. */
const shapes = {
  began: {},
  intent: {
    act: text,
    actor: { holds: actor, required: true },
    agent: { holds: agent, required: false },
    answer: maybeText,
    call: maybeText,
    config: maybeText,
    delegation: { holds: delegation, required: false },
    id: text,
    input: maybeText,
    mark: maybeText,
    platform: maybeText,
    server: maybeText,
    session: maybeText,
    target: { holds: target, required: true },
    tools: { holds: [toolDelegation], required: false },
    trace: maybeText,
    workspace: maybeText,
  },
  outcome: {
    attempts: number,
    error: maybeText,
    id: text,
    made: maybeText,
    outcome: text,
    proved: { holds: actor, required: false },
  },
  call: {
    agent: { holds: agent, required: true },
    answer: maybeText,
    arguments: { holds: 'whole', required: false },
    call: text,
    characters: number,
    config: maybeText,
    confirmer: { holds: actor, required: false },
    delegation: { holds: delegation, required: false },
    happened: text,
    input: text,
    permission: text,
    platform: text,
    responsible: { holds: actor, required: true },
    result: text,
    service: text,
    session: text,
    thread: maybeText,
    tool: text,
    trace: maybeText,
    workspace: maybeText,
  },
  answer: {
    actor: { holds: actor, required: true },
    answer: text,
    as: text,
    ask: { holds: ask, required: true },
    id: text,
    platform: text,
    rule: maybeText,
    workspace: maybeText,
  },
  heard: {
    from: text,
    happened: text,
    id: text,
    sign_in: maybeText,
    subject: maybeText,
    target: { holds: target, required: false },
    vault: maybeText,
    what: text,
    workspace: maybeText,
  },
  pulled: { platform: text, session: text, state: text, through: text },
  part: { of: text, part: number, parts: number, text: { holds: 'whole', required: true } },
  continued: { file: text },
  repaired: { bytes: number, digest: text },
} as const satisfies { [Kind in Entry['kind']]: Record<MembersOf<Kind>, Members[string]> };

type MembersOf<Kind extends Entry['kind']> = Exclude<keyof Extract<Entry, { kind: Kind }>, 'kind'>;

/** The members of every line. */
const common: Members = { at: text, count: number, log: text, previous: text, v: number };

/** What the first line of a log has before it. */
export const noHash = '0'.repeat(64);
/** The longest text for people, in UTF-16 code units; what is longer is cut, with a mark, and said with its digest. */
const longestText = 4096;
/** The longest text of an entry that is one line, in UTF-16 code units: no line comes near what is written at once. */
const longestEntry = 32 * 1024;

/** The next line, without its end, and the head that it makes. Throws `TypeError` for an entry that no record may hold. */
export function writeLine(head: Head, entry: Entry, at: string): { text: string; head: Head } {
  const count = head.count + 1;
  const line = canonicalOf(entry, shapesOfLines, { at, count, log: head.log, previous: head.hash, v: 1 });
  return { text: line, head: { log: head.log, count, hash: sha256(line) } };
}

/** An entry as what is written of it, one line each: itself, or the parts of one that is too long. */
export function inLines(entry: Entry): Entry[] {
  // No character takes more than six in JSON: most entries are known to be short without being written.
  if (entry.kind === 'part' || textLength(entry) * 6 < longestEntry) return [entry];
  const whole = canonicalOf(entry, shapesOfEntries);
  if (whole.length <= longestEntry) return [entry];
  const pieces: string[] = [];
  for (let from = 0; from < whole.length; ) {
    const piece = whole.slice(from, from + longestEntry).replace(/[\uD800-\uDBFF]$/, '');
    pieces.push(piece);
    from += piece.length;
  }
  const of = sha256(whole);
  return pieces.map((piece, index) => ({ kind: 'part', of, part: index + 1, parts: pieces.length, text: piece }));
}

/** How much text there is in a value, with something for each member. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let length = 0;
  for (const name in value) length += name.length + 3 + textLength((value as Record<string, unknown>)[name]);
  return length;
}

/**
 * The canonical text of the members that are declared, and of no others: whoever announces an act may hold more than it says.
 * A shape has its members in their order, so that what is written after it is in that order. `more` are those of all lines.
 */
function canonicalOf(value: Entry, known: ReadonlyMap<string, Shape>, more?: RecordObject): string {
  const shape = known.get(value.kind);
  if (shape === undefined) throw new TypeError('there is no such kind of line');
  return objectText(value as unknown as Record<string, unknown>, shape, more);
}

const nothingMore: RecordObject = {};

function objectText(value: Record<string, unknown>, { inOrder }: Shape, more = nothingMore): string {
  let written = '';
  for (const { name, begin, holds, listed, required } of inOrder) {
    const member = more === nothingMore ? value[name] : (more[name] ?? value[name]);
    if (member === undefined) {
      // Where it is the last line, nobody could write behind it.
      if (required) throw new TypeError(`a line without its ${name} could not be read`);
      continue;
    }
    written += written === '' ? begin : `,${begin}`;
    if (!listed) written += memberText(member, holds);
    else if (Array.isArray(member)) written += `[${member.map((each) => memberText(each, holds)).join(',')}]`;
    else throw new TypeError('a member holds what is not declared of it');
  }
  return `{${written}}`;
}

/** What does not fit its declaration is refused where it is written. */
function memberText(member: unknown, holds: Declaration['holds']): string {
  if (typeof holds === 'object') {
    if (isRecord(member)) return objectText(member, holds);
  } else if (holds === 'number') {
    if (isNumber(member)) return String(member);
  } else if (typeof member === 'string') {
    // What stands in it as it is: JSON.stringify says the same, and takes as long again.
    if (member.length <= longestText && plain.test(member)) return `"${member}"`;
    return JSON.stringify(holds === 'whole' ? member.toWellFormed() : shortened(member));
  }
  throw new TypeError('a member holds what is not declared of it');
}

/** Printable ASCII that JSON escapes nothing of. */
const plain = /^[ !#-[\]-~]*$/;

/** Whether it is a number that every reader writes the same way. */
function isNumber(member: unknown): member is number {
  return Number.isSafeInteger(member) && !Object.is(member, -0);
}

function shortened(whole: string): string {
  const formed = whole.toWellFormed();
  if (formed.length <= longestText) return formed;
  const kept = formed.slice(0, longestText).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept}… (${whole.length} characters, sha256 ${sha256(whole)})`;
}

/** What a line is written after and read by: every member that may be there, in their order (RFC 8785), and how many have to. */
interface Shape {
  members: ReadonlyMap<string, Declaration>;
  /** The same, for whoever goes through all of them. */
  inOrder: readonly Declaration[];
  required: number;
}

interface Declaration {
  name: string;
  /** How it begins where it is written. */
  begin: string;
  holds: 'text' | 'whole' | 'number' | Shape;
  listed: boolean;
  required: boolean;
}

function shapeOf(declared: Members): Shape {
  const members = new Map<string, Declaration>();
  for (const name of Object.keys(declared).sort()) {
    const { holds, required } = declared[name] as Members[string];
    const listed = Array.isArray(holds);
    const one = (listed ? (holds as readonly [Members | 'text'])[0] : holds) as Exclude<Holds, readonly unknown[]>;
    const begin = `${JSON.stringify(name)}:`;
    members.set(name, { name, begin, holds: typeof one === 'object' ? shapeOf(one) : one, listed, required });
  }
  const inOrder = [...members.values()];
  return { members, inOrder, required: inOrder.filter(({ required }) => required).length };
}

function shapesWith(more: Members): ReadonlyMap<string, Shape> {
  return new Map(
    Object.entries(shapes).map(([kind, own]) => [kind, shapeOf({ kind: text, ...more, ...own })] as const),
  );
}

const shapesOfLines = shapesWith(common);
/** Those of the text of an entry that is in parts. */
const shapesOfEntries = shapesWith({});

/** Reads a line as it stands in the file. Undefined for what is no line of ours or not its own canonical form. */
export function readLine(bytes: string): Line | undefined {
  const value = readCanonical(bytes, shapesOfLines);
  if (value === undefined) return undefined;
  const { log, count, previous, at, v, ...entry } = value as unknown as Line & { v: number };
  return v === 1 ? { log, count, previous, at, entry: entry as unknown as Entry } : undefined;
}

/** The entry whose parts these are, in their order. Undefined where they are not those of one entry, whole and as it was. */
export function readParts(parts: readonly Extract<Entry, { kind: 'part' }>[]): Entry | undefined {
  const whole = parts.map((part) => part.text).join('');
  if (parts.some(({ of }) => of !== sha256(whole))) return undefined;
  return readCanonical(whole, shapesOfEntries) as Entry | undefined;
}

function readCanonical(written: string, known: ReadonlyMap<string, Shape>): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { kind } = value;
  const shape = typeof kind === 'string' ? known.get(kind) : undefined;
  if (shape === undefined) return undefined;
  // Members in order, no double ones, no other form of a number or a text: then writing it again gives the same. Where nothing
  // is escaped its length tells that, which takes half the time.
  if (!written.includes('\\')) return lengthOf(value, shape, written) === written.length ? value : undefined;
  return lengthOf(value, shape, undefined) >= 0 && JSON.stringify(value) === written ? value : undefined;
}

/** How long the canonical text of a value is where no text in it is escaped; negative where it is not of this shape. */
function lengthOf(value: Record<string, unknown>, { members, required }: Shape, written: string | undefined): number {
  let last = '';
  let found = 0;
  let length = 1;
  for (const name in value) {
    const declaration = members.get(name);
    if (declaration === undefined || name <= last) return notOfIt;
    last = name;
    if (declaration.required) found += 1;
    const { holds, listed } = declaration;
    const member = value[name];
    // The name, two quotation marks, a colon, and a comma or the last bracket.
    length += name.length + 4;
    if (listed) {
      if (!Array.isArray(member)) return notOfIt;
      length += Math.max(2, member.length + 1);
      for (const each of member) length += lengthOfMember(each, holds, name, written);
    } else length += lengthOfMember(member, holds, name, written);
  }
  return found === required ? Math.max(length, 2) : notOfIt;
}

/** Less than any length makes up for. */
const notOfIt = Number.NEGATIVE_INFINITY;

function lengthOfMember(
  member: unknown,
  holds: Declaration['holds'],
  name: string,
  written: string | undefined,
): number {
  if (typeof holds === 'object') return isRecord(member) ? lengthOf(member, holds, written) : notOfIt;
  if (holds !== 'number') return typeof member === 'string' ? member.length + 2 : notOfIt;
  if (!isNumber(member)) return notOfIt;
  // The one member of other forms that are as long, such as 1e2.
  const digits = String(member);
  return written === undefined || written.includes(`"${name}":${digits}`) ? digits.length : notOfIt;
}
