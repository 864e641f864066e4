import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { guardedFetch } from '../outside/http.ts';
import { splitScopes } from './metadata.ts';
import {
  discoverProtectedResource,
  judgeChallenge,
  judgeProtectedResource,
  wellKnownAddresses,
} from './protected-resource.ts';

const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
const mcp = 'https://mcp.example/mcp';

describe('the challenge', () => {
  test('names the metadata and the scopes [A1.1]', () => {
    const header = 'Bearer error="invalid_token", resource_metadata="https://mcp.example/prm", scope="a b"';
    expect(judgeChallenge(header, mcp)).toEqual({
      resourceMetadata: 'https://mcp.example/prm',
      scopes: ['a', 'b'],
      error: 'invalid_token',
    });
  });

  test.each(['""', '" "'])('with the scope %s names none, and leaves it to the metadata [A1.10]', (scope) => {
    expect(judgeChallenge(`Bearer error="invalid_token", scope=${scope}`, mcp).scopes).toBeUndefined();
  });

  test('of another scheme does not count', () => {
    const header = 'Basic resource_metadata="https://evil.example/prm", Bearer scope="a"';
    expect(judgeChallenge(header, mcp)).toMatchObject({ resourceMetadata: undefined, scopes: ['a'] });
  });

  test.each([
    'Bearer resource_metadata="https://evil.example/prm", resource_metadata="https://mcp.example/prm"',
    'Bearer resource_metadata="https://evil.example/prm", Bearer resource_metadata="https://mcp.example/prm"',
  ])('that names metadata twice counts where it stays on the own origin: %s [A1.1]', (header) => {
    expect(judgeChallenge(header, mcp).resourceMetadata).toBe('https://mcp.example/prm');
  });

  test('that names metadata twice and never on the own origin is refused [A1.1]', () => {
    const header = 'Bearer resource_metadata="https://a.example/prm", resource_metadata="https://b.example/prm"';
    expect(() => judgeChallenge(header, mcp)).toThrow(expect.objectContaining({ code: 'service_metadata' }));
  });

  test.each([null, 'Bearer', 'Negotiate', '"broken'])('%j says nothing', (header) => {
    expect(judgeChallenge(header, mcp)).toEqual({ resourceMetadata: undefined, scopes: undefined, error: undefined });
  });
});

describe('the well-known addresses', () => {
  const base = '/.well-known/oauth-protected-resource';
  test.each([
    ['https://h.example/mcp', [`${base}/mcp`, base]],
    ['https://h.example/a/b/', [`${base}/a/b/`, `${base}/a/b`, base]],
    ['https://h.example', [base]],
    ['https://h.example/', [base]],
  ])('of %s [A1.2]', (url, paths) => {
    expect(wellKnownAddresses(url)).toEqual(paths.map((path) => `https://h.example${path}`));
  });
});

describe('the resource of the metadata', () => {
  const judge = (resource: unknown, url: string) =>
    judgeProtectedResource({ resource, authorization_servers: ['https://as.example'] }, url).resource;

  test.each([
    ['https://h.example/mcp', 'https://h.example/mcp'],
    ['https://h.example', 'https://h.example/mcp'],
    ['https://h.example/', 'https://h.example/mcp'],
    ['https://h.example/v1', 'https://h.example/v1/mcp'],
    ['https://h.example/mcp/', 'https://h.example/mcp'],
    ['https://h.example/mcp', 'https://h.example/mcp/'],
  ])('%s covers %s, and is kept as it is published [A1.3] [A1.9] [A5.2]', (resource, url) => {
    expect(judge(resource, url)).toBe(resource);
  });

  test.each([
    ['https://h.example/mc', 'https://h.example/mcp'],
    ['https://h.example/mcp/x', 'https://h.example/mcp'],
    ['https://h.example/MCP', 'https://h.example/mcp'],
    ['https://H.example.evil.example/mcp', 'https://h.example/mcp'],
    ['https://h.example:8443/mcp', 'https://h.example/mcp'],
    ['http://h.example/mcp', 'https://h.example/mcp'],
    ['https://h.example/mcp?x', 'https://h.example/mcp'],
    ['https://h.example/mcp#x', 'https://h.example/mcp'],
    ['https://other.example', 'https://h.example/mcp'],
    ['https://user@h.example/mcp', 'https://h.example/mcp'],
    ['https://:secret@h.example', 'https://h.example/mcp'],
    ['https://H.example/mcp', 'https://h.example/mcp'],
    ['https://h.example:443/mcp', 'https://h.example/mcp'],
    ['https://h.example/x/../mcp', 'https://h.example/mcp'],
    [' https://h.example/mcp', 'https://h.example/mcp'],
    ['https:h.example/mcp', 'https://h.example/mcp'],
    ['not a url', 'https://h.example/mcp'],
    [undefined, 'https://h.example/mcp'],
    [['https://h.example/mcp'], 'https://h.example/mcp'],
  ])('%j is about something else than %s [A1.3] [A5.2]', (resource, url) => {
    expect(() => judge(resource, url)).toThrow(expect.objectContaining({ code: 'service_metadata' }));
  });
});

test.each([undefined, [], [7], 'https://as.example'])(
  'metadata with the authorization servers %j is refused [A1.4]',
  (servers) => {
    expect(() => judgeProtectedResource({ resource: mcp, authorization_servers: servers }, mcp)).toThrow(
      expect.objectContaining({ code: 'service_metadata' }),
    );
  },
);

test.each<[string, unknown]>([
  ['resource', 7],
  ['authorization_servers', 'https://as.example'],
  ['authorization_servers', ['https://as.example', 7]],
  ['scopes_supported', 7],
  ['bearer_methods_supported', 'header'],
  ['dpop_bound_access_tokens_required', 'no'],
])('metadata whose %s is %j is refused, naming it [A1.23]', (member, value) => {
  const document = { resource: mcp, authorization_servers: ['https://as.example'], [member]: value };
  expect(() => judgeProtectedResource(document, mcp)).toThrow(
    expect.objectContaining({ code: 'service_metadata', message: expect.stringContaining(`wrong: "${member}"`) }),
  );
});

test('scopes are separated by spaces, and a comma is a part of one [A5.7]', () => {
  expect(splitScopes(' a  b,c ')).toEqual(['a', 'b,c']);
});

describe('discovery', () => {
  /** An MCP server that answers 401 with `challenge`, and whose other paths are `paths`. */
  async function discover(challenge: string | undefined, paths: Record<string, (origin: string) => Answer>) {
    const server = await startHostileServer((line, _request, origin) => {
      if (line === 'POST /mcp') {
        const headers = challenge === undefined ? {} : { 'www-authenticate': challenge.replaceAll('ORIGIN', origin) };
        return { status: 401, headers };
      }
      return paths[line.replace(/^GET /, '')]?.(origin);
    });
    const found = discoverProtectedResource(`${server.origin}/mcp`, fetch);
    const outcome = await found.catch((error: unknown) => error);
    return { outcome, lines: server.lines(), origin: server.origin, requests: server.requests };
  }
  const metadata = (origin: string): Answer => ({
    json: { resource: `${origin}/mcp`, authorization_servers: ['https://as.example'], scopes_supported: ['listed'] },
  });
  const pathForm = '/.well-known/oauth-protected-resource/mcp';
  const rootForm = '/.well-known/oauth-protected-resource';

  test('asks where the challenge says and nowhere else [A1.1] [A1.10] [A3.1]', async () => {
    const { outcome, lines, origin } = await discover('Bearer resource_metadata=ORIGIN/prm, scope="asked"', {
      '/prm': metadata,
    });
    expect(outcome).toEqual({
      address: `${origin}/mcp`,
      resource: `${origin}/mcp`,
      authorizationServers: ['https://as.example'],
      scopes: ['asked'],
      offeredScopes: ['asked', 'listed'],
      withoutMetadata: false,
    });
    expect(lines).toEqual(['POST /mcp', 'GET /prm']);
  });

  test('sends no credential of any kind [A1.16]', async () => {
    const { requests } = await discover(undefined, { [pathForm]: metadata });
    for (const { headers } of requests) expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined]);
  });

  test('without a challenge asks the path form, then the root form [A1.2] [A2.7]', async () => {
    const { outcome, lines } = await discover(undefined, { [rootForm]: metadata });
    expect(lines).toEqual(['POST /mcp', `GET ${pathForm}`, `GET ${rootForm}`]);
    expect(outcome).toMatchObject({ scopes: ['listed'] });
  });

  test('without any metadata takes the origin for the authorization server [A4]', async () => {
    const { outcome, origin } = await discover(undefined, {});
    expect(outcome).toEqual({
      address: `${origin}/mcp`,
      resource: `${origin}/mcp`,
      authorizationServers: [origin],
      scopes: undefined,
      offeredScopes: [],
      withoutMetadata: true,
    });
  });

  test('may be sent to another origin, where the metadata still has to be about this server [A1.1] [A1.3]', async () => {
    const about: { resource: string } = { resource: '' };
    const elsewhere = await startHostileServer(() => ({
      json: { resource: about.resource, authorization_servers: ['https://as.example'] },
    }));
    const answer = {
      status: 401,
      headers: { 'www-authenticate': `Bearer resource_metadata="${elsewhere.origin}/prm"` },
    };
    const server = await startHostileServer(() => answer);
    about.resource = `${server.origin}/mcp`;
    expect(await discoverProtectedResource(`${server.origin}/mcp`, fetch)).toMatchObject({
      authorizationServers: ['https://as.example'],
    });
    for (const resource of [elsewhere.origin, `${elsewhere.origin}/mcp`, 'https://mcp.example/mcp']) {
      about.resource = resource;
      await expect(discoverProtectedResource(`${server.origin}/mcp`, fetch)).rejects.toMatchObject({
        code: 'service_metadata',
      });
    }
  });

  describe('of a server that lets anybody begin', () => {
    const greeting = (session: Record<string, string>): Answer => ({
      headers: session,
      json: { jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-11-25' } },
    });
    /** Answers the greeting, and 401 to the list of tools unless that is open, too. */
    async function discoverOpen(list: 'closed' | 'open', session: Record<string, string> = {}) {
      const server = await startHostileServer((line, { body }, origin) => {
        if (line === 'GET /prm' || line === `GET ${pathForm}`) return metadata(origin);
        if (line !== 'POST /mcp') return undefined;
        if (JSON.parse(body).method === 'initialize' || list === 'open') return greeting(session);
        const challenge = `Bearer resource_metadata="${origin}/prm", scope="asked"`;
        return { status: 401, headers: { 'www-authenticate': challenge } };
      });
      return { found: await discoverProtectedResource(`${server.origin}/mcp`, fetch), server };
    }

    test('takes the challenge from the list of its tools, in the session that it began [A1.1] [A1.10]', async () => {
      const { found, server } = await discoverOpen('closed', { 'mcp-session-id': 'the-session' });
      expect(found.scopes).toEqual(['asked']);
      expect(server.requests.map(({ headers }) => headers['mcp-session-id'])).toEqual([
        undefined,
        'the-session',
        undefined,
      ]);
    });

    test('still looks for metadata where that is open, too: a 200 proves nothing [A1.2]', async () => {
      const { found, server } = await discoverOpen('open');
      expect([found.scopes, server.lines()]).toEqual([['listed'], ['POST /mcp', 'POST /mcp', `GET ${pathForm}`]]);
    });
  });

  describe('of a server that knows the dialect of 2026-07-28 only', () => {
    /** Answers an `initialize` with `first`, and a request that says its version with the challenge. */
    async function discoverModern(first: Answer) {
      const server = await startHostileServer((line, { headers }, origin) => {
        if (line === 'GET /prm') return metadata(origin);
        if (line !== 'POST /mcp') return undefined;
        if (headers['mcp-protocol-version'] === undefined) return first;
        return { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${origin}/prm"` } };
      });
      const found = await discoverProtectedResource(`${server.origin}/mcp`, fetch);
      return { found, server };
    }
    const refusal = (code: number, status = 400): Answer => ({
      status,
      json: { jsonrpc: '2.0', id: 1, error: { code, message: 'no' } },
    });

    test.each([
      ['unsupported version', refusal(-32022)],
      ['unsupported version with HTTP 200', refusal(-32022, 200)],
      ['header mismatch', refusal(-32020)],
      ['no such method', refusal(-32601, 404)],
    ])('asks again in that dialect after "%s" [A1.1]', async (_case, first) => {
      const { found, server } = await discoverModern(first);
      expect(found.scopes).toEqual(['listed']);
      const [, second] = server.requests;
      expect(second?.headers).toMatchObject({
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'server/discover',
        accept: 'application/json, text/event-stream',
      });
      expect([second?.headers['mcp-session-id'], second?.headers.authorization]).toEqual([undefined, undefined]);
      expect(JSON.parse(second?.body ?? '')).toMatchObject({
        method: 'server/discover',
        params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
      });
    });

    test.each([
      ['an error of the older dialects', refusal(-32000)],
      ['a page', { status: 400, text: '<html>' }],
      ['nothing', { status: 400 }],
      ['a code in quotes', { status: 400, json: { error: { code: '-32022' } } }],
    ])('and does not after %s', async (_case, first) => {
      const server = await startHostileServer((line) => (line === 'POST /mcp' ? first : undefined));
      await discoverProtectedResource(`${server.origin}/mcp`, fetch);
      expect(server.lines().filter((line) => line === 'POST /mcp')).toHaveLength(1);
    });
  });

  describe('of a server that sends requests on', () => {
    /** Redirects `POST /mcp`; what is at `there` answers the rest. */
    async function discoverMoved(status: number, location: string, there: Record<string, (origin: string) => Answer>) {
      const server = await startHostileServer((line, _request, origin) =>
        line === 'POST /mcp' ? { status, headers: { location } } : there[line]?.(origin),
      );
      const outcome = await discoverProtectedResource(`${server.origin}/mcp`, fetch).catch((error: unknown) => error);
      return { outcome, lines: server.lines(), origin: server.origin };
    }
    const closed = (origin: string): Answer => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer resource_metadata="${origin}/prm", scope="asked"` },
    });
    const about = (path: string) => (origin: string) => ({
      json: { resource: `${origin}${path}`, authorization_servers: ['https://as.example'] },
    });

    test.each([307, 308])('with %d asks there, and says where it is [A6.5]', async (status) => {
      for (const path of ['/mcp/', '/v2/mcp']) {
        const { outcome, origin } = await discoverMoved(status, path, {
          [`POST ${path}`]: closed,
          'GET /prm': about(path),
        });
        expect(outcome).toMatchObject({ address: `${origin}${path}`, resource: `${origin}${path}`, scopes: ['asked'] });
      }
    });

    test('looks for metadata where it is, where it names none [A6.5]', async () => {
      const { outcome, lines } = await discoverMoved(307, '/mcp/', {
        'POST /mcp/': () => ({ status: 401 }),
        [`GET ${pathForm}/`]: about('/mcp/'),
      });
      expect(outcome).toMatchObject({ authorizationServers: ['https://as.example'] });
      expect(lines).toEqual(['POST /mcp', 'POST /mcp/', `GET ${pathForm}/`]);
    });

    test('to another origin is refused with its name, and nothing is asked there [A6.5] [c21]', async () => {
      const other = await startHostileServer(closed as never);
      const { outcome, lines } = await discoverMoved(307, `${other.origin}/mcp?secret=1`, {});
      expect(outcome).toMatchObject({
        code: 'service_metadata',
        message: expect.stringMatching(`another origin: "${other.origin}/mcp"$`),
      });
      expect([other.lines(), lines]).toEqual([[], ['POST /mcp']]);
    });

    test.each([302, 307])(
      'with %d to a page for people is named as that, and no origin is taken for a server',
      async (status) => {
        const page = { text: '<html>sign in</html>', headers: { 'content-type': 'text/html' } };
        const { outcome } = await discoverMoved(status, '/signin?next=/mcp', { 'POST /signin?next=/mcp': () => page });
        expect(outcome).toMatchObject({
          code: 'service_metadata',
          message: expect.stringContaining('/signin?next=/mcp", which is not an MCP server'),
        });
      },
    );

    test('without an end is followed three times', async () => {
      const { outcome, lines } = await discoverMoved(307, '/mcp', {});
      expect(outcome).toMatchObject({ code: 'service_metadata' });
      expect(lines.filter((line) => line === 'POST /mcp')).toHaveLength(4);
    });
  });

  test('does not look elsewhere when the named metadata is missing', async () => {
    const { outcome, lines, origin } = await discover('Bearer resource_metadata="ORIGIN/gone"', {
      [pathForm]: metadata,
    });
    expect(outcome).toMatchObject({
      code: 'service_metadata',
      message: `the metadata that is named by "${origin}/mcp" is not there: "${origin}/gone" answered 404, and no JSON`,
    });
    expect(lines).toEqual(['POST /mcp', 'GET /gone']);
  });

  test('that is named and sent on to another origin is not asked for there, and both are named [A1.1] [c21]', async () => {
    const evil = await startHostileServer((_line, _request, origin) => metadata(origin));
    const { outcome, origin } = await discover('Bearer resource_metadata="ORIGIN/named"', {
      '/named': () => ({ status: 302, headers: { location: `${evil.origin}/prm` } }),
    });
    expect([outcome, evil.lines()]).toEqual([
      expect.objectContaining({
        code: 'service_metadata',
        message: `the metadata that is named by "${origin}/mcp" is not taken from another origin: "${origin}/named" leads to "${evil.origin}"`,
      }),
      [],
    ]);
  });

  test('follows one redirect on the same origin [A1.2] [c21]', async () => {
    const moved = () => ({ status: 302, headers: { location: '/moved' } });
    expect((await discover(undefined, { [pathForm]: moved, '/moved': metadata })).outcome).toMatchObject({
      scopes: ['listed'],
    });
    const twice = await discover(undefined, { [pathForm]: moved, '/moved': moved, [rootForm]: metadata });
    expect(twice.lines).toEqual(['POST /mcp', `GET ${pathForm}`, 'GET /moved', `GET ${rootForm}`]);
  });

  test('takes a redirect to another origin for "not here" [A1.2] [c21]', async () => {
    const evil = await startHostileServer((_line, _request, origin) => metadata(origin));
    const { lines } = await discover(undefined, {
      [pathForm]: () => ({ status: 302, headers: { location: `${evil.origin}/prm` } }),
      [rootForm]: metadata,
    });
    expect(lines).toContain(`GET ${rootForm}`);
    expect(evil.lines()).toEqual([]);
  });

  test.each([
    ['a page', { text: '<html>', headers: { 'content-type': 'text/html' } }],
    ['JSON that is broken', { text: '{', headers: { 'content-type': 'application/json' } }],
    ['a list', { json: [] }],
    ['JSON with the wrong status', { status: 201, json: {} }],
  ])('takes %s for "not here" [A1.2]', async (_case, answer) => {
    const { outcome, lines } = await discover(undefined, { [pathForm]: () => answer, [rootForm]: metadata });
    expect(lines).toContain(`GET ${rootForm}`);
    expect(outcome).toMatchObject({ scopes: ['listed'] });
  });

  test.each([500, 503])(
    'goes on after a %i, but takes nothing for an older server then [A1.2] [A4]',
    async (status) => {
      const broken = () => ({ status });
      const found = await discover(undefined, { [pathForm]: broken, [rootForm]: metadata });
      expect(found.outcome).toMatchObject({ withoutMetadata: false, scopes: ['listed'] });
      const { outcome } = await discover(undefined, { [pathForm]: broken });
      expect(outcome).toMatchObject({ code: 'service_metadata', message: expect.stringContaining(String(status)) });
    },
  );

  test('stops at metadata about another resource instead of trying on [A1.3]', async () => {
    const { outcome, lines } = await discover(undefined, {
      [pathForm]: () => ({ json: { resource: 'https://evil.example', authorization_servers: ['https://as.example'] } }),
      [rootForm]: metadata,
    });
    expect(outcome).toMatchObject({ code: 'service_metadata' });
    expect(lines).not.toContain(`GET ${rootForm}`);
  });

  test.each(['http://169.254.169.254/prm', 'file:///etc/passwd', 'http://user@127.0.0.1/prm'])(
    'refuses to be sent to %s [A1.22] [c3]',
    async (address) => {
      const { outcome } = await discover(`Bearer resource_metadata="${address}"`, {});
      expect(outcome).toMatchObject({
        code: 'url_refused',
        message: expect.stringMatching(/^the metadata that is named by "http:\/\/127\.0\.0\.1:\d+\/mcp": /),
      });
    },
  );

  test('refuses a document of more than 1 MiB [c26]', async () => {
    const { outcome } = await discover(undefined, {
      [pathForm]: () => ({ json: { resource: 'x'.repeat(2 * 1024 * 1024) } }),
    });
    expect(outcome).toMatchObject({ code: 'service_metadata', message: expect.stringContaining('more than 1 MiB') });
  });
});
