/** A service that somebody would build on better-auth: its MCP plugin signs people in and guards an MCP server. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { mcp, oAuthDiscoveryMetadata, oAuthProtectedResourceMetadata, withMcpAuth } from 'better-auth/plugins';
import { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import { ask } from '../support/ask.ts';

const ada = { email: 'ada@example.test', password: 'correct-horse-battery', name: 'Ada' };

/** Starts it with Ada's account; it ends with the test. */
export async function startBetterAuth(): Promise<{
  origin: string;
  mcpUrl: string;
  /** What a browser does: Ada signs in and is sent back, and the answer is fetched. */
  visit(authorization: string, headers?: Record<string, string>): Promise<void>;
}> {
  const app = new Hono();
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const tables = ['user', 'session', 'account', 'verification', 'oauthApplication', 'oauthAccessToken', 'oauthConsent'];
  const auth = betterAuth({
    baseURL: origin,
    secret: 'of-a-test-that-nobody-else-may-know',
    database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    logger: { disabled: true },
    plugins: [mcp({ loginPage: '/login' })],
  });
  await auth.api.signUpEmail({ body: ada });
  app.get('/.well-known/oauth-authorization-server', ({ req }) => oAuthDiscoveryMetadata(auth)(req.raw));
  app.get('/.well-known/oauth-protected-resource', ({ req }) => oAuthProtectedResourceMetadata(auth)(req.raw));
  app.on(['GET', 'POST'], '/api/auth/*', ({ req }) => auth.handler(req.raw));
  app.all('/mcp', ({ req }) =>
    withMcpAuth(auth, async (request, session) => {
      const mcpServer = new McpServer({ name: 'on-better-auth', version: '1' });
      mcpServer.registerTool('whoami', { annotations: { readOnlyHint: true } }, async () => {
        const context = await auth.$context;
        const user = await context.internalAdapter.findUserById(session.userId);
        return { content: [{ type: 'text', text: JSON.stringify({ email: user?.email }) }] };
      });
      const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
      await mcpServer.connect(transport as never);
      return await transport.handleRequest(request);
    })(req.raw),
  );
  return {
    origin,
    mcpUrl: `${origin}/mcp`,
    async visit(authorization, back = {}) {
      const headers = { 'content-type': 'application/json', origin };
      const signedIn = await ask(`${origin}/api/auth/sign-in/email`, {
        method: 'POST',
        headers,
        body: JSON.stringify(ada),
      });
      const cookie = [signedIn.headers['set-cookie'] ?? []].flat().map((each) => each.split(';')[0]);
      const sent = await ask(authorization, { headers: { cookie: cookie.join('; ') } });
      const location = String(sent.headers['location'] ?? '');
      if (!location.includes('/callback?'))
        throw new Error(`better-auth: ${sent.status}, sent to ${location} ${sent.body}`);
      await ask(location, { headers: back });
    },
  };
}
