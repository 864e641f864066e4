/** Whoever asks a console by hand: each part of a request can be what a program would never send. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { machineClock } from '../../internal/clock/clock.ts';
import { sha256 } from '../../internal/text/canonical.ts';
import type { PersonName } from '../sandbox/people.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { type Answered, ask } from './ask.ts';

/** A key of the caller's own. */
export type CallerKey = ReturnType<typeof newKey>;

/** Makes one. */
export function newKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** A proof of a key for one request, its claims and header changed where a test says so. */
export async function proofOf(
  key: CallerKey,
  of: { method: string; url: string; token?: string | undefined },
  claims: JWTPayload = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const payload = {
    htm: of.method,
    htu: of.url,
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    ...(of.token !== undefined && { ath: sha256(of.token, 'base64url') }),
    ...claims,
  };
  const jwk = await exportJWK(key.publicKey);
  return await new SignJWT(payload)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header } as never)
    .sign(key.privateKey);
}

/** What a token differs in from an honest one. */
export interface TokenChange {
  claims?: Record<string, unknown>;
  signedBy?: 'provider' | 'stranger' | 'nobody';
  typ?: string;
}

/** An ID token of a person for the commands, as the provider of the sandbox signs it. */
export async function idTokenOf(
  { identityProvider, people }: Sandbox,
  person: PersonName,
  { claims = {}, signedBy = 'provider', typ = 'JWT' }: TokenChange = {},
): Promise<string> {
  const { subject, groups, email } = people[person];
  const time = Math.floor(Date.now() / 1000);
  const honest = {
    iss: identityProvider.issuer,
    aud: identityProvider.clientId,
    sub: subject,
    groups: [...groups],
    email,
    email_verified: true,
    nonce: 'of-the-command',
    iat: time,
    exp: time + 3600,
  };
  const seed = `.${Buffer.from(JSON.stringify(honest)).toString('base64url')}.`;
  return await identityProvider.control.forge(seed, claims, signedBy, typ);
}

/** The limits of one person and one address are for them: a walk through a table waits. */
export async function patiently(act: () => Promise<Answered>): Promise<Answered> {
  for (;;) {
    const answered = await act();
    if (answered.status !== 429) return answered;
    await machineClock.pause(1000 * Number(answered.headers['retry-after'] ?? 1));
  }
}

/** Exchanges a token for a session, as soon as the console lets it; what is shown can be changed. */
export async function exchangeAt(
  origin: string,
  key: CallerKey,
  token: string,
  changed: { type?: string; proof?: string | undefined; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const url = `${origin}/v1/token`;
  const proof = 'proof' in changed ? changed.proof : await proofOf(key, { method: 'POST', url });
  const question = {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(proof !== undefined && { dpop: proof }),
      ...changed.headers,
    },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: changed.type ?? 'urn:ietf:params:oauth:token-type:id_token',
    }).toString(),
  };
  return await patiently(() => ask(url, question));
}

/** A session that was exchanged. */
export interface Caller {
  key: CallerKey;
  token: string;
  /** Asks something as a command does, with the headers and body that a test says. */
  ask(
    path: string,
    question?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answered>;
}

/** Opens a session, or fails. */
export async function callerAt(origin: string, idToken: string): Promise<Caller> {
  const key = newKey();
  const { status, body } = await exchangeAt(origin, key, idToken);
  if (status !== 200) throw new Error(`the exchange answered ${status}: ${body}`);
  const { access_token: token } = JSON.parse(body) as { access_token: string };
  return {
    key,
    token,
    async ask(path, { method = 'POST', body: value, headers = {} } = {}) {
      const url = `${origin}${path}`;
      return await ask(url, {
        method,
        headers: {
          authorization: `DPoP ${token}`,
          dpop: await proofOf(key, { method, url, token }),
          ...(value !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(value !== undefined && { body: typeof value === 'string' ? value : JSON.stringify(value) }),
      });
    },
  };
}

/** What a command says of itself beside its request. */
export const asking = {
  executable: 'setup-session',
  version: '0.1.0',
  interactive: false,
  byCode: false,
  signedInNow: false,
} as const;

/** The lines of a run. */
export function linesOf({ body }: Answered): { kind: string; [member: string]: unknown }[] {
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { kind: string });
}
