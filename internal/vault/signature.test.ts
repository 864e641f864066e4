import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  judgeSignature,
  type OwnershipKeys,
  type SignedFacts,
  type Signer,
  signerOf,
  signOwnership,
} from './signature.ts';

const facts: SignedFacts = {
  vaultId: 'vlt_1',
  createdAt: '2026-11-22T08:00:00Z',
  owner: { kind: 'sso', issuer: 'https://id.example', subject: 'ada' },
};

let signer: Signer;
let other: Signer;
let keys: OwnershipKeys;

beforeAll(async () => {
  const [first, second] = await Promise.all(['2026-a', '2026-b'].map(newKey));
  if (first === undefined || second === undefined) throw new Error('no keys');
  signer = signerOf(first.privateKey);
  other = signerOf(second.privateKey);
  keys = { workspaceId: 'wrkspc_1', keys: [first.publicKey, second.publicKey] };
});

async function newKey(kid: string) {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x = '' } = await exportJWK(pair.publicKey);
  return { privateKey: { ...(await exportJWK(pair.privateKey)), kid }, publicKey: { kid, x, retired: false } };
}

const sign = (changed: Partial<SignedFacts> = {}, by = signer, workspace = 'wrkspc_1') =>
  signOwnership({ ...facts, ...changed }, workspace, by);
const judge = (signature: string | undefined, changed: Partial<SignedFacts> = {}, by = keys) =>
  judgeSignature(signature, { ...facts, ...changed }, by);

describe('judgeSignature', () => {
  it('finds a signature of each key of the configuration valid', async () => {
    expect(await judge(await sign())).toEqual({ kind: 'valid', kid: '2026-a' });
    expect(await judge(await sign({}, other))).toEqual({ kind: 'valid', kid: '2026-b' });
  });

  it('fits into one metadata value and leaves the content out', async () => {
    const signature = await sign({ owner: { ...facts.owner, subject: 'x'.repeat(500) } });
    expect(signature.length).toBeLessThan(300);
    expect(signature).toMatch(/^[\w-]+\.\.[\w-]+$/);
  });

  it('reads the creation time as an instant, however the platform writes it', async () => {
    expect(await judge(await sign(), { createdAt: '2026-11-22T09:00:00.000+01:00' })).toMatchObject({ kind: 'valid' });
  });

  it('tells a missing signature from a wrong one', async () => {
    expect(await judge(undefined)).toEqual({ kind: 'unsigned' });
    expect(await judge('')).toEqual({ kind: 'unsigned' });
  });

  it.each([
    ['another vault', { vaultId: 'vlt_2' }],
    ['another creation time', { createdAt: '2026-11-22T08:00:01Z' }],
    ['another subject', { owner: { ...facts.owner, subject: 'Ada' } }],
    ['another issuer', { owner: { ...facts.owner, issuer: 'https://id.example/' } }],
    ['another kind', { owner: { ...facts.owner, kind: 'os' } }],
  ] as [string, Partial<SignedFacts>][])('refuses a signature moved to %s [P1]', async (_what, changed) => {
    expect(await judge(await sign(), changed)).toMatchObject({ kind: 'invalid', why: expect.stringContaining('fit') });
  });

  it('refuses a signature of another workspace', async () => {
    expect(await judge(await sign({}, signer, 'wrkspc_2'))).toMatchObject({ kind: 'invalid' });
  });

  it('refuses a key that the configuration does not know, also under a known name [P1]', async () => {
    const stranger = await newKey('2026-z');
    const impostor = await newKey('2026-a');
    expect(await judge(await sign({}, signerOf(stranger.privateKey)))).toMatchObject({
      why: expect.stringContaining('no key'),
    });
    expect(await judge(await sign({}, signerOf(impostor.privateKey)))).toMatchObject({
      kind: 'invalid',
      kid: '2026-a',
    });
  });

  it('refuses what a retired key has signed, and names the key [P1]', async () => {
    const retired = { ...keys, keys: keys.keys.map((key) => ({ ...key, retired: key.kid === '2026-a' })) };
    expect(await judge(await sign(), {}, retired)).toEqual({
      kind: 'invalid',
      why: 'the key that made it is retired',
      kid: '2026-a',
    });
  });

  it('refuses a signature that the same key made for something else', async () => {
    const reused: Signer = {
      kid: signer.kid,
      sign: (header, content) => signer.sign({ ...header, typ: 'JWT' }, content),
    };
    expect(await judge(await sign({}, reused))).toMatchObject({ why: 'it was made for something else' });
  });

  it.each(['x', 'a.b', 'a.b.c', '..', 'e30..', '...', `${'A'.repeat(512)}`])('refuses %j', async (text) => {
    expect(await judge(text)).toMatchObject({ kind: 'invalid' });
  });

  it('refuses algorithm none and a shared secret', async () => {
    const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const good = (await sign()).split('..')[1];
    for (const alg of ['none', 'HS256', 'ES256']) {
      expect(await judge(`${header({ alg, kid: '2026-a', typ: 'mai-owner+jws' })}..${good}`)).toMatchObject({
        kind: 'invalid',
      });
    }
  });
});

describe('the signature of an off-boarding', () => {
  const offboarded = { at: '2026-11-22T09:00:00.000Z', by: 'grace' };

  it('is valid for exactly that mark', async () => {
    expect(await judge(await sign({ offboarded }), { offboarded })).toEqual({ kind: 'valid', kid: '2026-a' });
  });

  it.each([
    ['another time', { ...offboarded, at: '2026-11-22T09:00:01.000Z' }],
    ['another operator', { ...offboarded, by: 'Grace' }],
    ['an owner record', undefined],
  ])('does not count for %s', async (_what, changed) => {
    const signature = await sign({ offboarded });
    expect(await judge(signature, changed && { offboarded: changed })).toMatchObject({ kind: 'invalid' });
  });

  it('is not made by signing an owner record, even one with the same bytes', async () => {
    const sameBytes: Signer = {
      kid: signer.kid,
      sign: (header) => signer.sign(header, bytesOf(offboarded.at, offboarded.by)),
    };
    expect(await judge(await sign({}, sameBytes), { offboarded })).toMatchObject({
      why: 'it was made for something else',
    });
  });

  function bytesOf(...more: string[]): Uint8Array {
    const { vaultId, createdAt, owner } = facts;
    const instant = new Date(createdAt).toISOString();
    return new TextEncoder().encode(
      JSON.stringify(['wrkspc_1', vaultId, owner.kind, owner.issuer, owner.subject, instant, ...more]),
    );
  }
});
