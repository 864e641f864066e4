/**
 * A JSON Schema as it reads once what it points to stands in place. Frameworks write the choices of a parameter elsewhere
 * (`$defs`), or in an `allOf` of one: what is read of a tool has to be the same either way. Pure.
 */
import { valueAt } from '../text/pointer.ts';
import { isRecord } from '../text/record.ts';

type Schema = Readonly<Record<string, unknown>>;

/** So deep anybody looks: a parameter, a member of it or one of several that it may be, and a member of that. */
const deepest = 3;
/** So many schemas are looked at for one tool; the others stay as they are. */
const most = 2000;

/**
 * The schema, its parameters and their members, as far as anybody looks: with what their local `$ref` leads to (RFC 6901), and
 * with the parts of their `allOf`. What leads nowhere, or out of the schema, stays.
 */
export function spelledOut(root: unknown): unknown {
  if (!isRecord(root) || !refers(root)) return root;
  const now = known.get(root) ?? spell(root);
  known.set(root, now);
  return now;
}

/** Several ask for one schema, one after the other. What refers to nothing is not held: a weak map keeps it until it is old. */
const known = new WeakMap<object, Schema>();

function spell(root: Schema): Schema {
  let left = most;
  /** One schema with what it points to; `through` is where it came from, so that a circle ends. */
  const inPlace = (schema: Schema, through: readonly string[]): Schema => {
    const { $ref: reference, allOf, ...own } = schema;
    left -= 1;
    if (left < 0 || (reference === undefined && allOf === undefined)) return schema;
    const target =
      typeof reference === 'string' && !through.includes(reference) ? pointedTo(root, reference) : undefined;
    const pointed = isRecord(target) ? [inPlace(target, [...through, String(reference)])] : [];
    if (pointed[0] !== undefined && allOf === undefined && Object.keys(own).length === 0) return pointed[0];
    return joined([
      ...pointed,
      ...(Array.isArray(allOf) ? allOf : []).filter(isRecord).map((part) => inPlace(part, through)),
      isRecord(target) || reference === undefined ? own : { ...own, $ref: reference },
    ]);
  };
  const spelled = (value: unknown, level: number): unknown => {
    if (!isRecord(value)) return value;
    const whole = inPlace(value, []);
    if (level === deepest || left < 0) return whole;
    const { properties, items, anyOf, oneOf } = whole;
    const each = (list: readonly unknown[]) => list.map((one) => spelled(one, level + 1));
    return {
      ...whole,
      ...(isRecord(properties) && { properties: mapped(properties, (one) => spelled(one, level + 1)) }),
      ...(isRecord(items) && { items: spelled(items, level + 1) }),
      ...(Array.isArray(anyOf) && { anyOf: each(anyOf) }),
      ...(Array.isArray(oneOf) && { oneOf: each(oneOf) }),
    };
  };
  return spelled(root, 0) as Schema;
}

/** Whether anything in a schema stands elsewhere. */
function refers(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(refers);
  if (!isRecord(value)) return false;
  return '$ref' in value || 'allOf' in value || Object.values(value).some(refers);
}

/** Schemas that all hold, as one: the last that says a thing is the one that has added it. */
function joined(parts: readonly Schema[]): Schema {
  const properties = parts.flatMap(({ properties: some }) => (isRecord(some) ? Object.entries(some) : []));
  const required = parts.flatMap(({ required: some }) => (Array.isArray(some) ? some : []));
  return {
    ...Object.fromEntries(parts.flatMap((part) => Object.entries(part))),
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(required.length > 0 && { required }),
  };
}

function mapped(properties: Schema, change: (schema: unknown) => unknown): Schema {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, change(schema)]));
}

function pointedTo(root: unknown, reference: string): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined;
  try {
    return valueAt(root, decodeURIComponent(reference.slice(1)))?.value;
  } catch {
    // An escape that is none: it leads nowhere.
    return undefined;
  }
}

/** What a schema lets a value be, one by one; but for `null`, which is how a parameter may be left out. */
export function alternatives(schema: unknown): Schema[] {
  if (!isRecord(schema)) return [];
  const several = [schema['anyOf'], schema['oneOf']].filter((each) => Array.isArray(each)).flat();
  if (several.length === 0) return schema['type'] === 'null' ? [] : [schema];
  return several.flatMap(alternatives);
}

/** The values that a schema names, or its items do; undefined where it names none. */
export function namedValues({ enum: values, const: only, items }: Schema): unknown[] | undefined {
  if (Array.isArray(values)) return values;
  if (only !== undefined) return [only];
  const inItems = alternatives(items).map(namedValues);
  return inItems.length === 0 || inItems.includes(undefined) ? undefined : inItems.flatMap((each) => each ?? []);
}
