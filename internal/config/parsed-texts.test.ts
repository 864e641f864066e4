import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from './load.ts';
import { writeStarter } from './starter.ts';

let home: string;
let folder: string;
let cache: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parsed-'));
  [folder, cache] = [join(home, 'config'), join(home, 'cache')];
  await writeStarter(folder);
});
afterEach(() => rm(home, { recursive: true, force: true }));

test('the second run reads the same configuration, from memory', async () => {
  const first = await loadConfiguration(folder, cache);
  expect(first).toEqual(await loadConfiguration(folder));
  expect(await loadConfiguration(folder, cache)).toEqual(first);

  await rewriteCache((text) => text.replaceAll('claude-sonnet-5-5', 'claude-remembered'));
  // The file's text stands in the memory too; only what it was found to mean may be exchanged here.
  await rewriteCache((text) => text.replace('model: claude-remembered', 'model: claude-sonnet-5-5'));
  expect((await loadConfiguration(folder, cache)).agents.get('assistant')?.model).toBe('claude-remembered');
});

test('a file that changed is read anew, and so is one that changed back', async () => {
  await loadConfiguration(folder, cache);
  const before = await readFile(join(folder, 'agents/assistant.yaml'), 'utf8');
  await writeFile(join(folder, 'agents/assistant.yaml'), before.replace('write: off }', 'write: ask }'));
  expect((await loadConfiguration(folder, cache)).agents.get('assistant')?.services['notion']?.write).toBe('ask');
  await writeFile(join(folder, 'agents/assistant.yaml'), before);
  expect((await loadConfiguration(folder, cache)).agents.get('assistant')?.services['notion']?.write).toBe('off');
});

test('a mistake between files that are both remembered is told with its place', async () => {
  await loadConfiguration(folder, cache);
  await rm(join(folder, 'environments/default.yaml'));
  await expect(loadConfiguration(folder, cache)).rejects.toThrow(/assistant\.yaml:\d\d:14 environment: no file/);
});

test('a memory that says something impossible is not believed', async () => {
  await loadConfiguration(folder, cache);
  await rewriteCache((text) => text.replaceAll('"networking":"limited"', '"networking":"unrestricted"'));
  expect((await loadConfiguration(folder, cache)).environments.get('default')?.networking).toBe('limited');
});

test.each([
  '',
  '{',
  'null',
  '[]',
  '{"format":1}',
  '{"format":1,"parsed":{}}',
  '{"format":1,"parsed":[1]}',
  '{"format":0,"parsed":[]}',
])('a memory of the form %j is no memory', async (text) => {
  await loadConfiguration(folder, cache);
  await rewriteCache(() => text);
  await expect(loadConfiguration(folder, cache)).resolves.toBeDefined();
});

test('a configuration with a mistake is not remembered', async () => {
  await writeFile(join(folder, 'environments/default.yaml'), 'networking: open\n');
  await expect(loadConfiguration(folder, cache)).rejects.toMatchObject({ code: 'config_invalid' });
  await expect(readdir(cache)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a cache folder that cannot be used changes nothing', async () => {
  await loadConfiguration(folder, cache);
  const path = await cacheFile();
  await rm(path);
  await mkdir(path);
  await expect(loadConfiguration(folder, cache)).resolves.toBeDefined();
});

test('nothing is written when nothing changed, and two folders do not share a memory', async () => {
  await loadConfiguration(folder, cache);
  const { mtimeMs } = await stat(await cacheFile());
  await loadConfiguration(folder, cache);
  expect((await stat(await cacheFile())).mtimeMs).toBe(mtimeMs);
  await writeStarter(join(home, 'other'));
  await loadConfiguration(join(home, 'other'), cache);
  expect(await readdir(cache)).toHaveLength(2);
});

async function cacheFile(): Promise<string> {
  const [name = ''] = await readdir(cache);
  return join(cache, name);
}

async function rewriteCache(change: (text: string) => string): Promise<void> {
  await writeFile(await cacheFile(), change(await readFile(await cacheFile(), 'utf8')));
}
