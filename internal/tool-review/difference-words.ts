/** What changed between two states of a tool, in words, and nothing of what stayed. Pure. */
import type { OfferedTool } from '../offer/offered-tool.ts';
import { parametersOf, typeInWords } from '../offer/parameters.ts';
import { differing, type Pointer } from '../offer/shape.ts';
import { cut, wrapped } from '../text/fit.ts';
import { lineDiff } from '../text/line-diff.ts';
import { stepsOf, stepTo, valueAt } from '../text/pointer.ts';
import { isRecord } from '../text/record.ts';
import { revealed } from '../text/revealed.ts';

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
    const [member = '', second = '', name = '', part = ''] = stepsOf(pointer);
    const inParameter = member === 'inputSchema' && second === 'properties';
    if (member === 'title' || member === 'description') {
      once(member, () => [`its ${member} changed`, ...textLines(before[member], after[member], columns)]);
    } else if (member === 'annotations' && second !== '') {
      once(pointer, () => claimLines(second, before, after, columns));
    } else if (
      inParameter &&
      name !== '' &&
      ['', 'description', 'type', 'anyOf', 'oneOf', 'enum', 'const', 'items'].includes(part)
    ) {
      once(`parameter ${name} ${partSaid(name, part, before, after)}`, () =>
        parameterLines(name, part, { before, after, columns }),
      );
    } else if (member === 'inputSchema' && second === 'required') {
      once('required', () => requiredLines(before, after, columns));
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

interface Sides {
  before: OfferedTool;
  after: OfferedTool;
  columns: number;
}

/** What a parameter may be can be written in several members; where that changed, one line says it for them all. */
function partSaid(name: string, part: string, before: OfferedTool, after: OfferedTool): string {
  const [was, is] = [before, after].map((tool) => typeInWords(at(tool, `/inputSchema/properties${stepTo(name)}`)));
  return ['type', 'anyOf', 'oneOf', 'items'].includes(part) && was !== is ? 'type' : part;
}

function parameterLines(name: string, part: string, { before, after, columns }: Sides): string[] {
  const schemas = [before, after].map((tool) => at(tool, `/inputSchema/properties${stepTo(name)}`));
  const [was, is] = schemas;
  const called = `parameter ${revealed(name)}`;
  const one = (line: string) => wrapped(line, columns);
  if (was === undefined || is === undefined) {
    const side = was === undefined ? after : before;
    const found = parametersOf(side.inputSchema).find((each) => each.name === name);
    const what = [found?.type ?? 'anything', ...(found?.required === true ? ['required'] : [])].join(', ');
    if (is === undefined) return one(`${called} is gone (${revealed(what)})`);
    const values = found?.values === undefined ? '' : `, one of ${revealed(found.values.join(', '))}`;
    const description = found?.description === undefined ? '' : `: ${revealed(found.description)}`;
    return one(`${called} is new: ${revealed(what)}${values}${description}`);
  }
  if (part === 'description') {
    return [`${called}: its description changed`, ...textLines(descriptionIn(was), descriptionIn(is), columns)];
  }
  if (part === 'enum' || part === 'const') return valueLines(called, was, is, columns);
  const [one_, other] = [typeInWords(was), typeInWords(is)];
  const widened = other.split(' or ').filter((each) => !one_.split(' or ').includes(each));
  const still = one_.split(' or ').every((each) => other.split(' or ').includes(each));
  if (still && widened.length > 0) return one(`${called} may now be ${revealed(widened.join(' or '))}`);
  if (one_ !== other) return one(`${called} is now ${revealed(other)}, was ${revealed(one_)}`);
  const values = part === 'items' ? valueLines(called, child(was, 'items'), child(is, 'items'), columns) : [];
  const places = differing(was as OfferedTool, is as OfferedTool).filter((place) => stepsOf(place)[0] === part);
  const rest = values.length > 0 ? places.filter((place) => !place.startsWith('/items/enum')) : places;
  return [
    ...values,
    ...rest.flatMap((place) =>
      placeLines(`/inputSchema/properties${stepTo(name)}${place}`, at(was, place), at(is, place), columns),
    ),
  ];
}

function valueLines(called: string, was: unknown, is: unknown, columns: number): string[] {
  const [before, after] = [was, is].map((schema) => {
    const { enum: values, const: only } = isRecord(schema) ? schema : {};
    return Array.isArray(values) ? values : only === undefined ? undefined : [only];
  });
  const text = (values: readonly unknown[]) =>
    values.map((each) => revealed(typeof each === 'string' ? each : JSON.stringify(each))).join(', ');
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return wrapped(`${called} can now only be ${text(after ?? [])}`, columns);
  if (after === undefined) return wrapped(`${called} may now be anything, was one of ${text(before)}`, columns);
  const came = after.filter((each) => !before.includes(each));
  const went = before.filter((each) => !after.includes(each));
  return [
    ...(came.length === 0 ? [] : wrapped(`${called} may now be ${text(came)}`, columns)),
    ...(went.length === 0 ? [] : wrapped(`${called} can no longer be ${text(went)}`, columns)),
    ...(came.length + went.length === 0 ? [`${called}: its values stand in another order`] : []),
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

/** How much of a value is shown that is no text, in columns. */
const mostOfValue = 300;

function placeLines(pointer: Pointer, was: unknown, is: unknown, columns: number): string[] {
  const place = placeInWords(pointer);
  // Of long texts what differs may stand at their end.
  if (typeof was === 'string' && typeof is === 'string' && was.length + is.length > columns) {
    return [cut(`${place} changed`, columns), ...textLines(was, is, columns)];
  }
  const value = (each: unknown) => (each === undefined ? 'nothing' : cut(revealed(JSON.stringify(each)), mostOfValue));
  return wrapped(`${place} is now ${value(is)}, was ${value(was)}`, columns);
}

function descriptionIn(schema: unknown): string | undefined {
  const description = child(schema, 'description');
  return typeof description === 'string' ? description : undefined;
}

function child(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function at(value: unknown, pointer: Pointer): unknown {
  return valueAt(value, pointer)?.value;
}
