import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import { sha256 } from '../text/canonical.ts';
import { beginOf, type Holder, type Mutex, takeMutex } from './mutex.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mutex-'));
  path = join(folder, 'state', 'a.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const take = (waitMs = 0) => takeMutex({ path, signal: new AbortController().signal, waitMs });

async function taken(waitMs?: number): Promise<Mutex> {
  const mutex = await take(waitMs);
  if (!('release' in mutex)) throw new Error(`held by ${mutex.pid}`);
  return mutex;
}

/** A process that has ended, and whose number nobody else has yet. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid ?? 0;
}

/** What another process took the name for. */
function claim({ pid = process.pid, started = null as string | null, host = hostname(), since = Date.now() }): string {
  return JSON.stringify([pid, started, sha256(host).slice(0, 8), since, 0]);
}

describe('a mutex', () => {
  test('is held by one at a time, who is named, and is free afterwards', async () => {
    const mutex = await taken();
    expect(await take()).toEqual({ pid: process.pid, since: expect.any(String) } satisfies Holder);
    await mutex.release();
    await (await taken()).release();
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  });

  test('is private', async () => {
    await taken();
    expect([(await stat(path)).mode & 0o777, (await stat(join(folder, 'state'))).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  test('is taken by exactly one of many who try at once', async () => {
    const mutexes = await Promise.all(Array.from({ length: 20 }, () => take()));
    expect(mutexes.filter((mutex) => 'release' in mutex)).toHaveLength(1);
  });

  test.each([false, true])(
    'of a holder that died is taken by exactly one of many, each time (asked: %j)',
    async (ask) => {
      const dead = claim({ pid: await deadPid() });
      await mkdir(join(folder, 'state'), { recursive: true });
      for (let round = 0; round < 100; round += 1) {
        await (ask ? symlink(dead, path) : writeFile(path, dead, { mode: 0o600 }));
        // Each comes a little later than the one before: some while it is being taken over.
        const later = async (turns: number) => {
          for (let turn = 0; turn < turns; turn += 1) await stat(folder);
          return await takeMutex({ path, signal: new AbortController().signal, waitMs: 0, ask });
        };
        const mutexes = await Promise.all(Array.from({ length: 12 }, (_, index) => later(index * 2)));
        const held = mutexes.filter((mutex) => 'release' in mutex);
        expect(held).toHaveLength(1);
        for (const mutex of held) await mutex.release();
      }
      expect(await readdir(join(folder, 'state'))).toEqual([]);
    },
  );

  test('of a holder that died is there also where another was killed while taking it over', async () => {
    const dead = claim({ pid: await deadPid() });
    await mkdir(join(folder, 'state'), { recursive: true });
    for (const each of [path, `${path}.removing`]) await writeFile(each, dead, { mode: 0o600 });
    await (await taken(5_000)).release();
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  });

  test('of a holder that died is waited for no longer where whoever takes it away was stopped', async () => {
    await mkdir(join(folder, 'state'), { recursive: true });
    await writeFile(path, claim({ pid: await deadPid() }), { mode: 0o600 });
    await writeFile(`${path}.removing`, claim({}), { mode: 0o600 });
    for (const waitMs of [0, 300]) expect(await take(waitMs)).toMatchObject({ pid: process.pid });
    await rm(`${path}.removing`);
    await (await taken()).release();
  });

  test('is waited for when its holder is about to end', async () => {
    const mutex = await taken();
    setTimeout(() => void mutex.release(), 200);
    await taken(5_000);
  });

  test.each([-2, 2])('is waited for as long as ever while somebody sets the clock by %i hours', async (hours) => {
    const mutex = await taken();
    const began = performance.now();
    const now = () => new Date(Date.now() + (performance.now() - began > 50 ? hours * 3_600_000 : 0));
    // Where it were waited for too long, that ends here.
    const patience = AbortSignal.timeout(5_000);
    const outcome = await inTimeOf({ ...machineClock, now }, () => takeMutex({ path, signal: patience, waitMs: 400 }));
    const took = performance.now() - began;
    expect(outcome).toMatchObject({ pid: process.pid });
    expect([patience.aborted, took >= 400]).toEqual([false, true]);
    await mutex.release();
  });

  test('is asked for by whoever waits, where they ask, and nothing of it is left', async () => {
    const mutex = await taken();
    expect(await mutex.isAskedFor()).toBe(false);
    const waiting = takeMutex({ path, signal: new AbortController().signal, waitMs: 5_000, ask: true });
    while (!(await mutex.isAskedFor())) await new Promise((resolve) => setTimeout(resolve, 1));
    await mutex.release();
    const other = await waiting;
    if ('release' in other) await other.release();
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  });

  test('is not released by a run that no longer has it', async () => {
    const mutex = await taken();
    await rm(path);
    const other = await taken();
    await mutex.release();
    expect(await take()).toMatchObject({ pid: process.pid });
    await other.release();
  });
});

describe('a mutex that was left behind', () => {
  test('by a process that has ended counts for nothing', async () => {
    await (await taken()).release();
    await writeFile(path, claim({ pid: await deadPid() }));
    await taken();
  });

  test.runIf(process.platform === 'linux')(
    'by a process whose number another has by now counts for nothing',
    async () => {
      await (await taken()).release();
      await writeFile(path, claim({ started: '1' }));
      await taken();
    },
  );

  test.runIf(process.platform === 'linux')(
    'by a process of an earlier boot counts for nothing, also where this one has its number and its moment',
    async () => {
      await taken();
      const [, started] = JSON.parse(await readFile(path, 'utf8')) as [number, string];
      const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
      expect(started.split('-')[1]).toBe(boot.slice(0, 4));
      await writeFile(path, claim({ started }));
      expect(await take()).toMatchObject({ pid: process.pid });
      await writeFile(path, claim({ started: started.replace(/-.*/, '-none') }));
      await taken();
    },
  );

  test.runIf(process.platform !== 'win32')(
    'by a process whose number another has by now counts for nothing, where the kernel has no file that says so',
    async () => {
      const began = await beginOf(process.pid, 'darwin');
      expect(Math.abs((began ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(3_000);
      await (await taken()).release();
      await writeFile(path, claim({ since: (began ?? 0) - 60_000 }));
      await (await taken()).release();
      await writeFile(path, claim({}));
      expect(await take()).toMatchObject({ pid: process.pid });
      expect(await beginOf(await deadPid(), 'darwin')).toBeUndefined();
    },
  );

  test.each(['', '{', '{"pid":1}', 'null', '["x"]', '[1,null,"x",1e99]'])(
    'unreadable counts for nothing: %j',
    async (text) => {
      await (await taken()).release();
      await writeFile(path, text);
      await taken();
    },
  );

  test('a pipe in its place is not waited for', async () => {
    await (await taken()).release();
    spawnSync('mkfifo', [path]);
    await expect(take()).rejects.toMatchObject({ code: 'file_system' });
  });

  test('on another machine holds for an hour', async () => {
    await (await taken()).release();
    await writeFile(path, claim({ host: 'elsewhere' }));
    expect(await take()).toMatchObject({ pid: process.pid });
    await writeFile(path, claim({ host: 'elsewhere', since: Date.now() - 3_700_000 }));
    await taken();
  });

  test('is taken over by exactly one of many [P8]', async () => {
    await (await taken()).release();
    await writeFile(path, claim({ pid: await deadPid() }));
    const mutexes = await Promise.all(Array.from({ length: 20 }, () => take()));
    expect(mutexes.filter((mutex) => 'release' in mutex)).toHaveLength(1);
    expect(JSON.parse(await readFile(path, 'utf8'))[0]).toBe(process.pid);
  });
});
