import type { BetaManagedAgentsMCPProbe } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Secrets } from './credential-auth.ts';
import { captureResponse } from './http-capture.ts';
import { userAgent } from './token-refresh.ts';

const timeoutMs = 10_000;

/** A step with an MCP server that failed, with the HTTP answer if there was one. */
export class McpFailure extends Error {
  readonly probe: BetaManagedAgentsMCPProbe;

  constructor(method: string, response: BetaManagedAgentsMCPProbe['http_response'], cause: unknown) {
    super(`${method}: ${response === null ? 'no answer' : `HTTP ${response.status_code}`}`, { cause });
    this.probe = { method, http_response: response };
  }

  /** Whether the server refused the caller, as opposed to being out of order. */
  get refused(): boolean {
    const status = this.probe.http_response?.status_code;
    return status === 401 || status === 403;
  }
}

/** An open connection to an MCP server. */
export interface McpConnection {
  listTools(): Promise<Tool[]>;
  callTool(name: string, input: Record<string, unknown>): Promise<CallToolResult>;
  close(): Promise<void>;
}

/**
 * Connects over streamable HTTP. Documented: the token goes into the Authorization header as a bearer token, it is
 * the only identity that the server sees, and without a token the call is made unauthenticated.
 */
export async function connectMcp(url: string, token: string | undefined, secrets: Secrets): Promise<McpConnection> {
  let failed: BetaManagedAgentsMCPProbe['http_response'] = null;
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: {
      headers: { 'user-agent': userAgent, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    },
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      // GET only opens the optional stream for server messages; that it is missing is no failure.
      if (!response.ok && init?.method === 'POST') failed = await captureResponse(response.clone(), secrets);
      return response;
    },
  });
  const client = new Client({ name: 'managed-agents-sandbox', version: '1.0.0' });

  async function step<T>(method: string, run: () => Promise<T>): Promise<T> {
    failed = null;
    try {
      return await run();
    } catch (error) {
      throw new McpFailure(method, failed, error);
    }
  }

  try {
    // The SDK's own types do not fit together under exactOptionalPropertyTypes.
    await step('initialize', () => client.connect(transport as Transport, { timeout: timeoutMs }));
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    listTools: () => step('tools/list', async () => (await client.listTools({}, { timeout: timeoutMs })).tools),
    callTool: (name, input) =>
      step('tools/call', async () => {
        const result = await client.callTool({ name, arguments: input }, undefined, { timeout: timeoutMs });
        return result as CallToolResult;
      }),
    close: async () => {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}
