/** Finding one person's vault among those of a whole workspace: what it costs, and that tampering never makes it choose wrong. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Principal } from '../../internal/identity/principal.ts';
import type { Platform } from '../../internal/platform/client.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { findVault, type Ownership, type VaultMemory } from '../../internal/vault/resolve.ts';
import { signerOf, signOwnership } from '../../internal/vault/signature.ts';
import { sdkClient } from '../sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { openPlatform } from '../support/open-platform.ts';
import { newOwnershipKey, type PrivateKey } from '../support/ownership-keys.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

function adasRecord(): Record<string, string> {
  const { identityProvider, people } = world.sandbox;
  return {
    mai_owner_kind: 'sso',
    mai_owner_issuer: identityProvider.issuer,
    mai_owner_subject: people.ada.subject,
  };
}

/** A workspace of so many vaults, with Ada's in the middle. */
function seed(vaults: number): string {
  const { control } = world.sandbox.platform;
  control.seedVaults(Math.floor(vaults / 2));
  const [own = ''] = control.seedVaults(1, { metadata: adasRecord });
  control.seedVaults(vaults - Math.floor(vaults / 2) - 1);
  control.log.reset();
  return own;
}

const vaultRequests = () => world.asked().filter((line) => /^\w+ \/v1\/vaults(\/[^/]+)?$/.test(line));

describe.each([10, 1_000, 10_000])('%i vaults', (count) => {
  test('cold is one request for each hundred, and warm is one', async () => {
    const own = seed(count);
    const folder = await world.machine();
    await world.connectJson(['list'], { folder });
    expect(vaultRequests()).toEqual(Array(Math.ceil(count / 100)).fill('GET /v1/vaults'));
    world.sandbox.platform.control.log.reset();
    await world.connectJson(['list'], { folder });
    expect(vaultRequests()).toEqual([`GET /v1/vaults/${own}`]);
  });
});

test('a 429 in the middle of the pages is waited for and said, and only that page is asked for again', async () => {
  seed(1_000);
  world.sandbox.platform.control.faults.add({
    on: 'GET /v1/vaults',
    fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    after: 6,
  });
  const begun = Date.now();
  const { exit, stderr } = await world.connect(['list', '--quiet']);
  expect([exit, Date.now() - begun >= 1000]).toEqual([0, true]);
  expect(stderr).toContain('the platform asks to wait 1 s before: list vaults');
  expect(vaultRequests()).toHaveLength(11);
});

/** One vault of a random directory: whom it names, what its signature is, and what was done to it since. */
interface Planted {
  names: 'ada' | 'another case' | 'a slash more' | 'another kind' | 'grace' | 'nobody';
  signature: 'good' | 'none' | 'of another vault' | 'of a stranger' | 'of a retired key' | 'cut off' | 'empty';
  since: 'nothing' | 'archived' | 'renamed to ada' | 'renamed from ada' | 'marked' | 'marked and archived';
}

const issuer = 'https://id.example';
const ada: Principal = { kind: 'sso', issuer, subject: 'user-a', groups: [], label: 'ada' };
const records: Record<Planted['names'], Record<string, string>> = {
  ada: { mai_owner_kind: 'sso', mai_owner_issuer: issuer, mai_owner_subject: 'user-a' },
  'another case': { mai_owner_kind: 'sso', mai_owner_issuer: issuer, mai_owner_subject: 'User-a' },
  'a slash more': { mai_owner_kind: 'sso', mai_owner_issuer: `${issuer}/`, mai_owner_subject: 'user-a' },
  'another kind': { mai_owner_kind: 'os', mai_owner_issuer: issuer, mai_owner_subject: 'user-a' },
  grace: { mai_owner_kind: 'sso', mai_owner_issuer: issuer, mai_owner_subject: 'user-g' },
  nobody: {},
};

const anyPlanted: fc.Arbitrary<Planted> = fc.record({
  names: fc.oneof(
    { weight: 3, arbitrary: fc.constant('ada' as const) },
    { weight: 1, arbitrary: fc.constantFrom('another case', 'a slash more', 'another kind', 'grace', 'nobody') },
  ),
  signature: fc.oneof(
    { weight: 2, arbitrary: fc.constant('good' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('none', 'of another vault', 'of a stranger', 'of a retired key', 'cut off', 'empty'),
    },
  ),
  since: fc.oneof(
    { weight: 4, arbitrary: fc.constant('nothing' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('archived', 'renamed to ada', 'renamed from ada', 'marked', 'marked and archived'),
    },
  ),
});

describe('for random directories and tampering', () => {
  let sandbox: PlatformSandbox;
  let platform: Platform;
  let keys: Record<'current' | 'retired' | 'stranger', PrivateKey>;
  beforeAll(async () => {
    sandbox = await startPlatform();
    platform = await openPlatform({
      baseUrl: sandbox.baseUrl,
      apiKey: new Secret(sandbox.apiKey),
      authToken: undefined,
      signal: new AbortController().signal,
      onWait() {},
    });
    const [current, retired, stranger] = await Promise.all(['a', 'b', 'a'].map(newOwnershipKey));
    if (current === undefined || retired === undefined || stranger === undefined) throw new Error('no keys');
    keys = { current, retired, stranger };
  });
  afterAll(() => sandbox.close());

  /** Makes the directory anew; gives the ids in the order of the list. */
  async function make(planted: readonly Planted[]): Promise<string[]> {
    const client = sdkClient(sandbox);
    for await (const { id } of client.beta.vaults.list({ include_archived: true, limit: 100 })) {
      await client.beta.vaults.delete(id);
    }
    const ids: string[] = [];
    for (const { names, signature, since } of planted) {
      const metadata = records[names];
      const vault = await client.beta.vaults.create({ display_name: names, metadata });
      ids.push(vault.id);
      const signed = await signatureFor(signature, vault, metadata);
      const changes = {
        ...(signed !== undefined && { mai_owner_signature: signed }),
        ...(since === 'renamed to ada' && records.ada),
        ...(since === 'renamed from ada' && { mai_owner_subject: 'user-m' }),
        ...(since.startsWith('marked') && { mai_offboarded: '2026-11-22T08:00:00Z' }),
      };
      if (Object.keys(changes).length > 0) await client.beta.vaults.update(vault.id, { metadata: changes });
      if (since.endsWith('archived')) await client.beta.vaults.archive(vault.id);
    }
    return ids;
  }

  async function signatureFor(
    kind: Planted['signature'],
    vault: { id: string; created_at: string },
    metadata: Record<string, string>,
  ): Promise<string | undefined> {
    if (kind === 'none') return undefined;
    if (kind === 'empty') return '';
    const key = { 'of a stranger': keys.stranger, 'of a retired key': keys.retired }[kind as string] ?? keys.current;
    const facts = {
      vaultId: kind === 'of another vault' ? `${vault.id}x` : vault.id,
      createdAt: vault.created_at,
      owner: {
        kind: (metadata['mai_owner_kind'] ?? 'sso') as Principal['kind'],
        issuer: metadata['mai_owner_issuer'] ?? issuer,
        subject: metadata['mai_owner_subject'] ?? 'user-n',
      },
    };
    const signed = await signOwnership(facts, sandbox.workspaceId, signerOf(key));
    return kind === 'cut off' ? signed.slice(0, -4) : signed;
  }

  /** What is hers beyond doubt: what was planted says it, no code of the product is asked. */
  function ownOf(planted: readonly Planted[], ids: readonly string[], signed: boolean): string[] {
    return ids.filter((_, index) => {
      const { names, signature, since } = planted[index] ?? { names: 'nobody' };
      const named = (names === 'ada' && since !== 'renamed from ada') || since === 'renamed to ada';
      const proven = !signed || (names === 'ada' && signature === 'good');
      return named && proven && !since?.endsWith('archived');
    });
  }

  const ownership = (): Ownership => ({
    workspaceId: sandbox.workspaceId,
    keys: [
      { kid: 'a', x: keys.current.x ?? '', retired: false },
      { kid: 'b', x: keys.retired.x ?? '', retired: true },
    ],
    signer: async () => undefined,
  });

  const memoryWith = (id: string | undefined): VaultMemory => ({
    recall: async () => id,
    remember: async () => {},
    recallNone: async () => false,
    rememberNone: async () => {},
    recallCreation: async () => undefined,
    rememberCreation: async () => {},
  });

  test.each([true, false])(
    'a vault is found only if exactly one is validly owned (signed: %s) [P1]',
    async (signed) => {
      const found = { one: 0, none: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyPlanted, { maxLength: 5 }),
          fc.option(fc.nat({ max: 4 }), { nil: undefined }),
          async (planted, hint) => {
            const ids = await make(planted);
            const own = ownOf(planted, ids, signed);
            const marked = new Set(ids.filter((_, index) => planted[index]?.since.startsWith('marked')));
            const recalled = hint === undefined ? undefined : (ids[hint] ?? 'vlt_unknown');
            const directory = {
              platform,
              memory: memoryWith(recalled),
              ownership: signed ? ownership() : undefined,
              warn() {},
            };
            const result = await findVault(directory, ada).then(
              (vault) => vault?.id ?? 'none',
              (error: { code: string }) => `error ${error.code}`,
            );
            // A vault that is remembered is verified, and others are not looked for (decision 0005).
            const candidates = recalled !== undefined && own.includes(recalled) ? [recalled] : own;
            if (result.startsWith('vlt_')) expect(candidates).toEqual([result]);
            const [only, ...others] = candidates;
            if (only !== undefined && others.length === 0 && !marked.has(only)) expect(result).toBe(only);
            else expect(result).toMatch(/^(none|error (ownership_ambiguous|ownership_unproven|offboarded))$/);
            found[result.startsWith('vlt_') ? 'one' : result === 'none' ? 'none' : 'refused'] += 1;
          },
        ),
        { numRuns: 120 },
      );
      // It was not all one case.
      expect(Object.values(found).every((count) => count > 0)).toBe(true);
    },
    120_000,
  );
});
