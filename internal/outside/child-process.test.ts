import { tmpdir } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { type Answer, answeringLines, askProgram } from './child-process.ts';

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

describe('a program that answers lines', () => {
  const limits = { signal: new AbortController().signal, timeoutMs: 5_000 };
  /** Answers with its process id and what it heard; says nothing to `wait`, answers `twice` again before the next, and ends at `end`. */
  const echo = `
    let [text, owed] = ['', ''];
    process.stdin.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      for (let end = text.indexOf('\\n'); end >= 0; end = text.indexOf('\\n')) {
        const [number, line] = text.slice(0, end).split(' ');
        text = text.slice(end + 1);
        if (line === 'end') process.exit(3);
        if (line === 'much') process.stdout.write('x'.repeat(200));
        const answer = number + ' ' + process.pid + ' ' + line + '\\n';
        process.stdout.write(owed);
        owed = line === 'twice' ? answer : '';
        if (line !== 'wait' && line !== 'much') process.stdout.write(answer);
      }
    });`;
  const started = (idleMs = 60_000) =>
    answeringLines({ program: process.execPath, words: ['-e', echo], longestAnswer: 100, idleMs });
  const heard = (answer: Answer) => (answer.kind === 'answered' ? answer.text.split(' ') : [answer.kind]);

  test('is one process for questions that follow each other, and for those at one time', async () => {
    const ask = started();
    const answers = await Promise.all(['first', 'second', 'thïrd'].map((line) => ask(line, limits)));
    const [pids, lines] = [0, 1].map((part) => answers.map((answer) => heard(answer)[part]));
    expect(lines).toEqual(['first', 'second', 'thïrd']);
    expect(new Set(pids).size).toBe(1);
  });

  test('that was ended between two questions is begun anew', async () => {
    const ask = started();
    const [pid] = heard(await ask('first', limits));
    process.kill(Number(pid), 'SIGKILL');
    const [after, line] = heard(await ask('second', limits));
    expect(line).toBe('second');
    expect(after).not.toBe(pid);
  });

  test('is ended when nobody asks it anything for a while', async () => {
    const ask = started(1);
    const [pid] = heard(await ask('first', limits));
    await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH'), 10_000);
  });

  test.each([
    ['is late', 'wait', 'late'],
    ['says too much', 'much', 'failed'],
    ['ends without an answer', 'end', 'failed'],
  ] as const)('that %s is told of, once, and the next question has another', async (_what, line, kind) => {
    const ask = started();
    expect((await ask(line, { ...limits, timeoutMs: kind === 'late' ? 500 : 5_000 })).kind).toBe(kind);
    expect(heard(await ask('after', limits))[1]).toBe('after');
  });

  test('that says one line more is not believed in what it says next', async () => {
    const ask = started();
    expect(heard(await ask('twice', limits))[1]).toBe('twice');
    expect(await ask('next', limits)).toEqual({ kind: 'failed', why: 'it answers what was not asked' });
    expect(heard(await ask('after', limits))[1]).toBe('after');
  });

  test('has its time from when it is asked, also where others are before it', async () => {
    const ask = started();
    const [first, second] = await Promise.all(
      ['wait', 'wait'].map(async (line) => await ask(line, { ...limits, timeoutMs: 300 })),
    );
    expect([first?.kind, second?.kind]).toEqual(['late', 'late']);
    expect((await ask('after', { ...limits, timeoutMs: 0 })).kind).toBe('late');
    expect(heard(await ask('after', limits))[1]).toBe('after');
  });

  test('is ended with the run that asks', async () => {
    const interruption = new AbortController();
    const ask = started();
    const [pid] = heard(await ask('first', limits));
    const waiting = ask('wait', { ...limits, signal: interruption.signal });
    await new Promise(setImmediate);
    interruption.abort();
    expect((await waiting).kind).toBe('interrupted');
    await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH'), 10_000);
  });
});
