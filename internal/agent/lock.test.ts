import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAgentsLock, writeAgentsLock } from './lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('an absent lock is empty, and finds nothing by an inherited name', async () => {
  expect(await readAgentsLock(folder)).toEqual({ agents: {}, environments: {} });
  await writeAgentsLock(folder, { agents: {}, environments: {} });
  expect((await readAgentsLock(folder)).agents['constructor']).toBeUndefined();
});

test('what is written is read again, one line per fact, in order', async () => {
  const lock = {
    agents: { b: { id: 'agent_2', version: 3, retired: true as const }, a: { id: 'agent_1', version: 1 } },
    environments: { default: { id: 'env_1' }, open: { id: 'env_2', sha256: '0'.repeat(64) } },
  };
  await writeAgentsLock(folder, lock);
  expect(await readAgentsLock(folder)).toEqual(lock);
  const text = await readFile(join(folder, 'agents.lock.json'), 'utf8');
  expect(Object.keys(JSON.parse(text).agents)).toEqual(['a', 'b']);
  expect(text.endsWith('}\n')).toBe(true);
});

test.each([
  'x',
  'null',
  '{}',
  '{"lock_version":1}',
  '{"lock_version":1,"agents":[],"environments":{}}',
  '{"lock_version":1,"agents":{"a":{"id":"agent_1"}},"environments":{}}',
  '{"lock_version":1,"agents":{"a":{"id":"agent_1","version":0}},"environments":{}}',
  '{"lock_version":1,"agents":{"a":{"id":"agent_1","version":1.5}},"environments":{}}',
  '{"lock_version":1,"agents":{"a":{"id":"../agents","version":1}},"environments":{}}',
  '{"lock_version":1,"agents":{"a":{"id":"agent_1","version":1,"retired":"no"}},"environments":{}}',
  '{"lock_version":1,"agents":{},"environments":{"e":{"id":""}}}',
  '{"lock_version":1,"agents":{},"environments":{"e":{"id":"env_1","sha256":"abc"}}}',
  '{"lock_version":1,"agents":{},"environments":{"e":"env_1"}}',
])('%s is no lock', async (text) => {
  await writeFile(join(folder, 'agents.lock.json'), text);
  await expect(readAgentsLock(folder)).rejects.toMatchObject({ code: 'config_invalid', hint: expect.any(String) });
});
