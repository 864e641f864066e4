import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { fakeTerminal } from '../../test/support/terminal.ts';
import { readHidden } from './terminal-input.ts';

/** Reads from a terminal and keeps what came of it. */
function reading(terminal = fakeTerminal()) {
  const events: string[] = [];
  const open = readHidden(terminal.stdin, {
    line: (text) => events.push(`line ${text}`),
    interrupt: () => events.push(`interrupted, mode ${terminal.modes.at(-1)}`),
    end: () => events.push(`ended, mode ${terminal.modes.at(-1)}`),
  });
  return { terminal, events, open };
}

test('lines come as they were entered, without echo, until it is closed', async () => {
  const { terminal, events, open } = reading();
  expect(terminal.modes).toEqual([true]);
  await terminal.type('one\rtw');
  await terminal.type('xo\u007f\u007fo\r');
  expect(events).toEqual(['line one', 'line two']);
  open.close();
  open.close();
  expect(terminal.modes).toEqual([true, false]);
  expect(terminal.stdin.isPaused()).toBe(true);
  await terminal.type('three\r');
  expect(events).toHaveLength(2);
});

test('a paste in brackets is what is between them, and the end of the line is not in it', async () => {
  const { terminal, events, open } = reading();
  await terminal.type('\u001b[200~http://x/?a=b\u001b[201~\r\n');
  expect(events).toEqual(['line http://x/?a=b']);
  open.close();
});

test('what was entered before cannot be called back', async () => {
  const { terminal, events, open } = reading();
  await terminal.type('one\r');
  await terminal.type('\u001b[A\r');
  expect(events).toEqual(['line one', 'line ']);
  open.close();
});

test('closing in the middle of what was typed leaves the rest alone', async () => {
  const terminal = fakeTerminal();
  const lines: string[] = [];
  const open = readHidden(terminal.stdin, {
    line(text) {
      lines.push(text);
      open.close();
    },
    interrupt() {},
    end() {},
  });
  await terminal.type('one\rtwo\r');
  expect([lines, terminal.modes]).toEqual([['one'], [true, false]]);
});

test('Ctrl-C and Ctrl-D find the terminal as it was before', async () => {
  for (const [key, event] of [
    ['\u0003', 'interrupted, mode false'],
    ['\u0004', 'ended, mode false'],
  ] as const) {
    const { terminal, events } = reading();
    await terminal.type(`${key}late\r`);
    expect([events, terminal.modes]).toEqual([[event], [true, false]]);
  }
});

test('a terminal that hangs up ends it, and is no error', async () => {
  const { terminal, events } = reading();
  terminal.stdin.destroy(new Error('EIO'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(['ended, mode false']);
});

test('an input without modes is read all the same', async () => {
  const input = new PassThrough();
  const lines: string[] = [];
  const open = readHidden(input, { line: (text) => lines.push(text), interrupt() {}, end() {} });
  input.end('one\n');
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines).toEqual(['one']);
  open.close();
});
