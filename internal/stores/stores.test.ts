import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { expect, onTestFinished, test } from 'vitest';
import { keychainInMemory } from '../../test/support/keychain-in-memory.ts';
import { secretContract } from '../../test/support/secret-contract.ts';
import { storeContract } from '../../test/support/store-contract.ts';
import { storesInMemory } from '../../test/support/stores-in-memory.ts';
import { KeychainUnavailable } from '../outside/keychain.ts';
import { sha256 } from '../text/canonical.ts';
import { announced } from './announced.ts';
import { fileStores } from './files/kept-files.ts';
import { encryptedSecret, keychainSecrets } from './files/machine-secrets.ts';
import { reviewedFile } from './files/reviewed-file.ts';

const { signal } = new AbortController();

storeContract('in memory', async () => {
  const place = storesInMemory();
  return {
    open: place.open,
    async dieHolding(kind, key) {
      const { die, ...stores } = place.open();
      const holding = stores[kind].at(key).hold({ waitMs: 0, signal });
      die();
      await holding;
    },
  };
});

storeContract(
  'in files',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stores-'));
    const open = () => fileStores({ cache: join(folder, 'cache'), state: join(folder, 'state') });
    return {
      open,
      async dieHolding(kind, key) {
        const text = open()[kind].at(key);
        await text.hold({ waitMs: 0, signal });
        // As a process leaves it that was killed.
        const path = text.where.replace(/\.[a-z.]*$|$/, '.lock');
        const dead = spawn(process.execPath, ['-e', '']);
        await once(dead, 'close');
        const [, ...rest] = JSON.parse(await readFile(path, 'utf8')) as unknown[];
        await writeFile(path, JSON.stringify([dead.pid, ...rest]));
      },
      expose: ({ where }) => chmod(where, 0o666),
      close: () => rm(folder, { recursive: true }),
    };
  },
  { exposable: true },
);

secretContract('in a keychain', async () => {
  const keychain = keychainInMemory();
  const fail = async () => {
    throw new KeychainUnavailable('locked');
  };
  return {
    open: () => keychainSecrets(keychain),
    breakDown: async () => void Object.assign(keychain, { read: fail, write: fail, remove: fail }),
  };
});

secretContract('in encrypted files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  const key = join(folder, 'key');
  await writeFile(key, `${await generateIdentity()}\n`, { mode: 0o600 });
  const secrets = join(folder, 'secrets');
  await mkdir(secrets);
  return {
    open: () => (name) => encryptedSecret(join(secrets, sha256(name)), { path: key }),
    async stolen() {
      const names = await readdir(secrets);
      return (await Promise.all(names.map((name) => readFile(join(secrets, name), 'utf8')))).join();
    },
    async breakDown() {
      await mkdir(join(secrets, sha256('a name')));
      await mkdir(join(secrets, sha256('client at https://as.example for https://mcp.example/mcp, by device code')));
    },
    close: () => rm(folder, { recursive: true }),
  };
});

test('what was begun beside a reviewed file is removed by whoever holds it, and nothing else is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reviewed-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = reviewedFile(join(folder, 'agents.lock.json'));
  await file.write('{}\n', announced());
  const others = ['agents.lock.json', 'skills.lock.json.1.tmp', 'xagents.lock.json.1.tmp', 'agents.lock.json.orig'];
  for (const name of [...others.slice(1), 'agents.lock.json.1.tmp', '.agents.lock.json.running.1.tmp']) {
    await writeFile(join(folder, name), '');
  }
  const held = await file.hold({ waitMs: 0, signal });
  expect(await file.hold({ waitMs: 0, signal })).toMatchObject({ called: `process ${process.pid}` });
  expect((await readdir(folder)).sort()).toEqual([...others, '.agents.lock.json.running'].sort());
  if ('release' in held) await held.release();
});

test('a reviewed file that somebody else could have written is refused where it decides', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reviewed-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'tools.lock.json');
  await reviewedFile(path).write('{}\n', announced());
  await chmod(path, 0o666);
  await expect(reviewedFile(path).read()).rejects.toMatchObject({ code: 'file_system' });
  expect(await reviewedFile(path, { fromAnybody: true }).read()).toBe('{}\n');
});
