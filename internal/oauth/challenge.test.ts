import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { challengesOf } from './challenge.ts';

function parsed(header: string | null) {
  return challengesOf(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test.each([
  [
    'Bearer realm="x", resource_metadata="https://a.example/prm"',
    { realm: ['x'], resource_metadata: ['https://a.example/prm'] },
  ],
  [
    'bearer resource_metadata=https://a.example/.well-known/x?y=1',
    { resource_metadata: ['https://a.example/.well-known/x?y=1'] },
  ],
  [
    'Bearer Resource_Metadata="https://a.example/prm" , SCOPE="a b"',
    { resource_metadata: ['https://a.example/prm'], scope: ['a b'] },
  ],
  ['Bearer error="say \\"hi\\", now", scope=a', { error: ['say "hi", now'], scope: ['a'] }],
  ['Bearer', {}],
])('reads %j [A1.1]', (header, parameters) => {
  expect(parsed(header)).toEqual([['bearer', parameters]]);
});

test('keeps every value of a repeated parameter, in order [A1.1]', () => {
  const header = 'Bearer resource_metadata="https://a.example/1", scope="x", resource_metadata=https://a.example/2';
  expect(parsed(header)).toEqual([
    ['bearer', { resource_metadata: ['https://a.example/1', 'https://a.example/2'], scope: ['x'] }],
  ]);
});

test('keeps several challenges apart, other schemes first [A1.1]', () => {
  expect(parsed('Basic realm="x", DPoP algs="ES256", Bearer resource_metadata="https://a.example/prm"')).toEqual([
    ['basic', { realm: ['x'] }],
    ['dpop', { algs: ['ES256'] }],
    ['bearer', { resource_metadata: ['https://a.example/prm'] }],
  ]);
  expect(parsed('Negotiate dG9rZW4=, Bearer scope="a"')).toEqual([
    ['negotiate', {}],
    ['bearer', { scope: ['a'] }],
  ]);
  expect(parsed('Bearer scope="a", Bearer resource_metadata="https://a.example/1"')).toEqual([
    ['bearer', { scope: ['a'] }],
    ['bearer', { resource_metadata: ['https://a.example/1'] }],
  ]);
});

test.each([null, '', ',,,', '"', 'Bearer "', 'Bearer a="unfinished', `Bearer ${'a'.repeat(100_000)}="`])(
  'makes nothing of %j [A1.1]',
  (header) => expect(parsed(header).flatMap(([, parameters]) => Object.keys(parameters ?? {}))).toEqual([]),
);

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
/** What fits between quotes: anything that a header carries. */
const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/);

/** A value as a server writes it: in quotes, or bare where it can be. */
function written(text: string, bare: boolean): string {
  if (bare && /^[^\s,"]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, (char) => `\\${char}`)}"`;
}

const challenge = fc.record({
  scheme: token,
  parameters: fc.array(fc.record({ name: token, text: value, bare: fc.boolean(), space: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
});

test('any challenges that are written are read again: every scheme, name and value, in order [A1.1]', () => {
  void fc.assert(
    fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
      const header = challenges
        .map(({ scheme, parameters }) => {
          const list = parameters.map(({ name, text, bare, space }) =>
            [name, '=', written(text, bare)].join(space ? ' ' : ''),
          );
          return `${scheme} ${list.join(', ')}`;
        })
        .join(', ');
      const read = challengesOf(header).map(({ scheme, parameters }) => ({ scheme, parameters: [...parameters] }));
      const expected = challenges.map(({ scheme, parameters }) => {
        const byName = new Map<string, string[]>();
        for (const { name, text } of parameters) {
          const key = name.toLowerCase();
          byName.set(key, [...(byName.get(key) ?? []), text]);
        }
        return { scheme: scheme.toLowerCase(), parameters: [...byName] };
      });
      expect(read).toEqual(expected);
    }),
  );
});

/** Any character that a header may arrive with. */
const octet = fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code));

test('no header is too strange to be read or left alone, in time [A1.1] [c26]', () => {
  void fc.assert(
    fc.property(fc.string({ unit: octet, maxLength: 400 }), (header) => {
      for (const { scheme, parameters } of challengesOf(header)) {
        expect(scheme).toBe(scheme.toLowerCase());
        for (const values of parameters.values()) expect(values.length).toBeGreaterThan(0);
      }
    }),
  );
});
