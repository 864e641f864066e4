import { expect, test } from 'vitest';
import { sentence } from './document.ts';

test.each([
  [
    'the account "سارة (2)" is not "ada"',
    'the account <bdi>&quot;سارة (2)&quot;</bdi> is not <bdi>&quot;ada&quot;</bdi>',
  ],
  [String.raw`it says "a \" b", twice`, String.raw`it says <bdi>&quot;a \&quot; b&quot;</bdi>, twice`],
  ['"<b>\u202e" and an open "<i>', '<bdi>&quot;&lt;b&gt;\\u{202e}&quot;</bdi> and an open &quot;&lt;i&gt;'],
  ['nothing of the kind', 'nothing of the kind'],
])('what a sentence quotes is isolated, and nothing of it is markup: %j [P9]', async (text, markup) => {
  expect(String(await sentence(text))).toBe(markup);
});
