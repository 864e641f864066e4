import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { recordContract } from '../../test/support/record-contract.ts';
import { recordIn } from './log.ts';

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
    await vi.waitFor(async () => expect(await opened()).toBe(1));
    letGo?.();
    await vi.waitFor(async () => expect(await opened()).toBe(0));
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
  'whoever keeps it open has the lock between lines that follow each other, and gives it back soon',
  async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    const [one, other] = [recordIn({ folder }), recordIn({ folder })];
    const entry = (id: string) => ({ kind: 'pulled', session: id, through: '', state: 'open', platform: 'p' }) as const;
    const letGo = one.keepOpen?.();
    // The first one does not know yet whether anybody else writes.
    await one.append(entry('a'));
    await one.append(entry('b'));
    const held = await readlink(join(folder, 'record.lock'));
    await one.append(entry('c'));
    expect(await readlink(join(folder, 'record.lock'))).toBe(held);
    await other.append(entry('d'));
    await one.append(entry('e'));
    await vi.waitFor(async () => await expect(readlink(join(folder, 'record.lock'))).rejects.toThrow());
    letGo?.();
    const sessions: string[] = [];
    const { findings } = await one.verify(({ entry: each }) => {
      if (each.kind === 'pulled') sessions.push(each.session);
    });
    expect([sessions.join(''), findings]).toEqual(['abcde', []]);
    await rm(join(folder, '..'), { recursive: true, force: true });
  },
);
