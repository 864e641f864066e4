import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirm } from './confirm.ts';

/** Asks somebody who types this once they see the question, and says what they saw. */
async function ask(
  type: (stdin: PassThrough) => unknown,
  { signal = new AbortController().signal, timeoutMs = 5_000, before = (_: PassThrough): unknown => undefined } = {},
) {
  const stdin = new PassThrough();
  const said: string[] = [];
  const warn = (text: string) => {
    said.push(text);
    setImmediate(() => type(stdin));
  };
  before(stdin);
  const yes = await confirm({ stdin, signal, progress: { warn } }, 'Change it?', timeoutMs);
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

test('nobody waits for ever', async () => expect(await ask(() => {}, { timeoutMs: 20 })).toBe(false));

test.each([
  ['a whole yes', 'y\n'],
  ['two of them', 'y\ny\n'],
  ['the beginning of one', 'y'],
])('what was typed before the question answers nothing: %s', async (_what, typed) => {
  const before = (stdin: PassThrough) => stdin.write(typed);
  expect(await ask((stdin) => stdin.write('\n'), { before })).toBe(false);
  expect(await ask((stdin) => stdin.write('y\n'), { before })).toBe(true);
});

test('Ctrl-D before the question is no as well, at once', async () => {
  expect(await ask(() => {}, { before: (stdin) => stdin.end() })).toBe(false);
});

test('Ctrl-C is no answer', async () => {
  const interruption = new AbortController();
  const { signal } = interruption;
  await expect(ask(() => interruption.abort(), { signal })).rejects.toMatchObject({ code: 'interrupted' });
});
