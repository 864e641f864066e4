/** A wrapped server in this process, with issuers of tokens that tests sign. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { type Clock, machineClock } from '../../internal/clock/clock.ts';
import { type CommandOutcome, runCommand } from './command.ts';
import { sessionClaims, signed, staticHost, statusList, type TestKey, testKey } from './session-tokens.ts';

/** The scripted server. */
export const tickets = fileURLToPath(new URL('stdio-tickets.mjs', import.meta.url));

/** What is different from what usually is. */
export interface WrapSetting {
  command?: readonly string[];
  /** What the file of trust says besides, or instead. */
  trust?: Record<string, unknown>;
  /** Whose access tokens count, by the address of the host that has their keys. */
  issuers?: (address: string) => unknown;
  argv?: readonly string[];
  /** What time does otherwise than on this machine. */
  time?: Partial<Clock>;
  kept?: Parameters<typeof runCommand>[2]['kept'];
}

/** A wrapped server, and everything around it. */
export interface Wrapped extends AsyncDisposable {
  url: string;
  port: number;
  /** Where tokens come from: key set, status list and metadata. */
  host: Awaited<ReturnType<typeof staticHost>>;
  key: TestKey;
  /** Sets the clock forward, in seconds. */
  pass(seconds: number): void;
  /** A token of a session of a person, with other claims where wanted. */
  sessionToken(person: string, more?: Record<string, unknown>): Promise<string>;
  /** An access token of the authorization server. */
  accessToken(subject: string, more?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  publish(revoked: readonly number[]): Promise<void>;
  connect(token: string, client?: Client): Promise<Client>;
  /** The lines that it wrote about itself. */
  lines(): Record<string, unknown>[];
  folder: string;
  /** What came of it. */
  ended: Promise<CommandOutcome>;
  stop(): Promise<CommandOutcome>;
}

/** Every tool but one. */
const may = {
  on: [
    'list_tickets',
    'environment',
    'count',
    'never',
    'dies',
    'answers_and_dies',
    'noise',
    'neither',
    'deep',
    'long',
    'flood_stderr',
    'flood_stdout',
    'forks',
    'strays',
    'progress',
    'asks',
    'asks_roots',
    'asks_oddly',
    'tells_after',
    'odd_lines',
  ],
  auto: [],
  ask: ['close_ticket'],
};

/** Starts one; it is there when this returns. */
export async function startWrapped({
  command,
  trust = {},
  issuers,
  argv = [],
  time = {},
  kept,
}: WrapSetting = {}): Promise<Wrapped> {
  const [host, key, folder, port] = await Promise.all([
    staticHost(),
    testKey(),
    mkdtemp(join(tmpdir(), 'wrapped-')),
    freePort(),
  ]);
  let ahead = 0;
  const now = () => Math.floor(Date.now() / 1000) + ahead;
  const clock: Clock = { ...machineClock, now: () => new Date(Date.now() + ahead * 1000), ...time };
  const url = `http://127.0.0.1:${port}/mcp`;
  const publish = async (revoked: readonly number[]) =>
    void host.files.set('/status', { body: await statusList(host.address, key, now(), { revoked }) });
  await publish([]);
  const jwks = JSON.stringify({ keys: [key.publicJwk] });
  host.files.set('/keys', { body: jwks });
  const issuer = `${host.address}/as`;
  const endpoints = { authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` };
  const metadata = { issuer, ...endpoints, jwks_uri: `${host.address}/keys`, response_types_supported: ['code'] };
  host.files.set('/.well-known/oauth-authorization-server/as', {
    body: JSON.stringify(metadata),
    headers: { 'content-type': 'application/json' },
  });
  const file = join(folder, 'trust.yaml');
  await writeFile(
    file,
    stringify({
      url,
      session_tokens: [
        {
          issuer: host.address,
          keys: `${host.address}/keys`,
          status_lists: [`${host.address}/status`],
          tenants: ['wrkspc_1'],
        },
      ],
      access_tokens: issuers?.(host.address) ?? [
        { issuer, tools: ['list_tickets'], scopes: { 'tickets:write': ['close_ticket'] } },
      ],
      ...trust,
    }),
    { mode: 0o600 },
  );
  const ended = new AbortController();
  let written = '';
  let heard = () => {};
  const listening = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const running = runCommand(
    serviceConnection,
    [
      'wrap',
      '--trust',
      file,
      '--listen',
      `127.0.0.1:${port}`,
      ...argv,
      '--',
      ...(command ?? [process.execPath, tickets]),
    ],
    {
      environment: { MAI_ALLOW_LOOPBACK_HTTP: '1' },
      folder,
      signal: ended.signal,
      clock,
      ...(kept && { kept }),
      hear(text) {
        if (text.includes(`port ${port}`)) heard();
      },
      hearResult(text) {
        written = text;
      },
    },
  );
  const early = await Promise.race([listening, running]);
  if (early !== undefined) throw new Error(`not started: ${early.stderr}`);
  const stop = async () => {
    ended.abort();
    return await running;
  };
  return {
    url,
    port,
    host,
    key,
    folder,
    publish,
    ended: running,
    stop,
    pass(seconds) {
      ahead += seconds;
    },
    sessionToken: async (person, more = {}) =>
      await signed(
        {
          ...sessionClaims(host.address, now()),
          aud: [url],
          sub: `sso:https://login.example.com#${person}`,
          sub_id: { format: 'iss_sub', iss: 'https://login.example.com', sub: person },
          may,
          jti: randomUUID(),
          ...more,
        },
        key,
      ),
    accessToken: async (subject, more = {}, header = {}) =>
      await signed(
        {
          iss: issuer,
          sub: subject,
          aud: url,
          client_id: 'agent',
          iat: now(),
          exp: now() + 600,
          jti: randomUUID(),
          ...more,
        },
        key,
        { typ: 'at+jwt', ...header },
      ),
    async connect(token, client = new Client({ name: 'test', version: '1' })) {
      const headers = { authorization: `Bearer ${token}` };
      const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
      await client.connect(transport as Parameters<Client['connect']>[0]);
      return client;
    },
    lines: () =>
      written
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async [Symbol.asyncDispose]() {
      await stop();
      await host[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
