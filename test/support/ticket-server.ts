/** An MCP server as its author would write it with our entry: it tells who calls, and refuses what the token does not allow. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  mayCall,
  refusalResponse,
  type Trust,
  type Verified,
  verifySessionToken,
} from '../../internal/verify/index.ts';

/** A server on this machine. */
export interface TicketServer extends AsyncDisposable {
  address: string;
}

/** Starts it; `trustAt` gets the address that tokens have to be for. */
export async function ticketServer(trustAt: (address: string) => Trust): Promise<TicketServer> {
  let trusted: Trust | undefined;
  const http = createServer(async (request, response) => {
    if (trusted === undefined) return;
    const result = await verifySessionToken(request.headers.authorization, trusted);
    if (!result.ok) {
      const refusal = refusalResponse(result);
      response.writeHead(refusal.status, Object.fromEntries(refusal.headers)).end(await refusal.text());
      return;
    }
    // One for each request: nothing of one caller is there for another.
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await toolsFor(result).connect(transport as Parameters<McpServer['connect']>[0]);
    await transport.handleRequest(request, response);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  trusted = trustAt(address);
  return {
    address,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => {
        http.close(resolve);
      });
    },
  };
}

function toolsFor(caller: Verified): McpServer {
  const server = new McpServer({ name: 'tickets', version: '1.0.0' });
  for (const name of ['list_tickets', 'close_ticket', 'delete_all']) {
    if (!mayCall(caller, name)) continue;
    server.registerTool(name, { description: name }, () => ({ content: [{ type: 'text', text: whoOf(caller) }] }));
  }
  return server;
}

function whoOf(caller: Verified): string {
  if (caller.kind === 'platform-agent') return caller.claims.agent_id;
  const { sid, act, sub_id: person } = caller.claims;
  return `${sid} of ${act.name} ${act.version} for ${person.sub}`;
}
