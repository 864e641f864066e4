import type { CredentialRecord } from './credential.ts';
import { hostAllowed } from './host.ts';
import { connectMcp, type McpConnection, McpFailure } from './mcp-connection.ts';
import { normalizeServerUrl } from './mcp-url.ts';
import type { Session } from './session.ts';
import { refreshCredential } from './token-refresh.ts';
import { ServerUnusable } from './turn.ts';
import type { Workspace } from './workspace.ts';

/** Connects a session to one of its agent's MCP servers, with the credential that the documented rules select. */
export async function connectServer(workspace: Workspace, session: Session, server: string): Promise<McpConnection> {
  const declared = session.agent.mcp_servers.find(({ name }) => name === server);
  if (declared === undefined) throw new Error(`the agent declares no MCP server ${server}`);
  if (!egressAllowed(session, declared.url)) {
    // choices.blockedEgress
    throw new ServerUnusable('mcp_connection_failed_error', server, 'the environment does not allow this host');
  }
  const credential = selectCredential(workspace, session.vaultIds, declared.url);
  if (credential !== undefined) await refreshIfExpired(workspace, credential, server);
  const token = credential?.secrets.access_token ?? credential?.secrets.token;
  const connection = await connectMcp(declared.url, token, credential?.secrets ?? {}).catch((error: unknown) => {
    throw asUnusable(error, server, credential !== undefined);
  });
  return {
    ...connection,
    listTools: () => connection.listTools().catch((error: unknown) => rethrow(error, server, credential !== undefined)),
    callTool: (name, input) =>
      connection.callTool(name, input).catch((error: unknown) => rethrow(error, server, credential !== undefined)),
  };
}

/**
 * Finds the credential for a server. Documented dangers: the first vault in the order of the session that has a match
 * wins, silently, and without a match the server is called without authentication.
 */
function selectCredential(
  workspace: Workspace,
  vaultIds: readonly string[],
  url: string,
): CredentialRecord | undefined {
  const wanted = normalizeServerUrl(url);
  for (const vaultId of vaultIds) {
    for (const credential of workspace.vaults.find(vaultId)?.credentials ?? []) {
      const { auth, archived_at } = credential.shown;
      if (archived_at !== null || auth.type === 'environment_variable') continue;
      if (normalizeServerUrl(auth.mcp_server_url) === wanted) return credential;
    }
  }
  return undefined;
}

/** choices.refreshMoment; documented: without a refresh block the token just expires. */
async function refreshIfExpired(workspace: Workspace, credential: CredentialRecord, server: string): Promise<void> {
  const { auth } = credential.shown;
  if (auth.type !== 'mcp_oauth' || auth.refresh == null || auth.expires_at == null) return;
  if (Date.parse(auth.expires_at) > workspace.clock.now()) return;
  const { status } = await refreshCredential(credential, workspace.clock);
  if (status === 'succeeded') return;
  throw new ServerUnusable(
    'mcp_authentication_failed_error',
    server,
    `the access token expired and refresh: ${status}`,
  );
}

function egressAllowed({ environment: { config } }: Session, url: string): boolean {
  if (config.type !== 'cloud' || config.networking.type !== 'limited') return true;
  return config.networking.allow_mcp_servers || hostAllowed(new URL(url).hostname, config.networking.allowed_hosts);
}

function asUnusable(error: unknown, server: string, hadCredential: boolean): unknown {
  if (!(error instanceof McpFailure)) return error;
  if (!error.refused) return new ServerUnusable('mcp_connection_failed_error', server, error.message);
  const reason = hadCredential ? 'the server refused the stored credential' : 'no credential is stored for its URL';
  return new ServerUnusable('mcp_authentication_failed_error', server, `${reason} (${error.message})`);
}

/** A JSON-RPC error is an answer of the tool, not trouble with the server, so only refusals change their kind. */
function rethrow(error: unknown, server: string, hadCredential: boolean): never {
  throw error instanceof McpFailure && error.probe.http_response === null
    ? error
    : asUnusable(error, server, hadCredential);
}
