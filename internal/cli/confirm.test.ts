import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirm } from './confirm.ts';

/** Asks somebody who types this, and says what they saw. */
async function ask(type: (stdin: PassThrough) => unknown, signal = new AbortController().signal, timeoutMs = 5_000) {
  const stdin = new PassThrough();
  const said: string[] = [];
  const asker = { stdin, signal, progress: { warn: (text: string) => void said.push(text) } };
  const asking = confirm(asker, 'Change it?', timeoutMs);
  type(stdin);
  const yes = await asking;
  expect(said).toEqual(['Change it? [y/N]']);
  return yes;
}

test.each([
  ['y\n', true],
  ['Yes\r\n', true],
  [' YES \n', true],
  ['\n', false],
  ['n\n', false],
  ['yesterday\n', false],
  ['no\ny\n', false],
])('%j is %s', async (typed, yes) => expect(await ask((stdin) => stdin.write(typed))).toBe(yes));

test('Ctrl-D is no', async () => expect(await ask((stdin) => stdin.end())).toBe(false));

test('a terminal that is gone is no', async () => {
  expect(await ask((stdin) => stdin.destroy(new Error('hung up')))).toBe(false);
});

test('nobody waits for ever', async () => expect(await ask(() => {}, undefined, 20)).toBe(false));

test('Ctrl-C is no answer', async () => {
  const interruption = new AbortController();
  await expect(ask(() => interruption.abort(), interruption.signal)).rejects.toMatchObject({ code: 'interrupted' });
});
