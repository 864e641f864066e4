/** What every implementation of {@link RecordLog} has to do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Entry, type Head, inLines, type Line } from '../../internal/record/line.ts';
import type { RecordLog } from '../../internal/record/record-log.ts';

/** Where several processes keep one record. */
export interface RecordPlace {
  /** The record as one more process has it. */
  open(): RecordLog;
  close(): Promise<void>;
}

const actor = { kind: 'person', proof: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'Ada' } as const;
const target = { kind: 'vault', id: undefined, label: 'Ada' } as const;
const intent = (id: string): Entry => ({
  kind: 'intent',
  id,
  act: 'vault.create',
  actor,
  platform: 'https://api.example',
  target,
});
const outcome = (id: string): Entry => ({ kind: 'outcome', id, outcome: 'success', attempts: 1 });

const long = { service: 's', tool: 't', verdict: 'on', rule: 'x'.repeat(4000) };

/** Runs the contract against places that `begin` makes, each empty. */
export function recordContract(name: string, begin: () => Promise<RecordPlace>): void {
  describe(`${name}:`, () => {
    let place: RecordPlace;
    let one: RecordLog;
    let two: RecordLog;
    beforeEach(async () => {
      place = await begin();
      [one, two] = [place.open(), place.open()];
    });
    afterEach(() => place.close());

    const faults = async (log: RecordLog) =>
      (await log.verify()).findings.filter(({ severity }) => severity === 'fault');

    test('processes that write in turn, and at once, make one chain in which every line is once [P7]', async () => {
      const heads: Head[] = [await one.append(intent('a')), await two.append(outcome('a'))];
      const ids = Array.from({ length: 20 }, (_, index) => String(index));
      heads.push(...(await Promise.all(ids.map((id, index) => (index % 2 === 0 ? one : two).append(intent(id))))));
      expect(new Set(heads.map(({ count }) => count)).size).toBe(heads.length);
      const seen: Line[] = [];
      const { head, findings } = await place.open().verify((line) => seen.push(line));
      expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
      expect(head).toEqual(heads.toSorted((a, b) => b.count - a.count)[0]);
      const written = seen.flatMap(({ entry }) => (entry.kind === 'intent' ? [entry.id] : []));
      expect(written.toSorted()).toEqual(['a', ...ids].toSorted());
    });

    test('what one process writes is read in its order, and each line is known by the hash of its head [P7]', async () => {
      const heads = [await one.append(intent('a')), await one.append(outcome('a')), await one.append(intent('b'))];
      const wanted = new Set(heads.map(({ count }) => count));
      const kinds: string[] = [];
      const { hashes } = await two.verify(({ entry }) => kinds.push(entry.kind), wanted);
      expect(kinds.slice(-3)).toEqual(['intent', 'outcome', 'intent']);
      expect(heads.map(({ count }) => hashes.get(count))).toEqual(heads.map(({ hash }) => hash));
    });

    test('an entry of any length is read as one line, wherever it was written in parts', async () => {
      const long = { ...outcome('a'), error: 'x'.repeat(2_000_000) } as Entry;
      await one.append(intent('a'));
      await one.append(long);
      expect(await faults(two)).toEqual([]);
    });

    test('a reading has each line once and goes on from there, with an entry in parts when it is whole', async () => {
      const reading = await two.reading();
      const more = async () => {
        const kinds: string[] = [];
        for await (const entries of reading.more()) kinds.push(...entries.map(({ line }) => line.entry.kind));
        return kinds;
      };
      expect(await more()).toEqual([]);
      await one.append(intent('a'));
      expect(await more()).toEqual(['began', 'intent']);
      expect(await more()).toEqual([]);
      const parts = inLines({ ...outcome('a'), error: 'x'.repeat(100_000) } as Entry);
      const whole = inLines({ ...intent('b'), tools: Array.from({ length: 30 }, () => long) } as Entry);
      expect([parts.length, whole.length > 2]).toEqual([1, true]);
      await one.append(whole[0] as Entry);
      expect(await more()).toEqual([]);
      for (const part of whole.slice(1)) await one.append(part);
      await one.append(outcome('b'));
      expect(await more()).toEqual(['intent', 'outcome']);
      await one.append(whole[0] as Entry);
      expect([await more(), reading.rest().map(({ line }) => line.entry.kind)]).toEqual([[], ['part']]);
      expect(reading.isAltered).toBe(false);
    });

    test('a checkpoint of one count is kept once, the last is the one of the most lines, and a key is kept once', async () => {
      expect(await one.checkpoints.last()).toBeUndefined();
      await one.checkpoints.keep(7, 'seven');
      await two.checkpoints.keep(7, 'another seven');
      await two.checkpoints.keep(3, 'three');
      const notes = (await one.checkpoints.all()).map(({ note }) => note);
      expect(notes.toSorted()).toEqual(['seven', 'three']);
      expect((await one.checkpoints.last())?.count).toBe(7);
      expect(await one.checkpoints.key()).toBeUndefined();
      expect(await one.checkpoints.keepKey('a key')).toBe(true);
      expect(await two.checkpoints.keepKey('another key')).toBe(false);
      expect(await two.checkpoints.key()).toBe('a key');
    });

    test('a cursor is its own sink’s, and the next process goes on from it', async () => {
      expect(await one.cursor('a').read()).toBeUndefined();
      await one.cursor('a').write('here');
      expect([await two.cursor('a').read(), await two.cursor('b').read()]).toEqual(['here', undefined]);
    });
  });
}
