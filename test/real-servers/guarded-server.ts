/** An MCP server made of the public SDK's own parts, guarded by its bearer check, with another server's tokens. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { OAuthMetadataSchema } from '@modelcontextprotocol/sdk/shared/auth.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { onTestFinished } from 'vitest';

/** Starts it; it ends with the test. Takes the tokens of an issuer that has the scope `mcp`. */
export async function startGuardedServer(issuer: string): Promise<{ mcpUrl: string; served(): number }> {
  const metadata = OAuthMetadataSchema.loose().parse(
    await (await fetch(`${issuer}/.well-known/openid-configuration`)).json(),
  );
  const keys = createRemoteJWKSet(new URL(String(metadata['jwks_uri'])));
  let served = 0;
  const app = createMcpExpressApp();
  const server: Server = app.listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const mcpUrl = `http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`;
  const verifyAccessToken = async (token: string) => {
    const { payload } = await jwtVerify(token, keys, { issuer, requiredClaims: ['exp'] }).catch(() => {
      throw new InvalidTokenError('not a token of this issuer, or expired');
    });
    const scopes = String(payload['scope'] ?? '').split(' ');
    return {
      token,
      clientId: String(payload['client_id']),
      scopes,
      expiresAt: Number(payload.exp),
      extra: { sub: payload.sub },
    };
  };
  const resourceServerUrl = new URL(mcpUrl);
  app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl, scopesSupported: ['mcp'] }));
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resourceServerUrl);
  app.use('/mcp', requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes: ['mcp'], resourceMetadataUrl }));
  app.post('/mcp', async (request, response) => {
    served += 1;
    const mcp = new McpServer({ name: 'guarded', version: '1' });
    mcp.registerTool('whoami', { annotations: { readOnlyHint: true } }, ({ authInfo }) => ({
      content: [{ type: 'text', text: JSON.stringify({ sub: authInfo?.extra?.['sub'] }) }],
    }));
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once('close', () => void transport.close());
    await mcp.connect(transport as never);
    await transport.handleRequest(request, response, request.body);
  });
  return { mcpUrl, served: () => served };
}
