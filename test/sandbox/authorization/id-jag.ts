/** Identity Assertion JWT Authorization Grants: an identity provider that issues them, and a service that takes them. */
import type { KeyObject } from 'node:crypto';
import { createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import { decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Provider as OidcProvider } from 'oidc-provider';
import type { JsonObject } from './control.ts';
import type { Context } from './middleware.ts';
import { errors } from './oidc-provider.ts';

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const jwtBearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const idJagType = 'urn:ietf:params:oauth:token-type:id-jag';
const idTokenType = 'urn:ietf:params:oauth:token-type:id_token';
const idJagSeconds = 300;

/** A server that the administrator of the provider has let a client of ours have assertions for. */
export interface AllowedTarget {
  readonly audience: string;
  readonly resource: string;
  /** The client there. */
  readonly clientId: string;
}

/** Changes the claims and the header of an assertion before it is signed. */
export type ForgeIdJag = (claims: JsonObject) => { claims?: JsonObject; header?: JsonObject };

/** What the provider does beyond the ordinary. */
export interface IdJagControl {
  /** Lets people have assertions for a server. */
  allow(target: AllowedTarget): void;
  /** Takes that back for everybody, as an administrator does. */
  disallow(audience: string): void;
  /** Claims and header of every assertion from now on. Without one: honest again. */
  forge(how?: ForgeIdJag): void;
  /** Wants a sign-in with this authentication context for assertions: of `always` no sign-in is enough. */
  wantContext(acr: string, when?: 'always'): void;
}

/** The exchange of one identity provider. */
export interface IdJagIssuer {
  readonly control: IdJagControl;
  /** Every assertion so far. */
  readonly issued: readonly string[];
  /** The parameters of every exchange so far, without the ID token. */
  readonly asked: readonly JsonObject[];
  readonly key: { kid: string; key: KeyObject };
}

/** Adds the exchange (RFC 8693) to a provider that signs people in. */
export function issueIdJags(
  provider: OidcProvider,
  issuer: string,
  keyNow: () => { kid: string; key: KeyObject },
): IdJagIssuer {
  const targets = new Map<string, AllowedTarget>();
  const issued: string[] = [];
  const asked: JsonObject[] = [];
  let forge: ForgeIdJag = () => ({});
  let context: { acr: string; always: boolean } | undefined;

  async function subjectOf(ctx: Context, token: string): Promise<JWTPayload> {
    const { key } = keyNow();
    const options = { issuer, audience: String(ctx.oidc.client?.clientId), currentDate: new Date() };
    const verified = await jwtVerify(token, createPublicKey(key), options).catch(() => undefined);
    if (verified === undefined)
      throw new errors.InvalidGrant('the subject token is not of this client, or has expired');
    return verified.payload;
  }

  provider.registerGrantType(
    exchangeGrant,
    async (ctx) => {
      const { client } = ctx.oidc;
      const params: JsonObject = { ...ctx.oidc.params };
      const { subject_token: token, ...rest } = params;
      asked.push({ ...rest, client_id: client?.clientId });
      if (params['requested_token_type'] !== idJagType || params['subject_token_type'] !== idTokenType) {
        throw new errors.InvalidRequest('only an ID token for an assertion is exchanged here');
      }
      const person = await subjectOf(ctx, String(token));
      const target = targets.get(String(params['audience']));
      if (target === undefined || target.resource !== params['resource']) {
        throw new errors.InvalidTarget('not allowed by the administrator');
      }
      if (context !== undefined && (context.always || person['acr'] !== context.acr)) {
        ctx.status = 400;
        ctx.body = { error: 'insufficient_user_authentication', acr_values: context.acr };
        return;
      }
      // Like what an ID token says, by the time of day.
      const seconds = Math.floor(Date.now() / 1000);
      const honest = {
        iss: issuer,
        sub: String(person.sub),
        aud: target.audience,
        client_id: target.clientId,
        resource: target.resource,
        jti: randomUUID(),
        iat: seconds,
        exp: seconds + idJagSeconds,
        ...(params['scope'] === undefined ? {} : { scope: params['scope'] }),
      };
      const { claims = {}, header = {} } = forge(honest);
      const { kid, key } = keyNow();
      const idJag = await new SignJWT({ ...honest, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt', kid, ...header })
        .sign(key);
      issued.push(idJag);
      ctx.body = { access_token: idJag, issued_token_type: idJagType, token_type: 'N_A', expires_in: idJagSeconds };
    },
    ['audience', 'resource', 'scope', 'subject_token', 'subject_token_type', 'requested_token_type'],
  );

  return {
    issued,
    asked,
    get key() {
      return keyNow();
    },
    control: {
      allow: (target) => void targets.set(target.audience, target),
      disallow: (audience) => void targets.delete(audience),
      forge(how = () => ({})) {
        forge = how;
      },
      wantContext(acr, when) {
        context = { acr, always: when === 'always' };
      },
    },
  };
}

/** Whom a service believes. */
export interface TrustedIssuer {
  readonly issuer: string;
  key(): KeyObject;
}

/** An access token that came of an assertion. */
export interface RedeemedToken {
  readonly accountId: string;
  readonly clientId: string;
  readonly scope: string;
  readonly expiresAt: number;
}

/** What a service is told of whom it takes assertions from. */
export interface RedeemingOptions {
  readonly issuer: string;
  readonly resource: string;
  readonly trusted: TrustedIssuer;
  readonly now: () => number;
  readonly seconds: () => number;
  /** The local account of somebody at the trusted issuer. */
  accountOf(subject: string): string | undefined;
  readonly scopes: readonly string[];
  note(token: string, redeemed: RedeemedToken): void;
}

/** Adds the grant (RFC 7523) to the authorization server of a service. An assertion is taken once. */
export function redeemIdJags(provider: OidcProvider, options: RedeemingOptions): void {
  const used = new Set<string>();
  provider.registerGrantType(
    jwtBearerGrant,
    async (ctx) => {
      const { client } = ctx.oidc;
      const params: JsonObject = { ...ctx.oidc.params };
      const refuse = (why: string) => new errors.InvalidGrant(why);
      const assertion = String(params['assertion']);
      const { issuer, trusted, now } = options;
      const { payload } = await jwtVerify(assertion, createPublicKey(trusted.key()), {
        issuer: trusted.issuer,
        audience: issuer,
      }).catch(() => {
        throw refuse('the assertion is not for this server, has expired, or is of nobody known');
      });
      if (decodeProtectedHeader(assertion).typ !== 'oauth-id-jag+jwt') throw refuse('not an assertion');
      if (payload['client_id'] !== client?.clientId) throw refuse('the assertion is for another client');
      if (payload['resource'] !== options.resource) throw refuse('the assertion is for another resource');
      if (used.has(String(payload.jti))) throw refuse('the assertion was used before');
      used.add(String(payload.jti));
      const accountId = options.accountOf(String(payload.sub));
      if (accountId === undefined) throw refuse('nobody here is that');
      const wanted = typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : options.scopes;
      const scope = wanted.filter((each) => options.scopes.includes(each)).join(' ');
      const token = randomBytes(24).toString('base64url');
      const expires_in = options.seconds();
      options.note(token, { accountId, clientId: client.clientId, scope, expiresAt: now() + expires_in * 1000 });
      ctx.body = { access_token: token, token_type: 'Bearer', expires_in, scope };
    },
    ['assertion', 'resource', 'scope'],
  );
}
