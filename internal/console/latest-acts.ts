/**
 * The latest acts of each person, and of all, so that nobody's page reads the whole record: it is read once, and from then on
 * what was added. What is not here is read from the record itself. One process remembers so many acts, of those who did
 * something last; whether lines of before were changed is what `verify` looks at.
 */
import { AppError } from '../errors/app-error.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { RecordReading } from '../record/verify.ts';
import { type ActReader, actReader, byTime, type ReadAct, type ShownAct } from '../run/acts.ts';
import type { LatestActs } from '../run/ports.ts';
import type { ShowRecordRequest } from '../run/values/record.ts';

/** How many are remembered of one person, of all together, and of persons one by one in sum. */
interface Sizes {
  mostOfOne: number;
  mostOfAll: number;
  most: number;
}

const usualSizes: Sizes = { mostOfOne: 64, mostOfAll: 256, most: 20_000 };

/** The latest acts of somebody. */
interface Latest {
  acts: Map<string, ShownAct>;
  /** Whether there are none before these. */
  isWhole: boolean;
}

/** What was read so far. */
interface Reading {
  lines: RecordReading;
  reader: ActReader;
  everybody: Latest;
  /** Whoever did something last is the last one. */
  persons: Map<string, Latest>;
  count: number;
  /** Whether somebody was forgotten: then nobody who comes new is known to have done nothing before. */
  hasForgotten: boolean;
}

/** Those of a record, of which nothing is read before somebody asks. */
export function latestActs(record: Pick<RecordLog, 'reading'>, sizes: Sizes = usualSizes): LatestActs {
  let reading: Promise<Reading> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const readOn = async (): Promise<Reading> => {
    reading ??= record.reading().then(begun);
    const now = await reading;
    for await (const piece of now.lines.more()) for (const { line } of piece) take(now, now.reader.take(line), sizes);
    return now;
  };
  return {
    async of(request) {
      const key = keyIn(request, sizes);
      if (key === undefined) return undefined;
      // One after the other: each reads what was added up to then.
      const mine = turn.then(readOn);
      turn = mine.catch(() => {});
      let now: Reading;
      try {
        now = await mine;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // Whatever it is about: who reads all of the record hears it.
        reading = undefined;
        return undefined;
      }
      const latest = key === '' ? now.everybody : now.persons.get(key);
      const last = Math.max(0, request.last);
      if (latest === undefined ? now.hasForgotten : !latest.isWhole && latest.acts.size < last) return undefined;
      const acts = byTime(latest?.acts ?? new Map()).map(([, act]) => structuredClone(act));
      return { acts: acts.slice(Math.max(0, acts.length - last)), faults: now.lines.isAltered ? 1 : 0 };
    },
  };
}

function begun(lines: RecordReading): Reading {
  return {
    lines,
    reader: actReader({ createsAtOnce: true }),
    everybody: { acts: new Map(), isWhole: true },
    persons: new Map(),
    count: 0,
    hasForgotten: false,
  };
}

/** Whose acts are asked for, where it is nothing but that; '' for everybody's, undefined for what has to be looked for. */
function keyIn(
  { subject, issuer, kind, last, ...others }: ShowRecordRequest,
  { mostOfOne }: Sizes,
): string | undefined {
  if (last > mostOfOne || Object.values(others).some((each) => each !== undefined)) return undefined;
  if (subject === undefined && issuer === undefined && kind === undefined) return '';
  if (subject === undefined || issuer === undefined || kind === undefined) return undefined;
  return JSON.stringify([kind, issuer, subject]);
}

function take(reading: Reading, read: ReadAct | undefined, { mostOfOne, mostOfAll, most }: Sizes): void {
  if (read === undefined) return;
  keep(reading.everybody, read, mostOfAll);
  const { actor } = read.act;
  if (!('subject' in actor)) return;
  const key = JSON.stringify([actor.kind, actor.issuer, actor.subject]);
  const { persons } = reading;
  const latest = persons.get(key) ?? { acts: new Map(), isWhole: !reading.hasForgotten };
  reading.count -= latest.acts.size;
  keep(latest, read, mostOfOne);
  reading.count += latest.acts.size;
  persons.delete(key);
  persons.set(key, latest);
  while (reading.count > most) {
    const [oldest = ''] = persons.keys();
    reading.count -= persons.get(oldest)?.acts.size ?? 0;
    persons.delete(oldest);
    reading.hasForgotten = true;
  }
}

/** The latest by their times, which of calls are before they were written. */
function keep(latest: Latest, { id, act }: ReadAct, atMost: number): void {
  latest.acts.set(id, act);
  if (latest.acts.size < 2 * atMost) return;
  latest.acts = new Map(byTime(latest.acts).slice(-atMost));
  latest.isWhole = false;
}
