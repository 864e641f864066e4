/** A fresh token, tried at servers of both dialects and at servers that will have none of it. */
import { describe, expect, test } from 'vitest';
import { type Answer, type SeenRequest, startHostileServer } from '../../test/support/hostile-server.ts';
import { Secret } from '../secret/secret.ts';
import { guardedFetch } from './http.ts';
import { exchangeWith, TokenTurnedAway } from './mcp.ts';

const call = { tool: 'whoami', arguments: { of: 'me' } };

/** Answers as a server of 2025: an `initialize` first, then the tool; what `lie` answers goes first. */
const handshake = (lie: (method: string, request: SeenRequest) => Answer | undefined = () => undefined) =>
  withMethod((method, request) => {
    const lied = lie(method, request);
    if (lied !== undefined) return lied;
    if (method === 'initialize') {
      return result({ protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } });
    }
    return method === 'tools/call' ? result(answer, request) : { status: 202 };
  });

const answer = { content: [{ type: 'text', text: 'ada' }] };

function result(value: object, request?: SeenRequest): Answer {
  const id = request === undefined ? 0 : JSON.parse(request.body).id;
  return { json: { jsonrpc: '2.0', id, result: value } };
}

function withMethod(act: (method: string, request: SeenRequest) => Answer | undefined) {
  return startHostileServer((line, request) =>
    line === 'POST /mcp' ? act(JSON.parse(request.body).method, request) : { status: 405 },
  );
}

function tryAt(origin: string, changes: { call?: typeof call | undefined; signal?: AbortSignal } = {}) {
  const signal = changes.signal ?? new AbortController().signal;
  return exchangeWith({
    mcpServerUrl: `${origin}/mcp`,
    token: new Secret('the-new-token'),
    call,
    fetch: guardedFetch({ allowLoopbackHttp: true, signal }),
    signal,
    ...changes,
  });
}

const methods = (requests: readonly SeenRequest[]) =>
  requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body).method);

describe('a server of the dialects until 2025-11-25', () => {
  test('is greeted, and asked with the tool, the token in a header only [A1.16]', async () => {
    const server = await handshake();
    expect(await tryAt(server.origin)).toMatchObject(answer);
    expect(methods(server.requests)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
    for (const { headers, target } of server.requests) {
      expect([headers.authorization, target]).toEqual(['Bearer the-new-token', '/mcp']);
    }
  });

  test('is only greeted where there is no tool to ask with [A1.18]', async () => {
    const server = await handshake();
    expect(await tryAt(server.origin, { call: undefined })).toBeUndefined();
    expect(methods(server.requests)).not.toContain('tools/call');
    const closed = await handshake((method) => (method === 'initialize' ? { status: 401 } : undefined));
    await expect(tryAt(closed.origin, { call: undefined })).rejects.toMatchObject({ status: 401 });
  });
});

describe('a server of the dialect of 2026-07-28', () => {
  const refusal: Answer = { status: 400, json: { jsonrpc: '2.0', id: 0, error: { code: -32022, message: 'no' } } };
  const modern = (respond: (method: string, request: SeenRequest) => Answer) =>
    withMethod((method, request) => (method === 'initialize' ? refusal : respond(method, request)));

  test('is asked with the tool alone, in its own way [A1.1]', async () => {
    const server = await modern((_method, request) => result({ ...answer, resultType: 'complete' }, request));
    expect(await tryAt(server.origin)).toMatchObject(answer);
    expect(methods(server.requests)).toEqual(['initialize', 'tools/call']);
    const [, asked] = server.requests;
    expect(asked?.headers).toMatchObject({
      authorization: 'Bearer the-new-token',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'whoami',
    });
    expect(asked?.headers['mcp-session-id']).toBeUndefined();
    expect(JSON.parse(asked?.body ?? '').params).toEqual({
      name: 'whoami',
      arguments: { of: 'me' },
      _meta: expect.objectContaining({ 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }),
    });
  });

  test('may answer with an event stream', async () => {
    const server = await modern((_method, request) => (response) => {
      const message = { jsonrpc: '2.0', id: JSON.parse(request.body).id, result: answer };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    });
    expect(await tryAt(server.origin)).toMatchObject(answer);
  });

  test('is asked what it can do where there is no tool [A1.18]', async () => {
    const server = await modern((_method, request) => result({ supportedVersions: ['2026-07-28'] }, request));
    expect(await tryAt(server.origin, { call: undefined })).toBeUndefined();
    expect(methods(server.requests)).toEqual(['initialize', 'server/discover']);
  });

  test('may refuse', async () => {
    const server = await modern((_method, request) => ({
      json: { jsonrpc: '2.0', id: JSON.parse(request.body).id, error: { code: -32603, message: 'no' } },
    }));
    await expect(tryAt(server.origin)).rejects.toMatchObject({ code: 'service_refused' });
    const closed = await modern(() => ({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    }));
    await expect(tryAt(closed.origin)).rejects.toBeInstanceOf(TokenTurnedAway);
  });
});

describe('a server that takes another version', () => {
  /** Takes the handshake in one version and says of every other what `refusal` says. */
  const picky = (taken: string, refusal: Answer) =>
    handshake((method, { body }) => {
      if (method !== 'initialize') return undefined;
      const { protocolVersion } = JSON.parse(body).params;
      if (protocolVersion !== taken) return refusal;
      return result({ protocolVersion: taken, capabilities: {}, serverInfo: { name: 's', version: '1' } });
    });
  const text = (words: string): Answer => ({ status: 400, headers: { 'content-type': 'text/plain' }, text: words });

  test('of the same dialect, which it names in words, is asked in that [A7.2]', async () => {
    const server = await picky('2025-06-18', text('Unsupported protocol version (supported: 2024-11-05, 2025-06-18)'));
    expect(await tryAt(server.origin)).toMatchObject(answer);
    expect(methods(server.requests)).toEqual(['initialize', 'initialize', 'notifications/initialized', 'tools/call']);
    const asked = server.requests.filter(({ method }) => method === 'POST').at(-1);
    expect(asked?.headers['mcp-protocol-version']).toBe('2025-06-18');
  });

  test.each<[string, Answer]>([
    ['names it in words', text('unsupported version, use 2026-07-28')],
    ['names none', text('Bad Request: this version is not supported')],
    [
      'answers the greeting with it',
      result({ protocolVersion: '2026-07-28', capabilities: {}, serverInfo: { name: 's', version: '1' } }),
    ],
  ])('of the dialect of 2026-07-28 and %s is asked in that [A7.2]', async (_case, refusal) => {
    const server = await withMethod((method, request) =>
      method === 'initialize' ? refusal : result({ ...answer, resultType: 'complete' }, request),
    );
    expect(await tryAt(server.origin)).toMatchObject(answer);
    expect(methods(server.requests)).toEqual(['initialize', 'tools/call']);
  });

  test('in an event stream is understood as well [A7.2]', async () => {
    const server = await withMethod((method, request) => (response) => {
      const said = method === 'initialize' ? { protocolVersion: '2026-07-28', capabilities: {} } : answer;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(request.body).id, result: said })}\n\n`);
    });
    expect(await tryAt(server.origin)).toMatchObject(answer);
  });

  test('is not guessed at where a 400 is about something else', async () => {
    const server = await withMethod(() => text('no such tenant'));
    await expect(tryAt(server.origin)).rejects.toMatchObject({ code: 'service_refused' });
    expect(methods(server.requests)).toEqual(['initialize']);
  });
});

describe('an answer that is none', () => {
  const refused = async (server: { origin: string }) =>
    (await tryAt(server.origin).catch((cause: unknown) => cause)) as Error & { hint?: string };

  test.each<[string, Answer, string]>([
    ['an empty error', { status: 500 }, ': 500, nothing else'],
    [
      'a page',
      { status: 502, headers: { 'content-type': 'text/html' }, text: '\n\n<h1>Bad Gateway</h1>\n<p>more' },
      ': 502, "text/html", "<h1>Bad Gateway</h1>"',
    ],
    [
      'what a terminal obeys',
      { status: 503, headers: { 'content-type': 'text/plain' }, text: '\u001b[2Jgone\u202e' },
      ': 503, "text/plain", "\\u001b[2Jgone\\u202e"',
    ],
    [
      'a long line',
      { status: 500, headers: { 'content-type': 'a/b' }, text: 'x'.repeat(5000) },
      `"${'x'.repeat(120)}"`,
    ],
    [
      'our own token',
      { status: 500, headers: { 'content-type': 'a/b' }, text: `${'x'.repeat(115)}the-new-token` },
      `x[secr"`,
    ],
    [
      'an error of JSON-RPC',
      { json: { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'no luck' } } },
      '-32603: no luck"',
    ],
  ])('is told by what it was: %s [A7.1]', async (_case, lie, said) => {
    const error = await refused(await handshake((method) => (method === 'tools/call' ? lie : undefined)));
    expect(error).toMatchObject({ code: 'service_refused' });
    expect(error.message).toContain(said);
    expect(error.message.length).toBeLessThan(300);
  });

  test('is told where it turns a token away, too [A7.1]', async () => {
    const error = await refused(await handshake(() => ({ status: 401, json: { error: 'invalid_token' } })));
    expect(error.message).toMatch(/does not let the new token in: 401, "application\/json.*", "\{.*invalid_token/);
  });

  test('names where it sends on to another origin, and nothing follows [A6.5] [A7.1]', async () => {
    const other = await startHostileServer(() => undefined);
    const location = `${other.origin}/mcp?token=1`;
    const error = await refused(await handshake(() => ({ status: 307, headers: { location } })));
    expect(error.message).toMatch(`307, it sends on to "${other.origin}/mcp"`);
    expect([error.hint, other.requests]).toEqual([expect.stringContaining('mcp_server_url'), []]);
  });

  test.each(['input_required', 'task', ''])(
    'is no result while the server wants to hear more: %j [A7.3]',
    async (resultType) => {
      const server = await withMethod((method, request) =>
        method === 'initialize'
          ? { status: 400, json: { jsonrpc: '2.0', id: 0, error: { code: -32022, message: 'no' } } }
          : result({ resultType, content: [{ type: 'text', text: '{"user":"ada"}' }] }, request),
      );
      expect((await refused(server)).message).toContain('it wants to hear more first');
    },
  );

  test.each([404, 405])('is known as the older transport where a stream opens instead (%d) [A7.4]', async (status) => {
    const server = await startHostileServer((line) =>
      line === 'GET /mcp'
        ? (response) =>
            void response
              .writeHead(200, { 'content-type': 'text/event-stream' })
              .write('event: endpoint\ndata: /messages\n\n')
        : { status },
    );
    const error = await refused(server);
    expect([error.message, error.hint]).toEqual([
      expect.stringContaining('only the HTTP+SSE transport of 2024-11-05'),
      expect.stringContaining('streamable HTTP'),
    ]);
  });
});

describe('a token that is turned away', () => {
  const challenge = 'Bearer error="insufficient_scope", scope="a b"';
  test.each([
    ['at the greeting', 'initialize', 401],
    ['at the greeting', 'initialize', 403],
    ['at the tool', 'tools/call', 401],
    ['at the tool', 'tools/call', 403],
  ])('%s (%s, %i) is reported with what the server wants [A1.18]', async (_case, place, status) => {
    const server = await handshake((method) =>
      method === place ? { status, headers: { 'www-authenticate': challenge }, json: {} } : undefined,
    );
    const error = await tryAt(server.origin).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(TokenTurnedAway);
    expect(error).toMatchObject({ code: 'service_refused', status, challenge });
    expect(String(error)).not.toContain('the-new-token');
  });

  test.each([
    ['an error of the server', { status: 500 }],
    ['a page', { text: '<html>' }],
    ['another page', { headers: { 'content-type': 'text/html' }, text: '<html>' }],
    ['a redirect', { status: 302, headers: { location: 'https://evil.example/' } }],
  ])('is something else than %s', async (_case, lie) => {
    const server = await handshake((method) => (method === 'tools/call' ? lie : undefined));
    const error = await tryAt(server.origin).catch((cause: unknown) => cause);
    expect(error).not.toBeInstanceOf(TokenTurnedAway);
    expect(error).toMatchObject({ code: 'service_refused' });
  });
});

test('an interruption ends the exchange at once', async () => {
  const interruption = new AbortController();
  const server = await handshake((method) => {
    if (method !== 'tools/call') return undefined;
    interruption.abort();
    return () => {};
  });
  await expect(tryAt(server.origin, { signal: interruption.signal })).rejects.toMatchObject({ code: 'interrupted' });
});
