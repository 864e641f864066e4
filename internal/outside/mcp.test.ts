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
