/**
 * The one text of a record (RFC 8785) over the few kinds of values that one may hold. Everything else is refused, and so
 * are lone surrogates: other writers leave them out, or make something else of them, and then two of them disagree.
 */

/** What a record may hold. */
export type RecordValue = string | number | boolean | null | readonly RecordValue[] | RecordObject;

/** A plain object. */
export interface RecordObject {
  readonly [member: string]: RecordValue;
}

/** The canonical text of a value. Throws `TypeError` for what a record may not hold. */
export function canonicalText(value: RecordValue): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('a record holds no lone surrogate');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0))
        throw new TypeError('a record holds safe integers only');
      return String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : textOfObject(value);
    default:
      throw new TypeError(`a record holds no ${typeof value}`);
  }
}

function textOfObject(value: readonly RecordValue[] | RecordObject): string {
  if (Array.isArray(value)) {
    const items = Array.from({ length: value.length }, (_, index) => canonicalText(value[index] as RecordValue));
    return `[${items.join(',')}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('a record holds plain objects only');
  if (Object.getOwnPropertySymbols(value).length > 0) throw new TypeError('a record has no members but named ones');
  const object = value as RecordObject;
  // By UTF-16 code unit, as the default order of strings is.
  const members = Object.keys(object).sort();
  return `{${members.map((name) => `${canonicalText(name)}:${canonicalText(object[name] as RecordValue)}`).join(',')}}`;
}
