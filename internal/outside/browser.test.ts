import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { soon } from '../../test/support/soon.ts';
import { isTextBrowser, openBrowser } from './browser.ts';

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
  return { program, words: () => soon(async () => (await readFile(seen, 'utf8')).trimEnd().split('\n')) };
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

/** Whatever `BROWSER` is: some of these the system refuses here and now, others in an event, and some end at once. */
test.each([
  ['nothing', ''],
  ['no such program', '/no/such/browser'],
  ['a folder', tmpdir()],
  ['a path through a file', '/etc/hosts/browser'],
  ['a file that is no program', '/etc/hosts'],
  ['a name that is too long', 'b'.repeat(5_000)],
  ['a path that is too long', `/${'b/'.repeat(5_000)}b`],
  ['words', '/no/such/firefox --new-window %s'],
  ['several', '/no/such/firefox:/no/such/chromium'],
  ['a NUL', 'fire\0fox'],
  ['a lone surrogate', '\ud800'],
  ['a program that cannot', '/bin/false'],
])('%s is no browser that was started, and nothing is thrown', async (_what, program) => {
  expect(await openBrowser(new URL('https://as.example/'), { program, visible: true })).toBe(false);
});

test('one with arguments gets the address where %s is, or last, and as one word', async () => {
  const { program, words } = await recorder();
  const plain = join(program, '..', 'plain');
  await symlink(program, plain);
  const address = 'https://as.example/?a=$(calc)&b=%s';
  for (const [text, expected] of [
    [`${plain} --new-window %s -x`, ['--new-window', '', '-x']],
    [` ${plain}  --url=%s`, ['--url=']],
    [`${plain} --new-window`, ['--new-window', '']],
  ] as const) {
    expect(await openBrowser(new URL(address), { program: text, visible: false })).toBe(true);
    const escaped = 'https://as.example/?a=%24%28calc%29&b=%25s';
    await soon(async () => {
      expect((await words()).map((word) => word.replace(escaped, ''))).toEqual(expected);
    });
  }
});

test('of a list the first that can be started gets it, whatever is quoted in it', async () => {
  const { program, words } = await recorder();
  const folder = join(program, '..');
  await symlink(program, join(folder, 'a:b'));
  await writeFile(join(folder, 'w3m'), '#!/bin/sh\n', { mode: 0o755 });
  const second = join(folder, 'second');
  await writeFile(second, `#!/bin/sh\n: > '${join(folder, 'not this one')}'\n`, { mode: 0o755 });
  const address = 'https://as.example/';
  for (const [text, expected] of [
    [`/no/such/browser:/bin/false %s:'${program}' --new-window %s`, ['--new-window', address]],
    [`"${program}" --profile "my own" '%s':${second}`, ['--profile', 'my own', address]],
    [`::${folder}/w3m -x:${program}:${second}`, [address]],
    [`'${folder}/a:b' --app=%s`, [`--app=${address}`]],
    [`${folder}/a:b`, [address]],
    [`${program} --it's`, undefined],
    [`/no/such:"${program}`, undefined],
  ] as const) {
    await rm(join(folder, 'seen'), { force: true });
    expect([text, await openBrowser(new URL(address), { program: text, visible: false })]).toEqual([
      text,
      expected !== undefined,
    ]);
    if (expected !== undefined) expect([text, await words()]).toEqual([text, expected]);
  }
  expect(await readdir(folder)).not.toContain('not this one');
});

test('one that stays, and one that tells another and ends, were started', async () => {
  const { program } = await recorder();
  expect(await openBrowser(new URL('https://as.example/'), { program, visible: false })).toBe(true);
  await writeFile(program, '#!/bin/sh\nsleep 2\n');
  expect(await openBrowser(new URL('https://as.example/'), { program, visible: false })).toBe(true);
});

test('a browser that needs a terminal is known by its name and by what a link leads to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'lynx'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('lynx', join(folder, 'www-browser'));
  vi.stubEnv('PATH', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const told = [
    'w3m',
    '/usr/bin/elinks',
    'www-browser',
    join(folder, 'www-browser'),
    'lynx -accept_all_cookies %s',
    `lynx:'w3m' -T text/html %s`,
    `lynx:${process.execPath}`,
    'firefox',
    'firefox -P lynx',
    '/no/such/browser',
    '',
  ];
  expect(told.filter(isTextBrowser)).toEqual(told.slice(0, 6));
});

test('where nobody would see a browser none is opened [b16]', async () => {
  expect(await openBrowser(new URL('https://as.example/'), { program: undefined, visible: false })).toBe(false);
});
