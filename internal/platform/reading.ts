/**
 * How an answer of the platform is read: once, at the door, so that no feature meets what is missing, null, new or of
 * another type. Absent and null have the default that the documents give; what decides whose something is or what it may do
 * is never made up. An answer that is no thing at all is refused, and is no bug of ours.
 */

import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';

/** An answer that is not what was asked for. The door makes a `PlatformError` of it. */
export class UnreadableAnswer extends Error {
  override readonly name: string = 'UnreadableAnswer';
}

/** The members of an object, of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** The members of an object; undefined for anything else. */
export function fieldsOf(value: unknown): Fields | undefined {
  return isRecord(value) ? value : undefined;
}

/** A thing with an id, such as `a vault`. Throws {@link UnreadableAnswer} for anything else. */
export function thingOf(value: unknown, what: string): Fields & { id: string } {
  const fields = fieldsOf(value);
  const id = idIn(fields);
  if (fields === undefined || id === undefined)
    throw new UnreadableAnswer(`answered with something that is not ${what}`);
  return { ...fields, id };
}

/** The id of a thing; undefined where it has none that a request could name: the SDK refuses to send the rest. */
export function idIn(value: unknown): string | undefined {
  const id = fieldsOf(value)?.['id'];
  if (typeof id !== 'string' || id === '.' || id === '..' || id.startsWith(';')) return undefined;
  return id === '' || id.length > 256 ? undefined : id;
}

/** A text; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A text, or null for anything else. */
export function textOrNull(value: unknown): string | null {
  return text(value) ?? null;
}

/** A list; an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A list that decides: an empty one where nothing is said, and whatever else is said as its entry, so that it is not none. */
export function entriesOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** Metadata: texts by name. Anything else in it says nothing. */
export function metadataOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** What a value that should have been a text is compared as, so that it never equals one that is meant. */
export function shown(value: unknown): string {
  return text(value) ?? (value === undefined || value === null ? '' : quote(JSON.stringify(value)));
}

/** What is known and what was accepted while answers are read. */
export interface Reading {
  /** Members that the reviewed configuration takes, by name, although this version does not know them. */
  accepted: ReadonlySet<string>;
  /** Hears of a member that this version does not know, and that decides nothing. */
  unknown(member: string): void;
}
