import type { Platform } from '../platform/client.ts';

/** What the platform found when it tried a credential at its MCP server; `unknown` proves nothing either way. */
export type CredentialStatus = 'valid' | 'invalid' | 'unknown';

/**
 * Lets the platform try a credential. Goes through `change`: the platform makes a live call with the person's token
 * and may refresh it. An `unknown` is asked once more, as a service that stumbles says nothing about the token.
 */
export async function validateCredential(
  platform: Platform,
  vaultId: string,
  credentialId: string,
): Promise<CredentialStatus> {
  const ask = () =>
    platform.change({ act: 'credential.validate', target: credentialId }, (client) =>
      client.beta.vaults.credentials.mcpOAuthValidate(credentialId, { vault_id: vaultId }),
    );
  const first = await ask();
  return first.status === 'unknown' ? (await ask()).status : first.status;
}
