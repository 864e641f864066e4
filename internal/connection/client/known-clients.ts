/**
 * The clients that are known at authorization servers, kept as secrets: those that were registered, and what a person entered
 * about one. They are of the machine, not of a person or a workspace. Nothing of it is ever in a file in clear. What cannot be
 * remembered is registered or entered again, so nothing here fails but by an interruption.
 */

import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { splitScopes } from '../../oauth/metadata.ts';
import { isClientText, longestClientId, longestClientSecret, type OAuthClient } from '../../oauth/registration.ts';
import { Secret } from '../../secret/secret.ts';
import { type KeptSecret, type KeptSecrets, SecretUnavailable } from '../../stores/kept-secret.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';

/**
 * What a client is kept for, all of it byte for byte: a client of one authorization server is nobody at another
 * (SEP-2352), and one that was made for one MCP server says nothing about another.
 */
export interface ClientPlace {
  issuer: string;
  mcpServerUrl: string;
  /** Where the answer comes back to, with `*` for a port that is free; undefined for the device flow. */
  redirect: string | undefined;
}

/** A client that is kept. */
export interface KnownClient {
  client: OAuthClient;
  /** The exact redirect URI that it was registered with; undefined for the device flow. */
  redirectUri: string | undefined;
}

export interface KnownClients {
  find(place: ClientPlace): Promise<KnownClient | undefined>;
  /** `typed`: somebody has to enter it again when it is not kept, and is told so. */
  keep(place: ClientPlace, known: KnownClient, typed: boolean): Promise<void>;
  forget(place: ClientPlace): Promise<void>;
}

/** What a run says meanwhile. */
export interface Saying {
  detail(text: string): void;
  warn(text: string): void;
}

/** The known clients of a place; nothing is known without one. A place that failed once is not asked again. */
export function knownClients(
  secrets: KeptSecrets | undefined,
  { detail, warn }: Saying,
  now = clock.now(),
): KnownClients {
  let failed: KeptSecret | undefined;
  const attempt = async <Result>(
    place: ClientPlace,
    act: (secret: KeptSecret) => Promise<Result>,
  ): Promise<Result | undefined> => {
    const secret = secrets?.(accountOf(place));
    if (secret === undefined || failed !== undefined) return undefined;
    try {
      return await act(secret);
    } catch (error) {
      if (!(error instanceof SecretUnavailable)) throw error;
      failed = secret;
      detail(`no client is remembered: ${secret.called} cannot be used: ${quote(error.message)}`);
      return undefined;
    }
  };
  return {
    async find(place) {
      const kept = await attempt(place, (secret) => secret.read());
      return kept === undefined ? undefined : readKnownClient(kept, now);
    },
    async keep(place, known, typed) {
      await unlessInterrupted(attempt(place, (secret) => secret.write(textOf(known, now))));
      if (typed && failed !== undefined) {
        warn(`what you entered could not be kept in ${failed.called}: it has to be entered again next time`);
      }
    },
    async forget(place) {
      await unlessInterrupted(attempt(place, (secret) => secret.remove()));
    },
  };
}

/** Under which name a client stands in the keychain, to be read by the person who looks into it. */
export function accountOf({ issuer, mcpServerUrl, redirect }: ClientPlace): string {
  return `client at ${issuer} for ${mcpServerUrl}, ${redirect === undefined ? 'by device code' : `back to ${redirect}`}`;
}

function textOf({ client, redirectUri }: KnownClient, now: Date): Secret {
  return new Secret(
    JSON.stringify({
      client_id: client.clientId,
      token_endpoint_auth_method: client.authMethod,
      ...(client.secret === undefined ? {} : { client_secret: client.secret.reveal() }),
      ...(redirectUri === undefined ? {} : { redirect_uri: redirectUri }),
      registered_at: now.toISOString(),
      ...(client.expiresAt === undefined ? {} : { expires_at: client.expiresAt.toISOString() }),
      ...(client.scopes === undefined ? {} : { scope: client.scopes.join(' ') }),
    }),
  );
}

/** Reads what was kept; anything but a whole client that is still good counts as nothing. */
export function readKnownClient(text: Secret, now: Date): KnownClient | undefined {
  let kept: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(text.reveal());
    if (typeof value !== 'object' || value === null) return undefined;
    kept = value as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { client_id: clientId, token_endpoint_auth_method: authMethod, client_secret: secret } = kept;
  const { redirect_uri: redirectUri, expires_at: expiry } = kept;
  if (!isClientText(clientId, longestClientId)) return undefined;
  if (authMethod !== 'none' && authMethod !== 'client_secret_basic' && authMethod !== 'client_secret_post')
    return undefined;
  if (authMethod !== 'none' && !isClientText(secret, longestClientSecret)) return undefined;
  if (redirectUri !== undefined && !(typeof redirectUri === 'string' && isUrl(redirectUri))) return undefined;
  const expiresAt = expiry === undefined ? undefined : new Date(String(expiry));
  // A date that cannot be read is no later than now either.
  if (expiresAt !== undefined && !(expiresAt > now)) return undefined;
  return {
    client: {
      clientId,
      authMethod,
      ...(authMethod === 'none' ? {} : { secret: new Secret(String(secret)) }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(typeof kept['scope'] === 'string' ? { scopes: splitScopes(kept['scope']) } : {}),
    },
    redirectUri,
  };
}

/** Keeping and forgetting come after what mattered: an interruption ends them and nothing else. */
async function unlessInterrupted(act: Promise<unknown>): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'interrupted')) throw error;
  }
}
