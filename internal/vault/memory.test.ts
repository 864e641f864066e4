import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Principal } from '../identity/principal.ts';
import { vaultMemory } from './memory.ts';

const ada: Principal = { kind: 'sso', issuer: 'https://idp.example', subject: 'a', groups: [], label: 'Ada' };
const platform = 'https://api.example';

async function cacheFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The one file of a memory that remembers Ada's vault. */
async function remembered(): Promise<{ folder: string; path: string }> {
  const folder = await cacheFolder();
  await vaultMemory(folder, folder, platform).remember(ada, 'vlt_1');
  const [name = ''] = await readdir(join(folder, 'vaults'));
  return { folder, path: join(folder, 'vaults', name) };
}

test('remembers one id per platform and principal, and is readable for nobody else', async () => {
  const { folder, path } = await remembered();
  const memory = vaultMemory(folder, folder, platform);
  expect(await memory.recall(ada)).toBe('vlt_1');
  for (const other of [{ kind: 'os' as const }, { issuer: 'https://idp.example/' }, { subject: 'A' }]) {
    expect(await memory.recall({ ...ada, ...other })).toBeUndefined();
  }
  expect(await vaultMemory(folder, folder, 'https://other.example').recall(ada)).toBeUndefined();
  expect(await memory.recall({ ...ada, label: 'Somebody', groups: ['x'] })).toBe('vlt_1');
  expect([(await stat(path)).mode & 0o777, (await stat(join(path, '..'))).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('a subject cannot choose where its file lies', async () => {
  const folder = await cacheFolder();
  await vaultMemory(folder, folder, platform).remember({ ...ada, subject: '../../../etc/x', issuer: '../' }, 'vlt_1');
  expect(await readdir(folder)).toEqual(['vaults']);
  expect((await readdir(join(folder, 'vaults')))[0]).toMatch(/^[0-9a-f]{64}$/);
});

describe('a file with anything but an id is as good as none:', () => {
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
    expect(await vaultMemory(folder, folder, platform).recall(ada)).toBeUndefined();
  });

  test('a folder in its place', async () => {
    const { folder, path } = await remembered();
    await rm(path);
    await mkdir(path);
    expect(await vaultMemory(folder, folder, platform).recall(ada)).toBeUndefined();
    await expect(vaultMemory(folder, folder, platform).remember(ada, 'vlt_1')).resolves.toBeUndefined();
  });
});

test('a cache that cannot be written costs nothing but time', async () => {
  const folder = await cacheFolder();
  await writeFile(join(folder, 'vaults'), 'a file where the folder should be');
  await chmod(folder, 0o500);
  const memory = vaultMemory(folder, folder, platform);
  await expect(memory.remember(ada, 'vlt_1')).resolves.toBeUndefined();
  expect(await memory.recall(ada)).toBeUndefined();
});
