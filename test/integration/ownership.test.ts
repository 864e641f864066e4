/** Owner records that are signed: nobody without an ownership key can make a vault be somebody's (P1). */
import { randomUUID } from 'node:crypto';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { signerOf, signOwnership } from '../../internal/vault/signature.ts';
import { newOwnershipKey, type PrivateKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import {
  keysOfTheKernel,
  missingSecretService,
  noSecretService,
  startSecretService,
} from '../support/secret-service.ts';
import { skipped } from '../support/skip.ts';

const world = sandboxPerTest();
const signatureKey = 'mai_owner_signature';

let key: PrivateKey;

beforeEach(async () => {
  key = await newKey('2026-a');
  await trust(key);
});

const newKey = newOwnershipKey;
const trust = (signs: PrivateKey | undefined, ...more: PrivateKey[]) => trustKeys(world, signs, ...more);

function adasRecord(): Record<string, string> {
  const { identityProvider, people } = world.sandbox;
  return {
    mai_owner_kind: 'sso',
    mai_owner_issuer: identityProvider.issuer,
    mai_owner_subject: people.ada.subject,
  };
}

async function vaults() {
  return (await world.client.beta.vaults.list()).data;
}

describe('a person’s vault is signed [P1]', () => {
  test('when it is created, and is used from then on', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    const [vault] = await vaults();
    expect(vault).toMatchObject({
      id,
      metadata: { ...adasRecord(), [signatureKey]: expect.stringMatching(/^[\w-]+\.\.[\w-]+$/) },
    });
    await world.apply('support');
    expect(await world.setup(['--agent', 'support'])).toMatchObject({ exit: 0 });
    expect(await world.connect(['ownership', 'verify'])).toMatchObject({ exit: 0 });
  });

  test('by the next run, when the run that created it was cut off in between', async () => {
    const folder = await world.machine();
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/vaults/:vault', fault: { kind: 'drop-before-commit' } });
    expect((await world.connect(['notion'], { folder })).exit).toBe(1);
    const [unsigned] = await vaults();
    expect(unsigned?.metadata[signatureKey]).toBeUndefined();
    const connected = await world.connectJson(['notion'], { folder });
    expect(connected['vault_id']).toBe(unsigned?.id);
    expect(await vaults()).toHaveLength(1);
  });

  test('by whoever holds the key, where the person has none', async () => {
    await trust(undefined, key);
    const asked = await world.connect(['notion']);
    expect([asked.exit, asked.stderr]).toEqual([5, expect.stringContaining('service-connection ownership sign vlt_')]);
    const [vault] = await vaults();
    if (vault === undefined) throw new Error('no vault');
    await trust(key);
    const signed = await world.connectJson([
      'ownership',
      'sign',
      vault.id,
      '--subject',
      world.sandbox.people.ada.subject,
    ]);
    expect(signed).toMatchObject({ vault_id: vault.id, change: 'signed' });
    await trust(undefined, key);
    expect(await world.connectJson(['notion'])).toMatchObject({ vault_id: vault.id });
  });
});

describe('refused, and nothing chosen, is a vault [P1]', () => {
  async function refused(evidence: string) {
    const outcome = await world.setup(['--agent', 'support']);
    expect([outcome.exit, outcome.stderr]).toEqual([5, expect.stringContaining('[ownership_unproven]')]);
    expect(outcome.stderr).toContain(evidence);
    expect((await world.connect(['notion'])).exit).toBe(5);
    expect((await vaults()).length).toBe(1);
    expect(await world.credentials()).toEqual([]);
  }

  test('that anybody with the workspace key wrote a record into', async () => {
    world.sandbox.platform.control.seedVaults(1, { metadata: adasRecord });
    await refused('it is not signed');
  });

  test('with the signature of another vault', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    const [vault] = await vaults();
    await world.client.beta.vaults.archive(String(id));
    world.sandbox.platform.control.seedVaults(1, { metadata: () => ({ ...vault?.metadata }) });
    await refused('it does not fit this vault, person and workspace');
  });

  test('that a key signed which the configuration does not know', async () => {
    const stranger = await newKey('2026-a');
    await world.connectJson(['notion']);
    const [vault] = await vaults();
    if (vault === undefined) throw new Error('no vault');
    const forged = await signOwnership(
      {
        vaultId: vault.id,
        createdAt: vault.created_at,
        owner: {
          kind: 'sso',
          issuer: world.sandbox.identityProvider.issuer,
          subject: world.sandbox.people.grace.subject,
        },
      },
      world.sandbox.platform.workspaceId,
      signerOf(stranger),
    );
    await world.client.beta.vaults.update(vault.id, {
      metadata: { mai_owner_subject: world.sandbox.people.grace.subject, [signatureKey]: forged },
    });
    const taken = await world.connect(['list'], { person: 'grace' });
    expect([taken.exit, taken.stderr]).toEqual([5, expect.stringContaining('[ownership_unproven]')]);
  });

  test('whose key was retired', async () => {
    const folder = await world.machine();
    await world.connectJson(['notion'], { folder });
    const next = await newKey('2026-b');
    await trust(next, { ...key, retired: true });
    const outcome = await world.connect(['list'], { folder });
    expect([outcome.exit, outcome.stderr]).toEqual([5, expect.stringContaining('the key that made it is retired')]);
    const [vault] = await vaults();
    await world.connectJson(['ownership', 'sign', String(vault?.id), '--subject', world.sandbox.people.ada.subject]);
    expect((await world.connect(['list'], { folder })).exit).toBe(0);
  });
});

test('a forged record beside a signed one is named and left alone [P1]', async () => {
  const { vault_id: id } = await world.connectJson(['notion']);
  const [forged] = world.sandbox.platform.control.seedVaults(1, { metadata: adasRecord });
  const { exit, stderr } = await world.connect(['list']);
  expect(exit).toBe(0);
  expect(stderr).toContain(`"${forged}" also claims to be yours and is left alone: it is not signed`);
  expect(await world.connectJson(['linear'])).toMatchObject({ vault_id: id });
});

test('a subject that is not the owner’s signs nothing', async () => {
  const [id] = world.sandbox.platform.control.seedVaults(1, { metadata: adasRecord });
  const outcome = await world.connect(['ownership', 'sign', String(id), '--subject', 'somebody']);
  expect([outcome.exit, outcome.stderr]).toEqual([5, expect.stringContaining('nothing was signed')]);
  expect((await vaults())[0]?.metadata[signatureKey]).toBeUndefined();
});

test.each([
  ['says nothing', ';'],
  ['says too much', "process.stdout.write('x'.repeat(5000))"],
  ['fails', 'process.exit(3)'],
  ['signs with another key', "console.log('A'.repeat(86))"],
])('a key service that %s stops before anything is signed', async (_what, program) => {
  await world.configure('interface.yaml', (content) => {
    content.ownership.signer.command = [process.execPath, '-e', program];
  });
  const outcome = await world.connect(['notion']);
  expect([outcome.exit, outcome.stderr]).toEqual([1, expect.stringContaining('[ownership_key]')]);
  expect((await vaults()).map(({ metadata }) => metadata[signatureKey])).toEqual([undefined]);
});

describe('a key that ownership keygen made', () => {
  /** The printed line, as it is meant to be pasted into `ownership.keys`. */
  async function trustPrinted(printed: string) {
    const [publicKey] = parse(printed) as [PrivateKey];
    expect(Object.keys(publicKey).sort()).toEqual(['crv', 'kid', 'kty', 'x']);
    await trust(undefined, publicKey);
    return publicKey;
  }

  test('signs from a descriptor; its private part is printed nowhere', async () => {
    const path = join(await world.machine(), 'key');
    const made = await world.connect([
      'ownership',
      'keygen',
      '--kid',
      '2026-k',
      '--private-key-to-fd',
      `${openSync(path, 'wx', 0o600)}`,
    ]);
    expect(made.exit).toBe(0);
    const { kid } = await trustPrinted(made.stdout);
    const { d } = JSON.parse(await readFile(path, 'utf8')) as { d: string };
    expect([d.length, `${made.stdout}${made.stderr}`]).toEqual([43, expect.not.stringContaining(d)]);
    const signing = () => ['--ownership-key-fd', String(openSync(path, 'r'))];
    const connected = await world.connect(['notion', '--json', ...signing()]);
    expect([connected.exit, connected.stderr]).toEqual([0, expect.not.stringContaining(d)]);
    expect(await world.connectJson(['ownership', 'verify'])).toMatchObject({ vaults: [{ signature: 'valid' }] });
    expect(kid).toBe('2026-k');
    expect((await world.connect(['linear'])).exit).toBe(0);
  });

  test('that the configuration does not trust signs nothing', async () => {
    const path = join(await world.machine(), 'key');
    const stranger = openSync(path, 'wx', 0o600);
    await world.connect(['ownership', 'keygen', '--kid', '2026-a', '--private-key-to-fd', String(stranger)]);
    await trust(undefined, key);
    const outcome = await world.connect(['notion', '--ownership-key-fd', String(openSync(path, 'r'))]);
    expect([outcome.exit, outcome.stderr]).toEqual([1, expect.stringContaining('is not one of ownership.keys')]);
    expect((await vaults()).map(({ metadata }) => metadata[signatureKey])).toEqual([undefined]);
  });

  test('that can be kept nowhere is not printed either', async () => {
    const off = await world.connect(['ownership', 'keygen', '--kid', 'k']);
    expect([off.exit, off.stdout, off.stderr]).toEqual([1, '', expect.stringContaining('--private-key-to-fd')]);
    // One that was open a moment ago could be another file of this process by now.
    const gone = await world.connect(['ownership', 'keygen', '--kid', 'k', '--private-key-to-fd', '999999']);
    expect([gone.exit, gone.stdout]).toEqual([2, '']);
  });

  test.skipIf(process.platform !== 'linux')(
    'is refused where there is no keychain, and leaves nothing in the kernel',
    async () => {
      for (const [name, value] of Object.entries(noSecretService)) vi.stubEnv(name, value);
      onTestFinished(() => void vi.unstubAllEnvs());
      const kid = `k-${randomUUID()}`;
      const made = await world.connect(['ownership', 'keygen', '--kid', kid], { environment: { MAI_KEYCHAIN: '' } });
      expect([made.exit, made.stdout, made.stderr]).toEqual([1, '', expect.stringContaining('--private-key-to-fd')]);
      expect(made.stderr).toContain('no Secret Service answers');
      expect(keysOfTheKernel()).not.toContain(kid);
    },
  );

  describe.skipIf(skipped(missingSecretService()))('in a keychain', { timeout: 60_000 }, () => {
    afterEach(() => {
      vi.unstubAllEnvs();
    });

    test('signs from there, and is not made a second time', async () => {
      for (const [name, value] of Object.entries(await startSecretService())) vi.stubEnv(name, value);
      const environment = { MAI_KEYCHAIN: '' };
      const made = await world.connect(['ownership', 'keygen', '--kid', '2026-k'], { environment });
      expect(made.exit).toBe(0);
      await trustPrinted(made.stdout);
      expect(await world.connectJson(['notion'], { environment })).toMatchObject({ change: 'created' });
      expect(await world.connectJson(['ownership', 'verify'])).toMatchObject({ vaults: [{ signature: 'valid' }] });
      const again = await world.connect(['ownership', 'keygen', '--kid', '2026-k'], { environment });
      expect([again.exit, again.stdout, again.stderr]).toEqual([
        1,
        '',
        expect.stringContaining('has a key "2026-k" already'),
      ]);
    });
  });
});
