import type { BetaManagedAgentsCredential } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import type { Secrets } from './credential-auth.ts';

/** A stored credential. */
export interface CredentialRecord {
  readonly id: string;
  shown: BetaManagedAgentsCredential;
  secrets: Secrets;
}

/** Documented: archiving purges the secrets and keeps the record. */
export function archiveCredential(credential: CredentialRecord, timestamp: string): void {
  credential.secrets = {};
  credential.shown = { ...credential.shown, archived_at: timestamp, updated_at: timestamp };
}
