/**
 * Values against a definition, every mistake in words. zod stays in its small form (`zod/mini`): bundled and
 * started it costs a third of classic zod, which every command would pay, and its missing texts are written here.
 */
import * as z from 'zod/mini';
import { $ZodObject, $ZodRecord } from 'zod/v4/core';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { type Finding, type Path, shownValue } from './mistake.ts';

type Definition = z.ZodMiniObject;
type RawIssue = z.core.$ZodRawIssue;

/** What a definition makes of a value. */
export interface Shaped<Shape extends Definition> {
  /** The whole, where nothing is wrong with it. */
  whole?: z.output<Shape>;
  /** The top-level keys that nothing is wrong with, so that further rules can be checked all the same. */
  parts: Partial<z.output<Shape>>;
  findings: Finding[];
}

/** Checks a value against a definition and finds everything that is wrong with its shape. */
export function checkShape<Shape extends Definition>(definition: Shape, data: unknown): Shaped<Shape> {
  const knownKeys = new Map<string, readonly string[]>();
  const result = z.safeParse(definition, data, {
    // Compiling validators pays for those that run often; these run once.
    jitless: true,
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') knownKeys.set(keyOf(issue.path ?? []), keysOf(issue.inst));
      return expectation(issue);
    },
  });
  if (result.success) return { whole: result.data, parts: result.data, findings: [] };
  return {
    parts: goodParts(definition, data),
    findings: result.error.issues.flatMap((issue) => findingsOf(issue, data, knownKeys)),
  };
}

function findingsOf(
  issue: z.core.$ZodIssue,
  data: unknown,
  knownKeys: Map<string, readonly string[]>,
  prefix: Path = [],
): Finding[] {
  const path = [...prefix, ...issue.path.filter((step) => typeof step !== 'symbol')];
  // A union without words of its own for keys and values: what is wrong inside is told instead.
  const inside = issue.code === 'invalid_union' && issue.message === noExpectation ? insideOf(issue) : undefined;
  if (inside !== undefined) return inside.flatMap((each) => findingsOf(each, data, knownKeys, path));
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys.get(keyOf(issue.path)) ?? [];
    return issue.keys.map((key) => ({
      path: [...path, key],
      problem: `unknown key; ${nearestHint(key, known)}`,
      atKey: true,
    }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, problem: `expected a key of 1 to 255 characters`, atKey: true }];
  }
  const value = valueAt(data, path);
  return [{ path, problem: `${value === undefined ? 'missing' : `got ${shownValue(value)}`}, ${issue.message}` }];
}

const noExpectation = 'expected something else';

/** What is wrong with the one choice of a union that has the right kind of value; undefined where there is none. */
function insideOf({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  return errors.find(
    (issues) =>
      issues.length > 0 && issues.every(({ path, code }) => path.length > 0 || !/^invalid_(type|value)$/.test(code)),
  );
}

/** What was expected instead; definitions that know better say it themselves. */
function expectation(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return expectedType(issue.expected, issue.input);
    case 'invalid_value':
      return expectedOneOf(issue.values.map(String), issue.input);
    case 'invalid_union':
      return Array.isArray(issue['options'])
        ? expectedOneOf(issue['options'].map(String), valueAt(issue.input, [String(issue['discriminator'])]))
        : noExpectation;
    case 'too_small':
      return `expected at least ${counted(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `expected at most ${counted(issue.maximum, issue.origin)}`;
    default:
      return noExpectation;
  }
}

function expectedType(expected: string, input: unknown): string {
  const words: Record<string, string> = {
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'keys and values',
    record: 'keys and values',
  };
  const inQuotes = typeof input === 'number' || typeof input === 'boolean' ? `: write ${quote(String(input))}` : '';
  return `expected ${words[expected] ?? expected}${expected === 'string' ? inQuotes : ''}`;
}

function expectedOneOf(values: readonly string[], input: unknown): string {
  const expected = values.length === 1 ? values.map(quote).join() : `one of ${values.map(quote).join(', ')}`;
  const hint = typeof input === 'string' ? nearestHint(input, values) : '';
  return `expected ${expected}${hint.startsWith('did you mean') && values.length > 1 ? `; ${hint}` : ''}`;
}

function counted(count: number | bigint, origin: string): string {
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `${count} ${count === 1 ? 'entry' : 'entries'}`;
  return `${count}`;
}

function keysOf(inst: RawIssue['inst']): readonly string[] {
  if (inst instanceof $ZodObject) return Object.keys(inst._zod.def.shape);
  if (inst instanceof $ZodRecord) return [...(inst._zod.def.keyType._zod.values ?? [])].map(String);
  return [];
}

function goodParts<Shape extends Definition>(definition: Shape, data: unknown): Partial<z.output<Shape>> {
  const parts: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(definition.shape)) {
    const result = z.safeParse(part, valueAt(data, [key]), { jitless: true });
    if (result.success) parts[key] = result.data;
  }
  return parts as Partial<z.output<Shape>>;
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined,
    data,
  );
}

function keyOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}
