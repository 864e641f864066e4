import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unrecorded } from '../../test/support/unrecorded.ts';
import { takeMutex } from '../outside/mutex.ts';
import { sha256 } from '../text/canonical.ts';
import { type AgentsLock, changeAgentsLock, type LockChange, readAgentsLock } from './lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

const nothing: AgentsLock = { agents: {}, environments: {} };
const change = (entries: LockChange, seen = nothing) => changeAgentsLock({ folder }, seen, entries, unrecorded);

test('an absent lock is empty, and finds nothing by an inherited name', async () => {
  expect(await readAgentsLock({ folder })).toEqual({ agents: {}, environments: {} });
  expect((await change({})).agents['constructor']).toBeUndefined();
  expect((await readAgentsLock({ folder })).agents['constructor']).toBeUndefined();
});

test('what is written is read again, one line per fact, in order', async () => {
  const lock = {
    agents: { b: { id: 'agent_2', version: 3, retired: true as const }, a: { id: 'agent_1', version: 1 } },
    environments: { default: { id: 'env_1' }, open: { id: 'env_2', sha256: '0'.repeat(64) } },
  };
  await change(lock);
  expect(await readAgentsLock({ folder })).toEqual(lock);
  const text = await readFile(join(folder, 'agents.lock.json'), 'utf8');
  expect(Object.keys(JSON.parse(text).agents)).toEqual(['a', 'b']);
  expect(text.endsWith('}\n')).toBe(true);
});

test('in 100 rounds of two runs beside each other no entry is lost', { timeout: 60_000 }, async () => {
  for (let round = 1; round <= 100; round += 1) {
    // Each of them read the lock before the other wrote.
    await Promise.all([
      change({ agents: { [`left-${round}`]: { id: 'agent_1', version: round } } }),
      change({
        agents: { [`right-${round}`]: { id: 'agent_2', version: round, retired: true } },
        environments: { [`env-${round}`]: { id: 'env_1' } },
      }),
    ]);
  }
  const { agents, environments } = await readAgentsLock({ folder });
  expect([Object.keys(agents).length, Object.keys(environments).length]).toEqual([200, 100]);
  expect(await readdir(folder)).toEqual(['agents.lock.json']);
});

test('a run that was killed while it held the lock keeps nobody out', async () => {
  const holder = [2 ** 22 + 1, null, sha256(hostname()).slice(0, 8), Date.now(), 1];
  await writeFile(join(folder, '.agents.lock.json.running'), JSON.stringify(holder));
  await change({ agents: { a: { id: 'agent_1', version: 1 } } });
  expect((await readAgentsLock({ folder })).agents).toHaveProperty('a');
});

test('one that is running and does not let go is named', { timeout: 30_000 }, async () => {
  const held = await takeMutex({
    path: join(folder, '.agents.lock.json.running'),
    signal: new AbortController().signal,
    waitMs: 0,
  });
  await expect(change({})).rejects.toMatchObject({ code: 'already_running' });
  if ('release' in held) await held.release();
});

test('what was retired meanwhile stays retired, and a later version stays', async () => {
  const before: LockChange = { agents: { a: { id: 'agent_1', version: 1 }, b: { id: 'agent_2', version: 1 } } };
  const seen = await change(before);
  await change({ agents: { a: { id: 'agent_1', version: 1, retired: true }, b: { id: 'agent_2', version: 3 } } }, seen);
  const late = await change({ agents: { a: { id: 'agent_1', version: 2 }, b: { id: 'agent_2', version: 2 } } }, seen);
  expect(late.agents).toEqual({
    a: { id: 'agent_1', version: 1, retired: true },
    b: { id: 'agent_2', version: 3 },
  });
  // What this run had seen itself is no news: a lock that is ahead of the platform is corrected.
  expect((await change({ agents: { b: { id: 'agent_2', version: 2 } } }, late)).agents['b']?.version).toBe(2);
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
  await expect(readAgentsLock({ folder })).rejects.toMatchObject({ code: 'config_invalid', hint: expect.any(String) });
});
