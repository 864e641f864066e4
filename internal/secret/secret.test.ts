import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { quote, visible } from '../text/quote.ts';
import { conceal, concealed, Secret } from './secret.ts';

const value = 'a secret+value/of=ours';

test('a text from outside does not repeat a secret, neither quoted nor shown [P3]', () => {
  new Secret(value);
  const said = `you sent ${value} and ${encodeURIComponent(value)}`;
  expect(concealed(said)).toBe('you sent [secret] and [secret]');
  expect(quote(said)).toBe('"you sent [secret] and [secret]"');
  expect(visible(said)).toBe('you sent [secret] and [secret]');
});

test('not even half of one, where a long text is cut', () => {
  conceal('x'.repeat(40));
  expect(quote(`${'-'.repeat(280)}${'x'.repeat(40)}`)).not.toContain('xx');
});

test('what is too short to be a secret stays readable', () => {
  conceal('');
  conceal('no');
  expect(quote('no such thing')).toBe('"no such thing"');
});

test('of very many secrets the latest are remembered', () => {
  for (let index = 0; index < 2000; index += 1) conceal(`secret number ${index}.`);
  expect(concealed('secret number 1999.')).toBe('[secret]');
  expect(concealed('secret number 1.')).toBe('secret number 1.');
});

test('a secret prints as nothing but the word, however it is printed [P3]', () => {
  const secret = new Secret(value);
  const nested = { token: secret, list: [secret] };
  for (const text of [
    String(secret),
    `${secret}`,
    JSON.stringify(nested),
    inspect(nested, { depth: 9, showHidden: true }),
  ]) {
    expect(text).toContain('[secret]');
    expect(text).not.toContain(value);
  }
  expect(Object.keys(secret)).toEqual([]);
  expect(secret.reveal()).toBe(value);
});

test.each(['in "quotes" and \\ more', 'with a tab\tin it', 'with half a pair \ud800 of it'])(
  'a secret with what JSON escapes is concealed in JSON too: %j',
  (value) => {
    conceal(value);
    expect(concealed(`{"token":${JSON.stringify(value)}}`)).toBe('{"token":"[secret]"}');
    expect(concealed(`${value}!`)).toBe('[secret]!');
  },
);
