import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../secret/secret.ts';
import { EncryptedFileUnusable, encryptedFile } from './encrypted-file.ts';

let folder: string;
let path: string;
let key: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encrypted-'));
  path = join(folder, 'state', 'kept.age');
  key = join(folder, 'key');
  await writeFile(key, `# created: today\n# public key: age1...\n${await generateIdentity()}\n`, { mode: 0o600 });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = 'a "text" with ünïcode\nand lines';

test('a text comes back with the key, and is not in the file [P3]', async () => {
  const file = encryptedFile(path, { path: key });
  expect(await file.read()).toBeUndefined();
  await file.write(new Secret('an older text'));
  await file.write(new Secret(text));
  expect((await encryptedFile(path, { path: key }).read())?.reveal()).toBe(text);
  expect(await readFile(path, 'utf8')).not.toContain('text');
  expect([(await stat(path)).mode & 0o777, await readdir(join(folder, 'state'))]).toEqual([0o600, ['kept.age']]);
  await file.remove();
  await file.remove();
  expect(await file.read()).toBeUndefined();
});

test('a passphrase opens it, is asked for once, and another one does not', { timeout: 60_000 }, async () => {
  let asked = 0;
  const ask = async () => {
    asked += 1;
    return new Secret('correct horse battery staple');
  };
  const file = encryptedFile(path, { passphrase: ask });
  expect([await file.read(), asked]).toEqual([undefined, 0]);
  await file.write(new Secret(text));
  expect([(await file.read())?.reveal(), asked]).toEqual([text, 1]);
  const wrong = encryptedFile(path, { passphrase: async () => new Secret('something else entirely') });
  await expect(wrong.read()).rejects.toThrow(EncryptedFileUnusable);
  await expect(encryptedFile(path, { passphrase: async () => undefined }).read()).rejects.toThrow('nobody is here');
});

test.each<[string, () => Promise<unknown>, string]>([
  ['is readable by others', () => chmod(key, 0o640), 'can be read by others'],
  ['is not there', () => rm(key), 'cannot be opened'],
  ['is a link', () => rm(key).then(() => symlink(join(folder, 'elsewhere'), key)), 'cannot be opened'],
  ['is a pipe', () => rm(key).then(() => spawnSync('mkfifo', ['-m', '600', key])), 'is none'],
  ['holds no key', () => writeFile(key, 'AGE-SECRET-KEY-PQ'), 'holds no AGE-SECRET-KEY-1'],
  [
    'is a folder',
    () =>
      rm(key)
        .then(() => mkdtemp(key))
        .then((made) => symlink(made, key)),
    'cannot be opened',
  ],
])('a key that %s opens nothing [P3]', async (_case, spoil, why) => {
  await encryptedFile(path, { path: key }).write(new Secret(text));
  await spoil();
  await expect(encryptedFile(path, { path: key }).read()).rejects.toThrow(why);
  await expect(encryptedFile(path, { path: key }).write(new Secret('new'))).rejects.toThrow(why);
});

test.each(['', 'x', '-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n', 'x'.repeat(300_000)])(
  'a file with something else in it is unusable (%#)',
  async (content) => {
    const file = encryptedFile(path, { path: key });
    await file.write(new Secret(text));
    await writeFile(path, content);
    await expect(file.read()).rejects.toThrow(EncryptedFileUnusable);
  },
);

test('a key of somebody else does not open it', async () => {
  await encryptedFile(path, { path: key }).write(new Secret(text));
  await writeFile(key, await generateIdentity());
  await expect(encryptedFile(path, { path: key }).read()).rejects.toThrow('this key does not open it');
});
