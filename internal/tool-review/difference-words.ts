/** What changed between two states of a tool, in words, and nothing of what stayed. Pure. */
import type { OfferedTool } from '../offer/offered-tool.ts';
import { parametersOf, typeInWords } from '../offer/parameters.ts';
import { differing, type Pointer } from '../offer/shape.ts';
import { canonicalJson } from '../text/canonical.ts';
import { cut, wrapped } from '../text/fit.ts';
import { lineDiff } from '../text/line-diff.ts';
import { stepsOf, stepTo, valueAt } from '../text/pointer.ts';
import { isRecord } from '../text/record.ts';
import { revealed } from '../text/revealed.ts';
import { mostOfValue, type Place, schemaPlaces } from './schema-places.ts';

/** The lines that say what changed, none wider than `columns`. Every place that differs is in one of them. */
export function differenceLines(before: OfferedTool, after: OfferedTool, columns: number): string[] {
  const lines: string[] = [];
  const said = new Set<string>();
  const once = (key: string, more: () => readonly string[]) => {
    if (said.has(key)) return;
    said.add(key);
    lines.push(...more());
  };
  for (const pointer of differing(before, after)) {
    const [member = '', second = '', name = ''] = stepsOf(pointer);
    if (member === 'title' || member === 'description') {
      once(member, () => [`its ${member} changed`, ...textLines(before[member], after[member], columns)]);
    } else if (member === 'annotations' && second !== '') {
      once(pointer, () => claimLines(second, before, after, columns));
    } else if (member === 'inputSchema' && (second === 'properties' || second === '$defs') && name !== '') {
      const schema = `/inputSchema${stepTo(second)}${stepTo(name)}`;
      once(schema, () => schemaLines(schema, before, after, columns));
    } else if (member === 'inputSchema' && second === 'required') {
      once('required', () => requiredLines(before, after, columns));
    } else if (member === 'inputSchema') {
      const place = `/inputSchema${second === '' ? '' : stepTo(second)}`;
      once(place, () =>
        schemaPlaces(only(before, second), only(after, second)).flatMap((each) =>
          placeLines(`/inputSchema${each.pointer}`, each.was, each.is, columns),
        ),
      );
    } else {
      once(pointer, () => placeLines(pointer, at(before, pointer), at(after, pointer), columns));
    }
  }
  return lines;
}

/** A place of a tool in words. */
export function placeInWords(pointer: Pointer): string {
  const [member = '', second = '', name = '', ...rest] = stepsOf(pointer);
  if (member === 'inputSchema' && second === 'properties') {
    return [`parameter ${revealed(name)}`, ...(rest.length === 0 ? [] : [revealed(rest.join('.'))])].join(': ');
  }
  const called: Readonly<Record<string, string>> = {
    inputSchema: 'its input',
    outputSchema: 'its answer',
    meta: '_meta',
  };
  return [called[member] ?? member, ...[second, name, ...rest].filter(Boolean).map(revealed)].join('.');
}

/** What the input of a tool says under one keyword; all of it where none is named. */
function only({ inputSchema }: OfferedTool, keyword: string): unknown {
  if (keyword === '' || !isRecord(inputSchema)) return inputSchema;
  return Object.hasOwn(inputSchema, keyword) ? { [keyword]: inputSchema[keyword] } : {};
}

/** What changed of a parameter, or of what parameters point to: first what it may be, then every place of which that says nothing. */
function schemaLines(schema: Pointer, before: OfferedTool, after: OfferedTool, columns: number): string[] {
  const [was, is] = [at(before, schema), at(after, schema)];
  const called = placeInWords(schema);
  if (schema.startsWith('/inputSchema/properties') && (was === undefined || is === undefined)) {
    return wholeLines(called, stepsOf(schema)[2] ?? '', is === undefined ? before : after, is === undefined, columns);
  }
  const type = typeChange(was, is);
  const lines = type === undefined ? [] : wrapped(`${called} ${type.words}`, columns);
  const said = new Set<string>();
  for (const place of schemaPlaces(was, is)) {
    if (type !== undefined && isSaidBy(type, place)) continue;
    const { pointer, was: old, is: now } = place;
    if (pointer === '/description' && isTextOrNone(old) && isTextOrNone(now)) {
      lines.push(...wrapped(`${called}: its description changed`, columns), ...textLines(old, now, columns));
      continue;
    }
    const values = valueLines(place, schema, columns);
    if (values === undefined) lines.push(...placeLines(`${schema}${pointer}`, old, now, columns));
    else if (!said.has(place.of?.pointer ?? '')) lines.push(...values);
    if (values !== undefined) said.add(place.of?.pointer ?? '');
  }
  return lines;
}

/** A parameter that came or went. */
function wholeLines(called: string, name: string, side: OfferedTool, isGone: boolean, columns: number): string[] {
  const found = parametersOf(side.inputSchema).find((each) => each.name === name);
  const what = [found?.type ?? 'anything', ...(found?.required === true ? ['required'] : [])].join(', ');
  if (isGone) return wrapped(`${called} is gone (${revealed(what)})`, columns);
  const values = found?.values === undefined ? '' : `, one of ${revealed(found.values.join(', '))}`;
  const description = found?.description === undefined ? '' : `: ${revealed(found.description)}`;
  return wrapped(`${called} is new: ${revealed(what)}${values}${description}`, columns);
}

/** What a line says of a type: the kinds that came with it, and those that went. */
interface TypeChange {
  words: string;
  came: readonly string[];
  went: readonly string[];
}

function typeChange(was: unknown, is: unknown): TypeChange | undefined {
  if (!isRecord(was) || !isRecord(is)) return undefined;
  const [one, other] = [typeInWords(was), typeInWords(is)];
  if (one === other) return undefined;
  const [kinds, others] = [one.split(' or '), other.split(' or ')];
  const came = others.filter((each) => !kinds.includes(each));
  const went = kinds.filter((each) => !others.includes(each));
  return went.length === 0 && came.length > 0
    ? { words: `may now be ${revealed(came.join(' or '))}`, came, went }
    : { words: `is now ${revealed(other)}, was ${revealed(one)}`, came, went };
}

/** Whether all that differs at a place is that kinds came or went of which a line says so already. */
function isSaidBy({ came, went }: TypeChange, { pointer, of }: Place): boolean {
  if (of === undefined || !['type', '$ref'].includes(of.keyword)) return false;
  // Elsewhere, as in the members of an object, a type is another thing's.
  if (!/^(?:\/items|\/(?:any|one)Of\/\d+)*\/[^/]+$/.test(pointer)) return false;
  const inLists = 'list of '.repeat(stepsOf(pointer).filter((step) => step === 'items').length);
  const kinds = (schema: unknown, other: unknown) => {
    const others = namesOf(other, of.keyword);
    return namesOf(schema, of.keyword)
      .filter((each) => !others.includes(each))
      .map((each) => `${inLists}${typeInWords({ ...partsIn(schema), [of.keyword]: each })}`);
  };
  return (
    kinds(of.is, of.was).every((each) => came.includes(each)) &&
    kinds(of.was, of.is).every((each) => went.includes(each))
  );
}

/** What the word of a type is made with. */
function partsIn(schema: unknown) {
  return { items: child(schema, 'items'), properties: child(schema, 'properties') };
}

function namesOf(schema: unknown, keyword: string): unknown[] {
  const value = child(schema, keyword);
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** What can be chosen, where a place is that; undefined where it is not, or cannot be said so. */
function valueLines({ of }: Place, schema: Pointer, columns: number): string[] | undefined {
  if (of === undefined || !['enum', 'const'].includes(of.keyword)) return undefined;
  const [before, after] = [of.was, of.is].map((each) => {
    const [values, only_] = [child(each, 'enum'), child(each, 'const')];
    return values === undefined && only_ !== undefined ? [only_] : only_ === undefined ? values : 'both';
  });
  const isList = (value: unknown): value is unknown[] | undefined => value === undefined || Array.isArray(value);
  if (!isList(before) || !isList(after)) return undefined;
  // The values of the items of a list are those that it can hold.
  const called = placeInWords(`${schema}${/^(?:\/items)*$/.test(of.pointer) ? '' : of.pointer}`);
  const text = (values: readonly unknown[]) =>
    values.map((each) => revealed(typeof each === 'string' ? each : JSON.stringify(each))).join(', ');
  if (before === undefined) return wrapped(`${called} can now only be ${text(after ?? [])}`, columns);
  if (after === undefined) return wrapped(`${called} may now be anything, was one of ${text(before)}`, columns);
  const without = (some: readonly unknown[], others: readonly unknown[]) => {
    const known = new Set(others.map((each) => canonicalJson(each)));
    return some.filter((each) => !known.has(canonicalJson(each)));
  };
  const [came, went] = [without(after, before), without(before, after)];
  return [
    ...(came.length === 0 ? [] : wrapped(`${called} may now be ${text(came)}`, columns)),
    ...(went.length === 0 ? [] : wrapped(`${called} can no longer be ${text(went)}`, columns)),
    ...(came.length + went.length === 0 ? wrapped(`${called}: its values stand in another order`, columns) : []),
  ];
}

function requiredLines(before: OfferedTool, after: OfferedTool, columns: number): string[] {
  const [was, is] = [before, after].map((tool) => {
    const required = isRecord(tool.inputSchema) ? tool.inputSchema['required'] : undefined;
    return Array.isArray(required) ? required.map(String) : [];
  }) as [string[], string[]];
  const lines = [
    ...is.filter((name) => !was.includes(name)).map((name) => `parameter ${revealed(name)} is required now`),
    ...was.filter((name) => !is.includes(name)).map((name) => `parameter ${revealed(name)} is required no longer`),
  ];
  return (lines.length === 0 ? ['what is required stands in another order'] : lines).map((line) => cut(line, columns));
}

function claimLines(claim: string, before: OfferedTool, after: OfferedTool, columns: number): string[] {
  const words: Readonly<Record<string, string>> = { readOnlyHint: 'to read only', destructiveHint: 'to destroy' };
  const [was, is] = [before.annotations?.[claim], after.annotations?.[claim]];
  const what = words[claim];
  if (what === undefined) return placeLines(`/annotations${stepTo(claim)}`, was, is, columns);
  const said = (value: unknown) =>
    value === true ? what : value === false ? `not ${what}` : `nothing of ${what.slice(3)}ing`;
  return [cut(`it claims ${said(is)} now; before, it claimed ${said(was)}`, columns)];
}

/** What went with `-`, what came with `+`; what stayed is left out. */
function textLines(before: string | undefined, after: string | undefined, columns: number): string[] {
  const sentences = (text: string | undefined) =>
    text === undefined
      ? []
      : text
          .split(/(?<=[.!?])\s+|\n/)
          .map((each) => each.trim())
          .filter(Boolean);
  const lines = lineDiff(sentences(before), sentences(after)).filter(({ sign }) => sign !== ' ');
  if (lines.length === 0) return ['  (white space alone)'];
  return lines.flatMap(({ sign, text }) =>
    wrapped(revealed(text), columns - 4).map((line, index) => `  ${index === 0 ? sign : ' '} ${line}`),
  );
}

function placeLines(pointer: Pointer, was: unknown, is: unknown, columns: number): string[] {
  const place = placeInWords(pointer);
  // Of long texts what differs may stand at their end, and what is described is read whole.
  const isText = (typeof was === 'string' && typeof is === 'string') || /\/(?:description|title)$/.test(pointer);
  if (isText && isTextOrNone(was) && isTextOrNone(is) && (was ?? '').length + (is ?? '').length > columns) {
    return [cut(`${place} changed`, columns), ...textLines(was, is, columns)];
  }
  const value = (each: unknown) => (each === undefined ? 'nothing' : cut(revealed(JSON.stringify(each)), mostOfValue));
  return wrapped(`${place} is now ${value(is)}, was ${value(was)}`, columns);
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function child(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function at(value: unknown, pointer: Pointer): unknown {
  return valueAt(value, pointer)?.value;
}
