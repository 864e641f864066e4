import type { Platform } from '../../platform/client.ts';
import type { CredentialStatus, CredentialTrial } from '../../platform/credentials.ts';

/**
 * Lets the platform try a credential. Goes through `change`: the platform makes a live call with the person's token
 * and may refresh it. An `unknown` is asked once more, as a service that stumbles says nothing about the token.
 */
export async function tryCredential(
  platform: Platform,
  vaultId: string,
  credentialId: string,
): Promise<CredentialTrial> {
  const ask = () => platform.credentials.validate(vaultId, credentialId);
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
