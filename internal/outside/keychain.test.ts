import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type KeychainEnvironment,
  keysOfTheKernel,
  missingSecretService,
  noSecretService,
  startSecretService,
  startSilentBus,
} from '../../test/support/secret-service.ts';
import { skipped } from '../../test/support/skip.ts';
import { concealed, Secret } from '../secret/secret.ts';
import { KeychainUnavailable, openKeychain } from './keychain.ts';

const calm = new AbortController().signal;
/** A name of its own: what another run left in the kernel under it would be no matter of these tests. */
const anAccount = `an account ${randomUUID()}`;
/** A keychain that failed is not asked again in the same run. */
const anotherRun = () => new AbortController().signal;

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Has what is started from here on find this keychain. */
function find(environment: KeychainEnvironment) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}

const installed = () => {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/keyring') !== '';
  } catch {
    return false;
  }
};
const noLibrary = !installed() && { reason: 'no package @napi-rs/keyring for this machine', installable: false };

describe.skipIf(skipped(noLibrary || missingSecretService()))('the keychain of a desktop', () => {
  test('gives back what was kept, and forgets it', { timeout: 60_000 }, async () => {
    find(await startSecretService());
    const keychain = openKeychain(calm, 20_000);
    expect(await keychain.read(anAccount)).toBeUndefined();
    await keychain.write(anAccount, new Secret('first'));
    await keychain.write(anAccount, new Secret('a "value" with\nlines and ünïcode'));
    await keychain.write('another account', new Secret('other'));
    const kept = await openKeychain(calm, 20_000).read(anAccount);
    expect(kept?.reveal()).toBe('a "value" with\nlines and ünïcode');
    expect(concealed('said: a "value" with\nlines and ünïcode')).toBe('said: [secret]');
    await keychain.remove(anAccount);
    await keychain.remove(anAccount);
    expect(await keychain.read(anAccount)).toBeUndefined();
    expect((await keychain.read('another account'))?.reveal()).toBe('other');
  });
});

describe.skipIf(skipped(noLibrary || missingSecretService()))('a ring with two entries of one name', () => {
  test('is told with the way out, which leads out', { timeout: 60_000 }, async () => {
    const environment = await startSecretService();
    find(environment);
    const account = "an account's name";
    await openKeychain(anotherRun(), 20_000).write(account, new Secret('first'));
    // As another program makes one beside it: the attributes of ours, and one more.
    const { AsyncEntry } = await import('@napi-rs/keyring');
    const options = { linux: { store: 'secret-service' } } as const;
    await AsyncEntry.withTarget('default', 'managed-agents-interface', account, options).setPassword('second');
    for (const ask of ['read', 'remove'] as const) {
      await expect(openKeychain(anotherRun(), 20_000)[ask](account)).rejects.toThrow(
        /^it has 2 entries of one name, .*: remove them all \(secret-tool clear service managed-agents-interface username 'an account'\\''s name'\)$/,
      );
    }
    // What secret-tool does with these words.
    const ask = (path: string, method: string, ...words: string[]) =>
      spawnSync('gdbus', ['call', '--session', '-d', 'org.freedesktop.secrets', '-o', path, '-m', method, ...words], {
        encoding: 'utf8',
        // biome-ignore lint/style/noProcessEnv: the program needs its PATH
        env: { PATH: process.env['PATH'], ...environment },
      }).stdout;
    const attributes = `{'service': 'managed-agents-interface', 'username': "${account}"}`;
    const found = ask('/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.SearchItems', attributes);
    const items = found.match(/\/org\/freedesktop\/secrets\/collection\/\w+\/\d+/g) ?? [];
    expect(items).toHaveLength(2);
    for (const item of items) ask(item, 'org.freedesktop.Secret.Item.Delete');
    const keychain = openKeychain(anotherRun(), 20_000);
    await keychain.write(account, new Secret('third'));
    expect((await keychain.read(account))?.reveal()).toBe('third');
  });
});

test.skipIf(skipped(noLibrary || missingSecretService()))(
  'what is longer than could be read again is not written, and what was there goes',
  { timeout: 60_000 },
  async () => {
    find(await startSecretService());
    const keychain = openKeychain(anotherRun(), 20_000);
    const long = 'ü'.repeat(60 * 1024);
    await keychain.write(anAccount, new Secret(long));
    expect((await keychain.read(anAccount))?.reveal() === long).toBe(true);
    await expect(keychain.write(anAccount, new Secret(`${long}${long}`))).rejects.toThrow('more than 128 KiB');
    // It works all the same: another entry may be shorter.
    expect(await keychain.read(anAccount)).toBeUndefined();
    await keychain.write('another account', new Secret('short'));
  },
);

test.skipIf(skipped(noLibrary || missingSecretService()))(
  'what the keychain finds too long, as that of Windows does, takes no place from what is shorter',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keychain-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    // What the library says where an entry has a limit.
    const limited = join(folder, 'limited.cjs');
    await writeFile(
      limited,
      `const { AsyncEntry } = require(${JSON.stringify(createRequire(import.meta.url).resolve('@napi-rs/keyring'))});
      const { setPassword } = AsyncEntry.prototype;
      AsyncEntry.prototype.setPassword = async function (words) {
        if (words.length > 1280) throw new Error("Attribute 'password encoded as UTF-16' is longer than platform limit of 2560 chars");
        return await setPassword.call(this, words);
      };`,
    );
    find(await startSecretService());
    vi.stubEnv('NODE_OPTIONS', `--require=${limited}`);
    const keychain = openKeychain(anotherRun(), 20_000);
    await expect(keychain.write(anAccount, new Secret('x'.repeat(2_000)))).rejects.toThrow(
      'one entry takes 2560 bytes',
    );
    // In the same run.
    await keychain.write(anAccount, new Secret('short'));
    expect((await keychain.read(anAccount))?.reveal()).toBe('short');
  },
);

describe.skipIf(skipped(noLibrary) || process.platform !== 'linux')('a keychain that never answers', () => {
  test('is given up in time, while everything else goes on [connecting]', async () => {
    find(await startSilentBus());
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 20);
    const began = Date.now();
    const outcome = await openKeychain(calm, 500)
      .read(anAccount)
      .catch((error: unknown) => error);
    clearInterval(timer);
    expect(outcome).toBeInstanceOf(KeychainUnavailable);
    expect((outcome as Error).message).toContain('no answer within 0.5 s');
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(turns).toBeGreaterThan(10);
  });

  test('that was late with a write is asked to take it back; where that fails too it is said', async () => {
    find(await startSilentBus());
    await expect(openKeychain(anotherRun(), 500).write(anAccount, new Secret('a value'))).rejects.toThrow(
      'no answer within 0.5 s; it may be locked; nobody could look whether it kept it all the same',
    );
  });

  test('is given up at once when the run is interrupted', async () => {
    find(await startSilentBus());
    const interruption = new AbortController();
    const reading = openKeychain(interruption.signal).read(anAccount);
    setTimeout(() => interruption.abort(), 100);
    const began = Date.now();
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    expect(Date.now() - began).toBeLessThan(1_000);
    await expect(openKeychain(interruption.signal).read(anAccount)).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe.skipIf(skipped(noLibrary) || process.platform !== 'linux')('without a Secret Service', () => {
  test.each(['getPassword', 'setPassword', 'deletePassword'] as const)('%s says so', async (act) => {
    find(noSecretService);
    const keychain = openKeychain(anotherRun());
    const acts = {
      getPassword: () => keychain.read(anAccount),
      setPassword: () => keychain.write(anAccount, new Secret('a value')),
      deletePassword: () => keychain.remove(anAccount),
    };
    await expect(acts[act]()).rejects.toThrow(KeychainUnavailable);
    await expect(acts[act]()).rejects.toThrow('no Secret Service answers (GNOME Keyring');
  });

  test('nothing is written into the key ring of the kernel instead', async () => {
    find(noSecretService);
    await expect(openKeychain(anotherRun()).write(anAccount, new Secret('a value'))).rejects.toThrow(
      KeychainUnavailable,
    );
    expect(keysOfTheKernel()).not.toContain(anAccount);
  });
});

const noKeyctl = spawnSync('keyctl', ['--version']).error !== undefined && {
  reason: 'no keyctl to give a process a key ring of its own',
  installable: true,
};

test.skipIf(skipped(noLibrary || noKeyctl))('removing also removes what an older version left in the kernel', () => {
  const account = `an account ${randomUUID()}`;
  const keychain = fileURLToPath(new URL('keychain.ts', import.meta.url));
  const program = `
    import { readFileSync } from 'node:fs';
    import { AsyncEntry } from '@napi-rs/keyring';
    import { openKeychain } from ${JSON.stringify(keychain)};
    const isThere = () => readFileSync('/proc/keys', 'utf8').split('\\n')
      .some((line) => line.includes(${JSON.stringify(account)}) && !line.split(' ')[1].includes('i'));
    const words = ['managed-agents-interface', ${JSON.stringify(account)}, { linux: { store: 'keyutils' } }];
    await new AsyncEntry(...words).setPassword('left');
    const before = isThere();
    await openKeychain(new AbortController().signal).remove(${JSON.stringify(account)}).catch(() => {});
    process.stdout.write(JSON.stringify([before, isThere()]));`;
  const { stdout } = spawnSync(
    'keyctl',
    ['session', '-', process.execPath, '--import', 'tsx', '--input-type=module', '-e', program],
    // biome-ignore lint/style/noProcessEnv: the program needs its PATH
    { encoding: 'utf8', env: { PATH: process.env['PATH'], ...noSecretService } },
  );
  expect(stdout).toContain('[true,false]');
});
