/** The built executables and a sign-in that lasts: kept in the keychain of a desktop, and never in the way without one. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { signInAccount } from '../../internal/identity/kept-place.ts';
import { openKeychain } from '../../internal/outside/keychain.ts';
import { Secret } from '../../internal/secret/secret.ts';
import type { Stage } from '../demo/stage.ts';
import {
  type KeychainEnvironment,
  lockSecretService,
  missingSecretService,
  startSecretService,
  startSilentBus,
} from '../support/secret-service.ts';
import { skipped } from '../support/skip.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';
import { keychainBuilds, keychainStage } from './keychain-stage.ts';
import { filesIn, findLeaks, printed } from './leaks.ts';

const builds = keychainBuilds();

/** The sandbox, whose identity provider gives refresh tokens to executables that may use this keychain. */
async function stageWith(build: BuiltCopy, keychain: KeychainEnvironment | object): Promise<Stage> {
  const stage = await keychainStage(build, keychain);
  const path = join(stage.sandbox.configFolder, 'interface.yaml');
  const content = parse(await readFile(path, 'utf8'));
  content.identity.scopes.push('offline_access');
  content.identity.authorize_parameters = { prompt: 'consent' };
  await writeFile(path, stringify(content));
  return stage;
}

async function whoami(stage: Stage): Promise<Record<string, unknown>> {
  const { exit, stdout, stderr } = await stage.at('ada').run('setup-session', 'whoami', '--json');
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** What the keychain keeps of a sign-in, and how to put something else there. */
function keptIn(keychain: KeychainEnvironment, { sandbox: { identityProvider } }: Stage) {
  for (const [name, value] of Object.entries(keychain)) vi.stubEnv(name, value);
  const identity = { issuer: identityProvider.issuer, client_id: identityProvider.clientId };
  const account = signInAccount(identity as Parameters<typeof signInAccount>[0]);
  const opened = openKeychain(new AbortController().signal, 30_000);
  return {
    read: async () => (await opened.read(account))?.reveal(),
    write: (text: string) => opened.write(account, new Secret(text)),
  };
}

describe.skipIf(skipped(missingSecretService()))('with the keychain of a desktop', { timeout: 120_000 }, () => {
  test('a sign-in is kept there and nowhere else, renewed once by two processes, and taken away again [P3]', async () => {
    const keychain = await startSecretService();
    const stage = await stageWith(builds.installed, keychain);
    const { identityProvider, people, folder } = stage.sandbox;
    const ada = stage.at('ada');
    const signedIn = await ada.run('service-connection', 'login');
    const as = `"ada@example.test" (subject ${JSON.stringify(people.ada.subject)})`;
    expect([signedIn.exit, signedIn.stdout]).toEqual([0, `signed in as ${as}, kept in the keychain\n`]);
    const known = { subject: people.ada.subject, proven_by: 'kept', kept_in: 'the keychain' };
    expect(await whoami(stage)).toMatchObject(known);
    expect(identityProvider.counters.authorizations).toBe(1);

    const place = keptIn(keychain, stage);
    const entry = JSON.parse((await place.read()) ?? '') as Record<string, string>;
    const seconds = Math.floor(Date.now() / 1000);
    const expired = await identityProvider.control.forge(entry['id_token'] ?? '', {
      iat: seconds - 900,
      exp: seconds - 90,
    });
    await place.write(JSON.stringify({ ...entry, id_token: expired }));
    const both = await Promise.all([whoami(stage), whoami(stage)]);
    expect(both.map((each) => [each['subject'], each['proven_by']]).toSorted()).toEqual([
      [people.ada.subject, 'kept'],
      [people.ada.subject, 'renewed'],
    ]);
    expect(identityProvider.counters).toMatchObject({ authorizations: 1, refreshes: 1, reuses: 0 });
    const renewed = JSON.parse((await place.read()) ?? '') as Record<string, string>;
    expect(renewed['refresh_token']).not.toBe(entry['refresh_token']);

    const out = await ada.run('setup-session', 'logout');
    expect([out.exit, out.stdout]).toEqual([0, expect.stringContaining('the keychain keeps nothing of a sign-in')]);
    expect(await place.read()).toBeUndefined();
    expect((await ada.run('service-connection', 'whoami')).exit).toBe(4);
    expect(
      findLeaks(identityProvider.issuedSecrets(), [...printed(stage.outcomes), ...(await filesIn(folder))]),
    ).toEqual([]);
  });

  test.each<[string, string]>([
    ['garbage', 'garbage'],
    ['a token of somebody else’s making', '{"version":1,"refreshed":false,"id_token":"eyJhbGciOiJub25lIn0.e30."}'],
  ])('%s in it is not believed, and a new sign-in takes its place', async (_case, text) => {
    const keychain = await startSecretService();
    const stage = await stageWith(builds.installed, keychain);
    await keptIn(keychain, stage).write(text);
    expect((await stage.at('ada').run('service-connection', 'whoami')).exit).toBe(4);
    expect((await stage.at('ada').run('service-connection', 'list')).exit).toBe(0);
    expect(await whoami(stage)).toMatchObject({ subject: stage.sandbox.people.ada.subject, proven_by: 'kept' });
  });

  test('locked, it is given up in time; logging out of it fails, because nobody could look [P3]', async () => {
    const keychain = await startSecretService();
    const stage = await stageWith(builds.installed, keychain);
    await stage.at('ada').run('service-connection', 'login');
    lockSecretService(keychain);
    const began = Date.now();
    const listed = await stage.at('ada').run('service-connection', 'list');
    expect([listed.exit, listed.stderr.split('no sign-in is kept').length - 1]).toEqual([0, 1]);
    expect(Date.now() - began).toBeLessThan(30_000);
    const out = await stage.at('ada').run('service-connection', 'logout');
    expect([out.exit, out.stderr]).toEqual([1, expect.stringContaining('[keychain_unavailable]')]);
  });
});

/** A library that is to the executables what that of Windows is: UTF-16, and 2560 bytes for an entry. */
const likeWindows = `
const { readFileSync, writeFileSync } = require('node:fs');
const file = require('node:path').join(__dirname, 'entries.json');
const entries = () => { try { return JSON.parse(readFileSync(file, 'utf8')); } catch { return {}; } };
const put = (name, text) => writeFileSync(file, JSON.stringify({ ...entries(), [name]: text }), { mode: 0o600 });
exports.AsyncEntry = class {
  constructor(service, account) { this.name = service + ': ' + account; }
  async getPassword() { return entries()[this.name]; }
  async setPassword(text) {
    if (Buffer.byteLength(text, 'utf16le') > 2560) {
      throw new Error("Attribute 'password encoded as UTF-16' is longer than the platform limit of 2560 chars");
    }
    put(this.name, text);
  }
  async deletePassword() { put(this.name, undefined); }
};`;

test('a keychain that takes less than a sign-in: that is told, nothing stays alive, and it keeps what is shorter [P3]', {
  timeout: 120_000,
}, async () => {
  const build = await copyOfBuild();
  onTestFinished(() => build.remove());
  const library = join(build.locate('service-connection')[1] ?? '', '..', 'node_modules', '@napi-rs', 'keyring');
  await mkdir(library, { recursive: true });
  await writeFile(join(library, 'index.js'), likeWindows);
  const stage = await stageWith(build, {});
  const { identityProvider, people, services } = stage.sandbox;
  const ada = stage.at('ada');
  const alive = () => identityProvider.liveGrantsOf(people.ada.subject).flatMap(({ refreshTokens }) => refreshTokens);
  const signIn = async () => {
    const entries = JSON.parse(await readFile(join(library, 'entries.json'), 'utf8')) as Record<string, string>;
    const [name = '', text] = Object.entries(entries).find(([each]) => each.includes('sign-in at')) ?? [];
    const entry = text === undefined ? undefined : (JSON.parse(text) as Record<string, string>);
    const put = (changed: object) =>
      writeFile(join(library, 'entries.json'), JSON.stringify({ ...entries, [name]: JSON.stringify(changed) }));
    return { entry, put };
  };
  const told = /no sign-in is kept: .*one entry takes 2560 bytes there, and this is longer.*settings\.yaml/;

  expect(await ada.run('service-connection', 'login')).toMatchObject({ exit: 0 });
  const { entry, put } = await signIn();
  expect(alive()).toEqual([entry?.['refresh_token']]);
  const seconds = Math.floor(Date.now() / 1000);
  const old = { iat: seconds - 900, exp: seconds - 90 };
  await put({ ...entry, id_token: await identityProvider.control.forge(entry?.['id_token'] ?? '', old) });
  identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge({ groups_of_everything: 'x'.repeat(2000) }),
  }));
  const renewed = await ada.run('service-connection', 'whoami', '--json');
  expect([renewed.exit, renewed.stderr, alive()]).toEqual([0, expect.stringMatching(told), []]);
  expect((await signIn()).entry).toBeUndefined();

  // Each command signs in by itself from then on, and says so once; a client that was registered fits.
  for (const command of ['notion', 'notion', 'list']) {
    const ended = await ada.run('service-connection', command);
    expect([ended.exit, ended.stderr.match(/no sign-in is kept/g)?.length, alive()]).toEqual([0, 1, []]);
    expect(ended.stderr).toMatch(told);
  }
  expect([services.notion.counters.registrations, (await signIn()).entry]).toEqual([1, undefined]);
});

describe('without a keychain', { timeout: 120_000 }, () => {
  test('that is installed, each command signs in by itself and says so once', async () => {
    const stage = await stageWith(builds.alone, {});
    const listed = await stage.at('ada').run('service-connection', 'list');
    expect([listed.exit, listed.stderr]).toEqual([0, expect.stringContaining('@napi-rs/keyring is not installed')]);
    expect(listed.stderr.split('no sign-in is kept')).toHaveLength(2);
    expect((await stage.at('ada').run('service-connection', 'whoami')).exit).toBe(4);
    expect((await stage.at('ada').run('setup-session', 'whoami')).exit).toBe(4);
  });

  test.skipIf(process.platform !== 'linux')('that ever answers, it is the same, and ends in time', async () => {
    const stage = await stageWith(builds.installed, await startSilentBus());
    const began = Date.now();
    const listed = await stage.at('ada').run('service-connection', 'list');
    expect([listed.exit, listed.stderr]).toEqual([0, expect.stringContaining('no answer within 5 s')]);
    expect(Date.now() - began).toBeLessThan(30_000);
  });
});
