import fc from 'fast-check';
import { type CryptoKey, exportJWK, exportSPKI, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  sessionClaims,
  signed,
  staticHost,
  statusList,
  type TestKey,
  testKey,
} from '../../test/support/session-tokens.ts';
import {
  authenticate,
  authInfoOf,
  expressAuth,
  honoAuth,
  mayCall,
  mcpTokenVerifier,
  replayWindow,
  type TrustSettings,
  trust,
  verifySessionToken,
} from './index.ts';
import { statusAt, unpackStatusList } from './status-list.ts';

const start = 1_800_000_000;
const audience = 'https://tickets.example.com/mcp';

let host: Awaited<ReturnType<typeof staticHost>>;
let key: TestKey;
let other: TestKey;
let es256: TestKey;
let issuer: string;

beforeAll(async () => {
  [host, key, other, es256] = await Promise.all([staticHost(), testKey(), testKey(), testKey('ES256')]);
  issuer = host.address;
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** A server at a time of its own, with a key set and a status list that are published. */
async function world(more: Partial<TrustSettings> = {}, { revoked = [] as number[] } = {}) {
  const clock = { now: start };
  host.files.clear();
  for (const path of Object.keys(host.requests)) delete host.requests[path];
  const publishKeys = (...keys: unknown[]) => host.files.set('/keys', { body: JSON.stringify({ keys }) });
  const publishStatus = async (places: readonly number[], by = key) =>
    host.files.set('/status', { body: await statusList(issuer, by, clock.now, { revoked: places }) });
  publishKeys(key.publicJwk);
  await publishStatus(revoked);
  const own = {
    kind: 'session-token' as const,
    issuer,
    keys: `${issuer}/keys`,
    tenants: ['wrkspc_1'],
    statusLists: [`${issuer}/status`],
  };
  const trusted = trust({ audience, issuers: [own], now: () => clock.now * 1000, ...more });
  const claims = (changed: Record<string, unknown> = {}) => ({ ...sessionClaims(issuer, clock.now), ...changed });
  const verify = async (token: string) => await verifySessionToken(`Bearer ${token}`, trusted);
  const verdict = async (token: string) => {
    const result = await verify(token);
    return result.ok ? 'ok' : result.code;
  };
  return { clock, trusted, own, claims, verify, verdict, publishKeys, publishStatus };
}

test('tells session, agent, person and what it may do', async () => {
  const { claims, verify } = await world();
  const result = await verify(await signed(claims(), key));
  expect(result).toMatchObject({
    ok: true,
    kind: 'session-token',
    claims: { sid: 'sesn_1', act: { name: 'support', version: 3 }, sub_id: { sub: 'ada' } },
  });
  if (!result.ok) return;
  expect(['list_tickets', 'close_ticket', 'delete_all'].map((tool) => mayCall(result, tool))).toEqual([
    true,
    true,
    false,
  ]);
});

describe('a token that was verified before', () => {
  test('has its signature verified once, and everything else each time', async () => {
    const { subtle } = globalThis.crypto;
    const verifying = vi.spyOn(subtle, 'verify');
    try {
      const { clock, claims, verdict, publishKeys, publishStatus } = await world({
        keepVerified: 2,
        keysFreshSeconds: 60,
      });
      const tokens = await Promise.all(['a', 'b', 'c'].map((jti) => signed(claims({ jti }), key)));
      const [token = '', second = '', third = ''] = tokens;
      const verified = async (each: string) => {
        const before = verifying.mock.calls.length;
        return [await verdict(each), verifying.mock.calls.length - before];
      };
      await verdict(third);
      expect(await verified(token)).toEqual(['ok', 1]);
      expect(await verified(token)).toEqual(['ok', 0]);
      const [head, payload] = token.split('.');
      expect(await verified(`${head}.${payload}.${second.split('.')[2]}`)).toEqual(['bad_signature', 1]);
      // No more are kept than were asked for: the one that came first is verified again.
      expect([await verified(second), await verified(third)]).toEqual([
        ['ok', 1],
        ['ok', 1],
      ]);
      expect([await verified(second), await verified(token)]).toEqual([
        ['ok', 0],
        ['ok', 1],
      ]);
      // Before it was verified nothing is known of it.
      clock.now -= 100;
      expect(await verified(token)).toEqual(['not_yet_valid', 1]);
      clock.now += 100;
      expect(await verified(token)).toEqual(['ok', 1]);
      clock.now += 31;
      await publishStatus([5]);
      expect((await verified(token))[0]).toBe('revoked');
      clock.now += 31;
      await publishStatus([]);
      expect((await verified(token))[0]).toBe('ok');
      clock.now = start + 600 + 31;
      expect((await verified(token))[0]).toBe('expired');
      // A key that its issuer has no more.
      const later = await signed(claims(), key);
      expect((await verified(later))[0]).toBe('ok');
      publishKeys(other.publicJwk);
      await publishStatus([], other);
      clock.now += 61;
      expect((await verified(later))[0]).toBe('unknown_key');
    } finally {
      verifying.mockRestore();
    }
  });

  test('has its beginning and its end all the same', async () => {
    const { clock, own, claims } = await world();
    const issuers = [{ ...own, keys: { keys: [key.publicJwk] } }];
    const trusted = trust({ audience, issuers, keepVerified: 8, now: () => clock.now * 1000 });
    const token = await signed(claims({ nbf: start + 50, exp: start + 60 }), key);
    const verdictAt = async (now: number) => {
      clock.now = now;
      const result = await verifySessionToken(`Bearer ${token}`, trusted);
      return result.ok ? 'ok' : result.code;
    };
    expect([await verdictAt(start + 55), await verdictAt(start + 10), await verdictAt(start + 55)]).toEqual([
      'ok',
      'not_yet_valid',
      'ok',
    ]);
    expect(await verdictAt(start + 91)).toBe('expired');
  });

  test('says the same again, whatever somebody did with what it said before', async () => {
    const { clock, own, claims } = await world();
    const issuers = [{ ...own, keys: { keys: [key.publicJwk] } }];
    const trusted = trust({ audience, issuers, keepVerified: 8, now: () => clock.now * 1000 });
    const token = await signed(claims(), key);
    const said = async () => {
      const result = await verifySessionToken(`Bearer ${token}`, trusted);
      if (!result.ok || result.kind !== 'session-token') throw new Error('no session token');
      return result.claims;
    };
    const first = await said();
    const before = structuredClone(first);
    (first.may.on as string[]).push('delete_all');
    first.sub = 'somebody else';
    const second = await said();
    expect(second).toEqual(before);
    (second.may.on as string[]).push('delete_all');
    expect(await said()).toEqual(before);
  });

  test('counts once where each counts once', async () => {
    const { claims, verdict } = await world({ keepVerified: 8, replay: replayWindow() });
    const token = await signed(claims(), key);
    expect([await verdict(token), await verdict(token)]).toEqual(['ok', 'replayed']);
  });
});

describe('hostile tokens', () => {
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  type Made = Awaited<ReturnType<typeof world>>;
  const cases: readonly (readonly [string, string, (made: Made) => Promise<string> | string])[] = [
    [
      'no signature',
      'malformed',
      ({ claims }) => `${b64({ alg: 'none', typ: 'managed-session+jwt' })}.${b64(claims())}.`,
    ],
    [
      'alg none with a signature',
      'bad_signature',
      ({ claims }) => `${b64({ alg: 'none', kid: key.kid, typ: 'managed-session+jwt' })}.${b64(claims())}.AAAA`,
    ],
    [
      'HS256 with the public key as its secret',
      'bad_signature',
      async ({ claims }) =>
        await new SignJWT(claims())
          .setProtectedHeader({ alg: 'HS256', kid: key.kid, typ: 'managed-session+jwt' })
          .sign(new TextEncoder().encode(JSON.stringify(key.publicJwk))),
    ],
    ['ES256 where EdDSA is meant', 'bad_signature', async ({ claims }) => await signed(claims(), es256)],
    [
      'ES256 under the name of an EdDSA key',
      'bad_signature',
      async ({ claims }) => await signed(claims(), { ...es256, kid: key.kid }),
    ],
    [
      'another key under a known name',
      'bad_signature',
      async ({ claims }) => await signed(claims(), { ...other, kid: key.kid }),
    ],
    ['an unknown key', 'unknown_key', async ({ claims }) => await signed(claims(), other)],
    [
      'no kid',
      'malformed',
      async ({ claims }) =>
        await new SignJWT(claims())
          .setProtectedHeader({ alg: 'EdDSA', typ: 'managed-session+jwt' })
          .sign(key.privateKey),
    ],
    [
      'a kid that is a path',
      'unknown_key',
      async ({ claims }) => await signed(claims(), key, { kid: '../../../dev/null' }),
    ],
    [
      'a kid that is a name of every object',
      'unknown_key',
      async ({ claims }) => await signed(claims(), key, { kid: '__proto__' }),
    ],
    ['a key inside', 'malformed', async ({ claims }) => await signed(claims(), other, { jwk: other.publicJwk })],
    [
      'the address of a key inside',
      'malformed',
      async ({ claims }) => await signed(claims(), key, { jku: 'https://evil.example/keys' }),
    ],
    ['a certificate inside', 'malformed', async ({ claims }) => await signed(claims(), key, { x5c: ['AAAA'] })],
    [
      'a critical extension',
      'malformed',
      async ({ claims }) =>
        `${b64({ alg: 'EdDSA', kid: key.kid, typ: 'managed-session+jwt', crit: ['b64'], b64: false })}.${b64(claims())}.AAAA`,
    ],
    ['another type', 'wrong_type', async ({ claims }) => await signed(claims(), key, { typ: 'JWT' })],
    ['a status list as a token', 'wrong_type', async ({ clock }) => await statusList(issuer, key, clock.now)],
    [
      'another audience',
      'wrong_audience',
      async ({ claims }) => await signed(claims({ aud: ['https://other.example.com/mcp'] }), key),
    ],
    [
      'its audience among others',
      'bad_claims',
      async ({ claims }) => await signed(claims({ aud: [audience, 'https://other.example.com/mcp'] }), key),
    ],
    ['an audience that is no list', 'bad_claims', async ({ claims }) => await signed(claims({ aud: audience }), key)],
    [
      'an audience with a slash more',
      'wrong_audience',
      async ({ claims }) => await signed(claims({ aud: [`${audience}/`] }), key),
    ],
    ['no audience', 'wrong_audience', async ({ claims }) => await signed(claims({ aud: undefined }), key)],
    [
      'another tenant under the same issuer',
      'wrong_tenant',
      async ({ claims }) => await signed(claims({ tenant: 'wrkspc_2' }), key),
    ],
    [
      'another issuer',
      'unknown_issuer',
      async ({ claims }) => await signed(claims({ iss: 'https://evil.example' }), key),
    ],
    [
      'the issuer with a slash',
      'unknown_issuer',
      async ({ claims }) => await signed(claims({ iss: `${issuer}/` }), key),
    ],
    [
      'expired',
      'expired',
      async ({ claims }) => await signed(claims({ iat: start - 700, nbf: start - 700, exp: start - 100 }), key),
    ],
    ['without exp', 'bad_claims', async ({ claims }) => await signed(claims({ exp: undefined }), key)],
    ['exp as text', 'bad_claims', async ({ claims }) => await signed(claims({ exp: `${start + 600}` }), key)],
    ['exp as a fraction', 'bad_claims', async ({ claims }) => await signed(claims({ exp: start + 0.5 }), key)],
    ['valid for a day', 'bad_claims', async ({ claims }) => await signed(claims({ exp: start + 86_400 }), key)],
    ['not valid yet', 'not_yet_valid', async ({ claims }) => await signed(claims({ nbf: start + 100 }), key)],
    [
      'made in the future',
      'not_yet_valid',
      async ({ claims }) => await signed(claims({ iat: start + 100, nbf: start }), key),
    ],
    ['without iat', 'bad_claims', async ({ claims }) => await signed(claims({ iat: undefined }), key)],
    ['without jti', 'bad_claims', async ({ claims }) => await signed(claims({ jti: undefined }), key)],
    ['without sub', 'bad_claims', async ({ claims }) => await signed(claims({ sub: undefined }), key)],
    ['without status', 'bad_claims', async ({ claims }) => await signed(claims({ status: undefined }), key)],
    [
      'a status list elsewhere',
      'bad_claims',
      async ({ claims }) =>
        await signed(claims({ status: { status_list: { idx: 5, uri: 'https://evil.example/s' } } }), key),
    ],
    [
      'a place beyond the list',
      'revoked',
      async ({ claims }) =>
        await signed(claims({ status: { status_list: { idx: 1_000_000, uri: `${issuer}/status` } } }), key),
    ],
    [
      'a place that is a fraction',
      'bad_claims',
      async ({ claims }) =>
        await signed(claims({ status: { status_list: { idx: 1.5, uri: `${issuer}/status` } } }), key),
    ],
    [
      'a place before the list',
      'bad_claims',
      async ({ claims }) =>
        await signed(claims({ status: { status_list: { idx: -8, uri: `${issuer}/status` } } }), key),
    ],
    [
      'a place that is text',
      'bad_claims',
      async ({ claims }) =>
        await signed(claims({ status: { status_list: { idx: '5', uri: `${issuer}/status` } } }), key),
    ],
    ['a claim that nobody knows', 'bad_claims', async ({ claims }) => await signed(claims({ scope: 'admin' }), key)],
    [
      'a verdict that nobody knows',
      'bad_claims',
      async ({ claims }) => await signed(claims({ may: { on: [], auto: [], ask: [], all: ['*'] } }), key),
    ],
    [
      'tools that are no list',
      'bad_claims',
      async ({ claims }) => await signed(claims({ may: { on: 'list_tickets', auto: [], ask: [] } }), key),
    ],
    ['a chain that says less than it is', 'bad_claims', async ({ claims }) => await signed(claims(lineage(2, 1)), key)],
    ['a chain that says more than it is', 'bad_claims', async ({ claims }) => await signed(claims(lineage(1, 2)), key)],
    ['a chain that is too deep', 'too_deep', async ({ claims }) => await signed(claims(lineage(5)), key)],
    ['a chain of a hundred', 'bad_claims', async ({ claims }) => await signed(claims(lineage(100)), key)],
    [
      'a chain whose agent has no name',
      'bad_claims',
      async ({ claims }) =>
        await signed(claims({ ...lineage(1), act: { sub: 'a', name: 'a', version: 1, act: { sub: 'b' } } }), key),
    ],
    [
      'a child that is its own root',
      'bad_claims',
      async ({ claims }) => await signed(claims({ ...lineage(1), root_sid: 'sesn_1' }), key),
    ],
    [
      'more than a header holds',
      'malformed',
      async ({ claims }) => await signed(claims({ task: 'x'.repeat(20_000) }), key),
    ],
    [
      'a task that is too long',
      'bad_claims',
      async ({ claims }) => await signed(claims({ task: 'x'.repeat(3000) }), key),
    ],
    [
      'claims that are a list',
      'bad_signature',
      async () => `${b64({ alg: 'EdDSA', kid: key.kid, typ: 'managed-session+jwt' })}.${b64([1])}.AAAA`,
    ],
    ['claims that are no JSON', 'malformed', async () => 'e30.AAAA'],
    ['two tokens', 'malformed', async ({ claims }) => `${await signed(claims(), key)}, ${await signed(claims(), key)}`],
    ['a signature that was cut', 'bad_signature', async ({ claims }) => (await signed(claims(), key)).slice(0, -4)],
  ];
  test.each(cases)('%s: %s [P2]', async (_name, code, make) => {
    const made = await world();
    expect(await made.verdict(await make(made))).toBe(code);
    // The same server takes what is right.
    expect(await made.verdict(await signed(made.claims(), key))).toBe('ok');
  });

  test('a chain as deep as is allowed counts', async () => {
    const { claims, verdict } = await world();
    expect(await verdict(await signed(claims(lineage(4)), key))).toBe('ok');
  });

  test('headers that are none', async () => {
    const { trusted, claims } = await world();
    const token = await signed(claims(), key);
    const codes = [];
    for (const header of [
      undefined,
      null,
      '',
      'Basic YTpi',
      'Bearer',
      `Bearer ${token} x`,
      token,
      `bearer  ${token}`,
    ]) {
      const result = await verifySessionToken(header, trusted);
      codes.push(result.ok ? 'ok' : result.code);
    }
    expect(codes).toEqual(['missing', 'missing', 'missing', 'malformed', 'malformed', 'malformed', 'malformed', 'ok']);
  });
});

/** What a session says that is so deep. */
function lineage(depth: number, said = depth) {
  let act: object = { sub: 'agent_0', name: 'root', version: 1 };
  for (let each = 1; each <= depth; each += 1) act = { sub: `agent_${each}`, name: 'child', version: 1, act };
  return { act, depth: said, root_sid: 'sesn_0', parent_sid: 'sesn_00' };
}

describe('keys', () => {
  test('a new key counts once it was published and the cooldown is over, and the old one goes on', async () => {
    const { clock, claims, verdict, publishKeys } = await world();
    expect(await verdict(await signed(claims(), key))).toBe('ok');
    publishKeys(key.publicJwk, other.publicJwk);
    expect(await verdict(await signed(claims(), other))).toBe('unknown_key');
    clock.now += 31;
    expect(await verdict(await signed(claims(), other))).toBe('ok');
    expect(await verdict(await signed(claims(), key))).toBe('ok');
  });

  test('tokens with names of no key ask once in a while, and beside each other once', async () => {
    const { clock, claims, verdict } = await world();
    clock.now += 1;
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => await signed(claims(), other, { kid: `k${index}` })),
    );
    await Promise.all(tokens.map(verdict));
    for (const token of tokens) await verdict(token);
    expect(host.requests['/keys']).toBe(1);
  });

  test.each([
    ['an error', { status: 500, body: 'x' }],
    ['HTML', { body: '<html>' }],
    ['no keys', { body: '{"keys":[]}' }],
    ['null in place of the set', { body: 'null' }],
    ['a redirect to a set', { status: 302, body: '', headers: { location: '/elsewhere' } }],
    ['a set of more than there can be', { body: '', padded: 100_000 }],
  ])('%s in place of a set: the last good one counts for its time and no longer', async (_what, answer) => {
    const { clock, claims, verdict, publishStatus } = await world({ keysLastGoodSeconds: 1000 });
    expect(await verdict(await signed(claims(), key))).toBe('ok');
    const set = JSON.stringify({ keys: [key.publicJwk] });
    host.files.set('/elsewhere', { body: set });
    host.files.set('/keys', 'padded' in answer ? { body: `${' '.repeat(answer.padded)}${set}` } : answer);
    clock.now += 700;
    await publishStatus([]);
    expect(await verdict(await signed(claims(), key))).toBe('ok');
    clock.now += 1000;
    await publishStatus([]);
    expect(await verdict(await signed(claims(), key))).toBe('keys_unavailable');
  });

  test('what is no key of ours does not count, and takes nothing from those beside it', async () => {
    const { d } = await exportJWK(other.privateKey);
    const odd: readonly [string, unknown][] = [
      ['a private part', { ...other.publicJwk, d }],
      ['another algorithm', { ...other.publicJwk, alg: 'ES256' }],
      ['no algorithm', { ...other.publicJwk, alg: undefined }],
      ['for encryption', { ...other.publicJwk, use: 'enc' }],
      ['a name of its own', { ...other.publicJwk, kid: 'mine' }],
      ['the name of another', { ...other.publicJwk, kid: key.kid }],
      ['nothing', null],
      ['text', await exportSPKI(await importedKey())],
    ];
    for (const [what, value] of odd) {
      const { claims, verdict, publishKeys } = await world();
      publishKeys(value, key.publicJwk);
      const named = (value as { kid?: string } | null)?.kid ?? other.kid;
      expect([what, await verdict(await signed(claims(), { ...other, kid: named }))]).not.toEqual([what, 'ok']);
      if (named !== key.kid) expect([what, await verdict(await signed(claims(), key))]).toEqual([what, 'ok']);
    }
  });

  async function importedKey() {
    const { importJWK } = await import('jose');
    return (await importJWK(other.publicJwk, 'EdDSA', { extractable: true })) as CryptoKey;
  }

  test("one name for two keys is nobody's", async () => {
    const { claims, verdict, publishKeys } = await world();
    publishKeys(key.publicJwk, key.publicJwk, other.publicJwk);
    expect(await verdict(await signed(claims(), key))).toBe('unknown_key');
  });

  test('ES256 for receivers that take nothing else', async () => {
    const { trusted: _, own, clock, claims } = await world();
    host.files.set('/keys', { body: JSON.stringify({ keys: [es256.publicJwk, key.publicJwk] }) });
    host.files.set('/status', { body: await statusList(issuer, es256, clock.now) });
    const only = trust({ audience, issuers: [{ ...own, algorithm: 'ES256' }], now: () => clock.now * 1000 });
    expect(await verifySessionToken(`Bearer ${await signed(claims(), es256)}`, only)).toMatchObject({ ok: true });
    expect(await verifySessionToken(`Bearer ${await signed(claims(), key)}`, only)).toMatchObject({ ok: false });
  });
});

test('a host that lets everybody wait is not asked without a pause while the last answers count', async () => {
  const { clock, own, claims } = await world();
  let asked = 0;
  let hanging = false;
  const waiting: typeof fetch = async (address, init) => {
    if (!hanging) return await fetch(address, init);
    asked += 1;
    clock.now += 20;
    throw new TypeError('nobody answered in time');
  };
  const trusted = trust({ audience, issuers: [own], now: () => clock.now * 1000, fetch: waiting });
  const verify = async () => await verifySessionToken(`Bearer ${await signed(claims(), key)}`, trusted);
  expect(await verify()).toMatchObject({ ok: true });
  hanging = true;
  clock.now += 61;
  for (let time = 0; time < 5; time += 1) expect(await verify()).toMatchObject({ ok: true });
  expect(asked).toBe(1);
});

describe('status', () => {
  test('what was taken back is refused within the time that a list is fresh', async () => {
    const { clock, claims, verdict, publishStatus } = await world();
    const token = await signed(claims(), key);
    expect(await verdict(token)).toBe('ok');
    await publishStatus([5]);
    clock.now += 31;
    await publishStatus([5]);
    expect(await verdict(token)).toBe('revoked');
  });

  test('a list that cannot be had counts for its time, and then no token does', async () => {
    const { clock, claims, verdict } = await world();
    const token = await signed(claims(), key);
    expect(await verdict(token)).toBe('ok');
    host.files.delete('/status');
    clock.now += 290;
    expect(await verdict(token)).toBe('ok');
    clock.now += 20;
    expect(await verdict(token)).toBe('status_unavailable');
  });

  test('a list that may not be stale counts while it is fresh', async () => {
    const { clock, claims, verdict } = await world({ statusStaleSeconds: 0 });
    expect(await verdict(await signed(claims(), key))).toBe('ok');
    clock.now += 31;
    expect(await verdict(await signed(claims(), key))).toBe('ok');
    host.files.delete('/status');
    clock.now += 31;
    expect(await verdict(await signed(claims(), key))).toBe('status_unavailable');
  });

  test('an older list takes nothing back that was taken back', async () => {
    const { clock, claims, verdict, publishStatus } = await world();
    const old = await statusList(issuer, key, clock.now);
    clock.now += 60;
    await publishStatus([5]);
    const token = await signed(claims(), key);
    expect(await verdict(token)).toBe('revoked');
    host.files.set('/status', { body: old });
    clock.now += 60;
    expect(await verdict(token)).toBe('revoked');
  });

  test.each<[string, (now: number) => Promise<string>]>([
    ['signed by nobody known', async (now) => await statusList(issuer, other, now)],
    ['expired', async (now) => await statusList(issuer, key, now - 4000)],
    ['without exp', async (now) => await statusList(issuer, key, now, { more: { exp: undefined } })],
    ['of the future', async (now) => await statusList(issuer, key, now + 1000)],
    ['of another place', async (now) => await statusList(issuer, key, now, { more: { sub: `${issuer}/other` } })],
    ['of another issuer', async (now) => await statusList(issuer, key, now, { more: { iss: 'https://evil.example' } })],
    ['of another type', async (now) => await statusList(issuer, key, now, { header: { typ: 'managed-session+jwt' } })],
    [
      'of three bits',
      async (now) => await statusList(issuer, key, now, { more: { status_list: { bits: 3, lst: 'eNrbuRgAAhcBXQ' } } }),
    ],
    [
      'that does not unpack',
      async (now) => await statusList(issuer, key, now, { more: { status_list: { bits: 1, lst: 'AAAA' } } }),
    ],
    ['that unpacks to too much', async (now) => await statusList(issuer, key, now, { size: 2 ** 23 + 8 })],
    ['without its list', async (now) => await statusList(issuer, key, now, { more: { status_list: undefined } })],
    ['that is no token', async () => '{"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}'],
  ])('no token counts with a list %s', async (_what, make) => {
    const { clock, claims, verdict } = await world();
    host.files.set('/status', { body: await make(clock.now) });
    expect(await verdict(await signed(claims(), key))).toBe('status_unavailable');
  });

  test('lists are asked for once for many tokens', async () => {
    const { claims, verdict } = await world();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => await signed(claims({ jti: `${index}` }), key)),
    );
    expect(new Set(await Promise.all(tokens.map(verdict)))).toEqual(new Set(['ok']));
    expect(host.requests).toEqual({ '/keys': 1, '/status': 1 });
  });
});

test('where each token counts once, the second use is refused, and a full window lets nothing new in', async () => {
  const { claims, verdict, clock } = await world({ replay: replayWindow(2) });
  const tokens = await Promise.all(['a', 'b', 'c'].map(async (jti) => await signed(claims({ jti }), key)));
  const codes = [];
  for (const token of [tokens[0], tokens[0], tokens[1], tokens[2]]) codes.push(await verdict(token ?? ''));
  expect(codes).toEqual(['ok', 'replayed', 'ok', 'replay_unknown']);
  // The same claims signed once more are the same token.
  expect(await verdict(await signed(claims({ jti: 'a' }), key))).toBe('replayed');
  clock.now += 1000;
  expect(await verdict(await signed(claims({ jti: 'd' }), key))).not.toBe('replay_unknown');
});

test('a token that counts once is known for as long as it counts', async () => {
  const { own, claims } = await world();
  const clock = { now: start };
  const settings = { audience, issuers: [own], skewSeconds: 0.5, replay: replayWindow(), now: () => clock.now * 1000 };
  const trusted = trust(settings);
  const token = `Bearer ${await signed({ ...claims(), iat: start, exp: start + 10 }, key)}`;
  expect(await verifySessionToken(token, trusted)).toMatchObject({ ok: true });
  clock.now += 10.7;
  expect(await verifySessionToken(token, trusted)).toMatchObject({ ok: false, code: 'replayed' });
});

test('one subject only, where a server says so', async () => {
  const { own, clock, claims } = await world();
  const only = trust({
    audience,
    issuers: [{ ...own, subjects: ['sso:https://login.example.com#ada'] }],
    now: () => clock.now * 1000,
  });
  expect(await verifySessionToken(`Bearer ${await signed(claims(), key)}`, only)).toMatchObject({ ok: true });
  const foreign = await signed(claims({ sub: 'sso:https://login.example.com#Ada' }), key);
  expect(await verifySessionToken(`Bearer ${foreign}`, only)).toMatchObject({ code: 'wrong_subject' });
});

describe("the platform's own tokens", () => {
  const platform = 'https://identity.example.com/agents';
  const subject = 'wimse://identity.example.com/org/org_1/agent/cagt_1';
  const agentClaims = {
    iss: platform,
    sub: subject,
    aud: [audience],
    tenant: 'org_1',
    agent_id: 'cagt_1',
    profile_id: 'p',
    iat: start,
    exp: start + 600,
    jti: 'j',
  };
  const agents = () => ({
    kind: 'platform-agent' as const,
    issuer: platform,
    keys: { keys: [{ ...es256.publicJwk, kid: 'k1' }] },
    tenants: ['org_1'],
    subjects: [subject],
  });

  test('count beside session tokens, each by its own issuer', async () => {
    const { own, clock, claims } = await world();
    const both = trust({ audience, issuers: [own, agents()], now: () => clock.now * 1000 });
    const verdict = async (token: string) => {
      const result = await verifySessionToken(`Bearer ${token}`, both);
      return result.ok ? result.kind : result.code;
    };
    const platformKey = { ...es256, kid: 'k1' };
    expect(await verdict(await signed(agentClaims, platformKey, { typ: 'JWT' }))).toBe('platform-agent');
    expect(await verdict(await signed(claims(), key))).toBe('session-token');
    expect(await verdict(await signed({ ...agentClaims, tenant: 'org_2' }, platformKey, { typ: 'JWT' }))).toBe(
      'wrong_tenant',
    );
    expect(await verdict(await signed({ ...agentClaims, sub: `${subject}2` }, platformKey, { typ: 'JWT' }))).toBe(
      'wrong_subject',
    );
    expect(await verdict(await signed({ ...agentClaims, aud: [audience, 'x'] }, platformKey, { typ: 'JWT' }))).toBe(
      'bad_claims',
    );
    expect(await verdict(await signed({ ...agentClaims, exp: undefined }, platformKey, { typ: 'JWT' }))).toBe(
      'bad_claims',
    );
    // What one issuer signs is no token of the other.
    expect(await verdict(await signed(claims(), platformKey))).not.toMatch(/token|agent/);
    expect(await verdict(await signed({ ...claims(), iss: platform }, platformKey))).toBe('malformed');
    expect(await verdict(await signed({ ...agentClaims, iss: issuer }, key, { typ: 'JWT' }))).toBe('wrong_type');
    expect(
      await verdict(await signed({ ...agentClaims, iss: 'https://third.example' }, platformKey, { typ: 'JWT' })),
    ).toBe('unknown_issuer');
  });
});

test.each<[string, (settings: TrustSettings) => TrustSettings]>([
  ['no tenant', ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [{ ...own, tenants: [] }] : [] })],
  [
    'a text of tenants, whose every part would be one',
    ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [{ ...own, tenants: 'wrkspc_12' as never }] : [] }),
  ],
  [
    'a text of subjects',
    ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [{ ...own, subjects: 'ada' as never }] : [] }),
  ],
  [
    'no subjects of the platform, said with null',
    ({ issuers: [own], ...rest }) => ({
      ...rest,
      issuers: own ? [{ ...own, kind: 'platform-agent', algorithm: 'ES256', subjects: null as never }] : [],
    }),
  ],
  [
    'a kind that nobody knows',
    ({ issuers: [own], ...rest }) => ({
      ...rest,
      issuers: own ? [{ ...own, kind: 'session' as never, algorithm: 'ES256', subjects: ['ada'] }] : [],
    }),
  ],
  ['no status list', ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [{ ...own, statusLists: [] }] : [] })],
  [
    'keys over plain http',
    ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [{ ...own, keys: 'http://keys.example.com/' }] : [] }),
  ],
  ['an issuer twice', ({ issuers: [own], ...rest }) => ({ ...rest, issuers: own ? [own, own] : [] })],
  ['no issuer', (settings) => ({ ...settings, issuers: [] })],
  ['an audience that is no address', (settings) => ({ ...settings, audience: 'tickets' })],
  ['an hour of skew', (settings) => ({ ...settings, skewSeconds: 3600 })],
  ['stale lists for a day', (settings) => ({ ...settings, statusStaleSeconds: 86_400 })],
  ['no number', (settings) => ({ ...settings, keysLastGoodSeconds: Number.NaN })],
  [
    'agents of everybody',
    ({ issuers: [own], ...rest }) => ({
      ...rest,
      issuers: own ? [{ ...own, kind: 'platform-agent', algorithm: 'ES256' }] : [],
    }),
  ],
])('settings with %s are refused', async (_what, change) => {
  const { own } = await world();
  expect(() => trust(change({ audience, issuers: [own] }))).toThrow(TypeError);
});

describe('middleware', () => {
  test('fetch: who called, or a challenge without a fault for who showed none', async () => {
    const { trusted, claims, clock } = await world();
    const request = (authorization?: string) =>
      new Request('https://tickets.example.com/mcp', authorization === undefined ? {} : { headers: { authorization } });
    const challenge = { resourceMetadata: 'https://tickets.example.com/.well-known/oauth-protected-resource/mcp' };
    expect(await authenticate(request(`Bearer ${await signed(claims(), key)}`), trusted, challenge)).toMatchObject({
      ok: true,
    });
    const answers = [];
    for (const header of [
      undefined,
      `Bearer ${await signed(claims({ iat: start - 4000, nbf: start - 4000, exp: start - 3600 }), key)}`,
    ]) {
      const answer = await authenticate(request(header), trusted, challenge);
      if (answer instanceof Response) answers.push([answer.status, answer.headers.get('www-authenticate')]);
    }
    expect(answers).toEqual([
      [401, `Bearer resource_metadata="${challenge.resourceMetadata}"`],
      [
        401,
        `Bearer error="invalid_token", error_description="it has expired", resource_metadata="${challenge.resourceMetadata}"`,
      ],
    ]);
    host.files.clear();
    clock.now += 301;
    const late = await authenticate(request(`Bearer ${await signed(claims(), key)}`), trusted);
    expect(late instanceof Response && [late.status, late.headers.get('retry-after')]).toEqual([503, '5']);
  });

  test('Hono and Express', async () => {
    const { Hono } = await import('hono');
    const { trusted, claims } = await world();
    const token = await signed(claims(), key);
    const app = new Hono<{ Variables: { auth: { claims: { sid: string } } } }>();
    app.use(honoAuth(trusted) as never);
    app.get('/', (context) => context.text(context.get('auth').claims.sid));
    const told = await app.request('/', { headers: { authorization: `Bearer ${token}` } });
    expect([told.status, await told.text(), (await app.request('/')).status]).toEqual([200, 'sesn_1', 401]);

    const seen: unknown[] = [];
    const response = {
      status(code: number) {
        seen.push(code);
        return response;
      },
      set: (name: string) => seen.push(name),
      json: (value: unknown) => seen.push(value),
    };
    const request: { headers: Record<string, string>; auth?: { clientId: string } } = {
      headers: { authorization: `Bearer ${token}` },
    };
    await expressAuth(trusted)(request, response, () => seen.push('next'));
    expect([seen, request.auth?.clientId]).toEqual([['next'], 'agent_1']);
    await expressAuth(trusted)({ headers: {} }, response, () => seen.push('next again'));
    expect(seen).toContain(401);
    expect(seen).not.toContain('next again');
  });

  test('Express is told of a fault of its own settings, and answers nothing for it', async () => {
    const { own, clock, claims } = await world();
    const fault = new Error('no such directory');
    const subjects = () => {
      throw fault;
    };
    const trusted = trust({ audience, issuers: [{ ...own, subjects }], now: () => clock.now * 1000 });
    const response = { status: () => response, set() {}, json() {} };
    const told: unknown[] = [];
    const request = { headers: { authorization: `Bearer ${await signed(claims(), key)}` } };
    await expressAuth(trusted)(request, response, (error) => told.push(error));
    expect(told).toEqual([fault]);
    expect(request).not.toHaveProperty('auth');
  });

  test("the MCP SDK's own middleware: 401 for what has expired, also without scope; audience demanded", async () => {
    const { requireBearerAuth } = await import('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js');
    const { InvalidTokenError } = await import('@modelcontextprotocol/sdk/server/auth/errors.js');
    const { trusted, claims, verify } = await world();
    const verifier = mcpTokenVerifier(trusted, InvalidTokenError);
    const ask = async (token: string, requiredScopes: string[]) => {
      let outcome: unknown = 'next';
      const request = { headers: { authorization: `Bearer ${token}` } } as Parameters<
        ReturnType<typeof requireBearerAuth>
      >[0];
      const response = {
        set: () => response,
        status(code: number) {
          outcome = code;
          return response;
        },
        json: () => response,
      };
      await requireBearerAuth({ verifier, requiredScopes })(request, response as never, () => {});
      return [outcome, request.auth?.clientId];
    };
    const good = await signed(claims(), key);
    const old = await signed(claims({ iat: start - 4000, nbf: start - 4000, exp: start - 3600 }), key);
    // That middleware holds the expiry against the clock of this machine, which is not yet where this test is.
    expect(await ask(good, ['tool:list_tickets'])).toEqual(['next', 'agent_1']);
    expect(await ask(good, ['tool:delete_all'])).toEqual([403, undefined]);
    expect(await ask(old, ['tool:delete_all'])).toEqual([401, undefined]);
    expect(await ask(await signed(claims({ aud: ['https://other.example.com/mcp'] }), key), [])).toEqual([
      401,
      undefined,
    ]);
    const result = await verify(good);
    if (result.ok)
      expect(authInfoOf(result, good)).toMatchObject({ expiresAt: start + 600, resource: new URL(audience) });
  });
});

test('fuzzed tokens: nothing that was changed counts, and nothing throws', async () => {
  const { claims, verify, trusted } = await world();
  const token = await signed(claims(), key);
  const [head = '', body = '', mark = ''] = token.split('.');
  const decoded = (part: string) => Buffer.from(part, 'base64url').toString('utf8');
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  const place = fc.nat({ max: 5000 });
  const spliced = fc
    .tuple(place, fc.nat({ max: 8 }), fc.string({ maxLength: 12 }))
    .map(([at, cut, put]) => (text: string) => {
      const where = at % (text.length + 1);
      return text.slice(0, where) + put + text.slice(where + cut);
    });
  const changed = fc.oneof(
    spliced.map((change) => [change(head), body, mark].join('.')),
    spliced.map((change) => [encoded(change(decoded(head))), body, mark].join('.')),
    spliced.map((change) => [head, encoded(change(decoded(body))), mark].join('.')),
    spliced.map((change) => [head, body, change(mark)].join('.')),
    fc.json().map((json) => [encoded(json), body, mark].join('.')),
    fc.json().map((json) => [head, encoded(json), mark].join('.')),
    fc.string().map((text) => text),
  );
  let [count, accepted] = [0, 0];
  await fc.assert(
    fc.asyncProperty(changed, async (text) => {
      count += 1;
      const result = await verify(text);
      const own = text.split('.');
      const sameBytes = [head, body, mark].every((part, index) => {
        const bytes = Buffer.from(own[index] ?? '', 'base64url');
        return bytes.equals(Buffer.from(part, 'base64url'));
      });
      if (result.ok && !sameBytes) accepted += 1;
      await verifySessionToken(text, trusted);
    }),
    { numRuns: 3000 },
  );
  expect([count >= 3000, accepted]).toEqual([true, 0]);
});

test('status lists mean what a public package means by them', async () => {
  const { StatusList } = await import('@sd-jwt/jwt-status-list');
  const statuses = fc
    .constantFrom(1 as const, 2 as const, 4 as const, 8 as const)
    .chain((bits) =>
      fc.tuple(fc.constant(bits), fc.array(fc.nat({ max: 2 ** bits - 1 }), { minLength: 8, maxLength: 200 })),
    );
  fc.assert(
    fc.property(statuses, ([bits, values]) => {
      const whole = values.slice(0, values.length - (values.length % 8));
      const list = unpackStatusList({ bits, lst: new StatusList(whole, bits).compressStatusList() });
      expect(whole.map((_, index) => statusAt(list, index))).toEqual(whole);
      expect([-1, 1.5, Number.NaN, whole.length].map((index) => statusAt(list, index))).toEqual(
        Array(4).fill(undefined),
      );
    }),
    { numRuns: 200 },
  );
});
