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
  const value: unknown = judged.success ? given : structuredClone(given);
  for (let round = 0; !judged.success && round < mostRounds; round += 1) {
    const unknown = unknownIn(judged.error.issues, []);
    if (unknown === undefined) return judged;
    for (const { path, keys } of unknown) for (const key of keys) takeAway(value, path, key);
    judged = definition.safeParse(value);
  }
  return judged;
}

interface Unknown {
  path: PropertyKey[];
  keys: string[];
}

/** Where unknown members are; undefined where something else is wrong. Of a union one kind has to have no other fault. */
function unknownIn(issues: readonly Issue[], at: readonly PropertyKey[]): Unknown[] | undefined {
  const found: Unknown[] = [];
  for (const issue of issues) {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      found.push({ path, keys: issue.keys });
      continue;
    }
    const kind =
      issue.code === 'invalid_union'
        ? issue.errors.map((each) => unknownIn(each, path)).find((each) => each !== undefined && each.length > 0)
        : undefined;
    if (kind === undefined) return undefined;
    found.push(...kind);
  }
  return found;
}

function takeAway(value: unknown, path: readonly PropertyKey[], key: string): void {
  let place: unknown = value;
  for (const step of path) {
    if (Array.isArray(place)) place = place[Number(step)];
    else if (isRecord(place)) place = place[String(step)];
  }
  if (isRecord(place)) delete place[key];
}
