import { generateKeyPairSync } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { AuthorizationControl, Counters, JsonObject } from './authorization/control.ts';
import { createAuthorizationServer } from './authorization/server.ts';
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
}

/** Makes an ID token out of the honest one. */
export type Forge = (claims: JsonObject, signedBy?: 'provider' | 'stranger' | 'nobody') => Promise<string>;

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
    paths: { authorization: '/authorize', token: '/token', registration: '/register', revocation: '/revoke' },
    accessTokenSeconds: 3600,
    configuration: {
      clients: [
        {
          client_id: clientId,
          client_name: 'managed-agents-interface',
          application_type: 'native',
          grant_types: ['authorization_code'],
          response_types: ['code'],
          // A native client's loopback port may differ at each request (RFC 8252 7.3); the path may not.
          redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
        },
      ],
      scopes: ['openid', 'profile', 'email', 'groups'],
      claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
      // The claims go into the ID token itself, so that signing in is one exchange and no userinfo request.
      conformIdTokenClaims: false,
      features: { userinfo: { enabled: true } },
    },
  });
  server.provider.on('grant.success', (ctx) => {
    const { id_token: token } = ctx.body as JsonObject;
    if (typeof token === 'string') idTokens.push(token);
  });
  listener.serve(server.provider.callback());

  const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  async function forge(honest: JsonObject, ...[claims, signedBy = 'provider']: Parameters<Forge>): Promise<string> {
    const payload = { ...readClaims(String(honest['id_token'])), ...claims };
    if (signedBy === 'nobody') return `${encode({ alg: 'none' })}.${encode(payload)}.`;
    const key = signedBy === 'provider' ? server.signingKey : strangersKey;
    const header = { alg: 'ES256', typ: 'JWT', kid: server.keyId };
    const token = await new SignJWT(payload as JWTPayload).setProtectedHeader(header).sign(key);
    idTokens.push(token);
    return token;
  }

  return {
    issuer: listener.origin,
    clientId,
    people,
    counters: server.counters,
    control: {
      ...server.control,
      tamperTokenResponse(tamper) {
        server.control.tamperTokenResponse(
          tamper && ((answer) => tamper(answer, (claims, signedBy) => forge(answer, claims, signedBy))),
        );
      },
    },
    issuedSecrets: () => [...server.store.issuedSecrets(), ...idTokens],
    close: () => listener.close(),
  };
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
