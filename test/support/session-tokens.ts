/** Session tokens that are made with plain jose, and the static host that their issuer publishes keys and status at. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateSync } from 'node:zlib';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of an issuer. */
export interface TestKey {
  kid: string;
  alg: 'EdDSA' | 'ES256';
  privateKey: CryptoKey;
  publicJwk: JWK & { kid: string };
}

/** Makes a key, named by its thumbprint. */
export async function testKey(alg: TestKey['alg'] = 'EdDSA'): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, alg, privateKey, publicJwk: { ...jwk, kid, alg, use: 'sig' } };
}

/** Signs whatever claims with a key. */
export async function signed(
  claims: Record<string, unknown>,
  { kid, alg, privateKey }: TestKey,
  header: Record<string, unknown> = {},
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg, kid, typ: 'managed-session+jwt', ...header } as { alg: string })
    .sign(privateKey);
}

/** A whole session token's claims; times are seconds since 1970. */
export function sessionClaims(issuer: string, now: number) {
  return {
    iss: issuer,
    sub: 'sso:https://login.example.com#ada',
    sub_id: { format: 'iss_sub', iss: 'https://login.example.com', sub: 'ada' },
    act: { sub: 'agent_1', name: 'support', version: 3 },
    sid: 'sesn_1',
    root_sid: 'sesn_1',
    depth: 0,
    aud: ['https://tickets.example.com/mcp'],
    tenant: 'wrkspc_1',
    txn: '7d0f8c40-1111-4222-8333-444455556666',
    vault: 'r5oBvB2oDqzIcVmjvNfCVGEJ2C4X9p4X1bqGX4sHUZ4',
    policy: 'sY0x4o2b5dQJd8hGXw3m0X3gk4m3b8i3w9o3bX2H2kU',
    may: { on: ['list_tickets'], auto: [], ask: ['close_ticket'] },
    status: { status_list: { idx: 5, uri: `${issuer}/status` } },
    iat: now,
    nbf: now,
    exp: now + 600,
    jti: '1f4b8c9a-0000-4000-8000-000000000001',
  };
}

/** Signs a status list in which these places are taken back. */
export async function statusList(
  issuer: string,
  key: TestKey,
  now: number,
  { revoked = [], size = 1000, more = {}, header = {} }: StatusOptions = {},
): Promise<string> {
  const bytes = new Uint8Array(Math.ceil(size / 8));
  for (const index of revoked) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  const claims = {
    iss: issuer,
    sub: `${issuer}/status`,
    iat: now,
    exp: now + 3600,
    ttl: 30,
    status_list: { bits: 1, lst: deflateSync(bytes).toString('base64url') },
    ...more,
  };
  return await signed(claims, key, { typ: 'statuslist+jwt', ...header });
}

interface StatusOptions {
  revoked?: readonly number[];
  size?: number;
  more?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

/** A static host on this machine. What it serves can be changed; it counts its requests. */
export interface StaticHost extends AsyncDisposable {
  address: string;
  requests: Record<string, number>;
  files: Map<string, { status?: number; body: string; headers?: Record<string, string> }>;
}

export async function staticHost(): Promise<StaticHost> {
  const files: StaticHost['files'] = new Map();
  const requests: StaticHost['requests'] = {};
  const server = createServer(({ url = '' }, response) => {
    requests[url] = (requests[url] ?? 0) + 1;
    const { status = 200, body, headers = {} } = files.get(url) ?? { status: 404, body: 'nothing' };
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    requests,
    files,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
