/**
 * What the platform is known to refuse when a credential is created, judged here, before anything is archived for it: a
 * secret cannot be read back, and what is archived never comes back. Pure.
 */

import type { NewCredential as AnyCredential } from '../platform/credentials.ts';
import { isUrl } from '../text/url.ts';

/** A credential as it would be created. */
export type NewCredential = Pick<AnyCredential, 'auth'> & {
  display_name: string;
  metadata: Record<string, string>;
};

/** Documented limits of the platform for a name and for metadata. */
const longestName = 255;
const [mostPairs, longestKey, longestValue] = [16, 64, 512];
/** Not documented; longer than any that is known, and what the sandbox takes. */
const longestAddress = 2048;
const longestSecret = 65_536;
const longestClientId = 2048;

/** Why the platform would refuse it, in words that hold no secret; undefined where nothing is known against it. */
export function whyRefused({ auth, display_name, metadata }: NewCredential, platformNow: Date): string | undefined {
  return (
    lengthProblem('the name of the connection', display_name, longestName) ??
    metadataProblem(metadata) ??
    (auth.type === 'environment_variable' ? 'it is not a credential of an MCP server' : authProblem(auth, platformNow))
  );
}

type ServerAuth = Exclude<NewCredential['auth'], { type: 'environment_variable' }>;

function authProblem(auth: ServerAuth, platformNow: Date): string | undefined {
  const address = addressProblem('the address of the MCP server', auth.mcp_server_url);
  if (address !== undefined) return address;
  if (auth.type === 'static_bearer') return lengthProblem('the token', auth.token, longestSecret);
  const { access_token, expires_at, refresh } = auth;
  return (
    lengthProblem('the access token', access_token, longestSecret) ??
    (expires_at == null || Date.parse(expires_at) > platformNow.getTime()
      ? undefined
      : 'its access token has ended by now, and nothing could renew it') ??
    (refresh == null ? undefined : refreshProblem(refresh))
  );
}

type Refresh = NonNullable<Extract<ServerAuth, { type: 'mcp_oauth' }>['refresh']>;

function refreshProblem({ client_id, refresh_token, token_endpoint, token_endpoint_auth }: Refresh) {
  return (
    lengthProblem('the client id', client_id, longestClientId) ??
    lengthProblem('the refresh token', refresh_token, longestSecret) ??
    addressProblem('the token endpoint', token_endpoint) ??
    (token_endpoint_auth.type === 'none'
      ? undefined
      : lengthProblem('the client secret', token_endpoint_auth.client_secret, longestSecret))
  );
}

function metadataProblem(metadata: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > mostPairs) return `its metadata has more than ${mostPairs} pairs`;
  for (const [key, value] of entries) {
    if (key.length < 1 || key.length > longestKey) return `its metadata has a key of ${key.length} characters`;
    if (value.length > longestValue) return `its metadata has more than ${longestValue} characters under ${key}`;
  }
  return undefined;
}

function lengthProblem(what: string, value: string, longest: number): string | undefined {
  if (value === '') return `${what} is empty`;
  return value.length > longest ? `${what} has more than ${longest} characters` : undefined;
}

function addressProblem(what: string, address: string): string | undefined {
  if (address.length > longestAddress) return `${what} has more than ${longestAddress} characters`;
  if (!isUrl(address)) return `${what} is no URL`;
  const { protocol, hostname, username, password } = new URL(address);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback)) return `${what} is not https`;
  if (username !== '' || password !== '') return `${what} has user info`;
  return address.includes('#') ? `${what} has a fragment` : undefined;
}

/**
 * The same credential for a trial: of the same shape and lengths, with nothing secret in it, for an address that no MCP
 * server has. What the platform says to it, it would have said to the credential itself.
 */
export function trialOf({ auth, display_name, metadata }: NewCredential, attempt: string): NewCredential {
  if (auth.type === 'environment_variable') return { auth, display_name, metadata };
  const mcp_server_url = `${new URL(auth.mcp_server_url).origin}/${trialName}${attempt}`;
  if (auth.type === 'static_bearer') {
    return { display_name, metadata, auth: { ...auth, mcp_server_url, token: standIn(auth.token) } };
  }
  const { access_token, refresh, ...rest } = auth;
  return {
    display_name,
    metadata,
    auth: {
      ...rest,
      mcp_server_url,
      access_token: standIn(access_token),
      ...(refresh == null ? {} : { refresh: trialRefresh(refresh) }),
    },
  };
}

function trialRefresh(refresh: Refresh): Refresh {
  const { token_endpoint_auth: proof } = refresh;
  return {
    ...refresh,
    refresh_token: standIn(refresh.refresh_token),
    token_endpoint_auth: proof.type === 'none' ? proof : { ...proof, client_secret: standIn(proof.client_secret) },
  };
}

const trialName = 'mai-trial-';
const standIn = (secret: string) => 'x'.repeat(secret.length);

/** Whether a credential is a trial that a run has left behind: nothing is ever connected at such an address. */
export function isTrial(mcpServerUrl: string): boolean {
  return isUrl(mcpServerUrl) && /^\/mai-trial-[0-9a-f-]{36}$/.test(new URL(mcpServerUrl).pathname);
}
