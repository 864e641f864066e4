/** `service-connection` at servers of the 2025-03-26 revision, which may publish nothing about themselves. */
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { atAuthorization } from '../support/begin.ts';
import { type HostileServer, type SeenRequest, startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const metadataPath = 'GET /.well-known/oauth-authorization-server';

/** What a server says about itself, by its own address; nothing where left out. */
interface Published {
  /** Its authorization server metadata. */
  metadata?: (origin: string) => object | number;
  /** Its protected resource metadata. */
  resource?: (origin: string) => object;
}

/** A server that is MCP server and authorization server in one, with the endpoints of that revision. */
async function olderServer(published: Published = {}): Promise<HostileServer> {
  const server = await startHostileServer((line, request, origin) => {
    const metadata = published.metadata?.(origin);
    if (line === metadataPath && metadata !== undefined)
      return typeof metadata === 'number' ? { status: metadata } : { json: metadata };
    const resource = published.resource?.(origin);
    if (line === 'GET /.well-known/oauth-protected-resource/mcp' && resource !== undefined) return { json: resource };
    if (line === 'POST /mcp') return answerMcp(request);
    if (line === 'POST /register') {
      const { redirect_uris } = JSON.parse(request.body);
      return { status: 201, json: { client_id: 'us', redirect_uris, token_endpoint_auth_method: 'none' } };
    }
    if (line.startsWith('GET /authorize?')) {
      const asked = new URL(request.target, origin).searchParams;
      const answer = new URLSearchParams({ code: 'the-code', state: asked.get('state') ?? '' });
      return { status: 302, headers: { location: `${asked.get('redirect_uri')}?${answer}` } };
    }
    if (line === 'POST /token') return { json: { access_token: 'the-token', token_type: 'Bearer', expires_in: 3600 } };
    return undefined;
  });
  await world.configure('services/notion.yaml', (service) => {
    service.mcp_server_url = `${server.origin}/mcp`;
    service.authorization.issuers = [server.origin];
    delete service.account;
  });
  return server;
}

function answerMcp({ headers, body }: SeenRequest) {
  if (headers.authorization !== 'Bearer the-token') return { status: 401 };
  const { id, method, params } = JSON.parse(body);
  if (id === undefined) return { status: 202 };
  const greeting = {
    protocolVersion: params?.protocolVersion,
    capabilities: {},
    serverInfo: { name: 's', version: '1' },
  };
  return { json: { jsonrpc: '2.0', id, result: method === 'initialize' ? greeting : { tools: [] } } };
}

const metadataOf = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  code_challenge_methods_supported: ['S256'],
});

/** A browser that signs Ada in, and goes where an older server sends it. */
const browse = atAuthorization(async (url, begun) => {
  if (url.startsWith(world.sandbox.identityProvider.issuer)) return await visit(url, { person: 'ada', begun });
  const { headers } = await ask(url);
  const answered = await ask(String(headers['location']), { headers: begun.headers });
  return await ask(String(headers['location']), { target: String(answered.headers['location']) });
});

const connect = (...words: string[]) => world.connect(['notion', ...words], { browse });

/** What was asked of the endpoints that nothing vouches for. */
const endpointsAsked = ({ requests }: HostileServer) =>
  requests
    .map(({ target }) => target.split('?')[0])
    .filter((path) => /^\/(authorize|token|register)$/.test(path ?? ''));

describe('a server without metadata of its resource', () => {
  test('is its own authorization server, where it says so itself [A4]', async () => {
    const server = await olderServer({ metadata: metadataOf });
    const connected = await connect();
    expect([connected.exit, endpointsAsked(server)]).toEqual([0, ['/register', '/authorize', '/token']]);
    const asked = server.requests.find(({ target }) => target === metadataPath.slice(4));
    expect(asked?.headers['mcp-protocol-version']).toBe('2025-03-26');
  });

  test('and of its authorization server is refused, and the flag is named [A4] [connecting]', async () => {
    const server = await olderServer();
    const failed = await connect();
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[service_metadata]')]);
    expect(failed.stderr).toContain('--legacy-endpoints');
    expect([endpointsAsked(server), await world.credentials()]).toEqual([[], []]);
  });

  test('connects with --legacy-endpoints, saying what is not checked, and with everything that is sent elsewhere [A4]', async () => {
    const server = await olderServer();
    const connected = await connect('--legacy-endpoints');
    expect([connected.exit, endpointsAsked(server)]).toEqual([0, ['/register', '/authorize', '/token']]);
    expect(connected.stderr).toMatch(/publishes no metadata: .*issuer and .*PKCE cannot be checked/);
    const { searchParams } = new URL(connected.visited[1] ?? '');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43,}$/),
      resource: `${server.origin}/mcp`,
    });
    const form = new URLSearchParams(server.requests.find(({ target }) => target === '/token')?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      code: 'the-code',
      code_verifier: expect.stringMatching(/^[\w-]{43,}$/),
      resource: `${server.origin}/mcp`,
    });
    expect(await world.credentials()).toHaveLength(1);
  });
});

describe('--legacy-endpoints', () => {
  test('is for the server that the catalogue pins and for no other [A4] [A1.4] [connecting]', async () => {
    const server = await olderServer();
    await world.configure('services/notion.yaml', (service) => {
      service.authorization.issuers = ['https://as.example'];
    });
    const failed = await connect('--legacy-endpoints');
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[issuer_mismatch]')]);
    expect(endpointsAsked(server)).toEqual([]);
  });

  test.each([
    [
      'an authorization server that metadata names',
      { resource: (origin: string) => resourceOf(origin) },
      'service_metadata',
    ],
    [
      'metadata without S256',
      { metadata: (origin: string) => ({ ...metadataOf(origin), code_challenge_methods_supported: ['plain'] }) },
      'service_metadata',
    ],
    [
      'metadata of another issuer',
      { metadata: (origin: string) => ({ ...metadataOf(origin), issuer: 'https://evil.example' }) },
      'issuer_mismatch',
    ],
    ['a server that is out of order', { metadata: () => 500 }, 'service_metadata'],
  ])('makes nothing good of %s [A4] [A1.6] [A1.8] [connecting]', async (_case, published, code) => {
    const server = await olderServer(published);
    const failed = await connect('--legacy-endpoints');
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining(`[${code}]`)]);
    expect(endpointsAsked(server)).toEqual([]);
  });
});

const resourceOf = (origin: string) => ({ resource: `${origin}/mcp`, authorization_servers: [origin] });
