import type { BetaManagedAgentsCredentialValidation } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import type { Clock } from '../clock.ts';
import type { CredentialRecord } from './credential.ts';
import { connectMcp, McpFailure } from './mcp-connection.ts';
import { refreshCredential } from './token-refresh.ts';

type Verdict = Pick<BetaManagedAgentsCredentialValidation, 'status' | 'mcp_probe' | 'refresh'>;

/**
 * Finds out whether a credential works. Documented: calls the MCP server with the token, and after a 401 tries a
 * refresh; it proves that the token works, not whose token it is.
 */
export async function validateCredential(
  credential: CredentialRecord,
  clock: Clock,
): Promise<BetaManagedAgentsCredentialValidation> {
  const verdict = await probeWithRefresh(credential, clock);
  return {
    type: 'vault_credential_validation',
    credential_id: credential.id,
    vault_id: credential.shown.vault_id,
    validated_at: clock.timestamp(),
    has_refresh_token: credential.secrets.refresh_token !== undefined,
    ...verdict,
  };
}

async function probeWithRefresh(credential: CredentialRecord, clock: Clock): Promise<Verdict> {
  const { access_token } = credential.secrets;
  const first = await probe(credential);
  if (first === undefined) return { status: 'valid', mcp_probe: null, refresh: null };
  if (first.probe.http_response?.status_code !== 401) return failedVerdict(first, null);
  const refresh = await refreshCredential(credential, clock, access_token);
  if (refresh.status !== 'succeeded') return { status: 'invalid', mcp_probe: first.probe, refresh };
  const second = await probe(credential);
  if (second === undefined) return { status: 'valid', mcp_probe: null, refresh };
  return failedVerdict(second, refresh);
}

function failedVerdict(failure: McpFailure, refresh: Verdict['refresh']): Verdict {
  return { status: failure.refused ? 'invalid' : 'unknown', mcp_probe: failure.probe, refresh };
}

async function probe({ shown: { auth }, secrets }: CredentialRecord): Promise<McpFailure | undefined> {
  if (auth.type !== 'mcp_oauth') throw new Error('only mcp_oauth credentials are probed');
  try {
    const connection = await connectMcp(auth.mcp_server_url, secrets.access_token, secrets);
    try {
      await connection.listTools();
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (error instanceof McpFailure) return error;
    throw error;
  }
  return undefined;
}
