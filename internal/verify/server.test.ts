/** Sessions call an MCP server that was written with the entry: over HTTP, with the SDK's own client. */
import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect, test } from 'vitest';
import { sessionClaims, signed, staticHost, statusList, testKey } from '../../test/support/session-tokens.ts';
import { ticketServer } from '../../test/support/ticket-server.ts';
import { trust } from './index.ts';

const start = 1_800_000_000;

async function world() {
  const [host, key] = await Promise.all([staticHost(), testKey()]);
  const clock = { now: start };
  const publish = async (revoked: readonly number[]) =>
    host.files.set('/status', { body: await statusList(host.address, key, clock.now, { revoked }) });
  host.files.set('/keys', { body: JSON.stringify({ keys: [key.publicJwk] }) });
  await publish([]);
  const server = await ticketServer((audience) =>
    trust({
      audience,
      issuers: [
        {
          kind: 'session-token',
          issuer: host.address,
          keys: `${host.address}/keys`,
          tenants: ['wrkspc_1'],
          statusLists: [`${host.address}/status`],
        },
      ],
      now: () => clock.now * 1000,
    }),
  );
  /** A token of one session, as it is now. */
  const tokenOf = async (session: number, person: string) =>
    await signed(
      {
        ...sessionClaims(host.address, clock.now),
        aud: [server.address],
        sid: `sesn_${session}`,
        root_sid: `sesn_${session}`,
        sub: `sso:https://login.example.com#${person}`,
        sub_id: { format: 'iss_sub', iss: 'https://login.example.com', sub: person },
        status: { status_list: { idx: session, uri: `${host.address}/status` } },
        jti: randomUUID(),
      },
      key,
    );
  return {
    host,
    clock,
    publish,
    tokenOf,
    call: async (token: string, name = 'list_tickets') => await callTool(server.address, token, name),
    async [Symbol.asyncDispose]() {
      await Promise.all([host[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
    },
  };
}

/** What a tool answers, or the status that the server refused with. */
async function callTool(address: string, token: string, name: string): Promise<string> {
  const client = new Client({ name: 'agent', version: '1' });
  const headers = { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(address), { requestInit: { headers } });
  try {
    await client.connect(transport as Parameters<Client['connect']>[0]);
    const { content, isError } = await client.callTool({ name });
    const [first] = content as { text: string }[];
    return isError === true ? 'refused' : (first?.text ?? '');
  } catch (error) {
    return `refused: ${(error as { code?: number }).code}`;
  } finally {
    await client.close();
  }
}

test('a server tells session, agent and person, refuses what verdicts forbid, and asks nobody but for keys and status', async () => {
  await using made = await world();
  const token = await made.tokenOf(1, 'ada');
  expect(await made.call(token)).toBe('sesn_1 of support 3 for ada');
  expect(await made.call(token, 'close_ticket')).toBe('sesn_1 of support 3 for ada');
  expect(await made.call(token, 'delete_all')).toMatch(/^refused/);
  expect(made.host.requests).toEqual({ '/keys': 1, '/status': 1 });
});

test('ten sessions of three people over three lifetimes: an old token is refused, and what was taken back is at once', async () => {
  await using made = await world();
  const people = ['ada', 'ben', 'cy'];
  const sessions = Array.from({ length: 10 }, (_, session) => ({ session, person: people[session % 3] ?? '' }));
  let before: string[] = [];
  for (let lifetime = 0; lifetime < 3; lifetime += 1) {
    await made.publish([]);
    const tokens = await Promise.all(sessions.map(({ session, person }) => made.tokenOf(session, person)));
    expect(await Promise.all(tokens.map((token) => made.call(token)))).toEqual(
      sessions.map(({ session, person }) => `sesn_${session} of support 3 for ${person}`),
    );
    expect(new Set(await Promise.all(before.map((token) => made.call(token))))).toEqual(
      new Set(lifetime === 0 ? [] : ['refused: 401']),
    );
    before = tokens;
    made.clock.now += 700;
  }
  // Ben leaves: his sessions are taken back, and the others go on.
  await made.publish([]);
  const tokens = await Promise.all(sessions.map(({ session, person }) => made.tokenOf(session, person)));
  expect(await made.call(tokens[1] ?? '')).toContain('for ben');
  made.clock.now += 30;
  await made.publish(sessions.filter(({ person }) => person === 'ben').map(({ session }) => session));
  const answers = await Promise.all(tokens.map((token) => made.call(token)));
  expect(answers).toEqual(
    sessions.map(({ session, person }) =>
      person === 'ben' ? 'refused: 401' : `sesn_${session} of support 3 for ${person}`,
    ),
  );
});
