import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { askProgram } from './child-process.ts';

const asking = {
  words: [],
  input: '',
  signal: new AbortController().signal,
  timeoutMs: 5_000,
  longestAnswer: 100,
};

test.each([
  ['nothing', ''],
  ['no such program', '/no/such/program'],
  ['a folder', tmpdir()],
  ['a path through a file', '/etc/hosts/program'],
  ['a path that is too long', `/${'b/'.repeat(5_000)}b`],
  ['a NUL', 'sig\0ner'],
])('%s in the place of a program is told of, and not thrown', async (_what, program) => {
  expect(await askProgram({ ...asking, program })).toMatchObject({ kind: 'failed' });
});

test('a program is told on stdin and heard on stdout', async () => {
  const { signal } = new AbortController();
  expect(await askProgram({ ...asking, signal, program: '/bin/cat', input: 'hello' })).toEqual({
    kind: 'answered',
    text: 'hello',
  });
});
