/** Wrapped servers: the scripted one of test/support, called by the client of the MCP SDK and by requests made by hand. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { SignJWT } from 'jose';
import { describe, expect, test, vi } from 'vitest';
import { type Answered, ask } from '../../test/support/ask.ts';
import { sessionClaims, signed, testKey } from '../../test/support/session-tokens.ts';
import { soon } from '../../test/support/soon.ts';
import { startWrapped, tickets, type Wrapped } from '../../test/support/wrapped.ts';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { soonMs } from '../outside/mcp-door.ts';
import { usualVariables } from '../outside/stdio-server.ts';
import { readLine } from '../record/line.ts';
import type { RecordLog } from '../record/record-log.ts';
import { bounded } from './bounded.ts';

/** The text that a tool answers. */
const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text ?? '';
const call = async (client: Client, name: string, input: Record<string, unknown> = {}) =>
  textOf(await client.callTool({ name, arguments: input }));

const begin = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'by hand', version: '1' } },
};
const accepted = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** One request by hand. */
async function send(
  { url }: Pick<Wrapped, 'url'>,
  token: string | undefined,
  message: unknown,
  {
    session,
    method = 'POST',
    headers = {},
  }: { session?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<Answered> {
  return await ask(url, {
    method,
    headers: {
      ...accepted,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    ...(method === 'POST' ? { body: typeof message === 'string' ? message : JSON.stringify(message) } : {}),
  });
}

/** Begins a session by hand, and says which. */
async function begun(wrapped: Wrapped, token: string): Promise<string> {
  const { status, headers, body } = await send(wrapped, token, begin);
  expect([status, body]).toEqual([200, expect.stringContaining('protocolVersion')]);
  return String(headers['mcp-session-id']);
}

const calling = (name: string, id: number | string = 1, input: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: input },
});

const isThere = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const said = (wrapped: Wrapped, what: string) => wrapped.lines().filter((line) => line['what'] === what);

describe('a session', () => {
  test('calls what its token lists, as its person, and sees no other tool [P4]', async () => {
    await using wrapped = await startWrapped();
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect([names.includes('close_ticket'), names.includes('delete_all')]).toEqual([true, false]);
    expect(await call(client, 'list_tickets')).toBe('tickets of ada');
    expect(await call(client, 'close_ticket', { id: 5 })).toBe('closed 5');
    for (const tool of ['delete_all', 'constructor', 'none']) {
      await expect(call(client, tool)).rejects.toThrow(`the tool "${tool}" is off for this token`);
    }
    await client.close();
    expect(await wrapped.stop()).toMatchObject({ exit: 0 });
  });

  test('is judged by the token of each request: what a later one does not list is neither shown nor called [P4]', async () => {
    await using wrapped = await startWrapped();
    const session = await begun(wrapped, await wrapped.sessionToken('ada'));
    const less = await wrapped.sessionToken('ada', { may: { on: ['count'], auto: [], ask: [] } });
    const listed = await send(wrapped, less, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { session });
    expect(listed.body.match(/"name":"\w+"/g)).toEqual(['"name":"count"']);
    expect((await send(wrapped, less, calling('list_tickets', 2), { session })).body).toContain(
      'is off for this token',
    );
    expect((await send(wrapped, less, calling('count', 3), { session })).body).toContain('"text":"');
  });

  test('is told who calls in variables, and has nothing else of ours in its environment [P3]', async () => {
    vi.stubEnv('TICKETS_REGION', 'eu');
    vi.stubEnv('MAI_KEYCHAIN', 'off');
    vi.stubEnv('SOME_SECRET', 'sk-of-ours');
    await using wrapped = await startWrapped({ trust: { environment: ['TICKETS_REGION'] } });
    const client = await wrapped.connect(await wrapped.sessionToken('ada', { email: 'ada@example.com' }));
    const environment = JSON.parse(await call(client, 'environment')) as Record<string, string>;
    const callers = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('MCP_CALLER_')));
    expect(callers).toEqual({
      MCP_CALLER_ISSUER: 'https://login.example.com',
      MCP_CALLER_SUBJECT: 'ada',
      MCP_CALLER_KEY: expect.stringMatching(/^[\w-]{43}$/),
      MCP_CALLER_EMAIL: 'ada@example.com',
      MCP_CALLER_SESSION: 'sesn_1',
      MCP_CALLER_ROOT_SESSION: 'sesn_1',
      MCP_CALLER_TENANT: 'wrkspc_1',
      MCP_CALLER_AGENT: 'support',
      MCP_CALLER_AGENT_ID: 'agent_1',
      MCP_CALLER_AGENT_VERSION: '3',
    });
    const known = new Set<string>([...usualVariables, ...Object.keys(callers), 'TICKETS_REGION']);
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    expect(environment['TICKETS_REGION']).toBe('eu');
    await client.close();
  });

  test('has a server of its own, which keeps what it knows while the token is renewed [P1]', async () => {
    await using wrapped = await startWrapped();
    const [ada, again, later, ben] = await Promise.all([
      wrapped.sessionToken('ada'),
      wrapped.sessionToken('ada'),
      wrapped.sessionToken('ada', { sid: 'sesn_2', root_sid: 'sesn_2' }),
      wrapped.sessionToken('ben'),
    ]);
    const sessions = await Promise.all([ada, again, later, ben].map((token) => begun(wrapped, token)));
    const counts = await Promise.all(
      [ada, again, later, ben].map((token, index) =>
        send(wrapped, token, calling('count'), { session: sessions[index] ?? '' }),
      ),
    );
    const pids = counts.map(({ body }) => /"text":"(\d+) 1"/.exec(body)?.[1]);
    expect(new Set(pids).size).toBe(4);
    wrapped.pass(700);
    await wrapped.publish([]);
    const renewed = await send(wrapped, await wrapped.sessionToken('ada'), calling('count', 2), {
      session: sessions[0] ?? '',
    });
    expect(renewed.body).toContain(`"text":"${pids[0]} 2"`);
  });

  test('of somebody else, or of another session of the same person, is as unknown as one that never was [P1]', async () => {
    await using wrapped = await startWrapped();
    const ada = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, ada);
    const others = await Promise.all([
      wrapped.sessionToken('ben'),
      wrapped.sessionToken('ada', { sid: 'sesn_2', root_sid: 'sesn_2' }),
      wrapped.accessToken('ada'),
    ]);
    const none = '00000000-0000-4000-8000-000000000000';
    for (const token of others) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const [theirs, unknown] = await Promise.all(
          [session, none].map((id) => send(wrapped, token, calling('count'), { session: id, method })),
        );
        expect(theirs?.status).toBe(404);
        expect([theirs?.status, theirs?.body]).toEqual([unknown?.status, unknown?.body]);
      }
    }
    expect((await send(wrapped, ada, calling('count'), { session })).body).toContain(' 1"');
  });

  test('ends when its client says so, with everything that its server has started', async () => {
    await using wrapped = await startWrapped({ command: [process.execPath, tickets, 'stays'] });
    const token = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, token);
    const pidIn = ({ body }: Answered) => Number(/"text":"(\d+)/.exec(body)?.[1]);
    const server = pidIn(await send(wrapped, token, calling('count'), { session }));
    const started = pidIn(await send(wrapped, token, calling('forks', 2), { session }));
    expect([isThere(server), isThere(started)]).toEqual([true, true]);
    expect((await send(wrapped, token, undefined, { session, method: 'DELETE' })).status).toBe(200);
    await soon(() => expect([isThere(server), isThere(started)]).toEqual([false, false]));
    expect((await send(wrapped, token, calling('count', 3), { session })).status).toBe(404);
  });

  test('whose server ends by itself leaves nothing of what that has started', async () => {
    await using wrapped = await startWrapped();
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    const started = Number(await call(client, 'forks'));
    expect(isThere(started)).toBe(true);
    await expect(call(client, 'dies')).rejects.toThrow('exit 9');
    await soon(() => expect(isThere(started)).toBe(false));
  });

  test('ends with the process, which leaves nothing of it behind, however a server takes that', async () => {
    await using wrapped = await startWrapped({ command: [process.execPath, tickets, 'stays'] });
    const token = await wrapped.sessionToken('ada');
    const client = await wrapped.connect(token);
    const [server, started] = [await call(client, 'count'), await call(client, 'forks')].map((text) =>
      Number.parseInt(text, 10),
    );
    const waiting = client.callTool({ name: 'never' });
    const failed = expect(waiting).rejects.toThrow('this server is ending');
    await soon(async () => expect((await recorded(wrapped)).filter(({ kind }) => kind === 'intent').length).toBe(3));
    expect(await wrapped.stop()).toMatchObject({ exit: 0 });
    await failed;
    await soon(() => expect([isThere(server ?? 0), isThere(started ?? 0)]).toEqual([false, false]));
    expect((await recorded(wrapped)).at(-1)).toMatchObject({ kind: 'outcome', outcome: 'unknown' });
  });

  test('that nobody uses is ended, and one in which something is under way is not', async () => {
    await using wrapped = await startWrapped({ trust: { limits: { idle_seconds: 1, call_seconds: 60 } } });
    const token = await wrapped.sessionToken('ada');
    const [idle, busy] = [await begun(wrapped, token), await begun(wrapped, token)];
    void send(wrapped, token, calling('never'), { session: busy });
    await soon(() => expect(said(wrapped, 'session ended')).toMatchObject([{ why: '"nobody used it"' }]));
    const answers = await Promise.all(
      [idle, busy].map((session) => send(wrapped, token, { jsonrpc: '2.0', id: 9, method: 'ping' }, { session })),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 200]);
  });
});

describe('who calls', () => {
  test('a caller without a token is told where to get one, and of no fault', async () => {
    await using wrapped = await startWrapped();
    const refused = await send(wrapped, undefined, begin);
    const metadata = `http://127.0.0.1:${wrapped.port}/.well-known/oauth-protected-resource/mcp`;
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      `Bearer resource_metadata="${metadata}"`,
    ]);
    expect(JSON.parse((await ask(metadata)).body)).toEqual({
      resource: wrapped.url,
      authorization_servers: [`${wrapped.host.address}/as`],
      scopes_supported: ['tickets:write'],
      bearer_methods_supported: ['header'],
    });
    const bad = await send(wrapped, 'a.b.c', begin);
    expect(bad.headers['www-authenticate']).toMatch(
      /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="/,
    );
  });

  type Hostile = (wrapped: Wrapped) => Promise<string> | string;
  const hostile: readonly (readonly [string, Hostile])[] = [
    ['for another server', (w) => w.sessionToken('ada', { aud: ['https://tickets.example.com/mcp'] })],
    ['for this one and another', (w) => w.sessionToken('ada', { aud: [w.url, 'https://other.example.com/mcp'] })],
    ['of another tenant', (w) => w.sessionToken('ada', { tenant: 'wrkspc_2' })],
    ['that has expired', (w) => w.sessionToken('ada', { iat: 1_700_000_000, nbf: 1_700_000_000, exp: 1_700_000_600 })],
    [
      'that was taken back',
      (w) => w.sessionToken('ada', { status: { status_list: { idx: 7, uri: `${w.host.address}/status` } } }),
    ],
    ['of another issuer', (w) => w.sessionToken('ada', { iss: 'https://evil.example.com' })],
    [
      'signed by somebody else',
      async (w) => await signed(sessionClaims(w.host.address, Math.floor(Date.now() / 1000)), await testKey()),
    ],
    ['with a subject that no program can be told', (w) => w.sessionToken('ada\u0000', {})],
    [
      'whose agent has a name of two lines',
      (w) => w.sessionToken('ada', { act: { sub: 'a', name: 'b\nc', version: 1 } }),
    ],
    ['of access for another server', (w) => w.accessToken('ada', { aud: 'https://other.example.com/mcp' })],
    ['of access for nobody', (w) => w.accessToken('ada', { aud: undefined })],
    ['of access that has expired', (w) => w.accessToken('ada', { iat: 1_700_000_000, exp: 1_700_000_600 })],
    ['of access without an end', (w) => w.accessToken('ada', { exp: undefined })],
    ['of access from the future', (w) => w.accessToken('ada', { iat: Math.floor(Date.now() / 1000) + 300 })],
    ['of access without a subject', (w) => w.accessToken('')],
    ['of access that is bound to a key', (w) => w.accessToken('ada', { cnf: { jkt: 'x' } })],
    ['of access by another issuer', (w) => w.accessToken('ada', { iss: `${w.host.address}/other` })],
    ['of the issuer that is none of access', (w) => w.accessToken('ada', {}, { typ: 'logout+jwt' })],
    [
      'of access signed with a secret',
      async (w) =>
        await new SignJWT({ iss: `${w.host.address}/as`, sub: 'ada', aud: w.url })
          .setProtectedHeader({ alg: 'HS256', kid: w.key.kid, typ: 'at+jwt' })
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(new TextEncoder().encode(JSON.stringify(w.key.publicJwk))),
    ],
    [
      'of access by a key that nobody has',
      async (w) =>
        await signed({ iss: `${w.host.address}/as`, sub: 'ada', aud: w.url }, await testKey(), { typ: 'at+jwt' }),
    ],
    ['that is none', () => 'x'.repeat(3000)],
  ];

  test('a token that does not count begins nothing [P2]', async () => {
    await using wrapped = await startWrapped();
    await wrapped.publish([7]);
    const good = await begun(wrapped, await wrapped.accessToken('ada', { scope: 'tickets:write' }));
    for (const [what, make] of hostile) {
      const token = await make(wrapped);
      const [first, inSession] = [
        await send(wrapped, token, begin),
        await send(wrapped, token, calling('count'), { session: good }),
      ];
      expect([what, first.status, inSession.status]).toEqual([what, 401, 401]);
      expect([what, first.headers['www-authenticate']]).toEqual([
        what,
        expect.stringContaining('error="invalid_token"'),
      ]);
    }
    expect(said(wrapped, 'session begun')).toHaveLength(1);
  });

  test('keys or status that cannot be had are no fault of the token: 503 [P2]', async () => {
    await using wrapped = await startWrapped();
    const { host } = wrapped;
    for (const path of ['/status', '/.well-known/oauth-authorization-server/as'])
      host.files.set(path, { status: 500, body: '' });
    const answers = await Promise.all(
      [wrapped.sessionToken('ada'), wrapped.accessToken('ada')].map(
        async (token) => await send(wrapped, await token, begin),
      ),
    );
    expect(answers.map(({ status, headers }) => [status, headers['www-authenticate']])).toEqual([
      [503, undefined],
      [503, undefined],
    ]);
  });

  test('an access token calls the tools of its issuer and its scopes, and is told which scope another one takes', async () => {
    await using wrapped = await startWrapped();
    const read = await wrapped.accessToken('ada', { scope: 'profile' });
    const session = await begun(wrapped, read);
    const listed = await send(wrapped, read, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { session });
    expect(listed.body.match(/"name":"\w+"/g)).toEqual(['"name":"list_tickets"']);
    expect((await send(wrapped, read, calling('list_tickets', 2), { session })).body).toContain('tickets of ada');
    const refused = await send(wrapped, read, calling('close_ticket', 3), { session });
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      403,
      expect.stringMatching(
        /^Bearer error="insufficient_scope", error_description="[^"]+", scope="tickets:write", resource_metadata="/,
      ),
    ]);
    expect((await send(wrapped, read, calling('delete_all', 4), { session })).body).toContain('is off for this token');
    for (const more of [{ scope: 'profile tickets:write' }, { scp: ['tickets:write'] }]) {
      const write = await wrapped.accessToken('ada', more);
      expect((await send(wrapped, write, calling('close_ticket', 5, { id: 1 }), { session })).body).toContain(
        'closed 1',
      );
    }
  });

  test('a scope is one that the file of trust names, and nothing that every object has [P4]', async () => {
    const issuers = (address: string) => [{ issuer: `${address}/as`, tools: ['list_tickets'] }];
    await using wrapped = await startWrapped({ issuers });
    const token = await wrapped.accessToken('ada', { scope: 'constructor toString __proto__' });
    const session = await begun(wrapped, token);
    const listed = await send(wrapped, token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { session });
    expect(listed.body.match(/"name":"\w+"/g)).toEqual(['"name":"list_tickets"']);
    expect((await send(wrapped, token, calling('count', 2), { session })).body).toContain('is off for this token');
  });

  test('a token that expires ends what its client listens to, and counts for no further request', async () => {
    await using wrapped = await startWrapped();
    const now = Math.floor(Date.now() / 1000);
    const token = await wrapped.sessionToken('ada', { iat: now - 590, nbf: now - 590, exp: now + 2 });
    const session = await begun(wrapped, token);
    // It resolves when the stream has ended.
    const listened = await send(wrapped, token, undefined, { session, method: 'GET' });
    expect([listened.status, listened.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(now + 1.9);
    wrapped.pass(60);
    expect((await send(wrapped, token, calling('count'), { session })).status).toBe(401);
    const renewed = await wrapped.sessionToken('ada');
    expect((await send(wrapped, renewed, calling('count'), { session })).body).toContain(' 1"');
  });

  test('pages of others and names that lead here get nothing, with a good token either', async () => {
    await using wrapped = await startWrapped();
    const { port } = wrapped;
    const token = await wrapped.sessionToken('ada');
    const metadata = `http://127.0.0.1:${port}/.well-known/oauth-protected-resource/mcp`;
    const cases: readonly [Record<string, string>, number][] = [
      [{ host: 'evil.example.com' }, 421],
      [{ host: `evil.example.com:${port}` }, 421],
      [{ host: '127.0.0.1' }, 421],
      [{ origin: 'https://evil.example.com' }, 403],
      [{ origin: 'null' }, 403],
      [{ host: `localhost:${port}` }, 200],
      [{ origin: `http://127.0.0.1:${port}` }, 200],
    ];
    for (const [headers, status] of cases) {
      const answers = await Promise.all([send(wrapped, token, begin, { headers }), ask(metadata, { headers })]);
      expect([headers, ...answers.map((answer) => answer.status)]).toEqual([headers, status, status]);
    }
  });
});

describe('a server', () => {
  const limits = { line: 64 * 1024, call_seconds: 2 };

  test('that does not begin is told to its client as gone, and to whoever runs it with its own words [P9]', async () => {
    for (const [command, why] of [
      [[process.execPath, tickets, 'dies'], 'exit 3'],
      [['/none/such-server'], 'ENOENT'],
      [[process.execPath, tickets, 'mute'], 'did not answer within 1 s'],
    ] as const) {
      await using wrapped = await startWrapped({ command, trust: { limits: { call_seconds: 1 } } });
      const token = await wrapped.sessionToken('ada');
      const { status, body, headers } = await send(wrapped, token, begin);
      expect([status, body]).toEqual([200, expect.stringContaining(why)]);
      const session = String(headers['mcp-session-id']);
      await soon(async () => expect((await send(wrapped, token, calling('count'), { session })).status).toBe(404));
      if (why === 'exit 3')
        expect(said(wrapped, 'server says')).toMatchObject([{ text: '"no database here\\u001b[2J"' }]);
      expect(await wrapped.stop()).toMatchObject({ exit: 0 });
    }
  });

  test('that ends in a call has its client told so, and what it said before that counts', async () => {
    await using wrapped = await startWrapped();
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    const [crashed, other] = await Promise.allSettled([call(client, 'dies'), call(client, 'never')]);
    expect([crashed, other].map((each) => (each.status === 'rejected' ? String(each.reason) : each.status))).toEqual([
      expect.stringContaining('exit 9'),
      expect.stringContaining('exit 9'),
    ]);
    expect(said(wrapped, 'server says')).toMatchObject([{ text: '"out of memory"' }]);
    const again = await wrapped.connect(await wrapped.sessionToken('ada'));
    expect(await call(again, 'answers_and_dies')).toBe('last words');
    await soon(() => expect(said(wrapped, 'session ended')).toHaveLength(2));
  });

  test('that says what is no answer to anything is not heard, and goes on [P9]', async () => {
    await using wrapped = await startWrapped({ trust: { limits } });
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    expect(await call(client, 'noise')).toBe('after noise');
    expect(said(wrapped, 'server says what is no message').map(({ text }) => text)).toEqual([
      '"starting up..."',
      '"[1,2]"',
      '"{\\"jsonrpc\\":\\"1.0\\"}"',
      '"null"',
    ]);
    expect(said(wrapped, 'server answers what nobody asked')).toHaveLength(3);
    await expect(call(client, 'neither')).rejects.toThrow('no answer that can be read');
    await expect(call(client, 'never')).rejects.toThrow('did not answer within 2 s');
    expect(await call(client, 'count')).toContain(' 1');
  });

  test('that says too much has that told, in the place of it', async () => {
    await using wrapped = await startWrapped({ trust: { limits } });
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    expect(await call(client, 'long', { bytes: 60_000 })).toHaveLength(60_000);
    await expect(call(client, 'long', { bytes: 70_000 })).rejects.toThrow('a line of more than 65536 bytes');
    expect(await call(client, 'count')).toContain(' 1');
    expect(await call(client, 'flood_stderr')).toBe('flooded');
    expect(said(wrapped, 'server says').length).toBeLessThanOrEqual(60);
    // With another one under way nobody can tell whose it was.
    const both = await Promise.allSettled([call(client, 'never'), call(client, 'long', { bytes: 70_000 })]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await soon(() => expect(said(wrapped, 'session ended')).toHaveLength(1));
  });

  test('or a client that nests too deep ends nothing of anybody else [P9]', async () => {
    const failures: unknown[] = [];
    const failed = (error: unknown) => void failures.push(error);
    // What nobody caught would end the process, and with it the sessions of everybody.
    process.on('unhandledRejection', failed).on('uncaughtException', failed);
    try {
      await using wrapped = await startWrapped({ trust: { limits: { call_seconds: 5 } } });
      const token = await wrapped.sessionToken('ada');
      const session = await begun(wrapped, token);
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
      const messages = [
        [`"id":1,"method":"tools/list","params":{"x":${deep}}`, 'takes nothing'],
        [`"id":2,"method":"tools/call","params":{"name":"count","_meta":{"x":${deep}}}`, 'takes nothing'],
        [`"id":3,"method":"tools/call","params":{"name":"count","arguments":{"x":${deep}}}`, 'says too much'],
        [`"method":"notifications/cancelled","params":{"x":${deep}}`, ''],
        ['"id":4,"method":"tools/call","params":{"name":"deep"}', 'no answer that can be passed on'],
      ] as const;
      for (const [message, why] of messages) {
        const answer = await send(wrapped, token, `{"jsonrpc":"2.0",${message}}`, { session });
        expect([answer.status < 300, answer.body]).toEqual([true, expect.stringContaining(why)]);
      }
      expect((await send(wrapped, token, calling('count', 5), { session })).body).toContain(' 1"');
      expect(failures).toEqual([]);
    } finally {
      process.off('unhandledRejection', failed).off('uncaughtException', failed);
    }
  });

  test('that says more than its client takes waits for it, and costs no memory', async () => {
    await using wrapped = await startWrapped();
    const [ada, ben] = [await wrapped.sessionToken('ada'), await wrapped.sessionToken('ben')];
    const session = await begun(wrapped, ada);
    const other = await wrapped.connect(ben);
    const before = process.memoryUsage().arrayBuffers;
    const messages = 2_000;
    const answer = await fetch(wrapped.url, {
      method: 'POST',
      headers: { ...accepted, authorization: `Bearer ${ada}`, 'mcp-session-id': session },
      body: JSON.stringify(calling('flood_stdout', 1, { messages })),
    });
    let most = 0;
    for (let round = 0; round < 30; round += 1) {
      await call(other, 'count');
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(12 * 1024 * 1024);
    const text = await answer.text();
    expect(text.match(/notifications\/message/g)).toHaveLength(messages);
    expect(text).toContain('flooded');
  });

  test.each(['at once', 'in events'])(
    'whose long answer nobody takes waits for that, asked to be answered %s, and costs no memory',
    async (how) => {
      // However busy the machine is, it is answered before a stream is begun for that.
      const after = (milliseconds: number, act: () => void) =>
        milliseconds === soonMs ? () => {} : machineClock.after(milliseconds, act);
      await using wrapped = await startWrapped({ time: { after } });
      const [ada, ben] = [await wrapped.sessionToken('ada'), await wrapped.sessionToken('ben')];
      const session = await begun(wrapped, ada);
      const other = await wrapped.connect(ben);
      // More than the system itself takes for a client that does not read.
      const bytes = 8_000_000;
      const message = calling('long', 1, { bytes });
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const asked = request(wrapped.url, {
          method: 'POST',
          headers: { ...accepted, authorization: `Bearer ${ada}`, 'mcp-session-id': session },
        });
        const params = { ...message.params, ...(how === 'in events' && { _meta: {} }) };
        asked
          .once('response', resolve)
          .once('error', reject)
          .end(JSON.stringify({ ...message, params }));
      });
      // It is on its way.
      let length = 0;
      for (let text = ''; !text.includes('xxx'); ) {
        const piece = answer.read() as Buffer | null;
        if (piece === null) await once(answer, 'readable');
        text = String(piece ?? '');
        length += piece?.length ?? 0;
      }
      let isAnswered = false;
      const counting = send(wrapped, ada, calling('count', 2), { session }).finally(() => {
        isAnswered = true;
      });
      for (let round = 0; round < 30; round += 1) await call(other, 'count');
      expect(isAnswered).toBe(false);
      for await (const piece of answer) length += (piece as Buffer).length;
      expect(length).toBeGreaterThan(bytes);
      expect((await counting).body).toContain(' 1"');
    },
  );

  test('asks its own client alone, and what it says of a call comes where that was made', async () => {
    await using wrapped = await startWrapped();
    const [ada, ben] = await Promise.all(
      ['ada', 'ben'].map(async (name) => {
        const client = new Client({ name, version: '1' }, { capabilities: { elicitation: {}, roots: {} } });
        client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { name } }));
        return await wrapped.connect(await wrapped.sessionToken(name), client);
      }),
    );
    if (ada === undefined || ben === undefined) throw new Error('not connected');
    expect(await Promise.all([call(ada, 'asks'), call(ben, 'asks')])).toEqual([
      '{"action":"accept","content":{"name":"ada"}}',
      '{"action":"accept","content":{"name":"ben"}}',
    ]);
    // Folders of a client's machine are none of the server's: it neither hears of them nor gets an answer.
    expect(JSON.parse(await call(ada, 'asks_roots'))).toEqual({
      begun: { elicitation: {} },
      answer: { jsonrpc: '2.0', error: { code: -32601, message: 'no client is asked that here' } },
    });
    const heard: number[] = [];
    const done = await ada.callTool({ name: 'progress' }, undefined, {
      onprogress: ({ progress }) => heard.push(progress),
    });
    expect([textOf(done), heard]).toEqual(['done', [1, 2]]);
  });

  test('that asks under an id that is none is told so, and its client hears nothing of it', async () => {
    await using wrapped = await startWrapped();
    const token = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, token);
    const { body } = await send(wrapped, token, calling('asks_oddly'), { session });
    expect([body.includes('an id is a text or an integer'), body.includes('roots/list')]).toEqual([true, false]);
    expect(said(wrapped, 'server says what is no message')).toHaveLength(3);
  });

  test('hears nothing of a client but what it asked and what it may be asked', async () => {
    await using wrapped = await startWrapped();
    const token = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, token);
    const answer = (result: unknown) => ({ jsonrpc: '2.0', id: 7, result });
    // Nobody asked for it yet: with it the server would have its answer before it asks.
    expect((await send(wrapped, token, answer({ action: 'forged' }), { session })).status).toBe(202);
    expect((await send(wrapped, token, calling('strays', 3), { session })).body).toContain('"text":"[]"');
    for (const [method, params] of [
      ['resources/list', {}],
      ['prompts/list', {}],
      ['tasks/list', {}],
      ['anything', {}],
    ] as const) {
      const { body } = await send(wrapped, token, { jsonrpc: '2.0', id: 1, method, params }, { session });
      expect(body).toContain('is not let through here');
    }
    const wrongId = await send(wrapped, token, [calling('count', 4), calling('count', 4)], { session });
    expect([wrongId.status, wrongId.body]).toEqual([400, expect.stringContaining('is under way')]);
    const begins = await send(wrapped, token, begin);
    expect(begins.body).toContain('"capabilities":{"tools":{},"logging":{}}');
  });

  test('shows resources where the file of trust lets them through', async () => {
    await using wrapped = await startWrapped({ trust: { beside_tools: ['resources'] } });
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    expect(Object.keys(client.getServerCapabilities() ?? {}).sort()).toEqual(['logging', 'resources', 'tools']);
    expect((await client.listResources()).resources).toHaveLength(1);
    await client.close();
  });

  test('is answered in one piece where it says nothing else at once, and in events where it does', async () => {
    await using wrapped = await startWrapped();
    const token = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, token);
    // Its answer is a stream where it takes its time, as on a busy machine.
    await soon(async () => {
      const { headers, body } = await send(wrapped, token, calling('odd_lines', 2), { session });
      expect(headers['content-type']).toBe('application/json');
      const answer = JSON.parse(body) as { id: unknown; result: unknown };
      expect([answer.id, textOf(answer.result)]).toEqual([2, 'a\u2028data: {b\r\ndata: {c']);
    });
    const progress = { ...calling('progress'), params: { name: 'progress', _meta: { progressToken: 1 } } };
    const more = await send(wrapped, token, progress, { session });
    expect([more.headers['content-type'], more.body.match(/^data: \{/gm)?.length]).toEqual(['text/event-stream', 3]);
  });

  test('whose answer nobody could take is heard when the client comes back for it', async () => {
    await using wrapped = await startWrapped();
    const token = await wrapped.sessionToken('ada');
    const session = await begun(wrapped, token);
    const headers = {
      ...accepted,
      authorization: `Bearer ${token}`,
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
    };
    const listening = await fetch(wrapped.url, { headers });
    const gone = new AbortController();
    const first = await fetch(wrapped.url, {
      method: 'POST',
      headers,
      body: JSON.stringify(calling('asks')),
      signal: gone.signal,
    });
    let text = '';
    const reader = first.body?.getReader();
    while (!text.includes('elicitation/create')) text += new TextDecoder().decode((await reader?.read())?.value);
    const last =
      text
        .match(/id: \S+/g)
        ?.at(-1)
        ?.slice(4) ?? '';
    gone.abort();
    await soon(async () => {
      // The SDK's own door lets nobody in while the broken stream is there.
      const resumed = await fetch(wrapped.url, {
        headers: { ...headers, 'last-event-id': last },
        signal: AbortSignal.timeout(20_000),
      });
      expect(resumed.status).toBe(200);
      await send(wrapped, token, { jsonrpc: '2.0', id: 7, result: { action: 'cancel' } }, { session });
      const again = resumed.body?.getReader();
      let heard = '';
      while (!heard.includes('cancel')) heard += new TextDecoder().decode((await again?.read())?.value);
      expect(heard).toContain('{\\"action\\":\\"cancel\\"}');
      await again?.cancel();
    });
    // That came and went beside where the client listens.
    const listened = listening.body?.getReader();
    await send(wrapped, token, calling('tells_after', 2), { session });
    let told = '';
    while (!told.includes('afterwards')) {
      const { done, value } = (await listened?.read()) ?? { done: true, value: undefined };
      expect([done, said(wrapped, 'session ended')]).toEqual([false, []]);
      told += new TextDecoder().decode(value);
    }
    await listened?.cancel();
    const ben = await wrapped.sessionToken('ben');
    const theirs = await begun(wrapped, ben);
    const foreign = await send(wrapped, ben, undefined, {
      session: theirs,
      method: 'GET',
      headers: { 'last-event-id': last },
    });
    expect(foreign.status).toBe(400);
  });
});

test('limits: bodies, sessions of one person and of all, and what is asked at once', async () => {
  await using wrapped = await startWrapped({
    trust: { limits: { body: 2048, sessions_per_person: 2, children: 3, call_seconds: 30 } },
  });
  const token = await wrapped.sessionToken('ada');
  const long = await send(wrapped, token, calling('count', 1, { text: 'x'.repeat(3000) }));
  const chunked = await ask(wrapped.url, {
    method: 'POST',
    headers: { ...accepted, authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' },
    body: JSON.stringify(calling('count', 1, { text: 'x'.repeat(3000) })),
  });
  expect([long.status, chunked.status]).toEqual([413, 413]);
  const [one, two] = [await begun(wrapped, token), await begun(wrapped, token)];
  // The third takes the place of the one that waits longest.
  const three = await begun(wrapped, token);
  const ping = { jsonrpc: '2.0', id: 9, method: 'ping' };
  const states = async (...sessions: string[]) =>
    (await Promise.all(sessions.map((session) => send(wrapped, token, ping, { session })))).map(({ status }) => status);
  expect(await states(one, two, three)).toEqual([404, 200, 200]);
  // With something under way in each nobody gives way.
  for (const session of [two, three]) void send(wrapped, token, calling('never'), { session });
  await soon(async () => expect((await recorded(wrapped)).filter(({ kind }) => kind === 'intent')).toHaveLength(2));
  expect((await send(wrapped, token, begin)).status).toBe(429);
  const busy = await send(wrapped, token, calling('never'), { session: two });
  expect([busy.status, busy.body]).toEqual([400, expect.stringContaining('is under way')]);
  await begun(wrapped, await wrapped.sessionToken('ben'));
  const full = await send(wrapped, await wrapped.sessionToken('cy'), begin);
  expect([full.status, full.headers['retry-after']]).toEqual([503, '30']);
});

/** What the record has. */
async function recorded({ folder }: Pick<Wrapped, 'folder'>) {
  const text = await readFile(join(folder, 'state', 'record', 'record-000001.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => readLine(line)?.entry ?? { kind: 'unreadable' as const });
}

test('what others make it say is said so often a minute, and then how often more', async () => {
  await using wrapped = await startWrapped();
  for (let request = 0; request < 62; request += 1) await send(wrapped, undefined, begin);
  expect(said(wrapped, 'request refused').length).toBeLessThanOrEqual(60);
  let at = 0;
  const lines: unknown[] = [];
  inTimeOf({ ...machineClock, monotonic: () => at }, () => {
    const { say, sweep } = bounded((...line) => lines.push(line), 'more');
    for (let line = 0; line < 70; line += 1) say('a line', { line });
    sweep();
    expect([lines.length, lines.at(-1)]).toEqual([60, ['a line', { line: 59 }]]);
    at = 60_000;
    sweep();
    sweep();
    say('a line', { line: 70 });
    expect(lines.slice(60)).toEqual([
      ['more', { lines: 10 }],
      ['a line', { line: 70 }],
    ]);
  });
});

test('a session whose turn comes when everything has ended is not begun', async () => {
  await using wrapped = await startWrapped({
    command: [process.execPath, tickets, 'stays'],
    trust: { limits: { sessions_per_person: 1 } },
  });
  const token = await wrapped.sessionToken('ada');
  await begun(wrapped, token);
  // The one before takes its time to end, and meanwhile everything is to.
  const second = send(wrapped, token, begin);
  await soon(() => expect(said(wrapped, 'session ended')).toHaveLength(1));
  expect(await wrapped.stop()).toMatchObject({ exit: 0 });
  expect(await second.then(({ status }) => status)).toBe(503);
  expect(said(wrapped, 'session begun')).toHaveLength(1);
});

describe('the record', () => {
  test('has each call before it is made, who asked for it and what came of it, and nothing of what is in it [P7]', async () => {
    await using wrapped = await startWrapped();
    const client = await wrapped.connect(await wrapped.sessionToken('ada', { jti: 'token-1' }));
    await call(client, 'close_ticket', { id: 'PRIVATE' });
    await expect(call(client, 'delete_all')).rejects.toThrow();
    await wrapped.stop();
    const entries = (await recorded(wrapped)).filter(({ kind }) => kind !== 'began');
    expect(entries).toMatchObject([
      {
        kind: 'intent',
        act: 'tool.call',
        actor: { kind: 'person', proof: 'session-token', issuer: 'https://login.example.com', subject: 'ada' },
        agent: { id: 'agent_1', name: 'support', version: '3' },
        session: 'sesn_1',
        server: wrapped.url,
        target: { kind: 'tool', label: 'close_ticket' },
        input: expect.stringMatching(/^[0-9a-f]{64}$/),
        delegation: { verdict: 'ask', rule: expect.stringMatching(/^session token token-1 of act 7d0f8c40-/) },
      },
      { kind: 'outcome', outcome: 'success' },
      { kind: 'intent', target: { label: 'delete_all' }, delegation: { verdict: 'off' } },
      { kind: 'outcome', outcome: 'failure' },
    ]);
    expect(JSON.stringify(entries)).not.toContain('PRIVATE');
  });

  test('is on the disk before a call that may change something, and written before one that reads [P7]', async () => {
    const said: string[] = [];
    let keep: ((error?: AppError) => void) | undefined;
    // Written at once, and on the disk when the test says so.
    const append = ({ kind, target }: { kind: string; target?: { label: string } }, written?: () => void) => {
      if (kind !== 'intent') return Promise.resolve({ log: 'x', count: 1, hash: '' });
      said.push(`written ${target?.label}`);
      written?.();
      return new Promise((resolve, reject) => {
        keep = (error) => (error === undefined ? resolve({ log: 'x', count: 1, hash: '' }) : reject(error));
      });
    };
    await using wrapped = await startWrapped({
      trust: { reads: ['list_tickets'] },
      kept: { record: async () => ({ where: 'nowhere', append }) as unknown as RecordLog },
    });
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    // Answered although the disk has nothing of it yet.
    await call(client, 'list_tickets');
    const first = keep;
    const counting = call(client, 'count').then(
      () => said.push('called'),
      () => said.push('not called'),
    );
    await soon(() => expect(said).toEqual(['written list_tickets', 'written count']));
    // Whoever is refused is told at once, and by then a call that was passed on would have been answered.
    await expect(call(client, 'delete_all')).rejects.toThrow('is off for this token');
    await call(client, 'list_tickets');
    expect(said).toEqual(['written list_tickets', 'written count', 'written delete_all', 'written list_tickets']);
    first?.(new AppError('record_unwritable', 'the disk is gone'));
    expect(await wrapped.ended).toMatchObject({ exit: 6, stderr: expect.stringContaining('[record_unwritable]') });
    await counting;
    expect(said.slice(4)).toEqual(['not called']);
  });

  test('that cannot be written lets nothing be called, and ends everything: exit 6 [P7]', async () => {
    let room = 1;
    const appended: string[] = [];
    const append = async ({ kind }: { kind: string }) => {
      if (room === 0) throw new AppError('record_unwritable', 'no space');
      room -= 1;
      appended.push(kind);
      return { log: 'x', count: 1, hash: '' };
    };
    await using wrapped = await startWrapped({
      kept: { record: async () => ({ where: 'nowhere', append }) as unknown as RecordLog },
    });
    const client = await wrapped.connect(await wrapped.sessionToken('ada'));
    const pid = Number.parseInt(await call(client, 'count'), 10);
    const other = await wrapped.connect(await wrapped.sessionToken('ben'));
    await expect(call(other, 'count')).rejects.toThrow('cannot be recorded');
    expect(await wrapped.ended).toMatchObject({ exit: 6, stderr: expect.stringContaining('[record_unwritable]') });
    expect([appended, isThere(pid)]).toEqual([['intent'], false]);
  });
});

test.each([
  ['no issuer', { session_tokens: undefined, access_tokens: undefined }, [], 'nobody would be let in'],
  [
    'an issuer twice',
    {
      access_tokens: [
        { issuer: 'https://a.example', tools: ['x'] },
        { issuer: 'https://a.example', tools: ['y'] },
      ],
    },
    [],
    'is there twice',
  ],
  [
    'an issuer without tools',
    { access_tokens: [{ issuer: 'https://a.example' }] },
    [],
    'a tool that is not listed is off',
  ],
  ['an unknown key', { tolls: [] }, [], 'unknown key'],
  ['http for everybody', { url: 'http://tickets.example.com/mcp' }, [], 'expected https'],
  ['a secret of ours for the server', { environment: ['ANTHROPIC_API_KEY'] }, [], 'none of its business'],
  ['a limit that is none', { limits: { children: 0 } }, [], 'limits.children'],
  [
    'another interface without TLS',
    { url: 'https://tickets.example.com/mcp' },
    ['--listen', '0.0.0.0:0'],
    'is not loopback',
  ],
  ['half a certificate', {}, ['--tls-cert', 'x.pem'], 'go together'],
])('does not begin with %s', async (_what, trust, argv, why) => {
  await expect(startWrapped({ trust, argv })).rejects.toThrow(why);
});
