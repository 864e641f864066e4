import { createRequire } from 'node:module';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type KeychainEnvironment,
  missingSecretService,
  startSecretService,
  startSilentBus,
} from '../../test/support/secret-service.ts';
import { skipped } from '../../test/support/skip.ts';
import { concealed, Secret } from '../secret/secret.ts';
import { KeychainUnavailable, openKeychain } from './keychain.ts';

const calm = new AbortController().signal;

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Has what is started from here on find this keychain. */
function find(environment: KeychainEnvironment) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}

const installed = () => {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/keyring/keytar.js') !== '';
  } catch {
    return false;
  }
};
const noLibrary = !installed() && { reason: 'no package @napi-rs/keyring for this machine', installable: false };

describe.skipIf(skipped(noLibrary || missingSecretService()))('the keychain of a desktop', () => {
  test('gives back what was kept, and forgets it', { timeout: 60_000 }, async () => {
    find(await startSecretService());
    const keychain = openKeychain(calm, 20_000);
    expect(await keychain.read('an account')).toBeUndefined();
    await keychain.write('an account', new Secret('first'));
    await keychain.write('an account', new Secret('a "value" with\nlines and ünïcode'));
    await keychain.write('another account', new Secret('other'));
    const kept = await openKeychain(calm, 20_000).read('an account');
    expect(kept?.reveal()).toBe('a "value" with\nlines and ünïcode');
    expect(concealed('said: a "value" with\nlines and ünïcode')).toBe('said: [secret]');
    await keychain.remove('an account');
    await keychain.remove('an account');
    expect(await keychain.read('an account')).toBeUndefined();
    expect((await keychain.read('another account'))?.reveal()).toBe('other');
  });
});

describe.skipIf(skipped(noLibrary) || process.platform !== 'linux')('a keychain that never answers', () => {
  test('is given up in time, while everything else goes on [connecting]', async () => {
    find(await startSilentBus());
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 20);
    const began = Date.now();
    const outcome = await openKeychain(calm, 500)
      .read('an account')
      .catch((error: unknown) => error);
    clearInterval(timer);
    expect(outcome).toBeInstanceOf(KeychainUnavailable);
    expect((outcome as Error).message).toContain('no answer within 0.5 s');
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(turns).toBeGreaterThan(10);
  });

  test('is given up at once when the run is interrupted', async () => {
    find(await startSilentBus());
    const interruption = new AbortController();
    const reading = openKeychain(interruption.signal).read('an account');
    setTimeout(() => interruption.abort(), 100);
    const began = Date.now();
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    expect(Date.now() - began).toBeLessThan(1_000);
    await expect(openKeychain(interruption.signal).read('an account')).rejects.toMatchObject({ code: 'interrupted' });
  });
});

test.skipIf(skipped(noLibrary) || process.platform !== 'linux')('a keychain that is not there says so', async () => {
  find({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent', HOME: '/nonexistent', XDG_RUNTIME_DIR: '/nonexistent' });
  // Where the kernel has a key ring, the library uses that one instead.
  const outcome = await openKeychain(calm)
    .read('an account that nobody has')
    .catch((error: unknown) => error);
  expect(outcome === undefined || outcome instanceof KeychainUnavailable).toBe(true);
});
