/** Session tokens verified by our entry beside a bare `jwtVerify` of the same token, in one process and in turn. */
import { importJWK, jwtVerify } from 'jose';
import { trust, verifySessionToken } from '../../internal/verify/index.ts';
import { sessionClaims, signed, staticHost, statusList, testKey } from '../support/session-tokens.ts';
import { median } from './measure.ts';

/** Tokens in a second. */
export interface TokenRates {
  bare: number;
  /** The platform's own tokens, which have no status list, beside `bareAgent`. */
  agent: number;
  bareAgent: number;
  /** With the status list. */
  session: number;
}

/** How much is measured. */
export interface TokenSize {
  rounds: number;
  /** Verifications in each round. */
  count: number;
}

const audience = 'https://tickets.example.com/mcp';

/** Measures medians over the rounds, each subject in turn. */
export async function measureSessionTokens({ rounds, count }: TokenSize): Promise<TokenRates> {
  await using host = await staticHost();
  const [key, agentKey] = [await testKey(), await testKey('ES256')];
  const now = Math.floor(Date.now() / 1000);
  host.files.set('/keys', { body: JSON.stringify({ keys: [key.publicJwk] }) });
  host.files.set('/status', { body: await statusList(host.address, key, now, { size: 1_000_000, revoked: [7] }) });
  const own = {
    kind: 'session-token' as const,
    issuer: host.address,
    keys: `${host.address}/keys`,
    tenants: ['wrkspc_1'],
    statusLists: [`${host.address}/status`],
  };
  const agents = 'https://identity.example.com/agents';
  const agentTrust = {
    kind: 'platform-agent' as const,
    issuer: agents,
    keys: { keys: [agentKey.publicJwk] },
    tenants: ['org_1'],
    subjects: () => true,
  };
  const [sessions, platform] = [trust({ audience, issuers: [own] }), trust({ audience, issuers: [agentTrust] })];
  const token = await signed(sessionClaims(host.address, now), key);
  const agentToken = await signed(
    { iss: agents, sub: 's', aud: [audience], tenant: 'org_1', agent_id: 'a', iat: now, exp: now + 600, jti: 'j' },
    agentKey,
    { typ: 'JWT' },
  );
  const publicKeys = await Promise.all([key, agentKey].map(({ publicJwk, alg }) => importJWK(publicJwk, alg)));
  const bare = (text: string, index: number, issuer: string, alg: string) => async () => {
    const { payload } = await jwtVerify(text, publicKeys[index] ?? new Uint8Array(), {
      algorithms: [alg],
      issuer,
      audience,
    });
    if (payload.iss !== issuer) throw new Error('not verified');
  };
  const full = (text: string, trusted: typeof sessions) => async () => {
    const result = await verifySessionToken(`Bearer ${text}`, trusted);
    if (!result.ok) throw new Error(`not verified: ${result.code}`);
  };
  const subjects = {
    bare: bare(token, 0, host.address, 'EdDSA'),
    session: full(token, sessions),
    bareAgent: bare(agentToken, 1, agents, 'ES256'),
    agent: full(agentToken, platform),
  };
  const times: Record<keyof typeof subjects, number[]> = { bare: [], session: [], bareAgent: [], agent: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, verify] of Object.entries(subjects) as [keyof typeof subjects, () => Promise<void>][]) {
      const started = performance.now();
      for (let index = 0; index < count; index += 1) await verify();
      // The first round warms up.
      if (round > 0) times[name].push(performance.now() - started);
    }
  }
  const rate = (name: keyof typeof subjects) => (1000 * count) / median(times[name]);
  return { bare: rate('bare'), session: rate('session'), bareAgent: rate('bareAgent'), agent: rate('agent') };
}
