/**
 * What others do to a vault between the moment a run looks at it and the moment it is used. A look that is older than
 * the change is an answer of before, which the platform gives once more.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** The next answers to a read are the one that it gives now. Returns after the answer was taken down. */
async function oldAnswer(path: string, read: () => PromiseLike<unknown>, times = 1): Promise<void> {
  let seen: unknown;
  const stop = world.sandbox.platform.control.tamper(`GET ${path}`, (answer) => {
    seen = structuredClone(answer);
  });
  await read();
  stop();
  let left = times;
  const again = world.sandbox.platform.control.tamper(`GET ${path}`, () => {
    left -= 1;
    if (left === 0) again();
    return seen;
  });
}

/** Ada with a connection, on a machine that remembers her vault, and the agent in force. */
async function connected() {
  const folder = await world.machine();
  await world.apply('support');
  const { vault_id, credential_id } = await world.connectJson(['notion'], { folder });
  const vault = String(vault_id);
  const credentials = `/v1/vaults/${vault}/credentials`;
  return { folder, vault, credential: String(credential_id), credentials };
}

const sessions = () => world.sandbox.platform.control.peek.sessions();

describe('a session', () => {
  test('of a vault that is archived between read and use is not made [P1]', async () => {
    const { folder, vault, credentials } = await connected();
    await oldAnswer(`/v1/vaults/${vault}`, () => world.client.beta.vaults.retrieve(vault));
    await oldAnswer(credentials, () => world.client.beta.vaults.credentials.list(vault));
    await world.client.beta.vaults.archive(vault);
    const { exit, stderr } = await world.setup(['--agent', 'support'], { folder });
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[platform_refused]')]);
    expect(sessions()).toEqual([]);
    expect((await world.setup(['--agent', 'support'], { folder })).exit).toBe(4);
  });

  test('whose credential is archived between check and create acts as nobody, never as somebody else [P1]', async () => {
    await world.connectJson(['notion'], { person: 'grace' });
    const { folder, vault, credential, credentials } = await connected();
    await oldAnswer(credentials, () => world.client.beta.vaults.credentials.list(vault));
    await world.client.beta.vaults.credentials.archive(credential, { vault_id: vault });
    const { exit, stdout, stderr } = await world.setup(['--agent', 'support', '--message', 'What is there?'], {
      folder,
    });
    expect([exit, stderr]).toEqual([4, expect.stringContaining('[connection_needed]')]);
    expect(stdout).not.toMatch(/Ada|Grace|grace@/);
    expect(sessions()).toMatchObject([{ vault_ids: [vault] }]);
    expect((await world.setup(['--agent', 'support'], { folder })).exit).toBe(4);
  });
});

describe('connecting again', () => {
  test.each([
    // Nothing was changed by what the platform refused, so the next run begins anew.
    ['archived', 1, (id: string, vault_id: string) => world.client.beta.vaults.credentials.archive(id, { vault_id })],
    ['deleted', 0, (id: string, vault_id: string) => world.client.beta.vaults.credentials.delete(id, { vault_id })],
  ])(
    'where the credential is %s between the last look and the update ends with %i, and then with one that works',
    async (_what, code, change) => {
      const { folder, vault, credential, credentials } = await connected();
      // It is looked at when the command begins, and once more before it stores.
      await oldAnswer(credentials, () => world.client.beta.vaults.credentials.list(vault), 2);
      await change(credential, vault);
      world.sandbox.platform.control.log.reset();
      expect((await world.connect(['notion'], { folder })).exit).toBe(code);
      expect(world.asked()).toContain(`POST /v1/vaults/${vault}/credentials/${credential}`);
      expect((await world.connect(['notion'], { folder })).exit).toBe(0);
      expect(await world.credentials()).toHaveLength(1);
      expect((await world.connect(['check', 'notion'], { folder })).exit).toBe(0);
    },
  );
});

describe('where vaults are signed, a record that a third party edits', () => {
  beforeEach(async () => trustKeys(world, await newOwnershipKey('2026-a')));

  const edits: [string, () => Record<string, string | null>][] = [
    ['the subject, to another case', () => ({ mai_owner_subject: world.sandbox.people.mallory.subject })],
    ['the subject, away', () => ({ mai_owner_subject: null })],
    ['the issuer, with a slash', () => ({ mai_owner_issuer: `${world.sandbox.identityProvider.issuer}/` })],
    ['the kind', () => ({ mai_owner_kind: 'os' })],
  ];

  test.each(edits)('is nobody’s from then on: %s [P1]', async (_what, edit) => {
    const { folder, vault } = await connected();
    await world.client.beta.vaults.update(vault, { metadata: edit() });
    expect((await world.setup(['--agent', 'support'], { folder })).exit).toBe(4);
    const taken = await world.setup(['--agent', 'support'], { person: 'mallory' });
    expect([4, 5]).toContain(taken.exit);
    expect(sessions()).toEqual([]);
    const { vault_id: fresh } = await world.connectJson(['notion'], { folder });
    expect(fresh).not.toBe(vault);
  });

  test.each([
    ['away', () => null],
    ['cut off', (signature: string) => signature.slice(0, -4)],
    ['to one for something else', (signature: string) => signature.replace(/^[^.]+/, 'eyJhbGciOiJub25lIn0')],
  ])('is not used without its signature: %s [P1]', async (_what, edit) => {
    const { folder, vault } = await connected();
    const { metadata } = await world.client.beta.vaults.retrieve(vault);
    await world.client.beta.vaults.update(vault, {
      metadata: { mai_owner_signature: edit(metadata['mai_owner_signature'] ?? '') },
    });
    const refused = await world.setup(['--agent', 'support'], { folder });
    expect([refused.exit, refused.stderr]).toEqual([5, expect.stringContaining('[ownership_unproven]')]);
    expect(sessions()).toEqual([]);
  });

  test('stays the person’s where the edit is of what is not signed', async () => {
    const { folder, vault } = await connected();
    await world.client.beta.vaults.update(vault, {
      display_name: 'Connections of somebody else',
      metadata: { mai_owner_creation: 'x', note: 'y' },
    });
    expect(await world.setupJson(['--agent', 'support'], { folder })).toMatchObject({ vault_id: vault });
  });

  test('and its whole metadata, copied into another vault, does not make that one anybody’s [P1]', async () => {
    const { folder, vault } = await connected();
    const { metadata } = await world.client.beta.vaults.retrieve(vault);
    const [copy] = world.sandbox.platform.control.seedVaults(1, { metadata: () => ({ ...metadata }) });
    expect(await world.connectJson(['linear'], { folder })).toMatchObject({ vault_id: vault });
    const fresh = await world.connect(['list']);
    expect([fresh.exit, fresh.stderr]).toEqual([0, expect.stringContaining(`"${copy}" also claims to be yours`)]);
  });
});
