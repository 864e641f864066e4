import { expect, test } from 'vitest';
import { revealed, revealedJson } from './revealed.ts';

/** Shown as nothing or as a plain space: combining joiner, fillers, variation selectors, blank braille, wide spaces. */
const unseen = ['\u034f', '\u115f', '\u3164', '\ufe0f', '\u{e0100}', '\u2800', '\u00a0', '\u2003', '\u3000'];
const escaped = ['\u001b', '\u202e', '\u200b', '\u2028', '\u{e0041}', '\ufeff', '\u00ad'];

test.each([...unseen, ...escaped])('%j is seen [P9]', (char) => {
  const code = (char.codePointAt(0) ?? 0).toString(16);
  expect(revealed(`a${char}b`)).toBe(`a\\u{${code}}b`);
  expect(revealedJson([`a${char}b`])).toMatch(/^[\x20-\x7e\n]*$/);
  expect(JSON.parse(revealedJson([`a${char}b`]))).toEqual([`a${char}b`]);
});

test('what can be read stays as it is', () => {
  for (const text of ['Zoë Ångström', '山田 太郎', 'مريم', 'a  b']) expect(revealed(text)).toBe(text);
  expect(revealedJson({ a: 'Zoë b' })).toBe('{\n  "a": "Zoë b"\n}');
});
