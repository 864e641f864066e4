import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './canonical.ts';

/** RFC 8785 as it is written: everything sorted by UTF-16 code unit, before it is a text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return new Map(entries.map(([key, item]) => [key, sorted(item)]));
}

const text = (value: unknown): string =>
  value instanceof Map
    ? `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${text(item)}`).join(',')}}`
    : Array.isArray(value)
      ? `[${value.map(text).join(',')}]`
      : JSON.stringify(value);

test('of any value, the text of RFC 8785, however few or many keys there are and whatever their order', () => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), tie('object')),
    object: fc.dictionary(fc.oneof(fc.string({ maxLength: 3 }), fc.nat(20).map(String)), tie('tree'), { maxKeys: 14 }),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      expect(canonicalJson(value)).toBe(text(sorted(value)));
    }),
    { numRuns: 300 },
  );
  expect(canonicalJson({ b: undefined, a: [] })).toBe('{"a":[]}');
});
