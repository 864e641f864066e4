import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordIn } from '../record/log.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Ports } from '../run/ports.ts';
import { showRecord } from '../run/use-cases/record.ts';
import type { ShowRecordRequest } from '../run/values/record.ts';
import { latestActs } from './latest-acts.ts';

let folder: string;
let record: RecordLog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latest-acts-'));
  record = recordIn({ folder: join(folder, 'record') });
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

const issuer = 'https://login.example.com';
const platform = 'https://api.example.com';
const actorOf = (subject: string) => ({ kind: 'person', proof: 'sso', issuer, subject, label: subject }) as const;
let count = 0;
/** Somebody does something; of what was cut off nobody knows how it ended. */
const act = async (subject: string, name: 'session.create' | 'session.archive', ended = true) => {
  count += 1;
  const id = `act-${count}`;
  const target = { kind: 'session', id: name === 'session.create' ? undefined : `sesn_${count}`, label: 'x' } as const;
  await record.append({ kind: 'intent', id, act: name, target, actor: actorOf(subject), platform });
  const made = name === 'session.create' ? { made: `sesn_${count}` } : {};
  if (ended) await record.append({ kind: 'outcome', id, outcome: 'success', attempts: 1, ...made });
};
const of = (subject: string, last = 5): ShowRecordRequest => ({ subject, issuer, kind: 'person', last });
/** What reading all of it says. */
const whole = async (request: ShowRecordRequest) =>
  await showRecord(request, { record: async () => record } as unknown as Ports);

describe('the latest acts', () => {
  test('are what the whole record says, also of what was added since', async () => {
    const latest = latestActs(record);
    for (let round = 0; round < 3; round += 1) {
      for (const subject of ['ada', 'grace', 'ada']) {
        await act(subject, 'session.create');
        await act(subject, 'session.archive', round !== 1);
      }
      await act('ada', 'session.create', false);
      for (const request of [of('ada'), of('grace', 64), of('linus'), { last: 7 }]) {
        expect(await latest.of(request)).toEqual(await whole(request));
      }
    }
  });

  test('are read once, and are not what has to be looked for', async () => {
    await act('ada', 'session.archive');
    let readings = 0;
    const counting = {
      reading: async () => {
        readings += 1;
        return await record.reading();
      },
    };
    const latest = latestActs(counting);
    await Promise.all([latest.of(of('ada')), latest.of(of('grace')), latest.of({ last: 3 })]);
    expect(readings).toBe(1);
    const others: ShowRecordRequest[] = [
      { ...of('ada'), before: '2026-01-01T00:00:00Z' },
      { ...of('ada'), act: 'session.archive' },
      { subject: 'ada', last: 5 },
      of('ada', 1_000),
    ];
    expect(await Promise.all(others.map((each) => latest.of(each)))).toEqual(others.map(() => undefined));
  });

  test('are no more than are remembered: of whom more was done, and who was forgotten, the record says it', async () => {
    const latest = latestActs(record, { mostOfOne: 2, mostOfAll: 4, most: 6 });
    for (const subject of ['ada', 'ada', 'ada', 'ada', 'ada', 'grace', 'linus', 'mallory', 'eve']) {
      await act(subject, 'session.archive');
    }
    expect(await latest.of(of('ada', 2))).toBeUndefined();
    expect(await latest.of(of('eve', 2))).toEqual(await whole(of('eve', 2)));
    // Nobody knows what somebody did before who comes now.
    await act('ada', 'session.archive');
    expect(await latest.of(of('ada', 2))).toBeUndefined();
    expect(await latest.of(of('ada', 1))).toEqual(await whole(of('ada', 1)));
    expect(await latest.of(of('nobody', 1))).toBeUndefined();
  });
});
