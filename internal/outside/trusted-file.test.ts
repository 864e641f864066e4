import { chmod, chown, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Exposed, hasNobodyElse, readSafely, readTrusted, safePath } from './trusted-file.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'trusted-')));
  await mkdir(join(folder, 'project', 'config'), { recursive: true });
  await chmod(join(folder, 'project'), 0o755);
  await chmod(join(folder, 'project', 'config'), 0o755);
  await writeFile(join(folder, 'project', 'config', 'a.yaml'), 'text', { mode: 0o644 });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const config = () => join(folder, 'project', 'config');
const exposed = (path: string, why: string) => async (error: unknown) => {
  expect(error).toBeInstanceOf(Exposed);
  expect((error as Error).message).toContain(why);
  expect((error as Error).message).toContain(JSON.stringify(path));
};
const failing = (act: Promise<unknown>) =>
  act.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.skipIf(process.getuid === undefined)('a path that nobody else can change', () => {
  test('is told as it really is', async () => {
    expect(await safePath(config())).toBe(config());
    await symlink('project/config', join(folder, 'link'));
    await symlink(join(folder, 'link'), join(folder, 'project', 'again'));
    expect(await safePath(join(folder, 'project', 'again'))).toBe(config());
    expect(await safePath('config', join(folder, 'project'))).toBe(config());
    expect(await safePath(join(folder, 'nowhere', 'config'))).toBeUndefined();
  });

  test.each([0o777, 0o757, 0o775])('has no folder of mode %o on the way', async (mode) => {
    await chmod(join(folder, 'project'), mode);
    // Root has a group of its own, with nobody else in it, on most systems.
    const error = await failing(safePath(config()));
    if (mode === 0o775 && error === undefined) return;
    await exposed(join(folder, 'project'), 'others could have changed')(error);
  });

  test('may go through a folder where everybody can only remove their own, and may not end in one', async () => {
    await chmod(join(folder, 'project'), 0o1777);
    expect(await safePath(config())).toBe(config());
    await chmod(config(), 0o1777);
    await exposed(config(), 'others could have changed')(await failing(safePath(config())));
  });

  test('does not go round in circles', async () => {
    await symlink('circle', join(folder, 'circle'));
    await expect(safePath(join(folder, 'circle'))).rejects.toMatchObject({ code: 'file_system' });
  });

  describe.skipIf(process.getuid?.() !== 0)('as root, beside another account', () => {
    test.each(['project', 'project/config'])('has no folder of another account: %s', async (which) => {
      await chown(join(folder, which), 65534, 65534);
      await exposed(join(folder, which), 'belongs to uid 65534')(await failing(safePath(config())));
    });

    test('does not lead over another account’s folder, nor over its link', async () => {
      await mkdir(join(folder, 'theirs', 'config'), { recursive: true });
      await chown(join(folder, 'theirs'), 65534, 65534);
      await symlink('../theirs/config', join(folder, 'project', 'linked'));
      await exposed(
        join(folder, 'theirs'),
        'belongs to uid 65534',
      )(await failing(safePath(join(folder, 'project', 'linked'))));
      const { lchown } = await import('node:fs/promises');
      await symlink('config', join(folder, 'project', 'their-link'));
      await lchown(join(folder, 'project', 'their-link'), 65534, 65534);
      await exposed(
        join(folder, 'project', 'their-link'),
        'belongs to uid 65534',
      )(await failing(safePath(join(folder, 'project', 'their-link'))));
    });

    test('reads no file of another account, and none behind a link to one', async () => {
      const path = join(config(), 'a.yaml');
      expect(await readSafely(path, 100)).toBe('text');
      await chown(path, 65534, 65534);
      await exposed(path, 'belongs to uid 65534')(await failing(readSafely(path, 100)));
      await symlink('a.yaml', join(config(), 'b.yaml'));
      await exposed(path, 'belongs to uid 65534')(await failing(readSafely(join(config(), 'b.yaml'), 100)));
    });
  });

  test('reads no file that others may write', async () => {
    await chmod(join(config(), 'a.yaml'), 0o646);
    await exposed(join(config(), 'a.yaml'), 'mode 0646')(await failing(readSafely(join(config(), 'a.yaml'), 100)));
  });

  test('reads what a link of one’s own leads to, and nothing where it leads nowhere', async () => {
    await symlink('a.yaml', join(config(), 'b.yaml'));
    expect(await readSafely(join(config(), 'b.yaml'), 100)).toBe('text');
    await symlink('gone', join(config(), 'c.yaml'));
    expect(await readSafely(join(config(), 'c.yaml'), 100)).toBeUndefined();
  });
});

test('reads a file to its end, and not one byte more than it may be long', async () => {
  const path = join(config(), 'long');
  const trust = { forbidden: 0, correction: '' };
  for (const size of [0, 1, 4096, 100_000]) {
    await writeFile(path, 'x'.repeat(size));
    expect((await readTrusted(path, { ...trust, longestBytes: 100_000 }))?.length).toBe(size);
  }
  await writeFile(path, 'x'.repeat(100_001));
  await expect(readTrusted(path, { ...trust, longestBytes: 100_000 })).rejects.toThrow('longer than anything');
  // What the kernel makes up as it is read says that it is empty.
  if (process.platform === 'linux') {
    const status = await readTrusted('/proc/self/status', { ...trust, rootToo: true, longestBytes: 100_000 });
    expect(status).toContain('Uid:');
  }
});

describe('a group that may write is nobody else where it', () => {
  const passwd =
    'root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\ngrace:x:1001:100::/home/grace:/bin/sh\n';
  const ada = { uid: 1000, gid: 1000, passwd, group: 'root:x:0:\nada:x:1000:\nusers:x:100:\n' };

  test('is the account’s own, of its name', () => {
    expect(hasNobodyElse(ada)).toBe(true);
    expect(hasNobodyElse({ ...ada, group: 'ada:x:1000:ada\n' })).toBe(true);
  });

  test.each<[string, Partial<typeof ada>]>([
    ['has another member', { group: 'ada:x:1000:grace\n' }],
    ['is the first group of another account', { passwd: `${passwd}eve:x:1002:1000::/:/bin/sh\n` }],
    ['is called like no account', { group: 'staff:x:1000:\n' }],
    ['is there twice', { group: 'ada:x:1000:\nada:x:1000:grace\n' }],
    ['is of a directory of accounts', { group: 'root:x:0:\n' }],
    ['is of an account that this machine does not know', { passwd: 'root:x:0:0:root:/root:/bin/sh\n' }],
    ['is of another uid', { uid: 1003 }],
  ])('not where it %s', (_why, change) => {
    expect(hasNobodyElse({ ...ada, ...change })).toBe(false);
  });
});
