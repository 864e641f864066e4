import type { BetaManagedAgentsCredential } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import type { z } from 'zod';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import type { authCreateSchema, authUpdateSchema } from './credential-schema.ts';
import { checkServerUrl } from './mcp-url.ts';

/** The part of a credential that answers show: everything but the secrets. */
export type ShownAuth = BetaManagedAgentsCredential['auth'];

/** The secrets of a credential. They are kept apart from what is shown, so that no answer can contain them. */
export interface Secrets {
  access_token?: string;
  refresh_token?: string;
  client_secret?: string;
  token?: string;
  secret_value?: string;
}

type AuthCreate = z.output<typeof authCreateSchema>;
type AuthUpdate = z.output<typeof authUpdateSchema>;
type UpdateOf<Type extends AuthUpdate['type']> = Extract<AuthUpdate, { type: Type }>;
type ShownOf<Type extends ShownAuth['type']> = Extract<ShownAuth, { type: Type }>;

/** An `auth` taken apart. */
export interface SplitAuth {
  shown: ShownAuth;
  secrets: Secrets;
}

/** Takes a new `auth` apart into what is shown and what is secret. */
export function splitAuth(auth: AuthCreate, now: number): SplitAuth {
  switch (auth.type) {
    case 'mcp_oauth':
      return splitOAuth(auth, now);
    case 'static_bearer':
      checkServerUrl(auth.mcp_server_url, 'auth.mcp_server_url');
      return { shown: { type: auth.type, mcp_server_url: auth.mcp_server_url }, secrets: { token: auth.token } };
    case 'environment_variable': {
      // Documented: both places when the object is omitted; in a given object an omitted field is false.
      const { header = false, body = false } = auth.injection_location ?? { header: true, body: true };
      checkInjection(header, body);
      const { type, secret_name, secret_value } = auth;
      const shown = { type, secret_name, networking: auth.networking, injection_location: { header, body } };
      return { shown, secrets: { secret_value } };
    }
  }
}

function splitOAuth(auth: Extract<AuthCreate, { type: 'mcp_oauth' }>, now: number): SplitAuth {
  checkServerUrl(auth.mcp_server_url, 'auth.mcp_server_url');
  const shown: ShownOf<'mcp_oauth'> = { type: 'mcp_oauth', mcp_server_url: auth.mcp_server_url };
  const secrets: Secrets = { access_token: auth.access_token };
  if (auth.expires_at != null) shown.expires_at = futureTimestamp(auth.expires_at, now);
  if (auth.refresh != null) {
    const { client_id, token_endpoint, refresh_token, token_endpoint_auth, scope, resource } = auth.refresh;
    checkServerUrl(token_endpoint, 'auth.refresh.token_endpoint');
    shown.refresh = { client_id, token_endpoint, token_endpoint_auth: { type: token_endpoint_auth.type } };
    if (scope != null && scope !== '') shown.refresh.scope = scope;
    if (resource != null) shown.refresh.resource = resource;
    secrets.refresh_token = refresh_token;
    if (token_endpoint_auth.type !== 'none') secrets.client_secret = token_endpoint_auth.client_secret;
  }
  return { shown, secrets };
}

/** Applies an update to a stored `auth`. Null leaves a field as it is, like leaving it out. */
export function updatedAuth(stored: SplitAuth, update: AuthUpdate, now: number): SplitAuth {
  const { shown, secrets } = stored;
  if (update.type === 'mcp_oauth' && shown.type === 'mcp_oauth') return updatedOAuth({ shown, secrets }, update, now);
  if (update.type === 'static_bearer' && shown.type === 'static_bearer') {
    return { shown, secrets: update.token == null ? secrets : { token: update.token } };
  }
  if (update.type === 'environment_variable' && shown.type === 'environment_variable') {
    return updatedVariable({ shown, secrets }, update);
  }
  throw chosenError(choices.changedAuthType, `auth.type: the credential has type ${shown.type}, which cannot change`);
}

function updatedOAuth(
  { shown, secrets }: { shown: ShownOf<'mcp_oauth'>; secrets: Secrets },
  update: UpdateOf<'mcp_oauth'>,
  now: number,
): SplitAuth {
  const nextShown = structuredClone(shown);
  const nextSecrets = { ...secrets };
  if (update.access_token != null) nextSecrets.access_token = update.access_token;
  // Documented danger: a new token without expires_at keeps the old expiry.
  if (update.expires_at != null) nextShown.expires_at = futureTimestamp(update.expires_at, now);
  if (update.refresh != null) {
    const { refresh } = nextShown;
    if (refresh == null) throw chosenError(choices.refreshAddedLater, 'auth.refresh: the credential has no refresh');
    const { refresh_token, scope, token_endpoint_auth } = update.refresh;
    if (refresh_token != null) nextSecrets.refresh_token = refresh_token;
    if (scope === '') delete refresh.scope;
    else if (scope != null) refresh.scope = scope;
    if (token_endpoint_auth !== undefined) {
      if (refresh.token_endpoint_auth.type === 'none') {
        throw chosenError(choices.secretForPublicClient, 'auth.refresh.token_endpoint_auth: the stored type is none');
      }
      // Documented: the stored type is kept even if the other one is sent.
      if (token_endpoint_auth.client_secret != null) nextSecrets.client_secret = token_endpoint_auth.client_secret;
    }
  }
  return { shown: nextShown, secrets: nextSecrets };
}

function updatedVariable(
  { shown, secrets }: { shown: ShownOf<'environment_variable'>; secrets: Secrets },
  update: UpdateOf<'environment_variable'>,
): SplitAuth {
  // Documented: networking is replaced as a whole, injection_location field by field.
  const header = update.injection_location?.header ?? shown.injection_location.header;
  const body = update.injection_location?.body ?? shown.injection_location.body;
  checkInjection(header, body);
  return {
    shown: { ...shown, networking: update.networking ?? shown.networking, injection_location: { header, body } },
    secrets: update.secret_value == null ? secrets : { secret_value: update.secret_value },
  };
}

function checkInjection(header: boolean, body: boolean): void {
  if (!header && !body) throw invalidRequest('auth.injection_location: header and body cannot both be off');
}

function futureTimestamp(time: number, now: number): string {
  if (time <= now) throw chosenError(choices.expiryInPast, 'auth.expires_at: must be in the future');
  return new Date(time).toISOString();
}
