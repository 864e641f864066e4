/** Owner records that are signed: nobody without an ownership key can make a vault be somebody's (P1). */
import { beforeEach, describe, expect, test } from 'vitest';
import { signerOf, signOwnership } from '../../internal/vault/signature.ts';
import { newOwnershipKey, type PrivateKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

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

describe('a person’s vault is signed', () => {
  test('when it is created, and is used from then on', async () => {
    const { vault_id: id } = await world.connectJson(['notion']);
    const [vault] = await vaults();
    expect(vault).toMatchObject({
      id,
      metadata: { ...adasRecord(), [signatureKey]: expect.stringMatching(/^[\w-]+\.\.[\w-]+$/) },
    });
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

describe('refused, and nothing chosen, is a vault', () => {
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

test('a forged record beside a signed one is named and left alone', async () => {
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
