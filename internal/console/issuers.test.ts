/** Which keys of an issuer count at a console, when it changes them and when it cannot be reached. */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { soon } from '../../test/support/soon.ts';
import { deferred } from '../async/deferred.ts';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import type { SsoIdentity } from '../identity/sso-provider.ts';
import { guardedFetch } from '../outside/http.ts';
import { type IssuerDoor, issuers, type KnownIssuer } from './issuers.ts';

const stores = {
  issuerKeys: { at: () => ({ read: async () => undefined, write: async () => {} }) },
} as unknown as IssuerDoor['stores'];

const keyNamed = (kid: string) => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });

/** An issuer of people or jobs whose keys a test changes, and a console that knows it. */
async function start(kind: 'people' | 'jobs') {
  let published: ReturnType<typeof keyNamed>[] = [];
  let isAway = false;
  let answering: Promise<void> = Promise.resolve();
  const server = await startHostileServer((line, _request, origin) => {
    if (line.endsWith('/keys')) {
      return async (response) => {
        await answering;
        if (isAway) return response.writeHead(503).end();
        const keys = published.map(({ kid, publicKey }) => ({ kid, ...publicKey.export({ format: 'jwk' }) }));
        return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
      };
    }
    const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
    const more = { response_types_supported: ['code'], subject_types_supported: ['public'] };
    return { json: { issuer: origin, jwks_uri: `${origin}/keys`, ...endpoints, ...more } };
  });
  let at = 0;
  let doors = 0;
  const fetch = async () => {
    doors += 1;
    return guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
  };
  const keysOf = issuers({ fetch, stores });
  const issuer: KnownIssuer = kind === 'jobs' ? server.origin : ({ mode: 'sso', issuer: server.origin } as SsoIdentity);
  return {
    publish: (...keys: ReturnType<typeof keyNamed>[]) => {
      published = keys;
    },
    away(now: boolean) {
      isAway = now;
    },
    /** Answers nobody until what it gives is called. */
    hold(): () => void {
      const { promise, resolve } = deferred();
      answering = promise;
      return resolve;
    },
    later(milliseconds: number) {
      at += milliseconds;
    },
    doors: () => doors,
    /** Whether a token that is signed with it counts. */
    async counts({ kid, privateKey }: ReturnType<typeof keyNamed>): Promise<boolean | string> {
      const token = await new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
      return await inTimeOf({ ...machineClock, monotonic: () => at }, () => keysOf(issuer).verify(token, {})).then(
        () => true,
        (error: { code: string }) => error.code,
      );
    },
  };
}

const unknown = 'ERR_JWKS_NO_MATCHING_KEY';
const [first, second, third, madeUp] = ['1', '2', '3', 'made-up'].map(keyNamed) as [
  ReturnType<typeof keyNamed>,
  ReturnType<typeof keyNamed>,
  ReturnType<typeof keyNamed>,
  ReturnType<typeof keyNamed>,
];

describe.each(['people', 'jobs'] as const)('the keys of an issuer of %s', (kind) => {
  test('are followed as it changes them, and not asked for by every token', async () => {
    const issuer = await start(kind);
    issuer.publish(first);
    expect(await issuer.counts(first)).toBe(true);
    // The one look that the first unknown key is good for.
    expect(await issuer.counts(madeUp)).toBe(unknown);
    issuer.publish(second);
    expect(await issuer.counts(second)).toBe(unknown);
    issuer.later(31_000);
    expect([await issuer.counts(second), await issuer.counts(first)]).toEqual([true, unknown]);
    issuer.publish(third);
    issuer.later(31_000);
    expect([await issuer.counts(third), issuer.doors()]).toEqual([true, 3]);
  });

  test('that cannot be had once are asked for by the next one', async () => {
    const issuer = await start(kind);
    issuer.publish(first);
    issuer.away(true);
    expect(await issuer.counts(first)).toBe('service_metadata');
    issuer.away(false);
    expect(await issuer.counts(first)).toBe(true);
  });

  test('hold up nobody whose key is known while the issuer is slow, and whoever shows a new one waits for it', async () => {
    const issuer = await start(kind);
    issuer.publish(first);
    expect(await issuer.counts(first)).toBe(true);
    issuer.later(31_000);
    issuer.publish(first, second);
    let release = issuer.hold();
    const waiting = [issuer.counts(second), issuer.counts(second)];
    await soon(() => expect(issuer.doors()).toBe(2));
    const third = issuer.counts(second);
    expect(await issuer.counts(first)).toBe(true);
    release();
    expect(await Promise.all([...waiting, third])).toEqual([true, true, true]);
    // So it is where the keys have grown old: they are asked for before that, and nobody waits.
    issuer.later(9 * 60_000 + 1_000);
    release = issuer.hold();
    expect(await issuer.counts(first)).toBe(true);
    await soon(() => expect(issuer.doors()).toBe(3));
    issuer.publish(second);
    release();
    await soon(async () => expect(await issuer.counts(first)).toBe(unknown));
    expect(await issuer.counts(second)).toBe(true);
    issuer.later(9 * 60_000 - 1_000);
    expect([await issuer.counts(second), issuer.doors()]).toEqual([true, 3]);
  });

  test('are taken from nobody by a made-up key while the issuer is away, and end in their time', async () => {
    const issuer = await start(kind);
    issuer.publish(first);
    expect(await issuer.counts(first)).toBe(true);
    issuer.away(true);
    expect(await issuer.counts(madeUp)).toBe('service_metadata');
    expect(await issuer.counts(first)).toBe(true);
    issuer.later(31_000);
    expect(await Promise.all([issuer.counts(madeUp), issuer.counts(first)])).toEqual(['service_metadata', true]);
    expect([await issuer.counts(madeUp), issuer.doors()]).toEqual([unknown, 2]);
    issuer.later(10 * 60_000 - 31_000);
    expect(await issuer.counts(first)).toBe('service_metadata');
  });
});
