import type { Platform } from '../platform/client.ts';

/** What the platform found when it tried a credential at its MCP server; `unknown` proves nothing either way. */
export type CredentialStatus = 'valid' | 'invalid' | 'unknown';

/** An HTTP answer that the platform got; its body is text from outside. */
export interface CapturedAnswer {
  status_code: number;
  body: string;
}

/** The platform's whole answer, as far as it says why. */
export interface CredentialTrial {
  status: CredentialStatus;
  /** The platform's own time, which decides what has expired. */
  validated_at: string;
  /** The MCP request that failed; null when none did, or none was sent. */
  mcp_probe: { method: string; http_response: CapturedAnswer | null } | null;
  /** What came of renewing the token, where that was tried. */
  refresh: {
    status: 'succeeded' | 'failed' | 'connect_error' | 'no_refresh_token';
    http_response: CapturedAnswer | null;
  } | null;
}

/**
 * Lets the platform try a credential. Goes through `change`: the platform makes a live call with the person's token
 * and may refresh it. An `unknown` is asked once more, as a service that stumbles says nothing about the token.
 */
export async function tryCredential(
  platform: Platform,
  vaultId: string,
  credentialId: string,
): Promise<CredentialTrial> {
  const ask = () =>
    platform.change({ act: 'credential.validate', target: credentialId }, (client) =>
      client.beta.vaults.credentials.mcpOAuthValidate(credentialId, { vault_id: vaultId }),
    );
  const first = await ask();
  return first.status === 'unknown' ? await ask() : first;
}

/** Whether the service said, when its token was to be renewed, that it does not know the client (RFC 6749 section 5.2). */
export function isClientUnknown({ refresh }: Pick<CredentialTrial, 'refresh'>): boolean {
  return refresh?.status === 'failed' && /"(invalid|unauthorized)_client"/.test(String(refresh.http_response?.body));
}

/** The same, where only the verdict matters. */
export async function validateCredential(
  platform: Platform,
  vaultId: string,
  credentialId: string,
): Promise<CredentialStatus> {
  return (await tryCredential(platform, vaultId, credentialId)).status;
}
