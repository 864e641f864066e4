/** What rules ask of the arguments of a call by JSON Pointers. Pure. */
import { memberOf, stepsOf } from '../../text/pointer.ts';

/** Whether a pointer leads to nothing because a text is in its way, which a service may read as JSON. */
export function endsInText(root: unknown, pointer: string): boolean {
  let value = root;
  for (const step of stepsOf(pointer)) {
    if (typeof value === 'string') return true;
    const next = memberOf(value, step);
    if (next === undefined) return false;
    value = next.value;
  }
  return false;
}

/** Whether everything in some arguments lies below one of these pointers. */
export function isCovered(root: unknown, pointers: readonly string[]): boolean {
  return leavesIn(root, [], new Set(pointers.map((each) => JSON.stringify(stepsOf(each)))));
}

function leavesIn(value: unknown, path: string[], named: ReadonlySet<string>): boolean {
  if (named.has(JSON.stringify(path))) return true;
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  // What is empty is there all the same, but for the arguments as a whole.
  if (entries.length === 0) return path.length === 0;
  return entries.every(([key, each]) => leavesIn(each, [...path, key], named));
}
