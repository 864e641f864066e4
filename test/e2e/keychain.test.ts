/** The built executables and the keychain of a desktop: what they keep in it, and that they never depend on it. */
import { describe, expect, test, vi } from 'vitest';
import { accountOf } from '../../internal/connection/client/known-clients.ts';
import { openKeychain } from '../../internal/outside/keychain.ts';
import type { Stage } from '../demo/stage.ts';
import {
  type KeychainEnvironment,
  missingSecretService,
  startSecretService,
  startSilentBus,
} from '../support/secret-service.ts';
import { skipped } from '../support/skip.ts';
import type { BuiltCopy } from './build.ts';
import { keychainBuilds, keychainStage } from './keychain-stage.ts';
import { filesIn, findLeaks, printed } from './leaks.ts';

const builds = keychainBuilds();

/** The sandbox, for executables that may use this keychain. Clients that register themselves there get a secret. */
async function stageWith(build: BuiltCopy, keychain: KeychainEnvironment | object): Promise<Stage> {
  const stage = await keychainStage(build, keychain);
  stage.sandbox.services.notion.control.tamperMetadata((metadata) => ({
    ...metadata,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }));
  return stage;
}

async function connect(stage: Stage): Promise<{ change?: string; status?: string; stderr: string }> {
  const { exit, stdout, stderr } = await stage.at('ada').run('service-connection', 'notion', '--json', '--verbose');
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  return { ...(JSON.parse(stdout) as { change: string; status: string }), stderr };
}

describe.skipIf(skipped(missingSecretService()))('with the keychain of a desktop', { timeout: 120_000 }, () => {
  test('a registered client is used again, and its secret is nowhere else', async () => {
    const keychain = await startSecretService();
    const stage = await stageWith(builds.installed, keychain);
    const { notion } = stage.sandbox.services;
    expect(await connect(stage)).toMatchObject({ change: 'created', status: 'valid' });
    expect(await connect(stage)).toMatchObject({ change: 'updated', status: 'valid' });
    expect(notion.counters.registrations).toBe(1);

    for (const [name, value] of Object.entries(keychain)) vi.stubEnv(name, value);
    const place = { issuer: notion.issuer, mcpServerUrl: notion.mcpUrl, redirect: 'http://127.0.0.1:*/callback' };
    const kept = await openKeychain(new AbortController().signal, 30_000).read(accountOf(place));
    const { client_secret: secret } = JSON.parse(kept?.reveal() ?? '{}') as Record<string, string>;
    expect(secret).toMatch(/^.{20,}$/);
    const traces = [...printed(stage.outcomes), ...(await filesIn(stage.sandbox.folder))];
    expect(findLeaks([secret ?? ''], traces)).toEqual([]);
  });
});

describe('without one that answers', { timeout: 120_000 }, () => {
  test('the library is not installed: connected all the same, and said with --verbose', async () => {
    const { change, stderr } = await connect(await stageWith(builds.alone, {}));
    expect([change, stderr]).toEqual(['created', expect.stringContaining('@napi-rs/keyring is not installed')]);
  });

  test.skipIf(process.platform !== 'linux')('it never answers: the command ends by itself, and in time', async () => {
    const stage = await stageWith(builds.installed, await startSilentBus());
    const began = Date.now();
    const { change, stderr } = await connect(stage);
    expect([change, stderr]).toEqual(['created', expect.stringContaining('no answer within 5 s')]);
    expect(Date.now() - began).toBeLessThan(30_000);
  });
});
