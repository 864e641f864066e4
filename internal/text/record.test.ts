import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRecord, recordIn } from './record.ts';

test('an object is a record, and nothing else of JSON is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const kind = Object.prototype.toString.call(value);
      expect(isRecord(value)).toBe(kind === '[object Object]');
      expect(recordIn(JSON.stringify(value))).toEqual(kind === '[object Object]' ? value : undefined);
    }),
  );
});

test.each(['', '{', '{"a":1}}', 'undefined', '\u0000'])('no record is in %j', (text) => {
  expect(recordIn(text)).toBeUndefined();
});
