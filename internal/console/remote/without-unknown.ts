/** Judges what a later version of the console says: what it has more than this version knows is passed over. */
import type * as z from 'zod/mini';
import { isRecord } from '../../text/record.ts';

type Definition = z.core.$ZodType & { safeParse(value: unknown): z.core.util.SafeParseResult<unknown> };
type Issue = z.core.$ZodIssue;

/** So deep may members be inside each other that are unknown only once those around them are known. */
const mostRounds = 8;

/** The value without members that the definition does not know; it stays as judged where anything else is wrong with it. */
export function withoutUnknown(definition: Definition, given: unknown): z.core.util.SafeParseResult<unknown> {
  let judged = definition.safeParse(given);
  if (judged.success) return judged;
  const known = new Set(membersOf(definition));
  const value: unknown = structuredClone(given);
  for (let round = 0; !judged.success && round < mostRounds; round += 1) {
    const unknown = unknownIn(judged.error.issues, []);
    if (
      unknown === undefined ||
      unknown.some(({ path, keys }) => path.length === 0 && keys.some((key) => known.has(key)))
    ) {
      return judged;
    }
    for (const { path, keys } of unknown) for (const key of keys) takeAway(value, path, key);
    judged = definition.safeParse(value);
  }
  return judged;
}

interface Unknown {
  path: PropertyKey[];
  keys: string[];
}

/** Where unknown members are; undefined where something else is wrong. */
function unknownIn(issues: readonly Issue[], at: readonly PropertyKey[]): Unknown[] | undefined {
  const found: Unknown[] = [];
  for (const issue of issues) {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      found.push({ path, keys: issue.keys });
      continue;
    }
    const kind = issue.code === 'invalid_union' ? unknownInUnion(issue.errors, path) : undefined;
    if (kind === undefined) return undefined;
    found.push(...kind);
  }
  return found;
}

/** Of a union one kind has to have no other fault: of several the one that knows most, since the others would lose what it says. */
function unknownInUnion(kinds: readonly (readonly Issue[])[], at: readonly PropertyKey[]): Unknown[] | undefined {
  return kinds
    .map((issues) => unknownIn(issues, at) ?? [])
    .filter((unknown) => unknown.length > 0)
    .toSorted((one, other) => countOf(one) - countOf(other))[0];
}

/** The members that one of the kinds of a result has: no kind may lose those, or what would be done looks like what was done. */
function membersOf({ _zod: { def } }: z.core.$ZodType): string[] {
  if (def.type === 'union') return (def as z.core.$ZodUnionDef).options.flatMap(membersOf);
  return def.type === 'object' ? Object.keys((def as z.core.$ZodObjectDef).shape) : [];
}

function countOf(unknown: readonly Unknown[]): number {
  return unknown.reduce((count, { keys }) => count + keys.length, 0);
}

function takeAway(value: unknown, path: readonly PropertyKey[], key: string): void {
  let place: unknown = value;
  for (const step of path) {
    if (Array.isArray(place)) place = place[Number(step)];
    else if (isRecord(place)) place = place[String(step)];
  }
  if (isRecord(place)) delete place[key];
}
