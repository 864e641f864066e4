import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileStores } from '../stores/files/kept-files.ts';
import { type Use, UseCounter } from './quota.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quota-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const workspace = { address: 'https://platform.test', id: undefined };
const counter = () => {
  const { quotas } = fileStores({ cache: join(folder, 'cache'), state: join(folder, 'state') });
  return new UseCounter(quotas, workspace, new AbortController().signal);
};
const at = (minute: number) => new Date(Date.UTC(2026, 10, 30, 10, minute));
const use = (call: string, more: Partial<Use> = {}): Use => ({
  rule: 'rules/f.yaml: rules.r',
  quota: { most: 3, per: '1h', of: 'person' },
  subject: 'ada',
  call,
  now: at(0),
  ...more,
});

test('of many at once, by two who count beside each other, exactly as many as may be are counted', async () => {
  const counters = [counter(), counter()];
  const taken = await Promise.all(
    Array.from({ length: 60 }, (_, index) => counters[index % 2]?.take(use(`call ${index}`))),
  );
  expect(taken.filter(Boolean)).toHaveLength(3);
  expect(await counter().take(use('another'))).toBe(false);
  expect(await counter().take(use('another', { subject: 'grace' }))).toBe(true);
});

test('a call is counted once, also by whoever begins anew, and for as long as the time is', async () => {
  for (const minute of [0, 1, 59]) expect(await counter().take(use('one', { now: at(minute) }))).toBe(true);
  expect(await counter().take(use('two', { now: at(30) }))).toBe(true);
  expect(await counter().take(use('three', { now: at(40) }))).toBe(true);
  expect(await counter().take(use('four', { now: at(59) }))).toBe(false);
  // A clock that went back makes none of them pass.
  expect(await counter().take(use('four', { now: at(-600) }))).toBe(false);
  expect(await counter().take(use('four', { now: at(60) }))).toBe(true);
  expect(await counter().take(use('five', { now: at(60) }))).toBe(false);
});

test.each(['', '{', '{"uses_version":2,"uses":[]}', '{"uses_version":1,"uses":[{"call":"x","at":"0"}]}'])(
  'what cannot be read counts as used up: %j',
  async (text) => {
    await counter().take(use('one'));
    const quotas = join(folder, 'state', 'quotas');
    const [name = ''] = (await readdir(quotas)).filter((each) => !each.endsWith('.lock'));
    await writeFile(join(quotas, name), text);
    const two = counter();
    expect(await Promise.all([two.take(use('two')), two.take(use('three'))])).toEqual([false, false]);
  },
);
