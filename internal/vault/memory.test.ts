import { execFile } from 'node:child_process';
import { chmod, chown, link, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import type { Principal } from '../identity/principal.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { vaultMemory } from './memory.ts';

const ada: Principal = { kind: 'sso', issuer: 'https://idp.example', subject: 'a', groups: [], label: 'Ada' };
const platform = { address: 'https://api.example', id: undefined };
const memoryIn = (folder: string, workspace: Workspace = platform) =>
  vaultMemory(fileStores({ cache: folder, state: folder }), workspace);

async function cacheFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The one file of a memory that remembers Ada's vault. */
async function remembered(): Promise<{ folder: string; path: string }> {
  const folder = await cacheFolder();
  await memoryIn(folder).remember(ada, 'vlt_1');
  const [name = ''] = await readdir(join(folder, 'vaults'));
  return { folder, path: join(folder, 'vaults', name) };
}

test('remembers one id per platform and principal, and is readable for nobody else [P1]', async () => {
  const { folder, path } = await remembered();
  const memory = memoryIn(folder);
  expect(await memory.recall(ada)).toBe('vlt_1');
  for (const other of [{ kind: 'os' as const }, { issuer: 'https://idp.example/' }, { subject: 'A' }]) {
    expect(await memory.recall({ ...ada, ...other })).toBeUndefined();
  }
  expect(await memoryIn(folder, { address: 'https://other.example', id: undefined }).recall(ada)).toBeUndefined();
  expect(await memory.recall({ ...ada, label: 'Somebody', groups: ['x'] })).toBe('vlt_1');
  expect([(await stat(path)).mode & 0o777, (await stat(join(path, '..'))).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('of each workspace another one is remembered, and what was kept before workspaces had names counts in any [P1]', async () => {
  const { folder } = await remembered();
  const [dev, prod] = ['wrkspc_dev', 'wrkspc_prod'].map((id) => memoryIn(folder, { ...platform, id }));
  await memoryIn(folder).rememberCreation(ada, 'mark');
  await dev?.remember(ada, 'vlt_dev');
  await dev?.rememberCreation(ada, 'dev-mark');
  expect([await dev?.recall(ada), await dev?.recallCreation(ada)]).toEqual(['vlt_dev', 'dev-mark']);
  expect([await prod?.recall(ada), await prod?.recallCreation(ada)]).toEqual(['vlt_1', 'mark']);
  await prod?.remember(ada, 'vlt_prod');
  expect([await dev?.recall(ada), await prod?.recall(ada)]).toEqual(['vlt_dev', 'vlt_prod']);
});

test('a subject cannot choose where its file lies', async () => {
  const folder = await cacheFolder();
  await memoryIn(folder).remember({ ...ada, subject: '../../../etc/x', issuer: '../' }, 'vlt_1');
  expect(await readdir(folder)).toEqual(['vaults']);
  expect((await readdir(join(folder, 'vaults')))[0]).toMatch(/^[0-9a-f]{64}$/);
});

describe('a file with anything but an id is as good as none: [P1]', () => {
  test.each([
    '',
    '\n',
    '../vlt_1',
    'vlt_1/../vlt_2',
    'vlt_1?x=1',
    'vlt 1',
    '\u001b[2J',
    'x'.repeat(129),
    '{"id":"vlt_1"}',
    '..',
  ])('%j', async (text) => {
    const { folder, path } = await remembered();
    await writeFile(path, text);
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });

  test('a folder in its place', async () => {
    const { folder, path } = await remembered();
    await rm(path);
    await mkdir(path);
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
    await expect(memoryIn(folder).remember(ada, 'vlt_1')).resolves.toBeUndefined();
  });
});

test('a cache that cannot be written costs nothing but time', async () => {
  const folder = await cacheFolder();
  await writeFile(join(folder, 'vaults'), 'a file where the folder should be');
  await chmod(folder, 0o500);
  const memory = memoryIn(folder);
  await expect(memory.remember(ada, 'vlt_1')).resolves.toBeUndefined();
  expect(await memory.recall(ada)).toBeUndefined();
});

/** What somebody else could have done to a file or a folder of ours, with real owners and modes. */
const exposures: [string, (path: string) => Promise<void>, string][] = [
  ['writable for everybody', (path) => chmod(path, 0o702), 'others could have changed or read it (mode 0702)'],
];
const root = process.getuid?.() === 0;
if (!skipped(!root && { reason: 'only root can give a file to somebody else', installable: false })) {
  const forGroup = async (path: string) => {
    await chown(path, 0, 65534);
    await chmod(path, 0o720);
  };
  exposures.push(['writable for a group', forGroup, 'others could have changed or read it (mode 0720)']);
  exposures.push(["somebody else's", (path) => chown(path, 65534, 65534), 'it belongs to uid 65534']);
}

describe.each(exposures)('%s,', (_case, expose, why) => {
  const refused = expect.objectContaining({
    code: 'file_system',
    message: expect.stringContaining(why),
    hint: expect.stringMatching(/chmod go-w|chown \d+/),
  });

  test.each([
    ['the file', (file: string) => file],
    ['its folder', (file: string) => join(file, '..')],
    ['the folder above', (file: string) => join(file, '..', '..')],
  ])('%s of the cache is refused, and what to do is said', async (_what, place) => {
    const { folder, path } = await remembered();
    await expose(place(path));
    await expect(memoryIn(folder).recall(ada)).rejects.toEqual(refused);
  });

  test.each([
    ['the file', (file: string) => file],
    ['its folder', (file: string) => join(file, '..')],
    ['the folder above', (file: string) => join(file, '..', '..')],
  ])('%s of a creation is refused, and nothing is created', async (_what, place) => {
    const folder = await cacheFolder();
    const memory = memoryIn(folder);
    await memory.rememberCreation(ada, 'mark');
    const [name = ''] = await readdir(join(folder, 'creations'));
    const path = join(folder, 'creations', name);
    await expose(place(path));
    await expect(memory.recallCreation(ada)).rejects.toEqual(refused);
    if (place(path) !== path) await expect(memory.rememberCreation(ada, 'other')).rejects.toEqual(refused);
  });
});

test('a mark that cannot be trusted to be a file is no mark, and says so', async () => {
  const folder = await cacheFolder();
  const memory = memoryIn(folder);
  await memory.rememberCreation(ada, 'mark');
  const [name = ''] = await readdir(join(folder, 'creations'));
  const path = join(folder, 'creations', name);
  await rename(path, join(folder, 'elsewhere'));
  await symlink(join(folder, 'elsewhere'), path);
  await expect(memory.recallCreation(ada)).rejects.toThrow(/symbolic link/);
  await rm(path);
  await mkdir(path);
  await expect(memory.recallCreation(ada)).rejects.toThrow(/is not a file/);
});

describe('of the cache costs time only:', () => {
  test('a symbolic link, even to a file with an id', async () => {
    const { folder, path } = await remembered();
    await rename(path, join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), path);
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });

  test('a pipe that nobody writes to', async () => {
    const { folder, path } = await remembered();
    await rm(path);
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });

  test('a file that is cut short in the middle of a character', async () => {
    const { folder, path } = await remembered();
    await writeFile(path, Buffer.from([0x76, 0x6c, 0x74, 0x5f, 0xc3]));
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });

  test('a file without an end', async () => {
    const { folder, path } = await remembered();
    await rm(path);
    await writeFile(path, `vlt_1\n${' '.repeat(1_000_000)}`, { mode: 0o600 });
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });

  test('a file in the place of its folder', async () => {
    const { folder } = await remembered();
    await rm(join(folder, 'vaults'), { recursive: true });
    await writeFile(join(folder, 'vaults'), 'vlt_1', { mode: 0o600 });
    expect(await memoryIn(folder).recall(ada)).toBeUndefined();
  });
});

test('a folder that its owner keeps elsewhere is as good', async () => {
  const { folder } = await remembered();
  await rename(join(folder, 'vaults'), join(folder, 'disk'));
  await symlink(join(folder, 'disk'), join(folder, 'vaults'));
  expect(await memoryIn(folder).recall(ada)).toBe('vlt_1');
});

test('a file with two names is as good', async () => {
  const { folder, path } = await remembered();
  await link(path, join(folder, 'other'));
  expect(await memoryIn(folder).recall(ada)).toBe('vlt_1');
});

test('that somebody has no vault is known for a minute, by the clock, and never of whoever has one [P1] [P8]', async () => {
  const { folder } = await remembered();
  const grace = { ...ada, subject: 'g' };
  const memory = memoryIn(folder);
  let now = new Date('2026-11-30T08:00:00.000Z');
  await inTimeOf({ ...machineClock, now: () => now }, async () => {
    const known = async () => [await memory.recallNone(ada), await memory.recallNone(grace)];
    expect(await known()).toEqual([false, false]);
    // One was made while it was looked for.
    await memory.rememberNone(ada);
    await memory.rememberNone(grace);
    expect(await known()).toEqual([false, true]);
    expect([await memory.recall(ada), await memory.recall(grace)]).toEqual(['vlt_1', undefined]);
    expect(await memoryIn(folder, { ...platform, address: 'https://other.example' }).recallNone(grace)).toBe(false);
    now = new Date('2026-11-30T08:00:59.999Z');
    expect(await known()).toEqual([false, true]);
    now = new Date('2026-11-30T08:01:00.000Z');
    expect(await known()).toEqual([false, false]);
    // A clock that was set back knows nothing.
    now = new Date('2026-11-30T07:59:59.999Z');
    expect(await known()).toEqual([false, false]);
    now = new Date('2026-11-30T08:00:01.000Z');
    await memory.remember(grace, 'vlt_2');
    expect([await known(), await memory.recall(grace)]).toEqual([[false, false], 'vlt_2']);
  });
});
