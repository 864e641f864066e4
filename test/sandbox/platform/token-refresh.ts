import type {
  BetaManagedAgentsMCPOAuthAuthResponse,
  BetaManagedAgentsRefreshObject,
} from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { CredentialRecord } from './credential.ts';
import { captureResponse } from './http-capture.ts';

const timeoutMs = 10_000;

/** What token endpoints and MCP servers see of the platform. Not documented; so that a test can tell who asked. */
export const userAgent = 'managed-agents-sandbox';

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.number().positive().optional(),
});

const underWay = new WeakMap<CredentialRecord, Promise<BetaManagedAgentsRefreshObject>>();

/**
 * Exchanges the refresh token of a credential at its stored token endpoint, and stores what comes back.
 * choices.refreshStorage: whoever asks while an exchange is under way, or with a `spentToken` that one has replaced
 * already, shares its outcome, since a rotating refresh token that is used twice would revoke the whole grant.
 */
export function refreshCredential(
  credential: CredentialRecord,
  clock: Clock,
  spentToken = credential.secrets.access_token,
): Promise<BetaManagedAgentsRefreshObject> {
  const running = underWay.get(credential);
  if (running !== undefined) return running;
  if (spentToken !== credential.secrets.access_token) {
    return Promise.resolve({ status: 'succeeded', http_response: null });
  }
  const exchange = exchangeToken(credential, clock).finally(() => underWay.delete(credential));
  underWay.set(credential, exchange);
  return exchange;
}

async function exchangeToken(credential: CredentialRecord, clock: Clock): Promise<BetaManagedAgentsRefreshObject> {
  const { auth } = credential.shown;
  const { refresh_token } = credential.secrets;
  if (auth.type !== 'mcp_oauth' || auth.refresh == null || refresh_token === undefined) {
    return { status: 'no_refresh_token', http_response: null };
  }
  let response: Response;
  try {
    response = await fetch(auth.refresh.token_endpoint, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...refreshRequest(auth.refresh, refresh_token, credential.secrets.client_secret ?? ''),
    });
  } catch {
    return { status: 'connect_error', http_response: null };
  }
  const copy = response.clone();
  const answer = tokenAnswer.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !answer.success) {
    return { status: 'failed', http_response: await captureResponse(copy, credential.secrets) };
  }
  const { access_token, refresh_token: rotated = refresh_token, expires_in } = answer.data;
  credential.secrets = { ...credential.secrets, access_token, refresh_token: rotated };
  credential.shown = { ...credential.shown, auth: withExpiry(auth, clock, expires_in) };
  return { status: 'succeeded', http_response: null };
}

type Refresh = NonNullable<BetaManagedAgentsMCPOAuthAuthResponse['refresh']>;

function refreshRequest(refresh: Refresh, refreshToken: string, clientSecret: string) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  if (refresh.scope != null) form.set('scope', refresh.scope);
  if (refresh.resource != null) form.set('resource', refresh.resource);
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent };
  if (refresh.token_endpoint_auth.type === 'client_secret_basic') {
    const pair = [refresh.client_id, clientSecret].map(encodeURIComponent).join(':');
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else {
    form.set('client_id', refresh.client_id);
  }
  if (refresh.token_endpoint_auth.type === 'client_secret_post') form.set('client_secret', clientSecret);
  return { headers, body: form };
}

function withExpiry(auth: BetaManagedAgentsMCPOAuthAuthResponse, clock: Clock, expiresIn: number | undefined) {
  const { expires_at: _old, ...rest } = auth;
  if (expiresIn === undefined) return rest;
  return { ...rest, expires_at: new Date(clock.now() + expiresIn * 1000).toISOString() };
}
