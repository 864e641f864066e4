import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { guardedFetch } from '../outside/http.ts';
import {
  discoverProtectedResource,
  judgeChallenge,
  judgeProtectedResource,
  splitScopes,
  wellKnownAddresses,
} from './protected-resource.ts';

const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
const mcp = 'https://mcp.example/mcp';

describe('the challenge', () => {
  test('names the metadata and the scopes', () => {
    const header = 'Bearer error="invalid_token", resource_metadata="https://mcp.example/prm", scope="a b"';
    expect(judgeChallenge(header, mcp)).toEqual({ resourceMetadata: 'https://mcp.example/prm', scopes: ['a', 'b'] });
  });

  test('of another scheme does not count', () => {
    const header = 'Basic resource_metadata="https://evil.example/prm", Bearer scope="a"';
    expect(judgeChallenge(header, mcp)).toEqual({ resourceMetadata: undefined, scopes: ['a'] });
  });

  test.each([
    'Bearer resource_metadata="https://evil.example/prm", resource_metadata="https://mcp.example/prm"',
    'Bearer resource_metadata="https://evil.example/prm", Bearer resource_metadata="https://mcp.example/prm"',
  ])('that names metadata twice counts where it stays on the own origin: %s', (header) => {
    expect(judgeChallenge(header, mcp).resourceMetadata).toBe('https://mcp.example/prm');
  });

  test('that names metadata twice and never on the own origin is refused', () => {
    const header = 'Bearer resource_metadata="https://a.example/prm", resource_metadata="https://b.example/prm"';
    expect(() => judgeChallenge(header, mcp)).toThrow(expect.objectContaining({ code: 'service_metadata' }));
  });

  test.each([null, 'Bearer', 'Negotiate', '"broken'])('%j says nothing', (header) => {
    expect(judgeChallenge(header, mcp)).toEqual({ resourceMetadata: undefined, scopes: undefined });
  });
});

describe('the well-known addresses', () => {
  const base = '/.well-known/oauth-protected-resource';
  test.each([
    ['https://h.example/mcp', [`${base}/mcp`, base]],
    ['https://h.example/a/b/', [`${base}/a/b/`, `${base}/a/b`, base]],
    ['https://h.example', [base]],
    ['https://h.example/', [base]],
  ])('of %s', (url, paths) => {
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
  ])('%s covers %s, and is kept as it is published', (resource, url) => {
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
    ['not a url', 'https://h.example/mcp'],
    [undefined, 'https://h.example/mcp'],
    [['https://h.example/mcp'], 'https://h.example/mcp'],
  ])('%j is about something else than %s', (resource, url) => {
    expect(() => judge(resource, url)).toThrow(expect.objectContaining({ code: 'service_metadata' }));
  });
});

test.each([undefined, [], [7], 'https://as.example'])(
  'metadata with the authorization servers %j is refused',
  (servers) => {
    expect(() => judgeProtectedResource({ resource: mcp, authorization_servers: servers }, mcp)).toThrow(
      expect.objectContaining({ code: 'service_metadata' }),
    );
  },
);

test('scopes are separated by spaces, or by commas as one service does', () => {
  expect(splitScopes(' a  b,c ')).toEqual(['a', 'b', 'c']);
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

  test('asks where the challenge says and nowhere else', async () => {
    const { outcome, lines, origin } = await discover('Bearer resource_metadata=ORIGIN/prm, scope="asked"', {
      '/prm': metadata,
    });
    expect(outcome).toEqual({
      resource: `${origin}/mcp`,
      authorizationServers: ['https://as.example'],
      scopes: ['asked'],
    });
    expect(lines).toEqual(['POST /mcp', 'GET /prm']);
  });

  test('sends no credential of any kind', async () => {
    const { requests } = await discover(undefined, { [pathForm]: metadata });
    for (const { headers } of requests) expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined]);
  });

  test('without a challenge asks the path form, then the root form', async () => {
    const { outcome, lines } = await discover(undefined, { [rootForm]: metadata });
    expect(lines).toEqual(['POST /mcp', `GET ${pathForm}`, `GET ${rootForm}`]);
    expect(outcome).toMatchObject({ scopes: ['listed'] });
  });

  test('without any metadata takes the origin for the authorization server', async () => {
    const { outcome, origin } = await discover(undefined, {});
    expect(outcome).toEqual({ resource: `${origin}/mcp`, authorizationServers: [origin], scopes: undefined });
  });

  test('does not look elsewhere when the named metadata is missing', async () => {
    const { outcome, lines } = await discover('Bearer resource_metadata="ORIGIN/gone"', { [pathForm]: metadata });
    expect(outcome).toMatchObject({ code: 'service_metadata' });
    expect(lines).toEqual(['POST /mcp', 'GET /gone']);
  });

  test('follows one redirect on the same origin', async () => {
    const moved = () => ({ status: 302, headers: { location: '/moved' } });
    expect((await discover(undefined, { [pathForm]: moved, '/moved': metadata })).outcome).toMatchObject({
      scopes: ['listed'],
    });
    const twice = await discover(undefined, { [pathForm]: moved, '/moved': moved, [rootForm]: metadata });
    expect(twice.lines).toEqual(['POST /mcp', `GET ${pathForm}`, 'GET /moved', `GET ${rootForm}`]);
  });

  test('takes a redirect to another origin for "not here"', async () => {
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
  ])('takes %s for "not here"', async (_case, answer) => {
    const { outcome, lines } = await discover(undefined, { [pathForm]: () => answer, [rootForm]: metadata });
    expect(lines).toContain(`GET ${rootForm}`);
    expect(outcome).toMatchObject({ scopes: ['listed'] });
  });

  test('stops at metadata about another resource instead of trying on', async () => {
    const { outcome, lines } = await discover(undefined, {
      [pathForm]: () => ({ json: { resource: 'https://evil.example', authorization_servers: ['https://as.example'] } }),
      [rootForm]: metadata,
    });
    expect(outcome).toMatchObject({ code: 'service_metadata' });
    expect(lines).not.toContain(`GET ${rootForm}`);
  });

  test.each(['http://169.254.169.254/prm', 'file:///etc/passwd', 'http://user@127.0.0.1/prm'])(
    'refuses to be sent to %s',
    async (address) => {
      const { outcome } = await discover(`Bearer resource_metadata="${address}"`, {});
      expect(outcome).toMatchObject({ code: 'url_refused' });
    },
  );

  test('refuses a document of more than 1 MiB', async () => {
    const { outcome } = await discover(undefined, {
      [pathForm]: () => ({ json: { resource: 'x'.repeat(2 * 1024 * 1024) } }),
    });
    expect(outcome).toMatchObject({ code: 'service_metadata', message: expect.stringContaining('more than 1 MiB') });
  });
});
