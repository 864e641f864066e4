/** JSON Pointers (RFC 6901) into the arguments of a call. Pure. */

/** What a pointer leads to; undefined where nothing is. */
export function valueAt(root: unknown, pointer: string): { value: unknown } | undefined {
  let value = root;
  for (const step of stepsOf(pointer)) {
    const next = memberOf(value, step);
    if (next === undefined) return undefined;
    value = next.value;
  }
  return { value };
}

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

function memberOf(value: unknown, step: string): { value: unknown } | undefined {
  if (Array.isArray(value)) {
    // No sign, no leading zero, no "-" for the end.
    if (!/^(0|[1-9][0-9]{0,9})$/.test(step) || Number(step) >= value.length) return undefined;
    return { value: value[Number(step)] };
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return { value: Reflect.get(value, step) };
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

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
