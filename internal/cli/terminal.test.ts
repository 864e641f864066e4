import { Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import { type Output, progressOn, spinnerFor, type Verbosity } from './terminal.ts';

function terminal(isTTY: boolean): Output & { text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const screen = { isTTY, columns: 80, cursorTo: () => true, clearLine: () => true, moveCursor: () => true };
  return Object.assign(stream, screen, { text: () => chunks.join('') });
}

function sayEverything(verbosity: Verbosity): string[] {
  const stderr = terminal(false);
  const progress = progressOn('tool', stderr, verbosity, undefined);
  progress.note('a note');
  progress.detail('a detail');
  progress.warn('a warning');
  progress.wait('waiting').done('waited');
  progress.wait('more').done();
  return stderr.text().trimEnd().split('\n');
}

test.each<[Verbosity, string[]]>([
  ['quiet', ['tool: a warning']],
  ['normal', ['tool: a note', 'tool: a warning', 'tool: waiting', 'tool: waited', 'tool: more']],
  ['verbose', ['tool: a note', 'tool: a detail', 'tool: a warning', 'tool: waiting', 'tool: waited', 'tool: more']],
  ['debug', ['tool: a note', 'tool: a detail', 'tool: a warning', 'tool: waiting', 'tool: waited', 'tool: more']],
])('%s says what it should', (verbosity, lines) => expect(sayEverything(verbosity)).toEqual(lines));

test('a name from outside neither moves the cursor nor forges a line [P9]', () => {
  const stderr = terminal(false);
  const progress = progressOn('tool', stderr, 'verbose', undefined);
  for (const say of [progress.note, progress.detail, progress.warn, progress.wait]) say('Ada\n\u001b[2Jtool: error');
  expect(stderr.text()).toBe('tool: Ada\\u{a}\\u{1b}[2Jtool: error\n'.repeat(4));
});

test('a command to a runner stands at the beginning of its line, and is one', () => {
  const stderr = terminal(false);
  progressOn('tool', stderr, 'quiet', undefined).command('::error::a\n::set-output name=x::##[error]b');
  expect(stderr.text()).toBe('::error::a\\u{a}::set-output name=x::#\\u{23}[error]b\n');
});

test('a line takes the spinner off the screen first', () => {
  const stderr = terminal(true);
  const acts: string[] = [];
  const progress = progressOn('tool', stderr, 'normal', (text) => {
    acts.push(text);
    return { update: (next) => acts.push(next), clear: () => acts.push('clear'), stop: () => acts.push('stop') };
  });
  const waiting = progress.wait('waiting');
  progress.note('a note');
  waiting.at(1, 2, 'half \u001b[2J');
  waiting.done('waited');
  progress.note('after');
  expect(acts).toEqual(['tool: waiting', 'clear', 'tool: [##########..........] 1/2 half \\u{1b}[2J', 'stop']);
  expect(stderr.text()).toBe('tool: a note\ntool: waited\ntool: after\n');
});

test('a log hears how far something is now and then, and nothing of what is soon over', () => {
  const stderr = terminal(false);
  let now = 0;
  inTimeOf({ ...machineClock, monotonic: () => now }, () => {
    const waiting = progressOn('tool', stderr, 'normal', undefined).wait('looking');
    for (let done = 1; done <= 200; done += 1) {
      now += 500;
      waiting.at(done, 200);
    }
    waiting.done();
  });
  const lines = stderr.text().trimEnd().split('\n');
  expect([lines.length, lines[1], lines.at(-1)]).toEqual([
    7,
    'tool: [###.................] 30/200 looking (15 s)',
    'tool: [##################..] 180/200 looking (1 min 30 s)',
  ]);
});

test('there is a spinner on a terminal only, and never in CI', async () => {
  expect(await spinnerFor(terminal(false), { TERM: 'xterm' }, true)).toBeUndefined();
  expect(await spinnerFor(terminal(true), { TERM: 'xterm', CI: '1' }, true)).toBeUndefined();
  expect(await spinnerFor(terminal(true), { TERM: 'xterm' }, true)).toBeDefined();
});

test('the spinner has colour unless NO_COLOR or --no-color says otherwise', async () => {
  vi.stubEnv('CI', undefined);
  vi.stubEnv('TERM', 'xterm');
  const shown = async (environment: { NO_COLOR?: string }, colour: boolean) => {
    const stderr = terminal(true);
    const animate = await spinnerFor(stderr, { TERM: 'xterm', ...environment }, colour);
    animate?.('waiting').stop();
    return stderr.text();
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour is made of them
  const colour = /\u001b\[3\dm/;
  const chalk = (await import('chalk')).default;
  chalk.level = 1;
  expect(await shown({}, true)).toContain('waiting');
  expect(await shown({ NO_COLOR: '1' }, true)).not.toMatch(colour);
  expect(await shown({}, false)).not.toMatch(colour);
  expect(await shown({}, true)).toMatch(colour);
  vi.unstubAllEnvs();
});
