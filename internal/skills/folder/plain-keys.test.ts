import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { plainKeys } from './plain-keys.ts';

test('takes what YAML takes in the same way, old and new', () => {
  const piece = fc.constantFrom(
    ...['yes', 'null', 'name', 'a', 'Zoë', ' ', '  ', ':', ': ', ' #', '#', '-', '- ', '"', "'", '\\', '\\n', ','],
    ...['[', ']', '{', '}', '&x', '*x', '!x', '|', '>', '%', '@', '`', '2026-11-29', '1e3', '0x1f', '1:20', '~', '\t'],
    ...['\u00a0', '\u0085', '\u2028', '\ufeff', '\u{1f600}', '—', '“', 'https://a.test/x', '<<', '=', '?', '? '],
  );
  const value = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));
  const quoted = fc.oneof(
    value,
    value.map((text) => `"${text}"`),
    value.map((text) => `'${text}'`),
    value.map((text) => `Reads ${text}`),
  );
  const key = fc.constantFrom('name', 'description', 'license', 'x-y', 'Name', 'a b', '? a');
  let taken = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(key, quoted), { minLength: 1, maxLength: 4 }), (pairs) => {
      const block = `---\n${pairs.map(([name, text]) => `${name}: ${text}\n`).join('')}`;
      const found = plainKeys(block);
      if (found === undefined) return;
      taken += 1;
      const values = Object.fromEntries(found);
      expect(parse(block)).toEqual(values);
      expect(parse(block, { schema: 'yaml-1.1' })).toEqual(values);
    }),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test.each([
  ['name: triage\ndescription: Sorts tickets: first the urgent ones', 'a colon and a blank'],
  ['name: triage\ndescription: Sorts tickets #all', 'a comment'],
  ['name: triage\n\ndescription: Sorts tickets', 'an empty line'],
  ['name: triage\ndescription: Sorts\n  tickets', 'a line that goes on'],
  ['name: triage\nname: triage', 'a key twice'],
  ['name: yes', 'a word that some take for true'],
  ['name: 2026-11-29', 'a date'],
  ['description: >', 'a folded text'],
])('leaves to the parser %j: %s', (text) => {
  expect(plainKeys(`---\n${text}\n`)).toBeUndefined();
});
