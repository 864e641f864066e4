import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { quote, visible } from '../text/quote.ts';
import { beginSecrets, boundToRun, conceal, concealed, Secret } from './secret.ts';

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

test('of very many secrets none is forgotten while the run lives', () => {
  beginSecrets()(() => {
    for (let index = 0; index < 20_000; index += 1) conceal(`secret number ${index}.`);
    expect(concealed('secret number 0.')).toBe('[secret]');
    expect(concealed('secret number 19999.')).toBe('[secret]');
  });
});

test('a secret that begins like another is hidden to its end, whichever came first', () => {
  for (const secrets of [
    ['long-secret', 'long-secret-and-more'],
    ['long-secret-and-more', 'long-secret'],
  ]) {
    beginSecrets()(() => {
      secrets.forEach(conceal);
      expect(concealed('it is long-secret-and-more')).toBe('it is [secret]');
    });
  }
});

test('several runs of one process do not see each other, and each is entered again with what it has', async () => {
  const [one, other] = [beginSecrets(), beginSecrets()];
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all([
    one(async () => {
      await pause();
      new Secret('the secret of one');
      await pause();
      expect(concealed('the secret of one, the secret of other')).toBe('[secret], the secret of other');
    }),
    other(async () => {
      new Secret('the secret of other');
      await pause();
      await pause();
      expect(concealed('the secret of one, the secret of other')).toBe('the secret of one, [secret]');
    }),
  ]);
  expect(one(() => concealed('the secret of one'))).toBe('[secret]');
  expect(concealed('the secret of one')).toBe('the secret of one');
});

test('who says something for a run conceals what is secret there, whoever calls', () => {
  const said: string[] = [];
  const say = beginSecrets()(() => {
    new Secret('the secret of this run');
    return boundToRun((text: string) => void said.push(concealed(text)));
  });
  say('it is the secret of this run');
  beginSecrets()(() => say('the secret of this run'));
  expect(said).toEqual(['it is [secret]', '[secret]']);
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
