/** Alarms where the record or the reviewed files cannot be used just then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { storesInMemory } from '../../test/support/stores-in-memory.ts';
import { AppError } from '../errors/app-error.ts';
import type { PlatformEvent } from '../platform/webhook.ts';
import type { Entry, Line } from '../record/line.ts';
import type { Stores } from '../stores/kept-text.ts';
import type { JournalLine } from './journal.ts';
import { type EventSetting, platformEvents } from './platform-events.ts';

const soon = { timeout: 30_000 };
const deleted = (about: string): PlatformEvent => ({
  type: 'vault.deleted',
  about,
  vault: undefined,
  workspace: undefined,
  happened: new Date(),
});

/** Events that are judged with what fails as long as a test says so. */
function start(stores: Stores = storesInMemory().open(), since?: EventSetting['record']['since']) {
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
      ...(since && { since }),
      verify: async () => {
        await sleep(10);
        return { findings: [] } as unknown as Awaited<ReturnType<EventSetting['record']['verify']>>;
      },
    },
    stores,
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
  await expect.poll(() => said.some(({ what }) => what === 'events not judged'), soon).toBe(true);
  // The second may have been taken after the first was judged; those of one millisecond are in any order.
  await expect.poll(() => alarms().sort(), soon).toEqual(['one', 'two']);
  expect(written).toEqual([]);
  fails.writing = false;
  await expect.poll(() => written.toSorted(), soon).toEqual(['one', 'two']);
  expect(alarms().sort()).toEqual(['one', 'two']);
});

test('what could not be judged is judged later', async () => {
  const { fails, said, events, alarms } = start();
  fails.reading = true;
  await events.take({ id: 'one', event: deleted('vlt_one') });
  await expect.poll(() => said.some(({ what }) => what === 'events not judged'), soon).toBe(true);
  expect(alarms()).toEqual([]);
  fails.reading = false;
  await expect.poll(alarms, soon).toEqual(['one']);
});

test('what one has taken that was killed is judged by another one, and told once by however many there are', async () => {
  const place = storesInMemory();
  const killed = place.open();
  const first = start(killed);
  first.fails.reading = true;
  await first.events.take({ id: 'one', event: deleted('vlt_one') });
  // It held what it was about to judge.
  await killed.toldEvents.at({ workspace: { address: 'https://api.example', id: undefined }, name: 'one' }).hold({
    waitMs: 0,
    signal: new AbortController().signal,
  });
  killed.die();
  // One that is slow finds it taken, and one that is slower finds it done.
  const slow = (ms: number) => async () => {
    await sleep(ms);
    return 0;
  };
  const others = [0, 1, 60].map((ms) => start(place.open(), slow(ms)));
  await Promise.all(others.map(({ events }) => events.watch()));
  await expect.poll(() => others.flatMap(({ alarms }) => alarms()), soon).toEqual(['one']);
  await expect.poll(() => others.flatMap(({ written }) => written), soon).toEqual(['one']);
  expect(await place.open().toldEvents.all()).toEqual([]);
  for (const { events } of [first, ...others]) await events.end({ andJudge: false });
});

test('what another replica did is no alarm, also where it is told before that is written', async () => {
  const place = storesInMemory();
  const lines: Entry[] = [];
  const since = async (count: number | undefined, take?: (line: Line) => void) => {
    for (const entry of lines.slice(count ?? lines.length)) take?.({ entry } as Line);
    return lines.length;
  };
  const { events, alarms } = start(place.open(), since);
  await events.watch();
  await events.take({ id: 'one', event: { ...deleted('vlt_one'), type: 'vault.archived' } });
  const target = { kind: 'vault', id: 'vlt_one', label: 'Ada' } as const;
  const actor = { kind: 'person', proof: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'Ada' } as const;
  lines.push({ kind: 'intent', id: 'a', act: 'vault.archive', actor, target });
  await expect.poll(() => place.open().toldEvents.all(), soon).toEqual([]);
  expect(alarms()).toEqual([]);
  await events.end({ andJudge: true });
});
