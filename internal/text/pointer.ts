/** JSON Pointers (RFC 6901). Pure. */

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

/** What one step leads to from a value. */
export function memberOf(value: unknown, step: string): { value: unknown } | undefined {
  if (Array.isArray(value)) {
    // No sign, no leading zero, no "-" for the end.
    if (!/^(0|[1-9][0-9]{0,9})$/.test(step) || Number(step) >= value.length) return undefined;
    return { value: value[Number(step)] };
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return { value: Reflect.get(value, step) };
}

/** The names and places that a pointer goes along. */
export function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A name or a place as a step of a pointer. */
export function stepTo(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
