import fs, { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { handClock } from '../../test/support/hand-clock.ts';
import { recordContract } from '../../test/support/record-contract.ts';
import { soon } from '../../test/support/soon.ts';
import { giveWay, inTimeOf } from '../clock/clock.ts';
import { recordIn } from './log.ts';
import type { RecordLog } from './record-log.ts';

const pulled = (session: string) => ({ kind: 'pulled', session, through: '', state: 'open', platform: 'p' }) as const;

/** The names of all sessions in it, one after the other, and what is wrong with it. */
async function sessionsIn(log: RecordLog): Promise<[string, unknown[]]> {
  const sessions: string[] = [];
  const { findings } = await log.verify(({ entry }) => {
    if (entry.kind === 'pulled') sessions.push(entry.session);
  });
  return [sessions.join(''), findings];
}

recordContract('a record in files', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
  await mkdir(folder, { mode: 0o700 });
  return {
    open: () => recordIn({ folder }),
    close: () => rm(join(folder, '..'), { recursive: true, force: true }),
  };
});

test.skipIf(process.platform !== 'linux')(
  'stays open for whoever asks for that, and others write all the same',
  async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    const [one, other] = [recordIn({ folder }), recordIn({ folder })];
    const opened = async () => {
      const files = await readdir('/proc/self/fd');
      const places = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')));
      return places.filter((place) => place.startsWith(folder)).length;
    };
    const entry = (id: string) => ({ kind: 'pulled', session: id, through: '', state: 'open', platform: 'p' }) as const;
    const letGo = one.keepOpen?.();
    for (const id of ['a', 'b', 'c']) {
      await one.append(entry(id));
      await other.append(entry(id));
    }
    await soon(async () => expect(await opened()).toBe(1));
    letGo?.();
    await soon(async () => expect(await opened()).toBe(0));
    await one.append(entry('d'));
    const sessions: string[] = [];
    const { findings } = await one.verify(({ entry: each }) => {
      if (each.kind === 'pulled') sessions.push(each.session);
    });
    expect([sessions.join(''), findings]).toEqual(['aabbccd', []]);
    await rm(join(folder, '..'), { recursive: true, force: true });
  },
);

test('a line is in the file when somebody is told that it is written, and they are told before the disk has it', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
  await mkdir(folder, { mode: 0o700 });
  const one = recordIn({ folder });
  const order: string[] = [];
  const entry = { kind: 'pulled', session: 'a', through: '', state: 'open', platform: 'p' } as const;
  await one.append(entry, () => {
    order.push(readFileSync(join(folder, 'record-000001.jsonl'), 'utf8').includes('"session":"a"') ? 'written' : 'not');
  });
  order.push('kept');
  expect(order).toEqual(['written', 'kept']);
  await rm(join(folder, '..'), { recursive: true, force: true });
});

test.skipIf(process.platform === 'win32')(
  'whoever keeps it open has the lock between lines that follow each other, and gives it back within milliseconds, asked or not',
  async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    const [one, other] = [recordIn({ folder }), recordIn({ folder })];
    const lock = () => readlink(join(folder, 'record.lock'));
    const time = handClock();
    const letGo = one.keepOpen?.();
    await inTimeOf(time, async () => {
      // The first one does not know yet whether anybody else writes.
      await one.append(pulled('a'));
      await one.append(pulled('b'));
      const held = await lock();
      await one.append(pulled('c'));
      expect(await lock()).toBe(held);
      time.pass(4);
      await soon(async () => {
        time.pass(0);
        await expect(lock()).rejects.toThrow();
      });
      await other.append(pulled('d'));
      await one.append(pulled('e'));
    });
    letGo?.();
    expect(await sessionsIn(one)).toEqual(['abcde', []]);
    await rm(join(folder, '..'), { recursive: true, force: true });
  },
);

/** A disk that keeps nothing until it is told to: what was asked of it, and by which descriptor. */
async function onSlowDisk(work: (asked: { keep(error?: Error): void }[]) => Promise<void>): Promise<void> {
  const { fdatasync } = fs;
  const asked: { keep(error?: Error): void }[] = [];
  const instead = (other: unknown) => {
    fs.fdatasync = other as typeof fdatasync;
    syncBuiltinESMExports();
  };
  instead((file: number, done: (error: Error | null) => void) => {
    // One that was closed meanwhile keeps nothing.
    asked.push({ keep: (error) => (error === undefined ? fdatasync(file, done) : done(error)) });
  });
  try {
    await work(asked);
  } finally {
    instead(fdatasync);
  }
}

describe('a disk that takes its time', () => {
  const begin = async (largestFile?: number) => {
    const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    const order: string[] = [];
    const log = recordIn({ folder, ...(largestFile !== undefined && { largestFile }) });
    const other = recordIn({ folder });
    const add = (id: string, { to = log, soon = true } = {}) =>
      to.append(pulled(id), soon ? () => order.push(`${id} written`) : undefined).then(
        () => order.push(`${id} kept`),
        () => order.push(`${id} failed`),
      );
    const until = (...said: string[]) => soon(() => expect(order).toEqual(said));
    const end = () => rm(join(folder, '..'), { recursive: true, force: true });
    return { folder, order, log, other, add, until, end };
  };

  test('holds up nobody who need not wait for it, and keeps each line only where it was asked to after that', async () => {
    const { order, log, add, until, end } = await begin();
    await onSlowDisk(async (asked) => {
      const all = [add('a')];
      await until('a written');
      all.push(add('b'), add('c', { soon: false }));
      await until('a written', 'b written');
      all.push(add('d'));
      await until('a written', 'b written', 'd written');
      expect(asked).toHaveLength(1);
      asked[0]?.keep();
      await soon(() => expect(asked).toHaveLength(2));
      expect(order.slice(3)).toEqual(['a kept']);
      asked[1]?.keep();
      await Promise.all(all);
      expect(order.slice(4)).toEqual(['b kept', 'c kept', 'd kept']);
    });
    expect(await sessionsIn(log)).toEqual(['abcd', []]);
    await end();
  });

  test('and keeps nothing in the end: that and whatever came after is refused, by one answer', async () => {
    const { order, folder, add, until, end } = await begin();
    await onSlowDisk(async (asked) => {
      const all = [add('a')];
      await until('a written');
      all.push(add('b'));
      await until('a written', 'b written');
      all.push(add('c', { soon: false }));
      asked[0]?.keep(new Error('EIO: i/o error, fdatasync'));
      await Promise.all([...all]);
      await add('d');
      expect(order.slice(2)).toEqual(['a failed', 'b failed', 'c failed', 'd failed']);
      expect(asked).toHaveLength(1);
    });
    // The next one has it written again before anything else.
    expect(await readdir(folder)).toContain('record-000001.jsonl.unkept');
    const next = recordIn({ folder });
    await next.append(pulled('e'));
    expect([await readdir(folder), await sessionsIn(next)]).toEqual([['record-000001.jsonl'], ['abe', []]]);
    await end();
  });

  test('while others write: each line is kept in its turn, and fails with the one before it', async () => {
    for (const error of [undefined, new Error('EIO: i/o error, fdatasync')]) {
      const { order, log, other, add, until, end, folder } = await begin();
      const letGo = log.keepOpen?.();
      await onSlowDisk(async (asked) => {
        const all = [add('a')];
        await until('a written');
        // The lock is given back although the disk is waited for.
        all.push(add('x', { to: other }));
        await until('a written', 'x written');
        asked[1]?.keep();
        await until('a written', 'x written', 'x kept');
        all.push(add('b'));
        await until('a written', 'x written', 'x kept', 'b written');
        // What was open before is asked first, though it is open anew.
        expect(asked).toHaveLength(2);
        asked[0]?.keep(error);
        if (error === undefined) {
          await soon(() => expect(asked).toHaveLength(3));
          asked[2]?.keep();
        }
        await Promise.all(all);
        const came = error === undefined ? 'kept' : 'failed';
        expect(order.slice(4)).toEqual([`a ${came}`, `b ${came}`]);
      });
      letGo?.();
      await soon(async () => expect(await readdir(folder)).not.toContain('record.lock'));
      // What the disk did not keep is marked.
      const [sessions, findings] = await sessionsIn(other);
      expect([sessions, findings.length]).toEqual(['axb', error === undefined ? 0 : 1]);
      await end();
    }
  });

  test('is waited for before a file is the last one no more', async () => {
    const { order, log, add, until, end, folder } = await begin(1);
    await onSlowDisk(async (asked) => {
      // Each goes to a file of its own.
      const first = add('a');
      await until('a written');
      const second = add('b');
      await soon(() => expect(asked).toHaveLength(1));
      await giveWay();
      expect(order).toEqual(['a written']);
      asked[0]?.keep();
      await until('a written', 'a kept', 'b written');
      asked[1]?.keep();
      await Promise.all([first, second]);
    });
    expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl'))).toHaveLength(3);
    expect(await sessionsIn(log)).toEqual(['ab', []]);
    await end();
  });
});
