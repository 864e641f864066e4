import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { AuthorizationControl, Counters, JsonObject } from './authorization/control.ts';
import { exchangeGrant, type IdJagIssuer, issueIdJags } from './authorization/id-jag.ts';
import { use } from './authorization/middleware.ts';
import { createAuthorizationServer } from './authorization/server.ts';
import type { Authentication } from './authorization/sign-in.ts';
import type { LiveGrant } from './authorization/store.ts';
import { listenOnLoopback } from './listener.ts';
import { type Person, type PersonName, people } from './people.ts';

/** The identity provider of the sandbox. */
export interface IdentityProvider {
  readonly issuer: string;
  /** The native public client that the executables sign in with. */
  readonly clientId: string;
  readonly people: Readonly<Record<PersonName, Person>>;
  readonly control: IdentityProviderControl;
  readonly counters: Counters;
  /** How often the keys were asked for. */
  keyRequests(): number;
  /** The access of a person that has not ended, with the refresh tokens that keep it going. */
  liveGrantsOf(subject: string): readonly LiveGrant[];
  /** The assertions that it issues for other servers, once somebody is let have them. */
  readonly idJag: IdJagIssuer;
  /** Seconds that clients of the device flow have to leave between two questions, 5 unless told. */
  setDeviceIntervalSeconds(seconds: number): void;
  /** Every code and token issued so far, ID tokens included, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  close(): Promise<void>;
}

/** What can be made to go wrong with a sign-in. */
interface IdentityProviderControl extends AuthorizationControl {
  /**
   * Changes every token response. `forge` makes an ID token from the honest one with other claims
   * (`undefined` removes a claim), signed by the provider's key, by a stranger's, or not at all.
   */
  tamperTokenResponse(tamper?: (answer: JsonObject, forge: Forge) => JsonObject | Promise<JsonObject>): void;
  /** Makes an ID token out of one that this provider has issued. */
  forge(idToken: string, ...how: Parameters<Forge>): Promise<string>;
  /** Signs with a new key from now on, under a name of its own unless told. The old one is published no more, unless it is kept. */
  rotateKeys(options?: { keepOld?: boolean; sameName?: boolean }): void;
  /** Publishes what it has published before, however often somebody looks: a new key that is not there yet. */
  publishOldKeys(): void;
  /** Answers a path with something else than it would, which is handed in. Without a function: honest again. */
  answerOtherwise(path: string, otherwise?: (honest: unknown) => Otherwise): void;
  /** How people sign in from now on. Without an argument: with a password, and a second factor where that is asked for. */
  authenticate(how?: Authentication): void;
}

/** What is answered instead of something else; with 200 unless told. */
export interface Otherwise {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body: string | Buffer | JsonObject;
}

/** Where the provider's own origin serves the keys of a stranger, which its metadata never names. */
export const strangersKeysPath = '/strangers-keys';

/** The authentication contexts of the sandbox. */
export const contexts: { readonly password: string; readonly secondFactor: string } = {
  password: 'urn:sandbox:password',
  secondFactor: 'urn:sandbox:second-factor',
};

/** Makes an ID token out of the honest one. */
export type Forge = (
  claims: JsonObject,
  signedBy?: 'provider' | 'stranger' | 'nobody',
  /** The type that its header names. */
  typ?: string,
) => Promise<string>;

export interface IdentityProviderOptions {
  /** The sandbox's clock in milliseconds; decides when codes and sessions expire, never what an ID token says. */
  readonly now?: () => number;
}

const clientId = 'mai-cli';

/** Starts an OpenID provider with the sandbox's people on a free loopback port. */
export async function startIdentityProvider(options: IdentityProviderOptions = {}): Promise<IdentityProvider> {
  const listener = await listenOnLoopback();
  const everybody = Object.values(people);
  const bySubject = new Map(everybody.map((person) => [person.subject, person]));
  const idTokens: string[] = [];
  let authentication: Authentication | undefined;
  let keyRequests = 0;

  const server = createAuthorizationServer({
    issuer: listener.origin,
    brand: { title: 'Example identity provider', kind: 'identity', colour: '#3b5bdb' },
    cookiePrefix: 'idp',
    now: options.now ?? Date.now,
    choices: everybody.map(({ person, name, email, groups }) => ({
      person,
      name,
      detail: `${email} · ${groups.length > 0 ? groups.join(', ') : 'no groups'}`,
    })),
    accountId: (name) => everybody.find(({ person }) => person === name)?.subject,
    describe: (subject) => bySubject.get(subject)?.name ?? subject,
    findAccount(subject) {
      const person = bySubject.get(subject);
      if (person === undefined) return undefined;
      return { accountId: subject, claims: () => claimsOf(person) };
    },
    authentication: ({ acrValues }) =>
      authentication ??
      (acrValues.includes(contexts.secondFactor)
        ? { acr: contexts.secondFactor, amr: ['pwd', 'mfa'] }
        : { acr: contexts.password, amr: ['pwd'] }),
    paths: {
      authorization: '/authorize',
      token: '/token',
      registration: '/register',
      revocation: '/revoke',
      device: { authorization: '/device_authorization', verification: '/device' },
    },
    accessTokenSeconds: 3600,
    configuration: {
      clients: [
        {
          client_id: clientId,
          client_name: 'managed-agents-interface',
          application_type: 'native',
          grant_types: [
            'authorization_code',
            'refresh_token',
            'urn:ietf:params:oauth:grant-type:device_code',
            exchangeGrant,
          ],
          response_types: ['code'],
          // A native client's loopback port may differ at each request (RFC 8252 7.3); the path may not.
          redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
        },
      ],
      acrValues: Object.values(contexts),
      // Only whoever asked for it, and was asked for it (OpenID Connect Core section 11).
      issueRefreshToken: async (_ctx, client, source) =>
        client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      claims: {
        openid: ['sub', 'acr', 'amr', 'auth_time'],
        profile: ['name'],
        email: ['email', 'email_verified'],
        groups: ['groups'],
      },
      // The claims go into the ID token itself, so that signing in is one exchange and no userinfo request.
      conformIdTokenClaims: false,
      features: {
        userinfo: { enabled: true },
        revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      },
    },
  });
  server.provider.on('grant.success', (ctx) => {
    const { id_token: token } = ctx.body as JsonObject;
    if (typeof token === 'string') idTokens.push(token);
  });

  const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  /** The key that signs now. The library has one for good, so what it signed is signed anew after a rotation. */
  let current: { kid: string; key: KeyObject } = { kid: server.keyId, key: server.signingKey };
  const idJag = issueIdJags(server.provider, listener.origin, () => current);
  let published: JsonObject[] | undefined;
  let rotated = false;
  const others = new Map<string, (honest: unknown) => Otherwise>();
  use(server.provider, async (ctx, next) => {
    await next();
    if (ctx.path === '/jwks' && ctx.status === 200) {
      keyRequests += 1;
      if (published !== undefined) ctx.body = { keys: published };
    }
    if (ctx.path === strangersKeysPath) {
      ctx.status = 200;
      ctx.body = { keys: [jwkOf({ kid: current.kid, key: strangersKey })] };
    }
    const otherwise = others.get(ctx.path);
    if (otherwise !== undefined) {
      const { status = 200, headers = {}, body } = otherwise(ctx.body);
      ctx.status = status;
      ctx.body = body;
      ctx.set(headers);
    }
    const answer = ctx.body as JsonObject;
    if (ctx.path !== '/token' || ctx.status !== 200 || !rotated) return;
    if (typeof answer['id_token'] === 'string') ctx.body = { ...answer, id_token: await forge(answer, {}) };
  });
  listener.serve(server.provider.callback());

  async function forge(
    honest: JsonObject,
    ...[claims, signedBy = 'provider', typ = 'JWT']: Parameters<Forge>
  ): Promise<string> {
    const payload = { ...readClaims(String(honest['id_token'])), ...claims };
    if (signedBy === 'nobody') return `${encode({ alg: 'none' })}.${encode(payload)}.`;
    const key = signedBy === 'provider' ? current.key : strangersKey;
    const header = { alg: 'ES256', typ, kid: current.kid };
    const token = await new SignJWT(payload as JWTPayload).setProtectedHeader(header).sign(key);
    idTokens.push(token);
    return token;
  }

  return {
    issuer: listener.origin,
    clientId,
    people,
    counters: server.counters,
    idJag,
    keyRequests: () => keyRequests,
    liveGrantsOf: (subject) => server.store.liveGrantsOf(subject),
    setDeviceIntervalSeconds(seconds) {
      if (server.deviceFlow !== undefined) server.deviceFlow.intervalSeconds = seconds;
    },
    control: {
      ...server.control,
      tamperTokenResponse(tamper) {
        server.control.tamperTokenResponse(tamper && ((answer) => tamper(answer, (...how) => forge(answer, ...how))));
      },
      forge: (idToken, ...how) => forge({ id_token: idToken }, ...how),
      rotateKeys({ keepOld = false, sameName = false } = {}) {
        const old = current;
        rotated = true;
        current = {
          kid: sameName ? old.kid : randomUUID(),
          key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
        };
        published = [jwkOf(current), ...(keepOld ? [jwkOf(old)] : [])];
      },
      publishOldKeys() {
        published = [jwkOf({ kid: server.keyId, key: server.signingKey })];
      },
      answerOtherwise(path, otherwise) {
        if (otherwise === undefined) others.delete(path);
        else others.set(path, otherwise);
      },
      authenticate(how) {
        authentication = how;
      },
    },
    issuedSecrets: () => [...server.store.issuedSecrets(), ...idTokens, ...idJag.issued],
    close: () => listener.close(),
  };
}

function jwkOf({ kid, key }: { kid: string; key: KeyObject }): JsonObject {
  return { ...createPublicKey(key).export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
}

function claimsOf(person: Person): { sub: string } & JsonObject {
  return {
    sub: person.subject,
    name: person.name,
    email: person.email,
    email_verified: true,
    groups: [...person.groups],
  };
}

function readClaims(idToken: string): JsonObject {
  return JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
