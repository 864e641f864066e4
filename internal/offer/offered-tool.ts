/** What a service says of its tools, as far as it can be reviewed. Pure; every text in it is from outside. */

import { concealed } from '../secret/secret.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import { type Router, routersAmong } from './router.ts';
import type { ToolClass } from './tool-words.ts';

export type { ToolClass } from './tool-words.ts';

/** What one tool says of itself: all that a model, a client or a person may be led by. */
export interface OfferedTool {
  title?: string | undefined;
  description?: string | undefined;
  /** Left out where it is too long to be read by anybody: then {@link OfferedTool.large} has its digest. */
  inputSchema?: Record<string, unknown> | undefined;
  outputSchema?: Record<string, unknown> | undefined;
  /** The server's own claims, as they came. */
  annotations?: Record<string, unknown> | undefined;
  /** How it wants to be called: `taskSupport`. */
  execution?: unknown;
  icons?: unknown;
  /** `_meta`: pages that are shown to people, and whatever else clients are told. */
  meta?: Record<string, unknown> | undefined;
  /** The members that are too long to be read, by digest and size. */
  large?: Record<string, Large> | undefined;
}

/** A member that nobody can read as a whole. */
export interface Large {
  sha256: string;
  characters: number;
}

/** One tool as it was listed. Its text is parsed again where it is looked at, and kept outside of the heap: a list may be long. */
export class ListedTool {
  /** Of the text: what has to stay the same for a review to count. */
  readonly sha256: string;
  readonly facts: ToolFacts;
  readonly #bytes: Buffer;

  constructor(text: string, facts: ToolFacts) {
    this.#bytes = Buffer.from(text, 'utf8');
    this.sha256 = sha256(this.#bytes);
    this.facts = facts;
  }

  /** The {@link OfferedTool} as canonical JSON. */
  get text(): string {
    return this.#bytes.toString('utf8');
  }
}

/** What has to be known of a tool whenever a verdict is computed, without its texts. */
export interface ToolFacts {
  /** The two claims that may raise a class, where they are made. */
  hints: { readOnlyHint?: boolean; destructiveHint?: boolean };
  /** Whether a verdict by its name bounds nothing, and why. */
  router?: Router;
  /** It can only be called as a task, which nothing here starts. */
  needsTask?: true;
  /** How long its longest member is that nobody can read as a whole. */
  characters?: number;
}

/** The tools that can be reviewed, by name, and those that cannot, with why. */
export interface Offer {
  tools: Map<string, ListedTool>;
  leftOut: { name: string; why: string }[];
  /** How many were listed; of more than {@link mostTools}, the first ones alone are here. */
  count: number;
}

/** More than any service needs: an agent may have 128. */
export const mostTools = 1_000;
const longestDescription = 20_000;
/** What is longer is known by its digest and size. */
const longestSchema = 64 * 1024;
/** Printable ASCII without a space: a name that looks like another one, or like none, is no name. */
const namePattern = /^[\x21-\x7e]{1,128}$/;
const claimed = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];

/**
 * Reads a list tool by tool as it comes. One that is left out is not pinned, and so it is off. Where the same list was read
 * a moment `before`, nothing is looked at twice that came in the same words.
 */
export class OfferReader {
  private readonly before: ReadonlyMap<string, string> | undefined;
  private readonly earlier: ReadonlyMap<string, ListedTool> | undefined;
  /** Names by the digest of what came, of the tools that can be reviewed. */
  private readonly came = new Map<string, string>();
  private readonly tools = new Map<string, ListedTool>();
  private readonly leftOut: Offer['leftOut'] = [];
  private readonly twice = new Set<string>();
  private readonly routers = routersAmong();
  /** How many tools were listed. */
  count = 0;

  constructor(before?: OfferReader) {
    this.before = before?.came;
    this.earlier = before?.tools;
  }

  readonly takeKnown = (text: string): boolean => {
    const name = this.before?.get(sha256(text));
    const listed = name === undefined ? undefined : this.earlier?.get(name);
    if (name === undefined || listed === undefined) return false;
    this.count += 1;
    this.keep(name, listed);
    return true;
  };

  readonly take = (entry: unknown, text?: string): void => {
    this.count += 1;
    // What nobody reviews is counted and not kept.
    if (this.count > mostTools) return;
    const name = isRecord(entry) && typeof entry['name'] === 'string' ? entry['name'] : '';
    const listed = isRecord(entry) ? listedTool(name, entry) : 'it is not an object';
    if (typeof listed === 'string' || !isRecord(entry)) {
      this.leftOut.push({ name, why: String(listed) });
      return;
    }
    this.keep(name, listed);
    this.routers.see(name, entry);
    if (text !== undefined && this.before === undefined) this.came.set(sha256(text), name);
  };

  private keep(name: string, listed: ListedTool): void {
    if (this.tools.has(name)) this.twice.add(name);
    this.tools.set(name, listed);
  }

  /** Everything that was listed. */
  offer(): Offer {
    for (const name of this.twice) {
      this.tools.delete(name);
      this.leftOut.push({ name, why: 'it is listed twice' });
    }
    this.twice.clear();
    for (const [name, router] of this.routers.found()) {
      const tool = this.tools.get(name);
      if (tool !== undefined) tool.facts.router = router;
    }
    return { tools: this.tools, leftOut: this.leftOut, count: this.count };
  }
}

/** Reads what a service listed. */
export function readOffer(listed: Iterable<unknown>): Offer {
  const reader = new OfferReader();
  for (const entry of listed) reader.take(entry);
  return reader.offer();
}

/** The tool whose text this is. */
export function toolOf({ text }: { text: string }): OfferedTool {
  return JSON.parse(text) as OfferedTool;
}

/** A tool as it is listed; what the others of its list are is not known, so that a pair of tools is none. */
export function listedAs(name: string, tool: OfferedTool): ListedTool {
  const text = canonicalJson(tool);
  const routers = routersAmong();
  routers.see(name, { ...tool });
  const router = routers.found().get(name);
  return new ListedTool(text, { ...factsOf(tool), ...(router === undefined ? {} : { router }) });
}

/** What was pinned of a tool by the first version of the lock: tasks, pages and icons did not count. */
export function olderDigest({ title, description, inputSchema, outputSchema, annotations }: OfferedTool): string {
  return sha256(canonicalJson({ title, description, inputSchema, outputSchema, annotations }));
}

/** The class that the server's claims suggest; what claims both is not believed to read only, what claims nothing writes. */
export function suggestedClass({ hints, router }: ToolFacts): ToolClass {
  if (hints.destructiveHint === true || router !== undefined) return 'destructive';
  return hints.readOnlyHint === true ? 'read' : 'write';
}

function factsOf({ annotations, execution, large }: OfferedTool): ToolFacts {
  const claim = (key: 'readOnlyHint' | 'destructiveHint') => {
    const value = annotations?.[key];
    return typeof value === 'boolean' ? { [key]: value } : {};
  };
  const lengths = Object.values(large ?? {}).map(({ characters }) => characters);
  return {
    hints: { ...claim('readOnlyHint'), ...claim('destructiveHint') },
    ...(isRecord(execution) && execution['taskSupport'] === 'required' ? { needsTask: true } : {}),
    ...(lengths.length === 0 ? {} : { characters: Math.max(...lengths) }),
  };
}

/** A tool, or why it cannot be reviewed. */
function listedTool(name: string, entry: Record<string, unknown>): ListedTool | string {
  if (!namePattern.test(name)) return 'its name is not 1 to 128 printable ASCII characters without a space';
  // Many write null for what they do not have.
  const {
    title,
    description,
    inputSchema,
    outputSchema,
    annotations,
    execution,
    icons,
    _meta: meta,
  } = withoutNull(entry);
  if (title !== undefined && typeof title !== 'string') return 'its title is no text';
  if (description !== undefined && typeof description !== 'string') return 'its description is no text';
  const said = (title?.length ?? 0) + (description?.length ?? 0);
  if (said > longestDescription) return `it says ${said} characters about itself, more than ${longestDescription}`;
  if (!isRecord(inputSchema)) return 'its input schema is no object';
  if (outputSchema !== undefined && !isRecord(outputSchema)) return 'its output schema is no object';
  if (annotations !== undefined && !isRecord(annotations)) return 'its annotations are no object';
  if (meta !== undefined && !isRecord(meta)) return 'its _meta is no object';
  const wrong = claimed.find((key) => !['boolean', 'undefined'].includes(typeof annotations?.[key]));
  if (wrong !== undefined) return `its annotation ${wrong} is neither true nor false`;
  try {
    return withinReading({ title, description, inputSchema, outputSchema, annotations, execution, icons, meta });
  } catch (error) {
    if (error instanceof RangeError) return `its schema is ${error.message}`;
    throw error;
  }
}

/** The tool, with a digest in the place of each member that nobody can read as a whole. */
function withinReading(tool: OfferedTool): ListedTool | string {
  let text = canonicalJson(tool);
  // Inside JSON some of its characters may be escaped.
  if ([text, tool.title, tool.description].some((each) => each !== undefined && concealed(each) !== each)) {
    return 'it repeats a secret of this run';
  }
  let pinned = tool;
  if (text.length > longestSchema) {
    const { description: _, title: __, ...members } = tool;
    const large: Record<string, Large> = {};
    const kept: Record<string, unknown> = { ...tool };
    for (const [member, value] of Object.entries(members)) {
      if (value === undefined) continue;
      const whole = canonicalJson(value);
      if (whole.length <= longestSchema / 4) continue;
      // Claims are judged, and never taken as a digest.
      if (member === 'annotations') return `its annotations are ${whole.length} characters long`;
      large[member] = { sha256: sha256(whole), characters: whole.length };
      kept[member] = undefined;
    }
    pinned = { ...kept, large };
    text = canonicalJson(pinned);
  }
  return new ListedTool(text, factsOf(pinned));
}

function withoutNull(entry: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}
