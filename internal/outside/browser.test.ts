import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openBrowser } from './browser.ts';

/** A program that writes down what it was started with. */
async function recorder() {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'a browser');
  const seen = join(folder, 'seen');
  await writeFile(
    program,
    `#!/bin/sh\nfor word in "$@"; do printf '%s\\n' "$word"; done > '${seen}.new'\nmv '${seen}.new' '${seen}'\n`,
    { mode: 0o755 },
  );
  return { program, words: () => vi.waitFor(async () => (await readFile(seen, 'utf8')).trimEnd().split('\n'), 5_000) };
}

test.each([
  'https://as.example/authorize?a=$(calc)&b=`calc`',
  'https://as.example/authorize?a=1&calc;b=%COMSPEC%|calc',
  'https://as.example/authorize?a=\' --flag "x"',
  'https://as.example/authorize?a=<>^\n&b=1',
  'https://as.example/authorize;$(calc)/`calc`|calc!?a=b',
  'https://as.example/%COMSPEC%/--flag?a=%24',
])('the program named by BROWSER gets one argument, and no shell sees it: %j [c5]', async (address) => {
  const { program, words } = await recorder();
  const url = new URL(address);
  expect(await openBrowser(url, { program, visible: false })).toBe(true);
  const [word = '', ...more] = await words();
  expect(more).toEqual([]);
  // Nothing that a shell could read something into, and still the same address to whoever decodes it.
  expect(word).toMatch(/^https:\/\/as\.example\/[\w\-.~%/:@?&=+*,#]*$/);
  expect(decodeURIComponent(word)).toBe(decodeURIComponent(url.href.replaceAll('%COMSPEC%', '%25COMSPEC%25')));
});

test('a program that is not there was not started', async () => {
  expect(await openBrowser(new URL('https://as.example/'), { program: '/no/such/browser', visible: true })).toBe(false);
});

test('where nobody would see a browser none is opened [b16]', async () => {
  expect(await openBrowser(new URL('https://as.example/'), { program: undefined, visible: false })).toBe(false);
});
