import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRecord, recordIn } from './record.ts';

test('an object is a record, and nothing else of JSON is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const kind = Object.prototype.toString.call(value);
      expect(isRecord(value)).toBe(kind === '[object Object]');
      const text = JSON.stringify(value);
      // JSON knows no minus nothing.
      expect(recordIn(text)).toEqual(kind === '[object Object]' ? JSON.parse(text) : undefined);
    }),
  );
});

test.each(['', '{', '{"a":1}}', 'undefined', '\u0000'])('no record is in %j', (text) => {
  expect(recordIn(text)).toBeUndefined();
});
