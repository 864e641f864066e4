/** MCP servers: one tool call with a fresh token, to learn whose account it is. Nothing else is ever asked of them. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { AppError } from '../errors/app-error.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { Fetch } from './http.ts';

/** One call. */
export interface ToolCall {
  mcpServerUrl: string;
  token: Secret;
  tool: string;
  arguments: Record<string, unknown>;
  fetch: Fetch;
  signal: AbortSignal;
}

const timeoutMs = 20_000;

/** Calls one tool and returns its result as the server gave it. Throws `service_refused` or `service_unreachable`. */
export async function callTool(call: ToolCall): Promise<unknown> {
  const transport = new StreamableHTTPClientTransport(new URL(call.mcpServerUrl), {
    fetch: (url, init) => call.fetch(String(url), init as never),
    requestInit: { headers: { authorization: `Bearer ${call.token.reveal()}` } },
  });
  const client = new Client({ name: 'managed-agents-interface', version: '1' });
  try {
    // The SDK's own types disagree with each other under exactOptionalPropertyTypes.
    await client.connect(transport as Transport, { timeout: timeoutMs, signal: call.signal });
    return await client.callTool({ name: call.tool, arguments: call.arguments }, undefined, {
      timeout: timeoutMs,
      signal: call.signal,
    });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (call.signal.aborted)
      throw new AppError('interrupted', 'interrupted while asking whose account it is', { cause });
    throw new AppError(
      'service_refused',
      `${quote(new URL(call.mcpServerUrl).host)} did not answer ${quote(call.tool)} with the new token`,
      { cause },
    );
  } finally {
    await client.close();
  }
}
