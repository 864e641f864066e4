/** The credentials of a vault: what the platform answers, and what it can be asked for. */
import { type Door, eachOf, type How, nothing } from './door.ts';
import { tellUnknown } from './known-members.ts';
import { fieldsOf, metadataOf, type Reading, text, textOrNull, thingOf } from './reading.ts';
import type { Client } from './sdk.ts';

/** What a credential is for. `other` is of a kind that this version does not know, `unreadable` does not say what it is for. */
export type CredentialAuth =
  | { type: 'mcp_oauth'; mcp_server_url: string; expires_at: string | undefined; refresh: Refresh | undefined }
  | { type: 'static_bearer'; mcp_server_url: string }
  | { type: 'environment_variable' | 'other' | 'unreadable' };

/** How the platform renews a token. What was not said equals nothing that is meant. */
interface Refresh {
  token_endpoint: string | undefined;
  client_id: string | undefined;
  token_endpoint_auth: 'none' | 'client_secret_basic' | 'client_secret_post' | undefined;
  resource: string | undefined;
  scope: string | undefined;
}

/** A credential; nothing secret is in it. */
export interface Credential {
  id: string;
  auth: CredentialAuth;
  metadata: Readonly<Record<string, string>>;
  created_at: string;
  archived_at: string | null;
}

export function readCredential(value: unknown, reading: Reading): Credential {
  const credential = thingOf(value, 'a credential');
  tellUnknown('credential', credential, reading);
  return {
    id: credential.id,
    auth: authOf(credential['auth']),
    metadata: metadataOf(credential['metadata']),
    created_at: text(credential['created_at']) ?? '',
    archived_at: textOrNull(credential['archived_at']),
  };
}

function authOf(value: unknown): CredentialAuth {
  const auth = fieldsOf(value) ?? {};
  const [type, url] = [text(auth['type']), text(auth['mcp_server_url'])];
  if (type === 'environment_variable') return { type };
  if (type === 'static_bearer' && url !== undefined) return { type, mcp_server_url: url };
  if (type === 'mcp_oauth' && url !== undefined) {
    const refresh = fieldsOf(auth['refresh']);
    return {
      type,
      mcp_server_url: url,
      expires_at: text(auth['expires_at']),
      refresh: refresh && {
        token_endpoint: text(refresh['token_endpoint']),
        client_id: text(refresh['client_id']),
        token_endpoint_auth: methods.find((each) => each === fieldsOf(refresh['token_endpoint_auth'])?.['type']),
        resource: text(refresh['resource']),
        scope: text(refresh['scope']),
      },
    };
  }
  const known = type === undefined || type === 'mcp_oauth' || type === 'static_bearer';
  return { type: known ? 'unreadable' : 'other' };
}

const methods = ['none', 'client_secret_basic', 'client_secret_post'] as const;

/** What the platform found when it tried a credential at its MCP server; `unknown` proves nothing either way. */
export type CredentialStatus = 'valid' | 'invalid' | 'unknown';

/** An HTTP answer that the platform got; its body is text from outside. */
export interface CapturedAnswer {
  status_code: number;
  body: string;
}

/** The platform's whole answer to a trial, as far as it says why. */
export interface CredentialTrial {
  status: CredentialStatus;
  /** The platform's own time, which decides what has expired; empty where it was not said. */
  validated_at: string;
  /** The MCP request that failed; null when none did, or none was sent. */
  mcp_probe: { method: string; http_response: CapturedAnswer | null } | null;
  /** What came of renewing the token, where that was tried. */
  refresh: {
    status: 'succeeded' | 'failed' | 'connect_error' | 'no_refresh_token';
    http_response: CapturedAnswer | null;
  } | null;
}

/** Reads a trial. A word that this version does not know proves nothing. */
function readTrial(value: unknown): CredentialTrial {
  const trial = fieldsOf(value) ?? {};
  const [probe, refresh] = [fieldsOf(trial['mcp_probe']), fieldsOf(trial['refresh'])];
  const outcome = outcomes.find((each) => each === refresh?.['status']);
  return {
    status: (['valid', 'invalid'] as const).find((each) => each === trial['status']) ?? 'unknown',
    validated_at: text(trial['validated_at']) ?? '',
    mcp_probe:
      probe === undefined
        ? null
        : { method: text(probe['method']) ?? 'a request', http_response: capturedOf(probe['http_response']) },
    refresh: outcome === undefined ? null : { status: outcome, http_response: capturedOf(refresh?.['http_response']) },
  };
}

const outcomes = ['succeeded', 'failed', 'connect_error', 'no_refresh_token'] as const;

function capturedOf(value: unknown): CapturedAnswer | null {
  const answer = fieldsOf(value);
  if (answer === undefined) return null;
  return { status_code: Number(answer['status_code'] ?? 0), body: text(answer['body']) ?? '' };
}

type Credentials = Client['vaults']['credentials'];

/** A credential as it is asked for. */
export type NewCredential = Parameters<Credentials['create']>[1];

/** What is asked of the credentials of a vault. */
export const credentialVerbs = ({ read, pages, change }: Door) => {
  const create =
    (act: 'credential.create' | 'credential.try') => (vaultId: string, credential: NewCredential, how: How) =>
      // Where the answer is lost, the vault is all that is known of it.
      change(act, undefined, { ...how, grounds: { mark: vaultId } }, readCredential, ({ vaults }) =>
        vaults.credentials.create(vaultId, credential),
      );
  return {
    list: (vaultId: string, query: { include_archived?: boolean; limit?: number } = {}) =>
      eachOf(
        pages('list credentials', readCredential, ({ vaults }, page) =>
          vaults.credentials.list(vaultId, { limit: 100, ...query, ...page }),
        ),
      ),
    retrieve: (vaultId: string, id: string) =>
      read('read credential', readCredential, ({ vaults }) => vaults.credentials.retrieve(id, { vault_id: vaultId })),
    create: create('credential.create'),
    /** Makes one only to see whether the platform takes it. */
    try: create('credential.try'),
    update: (
      vaultId: string,
      id: string,
      credential: Omit<Parameters<Credentials['update']>[1], 'vault_id'>,
      how: How,
    ) =>
      change('credential.update', id, how, readCredential, ({ vaults }) =>
        vaults.credentials.update(id, { vault_id: vaultId, ...credential }),
      ),
    archive: (vaultId: string, id: string, how: How = {}) =>
      change('credential.archive', id, how, readCredential, ({ vaults }) =>
        vaults.credentials.archive(id, { vault_id: vaultId }),
      ),
    delete: (vaultId: string, id: string, how: How) =>
      change('credential.delete', id, how, nothing, ({ vaults }) =>
        vaults.credentials.delete(id, { vault_id: vaultId }),
      ),
    /** A change: the platform makes a live call with the person's token, and may renew it. */
    validate: (vaultId: string, id: string, how: How = {}) =>
      change('credential.validate', id, how, readTrial, ({ vaults }) =>
        vaults.credentials.mcpOAuthValidate(id, { vault_id: vaultId }),
      ),
  };
};
