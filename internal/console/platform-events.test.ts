/** Alarms where the record or the reviewed files cannot be used just then. */
import { expect, test } from 'vitest';
import { AppError } from '../errors/app-error.ts';
import type { PlatformEvent } from '../platform/webhook.ts';
import type { JournalLine } from './journal.ts';
import { type EventSetting, platformEvents } from './platform-events.ts';

const deleted = (about: string): PlatformEvent => ({
  type: 'vault.deleted',
  about,
  vault: undefined,
  workspace: undefined,
  happened: new Date(),
});

/** Events that are judged with what fails as long as a test says so. */
function start() {
  const fails = { writing: false, reading: false };
  const said: JournalLine[] = [];
  const written: string[] = [];
  const events = platformEvents({
    platform: 'https://api.example',
    record: {
      async append(entry) {
        if (fails.writing) throw new AppError('record_unwritable', 'the disk is full');
        if (entry.kind === 'heard') written.push(entry.id);
        return { log: '', count: 1, hash: '' };
      },
      verify: async () => ({ findings: [] }) as unknown as Awaited<ReturnType<EventSetting['record']['verify']>>,
    },
    refreshFailures: { read: async () => undefined, note: async () => {}, forget: async () => {} },
    async reviewed() {
      if (fails.reading) throw new AppError('config_invalid', 'agents.lock.json has a mistake');
      return { agents: new Map(), environments: new Set() };
    },
    journal: { say: (what, line = {}) => void said.push({ what, ...line }) },
    alarmed() {},
    graceMs: 20,
  });
  const alarms = () => said.filter(({ what }) => what === 'alarm').map(({ delivery }) => delivery);
  return { fails, said, written, events, alarms };
}

test('a record that cannot be written hides no alarm, and has each once when it can', async () => {
  const { fails, said, written, events, alarms } = start();
  fails.writing = true;
  for (const id of ['one', 'two']) await events.take({ id, event: deleted(`vlt_${id}`) });
  await expect.poll(() => said.some(({ what }) => what === 'events not judged')).toBe(true);
  expect([alarms(), written]).toEqual([['one', 'two'], []]);
  fails.writing = false;
  await expect.poll(() => written).toEqual(['one', 'two']);
  expect(alarms()).toEqual(['one', 'two']);
});

test('what could not be judged is judged later', async () => {
  const { fails, said, events, alarms } = start();
  fails.reading = true;
  await events.take({ id: 'one', event: deleted('vlt_one') });
  await expect.poll(() => said.some(({ what }) => what === 'events not judged')).toBe(true);
  expect(alarms()).toEqual([]);
  fails.reading = false;
  await expect.poll(alarms).toEqual(['one']);
});
