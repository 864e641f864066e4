import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  appendText,
  createBytes,
  createText,
  fileSize,
  linkOrCopy,
  listFolder,
  readInPieces,
  readText,
  removeFolder,
  whileHeld,
  writeText,
} from './files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('writing', () => {
  test('replaces a file as a whole and leaves nothing beside it', async () => {
    const path = join(folder, 'a/b/file');
    await writeText(path, 'old', 'shared');
    await writeText(path, 'new', 'shared');
    expect([await readFile(path, 'utf8'), await readdir(join(folder, 'a/b'))]).toEqual(['new', ['file']]);
  });

  test('keeps what is private for its owner alone', async () => {
    const path = join(folder, 'private/file');
    await writeText(path, 'x', 'private');
    expect([(await stat(path)).mode & 0o777, (await stat(join(folder, 'private'))).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
  });

  test('at the end of a file keeps what is there, and makes one where there is none', async () => {
    const path = join(folder, 'log');
    await appendText(path, 'a\n');
    await appendText(path, 'b\n');
    expect(await readFile(path, 'utf8')).toBe('a\nb\n');
    const refused = appendText(join(folder, 'log/below'), 'x');
    await expect(refused).rejects.toMatchObject({ code: 'file_system', message: expect.stringContaining('ENOTDIR') });
  });

  test('replaces a symbolic link instead of what it points at', async () => {
    await writeFile(join(folder, 'target'), 'untouched');
    await symlink(join(folder, 'target'), join(folder, 'link'));
    await writeText(join(folder, 'link'), 'x', 'shared');
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('untouched');
  });

  test.each([
    ['a file', 'blocker/file'],
    ['a folder', 'folder'],
  ])('where %s is in the way is one error of ours, and leaves nothing behind', async (_case, path) => {
    await writeFile(join(folder, 'blocker'), '');
    await mkdir(join(folder, 'folder'));
    await expect(writeText(join(folder, path), 'x', 'private')).rejects.toMatchObject({
      code: 'file_system',
      message: expect.stringContaining('could not write'),
    });
    expect((await readdir(folder)).sort()).toEqual(['blocker', 'folder']);
  });
});

describe('creating a file of bytes', () => {
  test('makes what is missing on the way, readable for everybody', async () => {
    const bytes = new Uint8Array([0, 255, 13, 10]);
    await createBytes(join(folder, 'a/b/file'), bytes);
    expect(new Uint8Array(await readFile(join(folder, 'a/b/file')))).toEqual(bytes);
    const modes = await Promise.all(
      ['a/b/file', 'a/b', 'a'].map(async (path) => (await stat(join(folder, path))).mode),
    );
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o644, 0o755, 0o755].map((mode) => mode & ~process.umask()));
  });

  test('neither replaces what is there nor follows a link, be it one that leads nowhere', async () => {
    await writeFile(join(folder, 'file'), 'old');
    await symlink(join(folder, 'target'), join(folder, 'link'));
    for (const name of ['file', 'link']) {
      await expect(createBytes(join(folder, name), new Uint8Array())).rejects.toMatchObject({
        code: 'file_system',
        message: expect.stringContaining('EEXIST'),
      });
    }
    expect([await readFile(join(folder, 'file'), 'utf8'), (await readdir(folder)).sort()]).toEqual([
      'old',
      ['file', 'link'],
    ]);
  });
});

test('removing a folder removes the links in it, not what they lead to', async () => {
  await mkdir(join(folder, 'kept'));
  await writeFile(join(folder, 'kept/file'), 'x');
  await mkdir(join(folder, 'gone/below'), { recursive: true });
  await symlink(join(folder, 'kept'), join(folder, 'gone/below/link'));
  await removeFolder(join(folder, 'gone'));
  await removeFolder(join(folder, 'gone'));
  expect([await readdir(folder), await readdir(join(folder, 'kept'))]).toEqual([['kept'], ['file']]);
});

test('creating leaves a file alone that is there', async () => {
  expect(await createText(join(folder, 'new/file'), 'first')).toBe(true);
  expect(await createText(join(folder, 'new/file'), 'second')).toBe(false);
  expect(await readText(join(folder, 'new/file'))).toBe('first');
  await expect(createText(join(folder, 'new/file/below'), 'x')).rejects.toMatchObject({ code: 'file_system' });
});

describe('what is not there', () => {
  test('reads as undefined, whatever is missing on the way', async () => {
    await writeFile(join(folder, 'file'), 'x');
    for (const path of ['none', 'none/none', 'file/none']) {
      expect(await readText(join(folder, path))).toBeUndefined();
      expect(await fileSize(join(folder, path))).toBeUndefined();
      expect(await listFolder(join(folder, path))).toBeUndefined();
    }
  });

  test('is something else than what cannot be read', async () => {
    await expect(readText(folder)).rejects.toMatchObject({
      code: 'file_system',
      message: `could not read ${JSON.stringify(folder)}: EISDIR`,
    });
  });
});

describe('what is not an ordinary file', () => {
  test('is refused at once, and not waited for', async () => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    await symlink(pipe, join(folder, 'link'));
    for (const path of [pipe, join(folder, 'link'), '/dev/zero']) {
      await expect(readText(path), path).rejects.toMatchObject({
        code: 'file_system',
        message: `could not read ${JSON.stringify(path)}: it is not an ordinary file`,
        hint: 'put a file in its place, or remove it',
      });
    }
    await expect(appendText(pipe, 'x')).rejects.toMatchObject({ code: 'file_system', reason: 'ENXIO' });
  });

  test('hears what is added to it, where somebody listens', async () => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const listener = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    await appendText(pipe, 'a line\n');
    const heard = Buffer.alloc(20);
    expect(heard.toString('utf8', 0, readSync(listener, heard))).toBe('a line\n');
    closeSync(listener);
  });

  test('the kernel’s own files have no size, and are read', async () => {
    expect(await readText('/proc/self/stat')).toMatch(/^\d+ \(/);
  });
});

test('a folder is listed by name, and links are not followed', async () => {
  await mkdir(join(folder, 'b'));
  await writeFile(join(folder, 'a'), 'abc');
  await symlink('/etc/passwd', join(folder, 'c'));
  expect(await listFolder(folder)).toEqual([
    { name: 'a', kind: 'file' },
    { name: 'b', kind: 'folder' },
    { name: 'c', kind: 'other' },
  ]);
  expect(await fileSize(join(folder, 'a'))).toBe(3);
});

describe('reading in pieces', () => {
  const size = 3 * 2 ** 20 + 5;
  let path: string;
  beforeEach(async () => {
    path = join(folder, 'large');
    await writeFile(path, Buffer.alloc(size, 'abc'));
  });

  test('hands over every byte once, at most 1 MiB at a time', async () => {
    const pieces: Buffer[] = [];
    expect(await readInPieces(path, size, (piece) => pieces.push(Buffer.from(piece)))).toBe(true);
    expect(Buffer.concat(pieces).equals(await readFile(path))).toBe(true);
    expect(Math.max(...pieces.map(({ length }) => length))).toBe(2 ** 20);
    await writeFile(join(folder, 'empty'), '');
    expect(await readInPieces(join(folder, 'empty'), 0, () => expect.unreachable())).toBe(true);
  });

  test.each<[string, () => void]>([
    ['grows', () => appendFileSync(path, 'x')],
    ['shrinks', () => truncateSync(path, 10)],
    ['is written over at the same size', () => writeFileSync(path, Buffer.alloc(size, 'xyz'))],
    ['is touched', () => utimesSync(path, 1, 1)],
    ['is removed', () => rmSync(path)],
  ])('tells when the file %s meanwhile', async (_name, change) => {
    let pieces = 0;
    const steady = await readInPieces(path, size, () => {
      pieces += 1;
      if (pieces === 2) change();
    });
    expect(steady).toBe(false);
  });

  test('tells a file that is gone, has another size, or is no plain file, and does not wait for a pipe', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    for (const [other, bytes] of [
      ['none', 0],
      ['large', size - 1],
      ['large', size + 1],
      ['pipe', 0],
      ['.', 0],
    ] as const) {
      expect(await readInPieces(join(folder, other), bytes, () => expect.unreachable())).toBe(false);
    }
  });

  test('does not follow a link that was put there', async () => {
    await symlink(path, join(folder, 'link'));
    await expect(readInPieces(join(folder, 'link'), size, () => expect.unreachable())).rejects.toMatchObject({
      code: 'file_system',
      reason: 'ELOOP',
    });
  });
});

test('what somebody holds open is tried again where that is in the way, and only there', async () => {
  const held = () => Object.assign(new Error('held'), { code: 'EPERM' });
  let tries = 0;
  const act = async () => {
    tries += 1;
    if (tries < 3) throw held();
    return 'done';
  };
  expect([await whileHeld(act, true), tries]).toEqual(['done', 3]);
  tries = 0;
  await expect(whileHeld(act, false)).rejects.toThrow('held');
  expect(tries).toBe(1);
  await expect(
    whileHeld(() => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' })), true),
  ).rejects.toThrow('gone');
});

test('without links a file gets its second name as a copy, and only one of several does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'no-links-'));
  const from = join(folder, 'from');
  await writeFile(from, 'text');
  const none = () => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' }));
  const taken = await Promise.allSettled(Array.from({ length: 5 }, () => linkOrCopy(from, join(folder, 'to'), none)));
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await readFile(join(folder, 'to'), 'utf8')).toBe('text');
  await expect(
    linkOrCopy(from, join(folder, 'to'), () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))),
  ).rejects.toThrow('full');
});
