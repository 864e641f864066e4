import fc from 'fast-check';
import { expect, test } from 'vitest';
import { phrases } from './phrases.ts';
import { requiredWords } from './required-words.ts';
import { matchesIn, mayMatch, searchable } from './search.ts';

test.each([
  [/\bcurl\b/, 'curl'],
  [/cu(?:rl|t)x?/, { any: ['curlx', 'curl', 'cutx', 'cut'] }],
  [/(?:curl|wget)\s{1,4}-o/, { all: [{ any: ['curl ', 'wget '] }, ' -o'] }],
  [/curl\s{0,4}x?(?:abc)?/, { all: ['curl'] }],
  [/[A-Z]+_KEY/, { all: [' key'] }],
  [/curl|\d+/, { all: [] }],
  [/(?:curl){0,3}/, { all: [] }],
  [/(?<!not )curl(?= now)(?!er)/, { all: ['curl', ' now'] }],
  [/don['’]?t tell/, { all: ['don', 't tell'] }],
  [/\x60[^\n]*sh/, { all: ['sh'] }],
])('%s needs %j', (pattern, need) => {
  expect(requiredWords(pattern)).toEqual(need);
});

test('a file that lacks the words of a pattern has no match of it', () => {
  const patterns = [
    ...phrases.map(({ pattern }) => pattern),
    ...[/\bnc\s{1,4}x/g, /a[_-]b\s+c/g, /(?:ab|c\s)d?e/gi, /(?<=ab )c\w/g, /"x/g].map(searchable),
  ];
  const piece = fc.constantFrom(
    ...['ignore', 'all', 'previous', 'instructions', 'do not', 'tell', 'the user', 'it', 'nc', 'x', 'a_b', 'a-b', 'c'],
    ...[
      'secretly',
      'send',
      'api keys',
      'to',
      'https:',
      'delete',
      'history',
      'bash',
      '[INST]',
      '<system>',
      'ab',
      'd',
      'e',
    ],
    ...['act as', 'unfiltered', 'IGNORE', 'tool_result', '<', '>', '"'],
  );
  const between = fc.constantFrom(' ', '\n', '** ', '\u00a0', '\u2003', '', '"', '_', '\t', '`');
  let matched = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, between), { maxLength: 12 }), (parts) => {
      const text = parts.flat().join('');
      for (const pattern of patterns) {
        const file = { path: 'SKILL.md', text, encoding: 'unicode' } as const;
        const all = [...text.matchAll(pattern)].map(({ index }) => index);
        expect(matchesIn(file, pattern).map(({ index }) => index)).toEqual(all);
        if (all.length > 0) matched += 1;
      }
    }),
    { numRuns: 300, endOnFailure: true },
  );
  expect(matched).toBeGreaterThan(20);
});

test('a file is spared the patterns whose words it does not hold', () => {
  const pattern = searchable(/frobnicate\s{1,4}now/g);
  const file = (text: string) => ({ path: 'SKILL.md', text, encoding: 'unicode' }) as const;
  expect(mayMatch(file('Frobnicate later.'), pattern)).toBe(false);
  expect(mayMatch(file('Later or now? FROBNICATE\nnow.'), pattern)).toBe(true);
});
