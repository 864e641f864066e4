/** Sessions that run until they are interrupted: their agent waits for an MCP server that never answers. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type Anthropic from '@anthropic-ai/sdk';

/** The sessions, and the server that keeps them waiting. */
export interface RunningSessions {
  ids: string[];
  close(): void;
}

/** Starts `count` sessions that are bound to the vaults. */
export async function startRunningSessions(
  client: Anthropic,
  vault_ids: string[],
  count: number,
): Promise<RunningSessions> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const agent = await client.beta.agents.create({
    name: 'waits',
    model: 'claude-sonnet-5-5',
    mcp_servers: [{ type: 'url', name: 'silent', url }],
    tools: [{ type: 'mcp_toolset', mcp_server_name: 'silent' }],
  });
  const environment = await client.beta.environments.create({ name: `waits-${agent.id}` });
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { id } = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id, vault_ids });
    await client.beta.sessions.events.send(id, {
      events: [{ type: 'user.message', content: [{ type: 'text', text: 'wait' }] }],
    });
    ids.push(id);
  }
  return {
    ids,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
