/**
 * The access that local agents of one person have to one service, as it is kept between runs: in the keychain, and never what a
 * vault holds. Whoever could write it gains what they write there and nothing of ours. Pure.
 */
import * as z from 'zod/mini';
import type { Service } from '../../config/definitions.ts';
import { isSamePerson, type Principal, principalKinds } from '../../identity/principal.ts';
import type { OAuthClient } from '../../oauth/registration.ts';
import { Secret } from '../../secret/secret.ts';

/** Where access comes from. */
export type AccessSource = NonNullable<Service['local_agents']>[number];

/** What is kept of access. */
export interface KeptAccess {
  source: AccessSource;
  /** Whose it is: kind, issuer and subject. */
  person: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  /** Undefined where it was lost and can be renewed. */
  accessToken: Secret | undefined;
  /** Undefined where nobody has said. */
  expiresAt: Date | undefined;
  refreshToken: Secret | undefined;
  scopes: readonly string[];
  /** The authorization server that gave it, and our client there. */
  issuer: string;
  client: OAuthClient;
  /** The resource indicator that it was asked for with. */
  resource: string | undefined;
  /** As the service named it. */
  account: string | undefined;
}

/** What can stand in a header (RFC 6750 section 2.1), and is of sane length. */
const token = z.string().check(z.minLength(1), z.maxLength(16 * 1024), z.regex(/^[\x21-\x7e]+$/));
const text = z.string().check(z.maxLength(4096));

const definition = z.strictObject({
  version: z.literal(1),
  source: z.enum(['idp', 'grant']),
  person: z.strictObject({ kind: z.enum(principalKinds), issuer: text, subject: text }),
  access_token: z.optional(token),
  expires_at: z.optional(z.iso.datetime()),
  refresh_token: z.optional(token),
  scopes: z.array(text),
  issuer: text,
  client_id: text,
  token_endpoint_auth_method: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
  client_secret: z.optional(text),
  resource: z.optional(text),
  account: z.optional(text),
});

/** Whether a token can be sent in a header and kept: anything else would be more than one value there. */
export function isSendable(accessToken: Secret): boolean {
  return token.safeParse(accessToken.reveal()).success;
}

/** The text of it. */
export function printAccess({ person, client, ...access }: KeptAccess): Secret {
  const { kind, issuer, subject } = person;
  const value: z.output<typeof definition> = {
    version: 1,
    source: access.source,
    person: { kind, issuer, subject },
    access_token: access.accessToken?.reveal(),
    expires_at: access.expiresAt?.toISOString(),
    refresh_token: access.refreshToken?.reveal(),
    scopes: [...access.scopes],
    issuer: access.issuer,
    client_id: client.clientId,
    token_endpoint_auth_method: client.authMethod,
    // To renew it, and for nothing else.
    client_secret: access.refreshToken && client.secret?.reveal(),
    resource: access.resource,
    account: access.account,
  };
  return new Secret(JSON.stringify(value));
}

/** Reads what was kept; undefined for anything that was not written by us or is not whole. */
export function parseAccess(kept: Secret): KeptAccess | undefined {
  let value: unknown;
  try {
    value = JSON.parse(kept.reveal());
  } catch {
    return undefined;
  }
  const { data } = definition.safeParse(value);
  if (data === undefined) return undefined;
  const secret = (each: string | undefined) => (each === undefined ? undefined : new Secret(each));
  const { client_id: clientId, token_endpoint_auth_method: authMethod, expires_at: end } = data;
  return {
    source: data.source,
    person: data.person,
    accessToken: secret(data.access_token),
    expiresAt: end === undefined ? undefined : new Date(end),
    refreshToken: secret(data.refresh_token),
    scopes: data.scopes,
    issuer: data.issuer,
    client: { clientId, authMethod, secret: secret(data.client_secret) },
    resource: data.resource,
    account: data.account,
  };
}

/** Access is renewed so long before its end, in milliseconds: what is handed out is to be of use. */
const renewBeforeMs = 60_000;

/** What kept access has to be of. */
export interface AccessWanted {
  service: Service;
  person: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  sources: readonly AccessSource[];
  /** The scopes of the file that the person may have here; undefined where it names none. */
  scopes: readonly string[] | undefined;
  /** Whether one that the file does not know is too much as well: what it reaches nobody has said, and tools are off. */
  onlyThese: boolean;
  now: Date;
}

/** Scopes of OpenID Connect, which reach no tool of anybody. */
const ofSignIn = new Set(['openid', 'profile', 'email', 'offline_access']);

/** Whether what is kept is this person's, of a source and an authorization server that still count, and no wider than they may. */
export function isTheirs(kept: KeptAccess, { service, person, sources, scopes, onlyThese }: AccessWanted): boolean {
  const { authorization } = service;
  const { default: usual, read_only: reading, additional, tools } = authorization.scopes ?? { default: [] };
  const known = new Set([...usual, ...(reading ?? []), ...(additional ?? []), ...Object.keys(tools ?? {})]);
  const isWider =
    scopes !== undefined &&
    kept.scopes.some((scope) => !scopes.includes(scope) && (known.has(scope) || (onlyThese && !ofSignIn.has(scope))));
  return (
    isSamePerson(kept.person, person) &&
    sources.includes(kept.source) &&
    authorization.issuers.includes(kept.issuer) &&
    !isWider
  );
}

/**
 * The token of access that is theirs, where it can be handed out as it is. What came of a sign-in ends with what was said of it:
 * where nothing was said, each call asks anew.
 */
export function tokenNow({ accessToken, expiresAt, source }: KeptAccess, now: Date): Secret | undefined {
  if (expiresAt === undefined) return source === 'idp' ? undefined : accessToken;
  return expiresAt.getTime() - renewBeforeMs > now.getTime() ? accessToken : undefined;
}
