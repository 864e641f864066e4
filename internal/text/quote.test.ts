import { describe, expect, test } from 'vitest';
import { harmlessJson, quote, visible } from './quote.ts';

/** Everything that moves a cursor, forges a line, or hides and reorders text. */
const hostile = [
  '\u001b[2J',
  '\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007',
  '\u009b31m',
  'a\nservice-connection: error: forged',
  'a\rb',
  'a\u0008b',
  'a\u0000b',
  '\u202eevil',
  '\u2066a\u2069',
  'zero\u200bwidth',
  '\u2028line',
  '\ufeffbom',
  '\ud800lone',
  '\u{e0041}tag',
];

describe('quoted text', () => {
  test.each(hostile)('is one line of printable ASCII: %j [P9]', (text) =>
    expect(quote(text)).toMatch(/^"[\x20-\x7e]*"$/),
  );

  test('reads back as what it was', () => {
    for (const text of [...hostile, 'plain', 'Zoë', '"quoted" \\ slash']) expect(JSON.parse(quote(text))).toBe(text);
  });

  test('is cut, and says so', () => {
    expect(quote('x'.repeat(300))).toBe(`"${'x'.repeat(300)}"`);
    expect(quote('x'.repeat(301))).toBe(`"${'x'.repeat(300)}…"`);
    expect(quote('\u202e'.repeat(5_000)).length).toBeLessThan(2_000);
  });

  test.each([
    [undefined, '"undefined"'],
    [null, '"null"'],
    [7, '"7"'],
    [{ a: ['b'] }, '"{\\"a\\":[\\"b\\"]}"'],
  ])('may be no text at all: %j', (value, expected) => expect(quote(value)).toBe(expected));
});

describe('shown text', () => {
  test.each(hostile)('has nothing that a terminal obeys: %j [P9]', (text) => {
    expect(visible(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });

  test.each(['Zoë Ångström', 'Łukasz', '山田太郎', 'مريم', 'O’Brien', '🙂', 'a b'])('keeps %s', (name) => {
    expect(visible(name)).toBe(name);
  });

  test('names the character it shows', () => expect(visible('\u202e')).toBe('\\u{202e}'));
});

describe('JSON', () => {
  test.each(hostile)('for a terminal has nothing that it obeys, and means the same: %j [P9]', (text) => {
    const json = harmlessJson({ [text]: [text] });
    expect(json).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(json)).toEqual({ [text]: [text] });
  });

  test('keeps what is readable', () => expect(harmlessJson({ name: 'Zoë 🙂' })).toBe('{"name":"Zoë 🙂"}'));
});
