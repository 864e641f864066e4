/**
 * What stays of a text that is another at each start: its words, with a sign in the place of each time, folder, host, number
 * and id. Pure. A shape is only ever what a person pins instead of a text; nothing is taken for stable by itself.
 */
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { memberOf, stepTo } from '../text/pointer.ts';
import { isRecord } from '../text/record.ts';
import type { OfferedTool } from './offered-tool.ts';

/** What stands for what, the longest first. A folder is of plain characters: no sentence fits into one. */
const signs: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? (?:\d{1,2} )?[A-Z][a-z]{2,8} (?:\d{1,2},? )?\d{4}(?: \d{2}:\d{2}(?::\d{2})?)?(?: ?(?:GMT|UTC|Z)(?:[+-]\d{4})?)?/g,
    '<time>',
  ],
  [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?/g, '<time>'],
  [/\b\d{1,2}:\d{2}(?::\d{2})?(?: ?[AP]M)?\b/g, '<time>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/(?<![\w/:.<])\/[\w.@+~-]+(?:\/[\w.@+~-]+)+\/?/g, '<folder>'],
  [/\b[A-Z]:\\(?:[\w.@+~-]+\\?)+/g, '<folder>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<host>'],
  [/\b(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:local|internal|lan|corp|intranet))(?::\d+)?\b/g, '<host>'],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b/g, '<id>'],
  [/\d+(?:\.\d+)*/g, '<n>'],
];

function shapeOfText(text: string): string {
  return signs.reduce((said, [pattern, sign]) => said.replace(pattern, sign), text);
}

/** Whether a text holds what belongs to a moment or a machine, beyond plain numbers. */
function isOfAMoment(text: string): boolean {
  return signs.slice(0, -1).some(([pattern]) => text.search(pattern) >= 0);
}

/** A place in a tool, as RFC 6901 has it. */
export type Pointer = string;

/** The members of a tool that hold a time, a folder, a host or an id: what may be another at the next start. */
export function momentary(tool: OfferedTool): Pointer[] {
  const found: Pointer[] = [];
  walk(tool, '', (pointer, value) => {
    if (typeof value === 'string' && isOfAMoment(value)) found.push(pointer);
  });
  return found.sort();
}

/** The members that differ between two tools; a member that only one of them has is one of them. */
export function differing(one: OfferedTool, other: OfferedTool): Pointer[] {
  const found: Pointer[] = [];
  compare(one, other, '', found);
  return found.sort();
}

/** Whether two tools differ in nothing but what a shape leaves out, at these places. */
export function isOneShape(one: OfferedTool, other: OfferedTool, pointers: readonly Pointer[]): boolean {
  return shapedDigest(one, pointers) === shapedDigest(other, pointers);
}

/** The digest of a tool with shapes in these places: what has to stay the same where a person pinned it so. */
export function shapedDigest(tool: OfferedTool, pointers: readonly Pointer[]): string {
  const shaped: unknown = JSON.parse(canonicalJson(tool), undefined);
  const places = new Set(pointers);
  const replaced = replace(shaped, '', (pointer, value) =>
    typeof value === 'string' && places.has(pointer) ? shapeOfText(value) : value,
  );
  return sha256(canonicalJson({ shape: replaced, of: [...places].sort() }));
}

function walk(value: unknown, pointer: Pointer, see: (pointer: Pointer, value: unknown) => void): void {
  if (Array.isArray(value)) for (const [index, each] of value.entries()) walk(each, `${pointer}${stepTo(index)}`, see);
  else if (isRecord(value))
    for (const [key, each] of Object.entries(value)) walk(each, `${pointer}${stepTo(key)}`, see);
  else see(pointer, value);
}

function replace(value: unknown, pointer: Pointer, change: (pointer: Pointer, value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each, index) => replace(each, `${pointer}${stepTo(index)}`, change));
  if (!isRecord(value)) return change(pointer, value);
  // As entries: a member may be called __proto__.
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, replace(each, `${pointer}${stepTo(key)}`, change)]),
  );
}

function compare(one: unknown, other: unknown, pointer: Pointer, found: Pointer[]): void {
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    for (const [index, each] of one.entries()) compare(each, other[index], `${pointer}${stepTo(index)}`, found);
    return;
  }
  if (isRecord(one) && isRecord(other)) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      // A member may be called __proto__, which every object has.
      const [each, another] = [one, other].map((side) => memberOf(side, key)?.value);
      compare(each, another, `${pointer}${stepTo(key)}`, found);
    }
    return;
  }
  if (one !== other) found.push(pointer);
}
