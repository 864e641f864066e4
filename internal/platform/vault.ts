/** Vaults and what is in them, as the platform answers them. */
import { tellUnknown } from './known-members.ts';
import { fieldsOf, metadataOf, type Reading, text, textOrNull, thingOf } from './reading.ts';

/** A vault. */
export interface Vault {
  id: string;
  display_name: string;
  metadata: Readonly<Record<string, string>>;
  /** Whether the platform said any metadata at all. Where it did not, the vault is nobody's, and may be anybody's. */
  saysMetadata: boolean;
  /** RFC 3339; empty where it was not said. */
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

/** Reads a vault. */
export function readVault(value: unknown, reading: Reading): Vault {
  const vault = thingOf(value, 'a vault');
  tellUnknown('vault', vault, reading);
  return {
    id: vault.id,
    display_name: text(vault['display_name']) ?? '',
    metadata: metadataOf(vault['metadata']),
    saysMetadata: fieldsOf(vault['metadata']) !== undefined,
    created_at: text(vault['created_at']) ?? '',
    updated_at: text(vault['updated_at']) ?? '',
    archived_at: textOrNull(vault['archived_at']),
  };
}

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

/** Reads a credential. */
export function readCredentialAnswer(value: unknown, reading: Reading): Credential {
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
export function readTrial(value: unknown): CredentialTrial {
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
