/** The places at which two schemas differ, down to what stands at the end of each way. Pure. */
import type { Pointer } from '../offer/shape.ts';
import { canonicalJson } from '../text/canonical.ts';
import { columnsOf } from '../text/fit.ts';
import { lineDiff } from '../text/line-diff.ts';
import { stepTo } from '../text/pointer.ts';
import { isRecord } from '../text/record.ts';
import { revealed } from '../text/revealed.ts';

/** A place that differs, from the schema that was asked about, and what stood and stands there: undefined is nothing. */
export interface Place {
  pointer: Pointer;
  was: unknown;
  is: unknown;
  /** Where the place is what a schema says of itself. */
  of?: { keyword: string; pointer: Pointer; was: unknown; is: unknown };
}

/** How much of a value is shown, in columns; what is longer is told apart by what is in it. */
export const mostOfValue = 300;

/** Every place at which two schemas differ. What came or went as a whole is one place where it is short. */
export function schemaPlaces(was: unknown, is: unknown): Place[] {
  if (!isRecord(was) || !isRecord(is)) return between(was, is, '');
  return betweenSchemas(...alike(was, is), '');
}

/** Keywords that hold a schema, several in order, and several by name. */
const one = new Set(['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames']);
const several = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const byName = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** What is one statement, whatever it holds. */
const whole = new Set(['type', '$ref', 'enum', 'const']);

/** A schema that is now one of several that are allowed is compared with these: `T` allows what `anyOf: [T]` does. */
function alike(was: Record<string, unknown>, is: Record<string, unknown>): [unknown, unknown] {
  for (const keyword of ['anyOf', 'oneOf']) {
    if (Array.isArray(is[keyword]) && !hasChoices(was)) return [asOneOf(was, keyword, is), is];
    if (Array.isArray(was[keyword]) && !hasChoices(is)) return [was, asOneOf(is, keyword, was)];
  }
  return [was, is];
}

function hasChoices(schema: Record<string, unknown>): boolean {
  return Object.hasOwn(schema, 'anyOf') || Object.hasOwn(schema, 'oneOf');
}

/** The schema as the other is written, where one of the choices there is what it was; else as it stands. */
function asOneOf(schema: Record<string, unknown>, keyword: string, other: Record<string, unknown>) {
  const entries = Object.entries(schema);
  const outside = entries.filter(([key]) => Object.hasOwn(other, key));
  const inside = Object.fromEntries(entries.filter(([key]) => !Object.hasOwn(other, key)));
  const same = (other[keyword] as unknown[]).find((each) => isSame(each, schema) || isSame(each, inside));
  return same === undefined ? schema : { ...Object.fromEntries(outside), [keyword]: [same] };
}

type Compare = (was: unknown, is: unknown, pointer: Pointer) => Place[];

const betweenSchemas: Compare = (was, is, pointer) => {
  const [before, after] = [was, is].map((each) => (each === undefined ? {} : each));
  if (!isRecord(before) || !isRecord(after) || isEmpty(was) || isEmpty(is)) return between(was, is, pointer);
  return keysOf(before, after).flatMap((keyword) => {
    const [each, other] = [own(before, keyword), own(after, keyword)];
    const place = `${pointer}${stepTo(keyword)}`;
    if (isSame(each, other)) return [];
    const parts = one.has(keyword)
      ? betweenSchemas(each, other, place)
      : several.has(keyword) && areAll(Array.isArray, each, other)
        ? inOrder(each, other, place, betweenSchemas)
        : byName.has(keyword) && areAll(isRecord, each, other)
          ? named((each ?? {}) as object, (other ?? {}) as object, place)
          : [];
    if (parts.length > 0) return parts;
    const found = whole.has(keyword) ? [{ pointer: place, was: each, is: other }] : between(each, other, place);
    return found.map((at) => (at.pointer === place ? { ...at, of: { keyword, pointer, was, is } } : at));
  });
};

function named(was: object, is: object, pointer: Pointer): Place[] {
  return keysOf(was, is).flatMap((name) => shortOrIn(own(was, name), own(is, name), `${pointer}${stepTo(name)}`));
}

/** Values that are no schemas, or hold nothing. */
const between: Compare = (was, is, pointer) => {
  if (isSame(was, is)) return [];
  const isLong = !isShort(was) || !isShort(is);
  if (areAll(isRecord, was, is) && (isLong || (was !== undefined && is !== undefined))) {
    const [before, after] = [(was ?? {}) as object, (is ?? {}) as object];
    const found = keysOf(before, after).flatMap((key) =>
      between(own(before, key), own(after, key), `${pointer}${stepTo(key)}`),
    );
    if (found.length > 0) return found;
  }
  if (areAll(Array.isArray, was, is) && isLong) return inOrder(was, is, pointer, between);
  // Of two kinds: what one of them was, and what is in the other.
  if (isLong && was !== undefined && is !== undefined && (typeof was === 'object' || typeof is === 'object')) {
    return [...between(was, undefined, pointer), ...between(undefined, is, pointer)];
  }
  return [{ pointer, was, is }];
};

/** A schema that has a name of its own is shown as it stands where it is short and came or went. */
const shortOrIn: Compare = (was, is, pointer) => {
  const isWhole = was === undefined || is === undefined;
  const compare = isWhole && isShort(was) && isShort(is) ? between : betweenSchemas;
  return compare(was, is, pointer);
};

/** Members of two lists, those that stayed left out, each other one beside what stood in its place. */
function inOrder(was: unknown, is: unknown, pointer: Pointer, compare: Compare): Place[] {
  const [before, after] = [(was ?? []) as unknown[], (is ?? []) as unknown[]];
  if (before.length + after.length === 0) return [{ pointer, was, is }];
  const found: Place[] = [];
  let [went, came]: [number[], number[]] = [[], []];
  const say = () => {
    for (let each = 0; each < Math.max(went.length, came.length); each += 1) {
      const [old, now] = [went[each], came[each]];
      found.push(
        ...compare(
          old === undefined ? undefined : before[old],
          now === undefined ? undefined : after[now],
          `${pointer}${stepTo(now ?? old ?? 0)}`,
        ),
      );
    }
    [went, came] = [[], []];
  };
  let [row, column] = [0, 0];
  for (const { sign } of lineDiff(before.map(canonicalJson), after.map(canonicalJson))) {
    if (sign === ' ') say();
    else if (sign === '-') went.push(row);
    else came.push(column);
    if (sign !== '+') row += 1;
    if (sign !== '-') column += 1;
  }
  say();
  return found;
}

function isSame(one_: unknown, other: unknown): boolean {
  return one_ === other || (one_ !== undefined && other !== undefined && canonicalJson(one_) === canonicalJson(other));
}

/** Whether a value is shown whole. */
function isShort(value: unknown): boolean {
  return value === undefined || columnsOf(revealed(JSON.stringify(value))) <= mostOfValue;
}

function isEmpty(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

function areAll(is: (value: unknown) => boolean, ...values: readonly unknown[]): boolean {
  return values.every((each) => each === undefined || is(each));
}

function keysOf(before: object, after: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
