/** A tool call through `service-connection wrap` beside the same call on bare stdio: the SDK's client for both, in turn. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { sessionClaims, signed, staticHost, statusList, testKey } from '../support/session-tokens.ts';
import { median } from './measure.ts';

const floorServer = fileURLToPath(new URL('wrap-floor.mjs', import.meta.url));
const tickets = fileURLToPath(new URL('../support/stdio-tickets.mjs', import.meta.url));

/** Medians of one call, in milliseconds. */
export interface CallTimes {
  bare: number;
  /** Of a server that does what nobody can do without: HTTP, and the server of stdio behind it. */
  http: number;
  /** The same, with a line on the disk before each call. */
  disk: number;
  /** Of a tool that only reads, as the file of trust says. */
  reads: number;
  /** Of any other. */
  changes: number;
}

/** Measures `count` calls of each in turn, round after round; the first round warms up. */
export async function measureWrappedCalls(
  distFolder: string,
  { rounds, count }: { rounds: number; count: number },
): Promise<CallTimes> {
  await using host = await staticHost();
  const key = await testKey();
  const now = Math.floor(Date.now() / 1000);
  const folder = await mkdtemp(join(tmpdir(), 'wrap-bench-'));
  host.files.set('/keys', { body: JSON.stringify({ keys: [key.publicJwk] }) });
  host.files.set('/status', { body: await statusList(host.address, key, now) });
  const url = 'http://127.0.0.1:8788/mcp';
  const issuer = {
    issuer: host.address,
    keys: `${host.address}/keys`,
    status_lists: [`${host.address}/status`],
    tenants: ['wrkspc_1'],
  };
  const trust = join(folder, 'trust.yaml');
  await writeFile(trust, JSON.stringify({ url, session_tokens: [issuer], reads: ['list_tickets'] }), { mode: 0o600 });
  const server = spawn(
    process.execPath,
    [
      join(distFolder, 'service-connection.js'),
      ...['wrap', '--trust', trust, '--listen', '127.0.0.1:0', '--', process.execPath, tickets],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { HOME: folder, MAI_HOME: folder, MAI_ALLOW_LOOPBACK_HTTP: '1', MAI_KEYCHAIN: 'off', CI: '1' },
    },
  );
  const floors = ['', join(folder, 'lines')].map((lines) =>
    spawn(process.execPath, [floorServer, lines, process.execPath, tickets], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  try {
    const floorPorts = await Promise.all(
      floors.map(
        (floor) =>
          new Promise<number>((resolve, reject) => {
            floor.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)));
            createInterface({ input: floor.stdout }).once('line', (line) => resolve(Number(line)));
          }),
      ),
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.once('exit', (code) => reject(new Error(`wrap ended with ${code}`)));
      createInterface({ input: server.stdout }).on('line', (line) => {
        if (line.startsWith('{')) resolve((JSON.parse(line) as { port: number }).port);
      });
    });
    const may = { on: ['list_tickets', 'count'], auto: [], ask: [] };
    const token = await signed({ ...sessionClaims(host.address, now), aud: [url], may }, key);
    const remote = (at: number) =>
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${at}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }) as Transport;
    const [bare, http, disk, wrapped] = await Promise.all([
      connected(new StdioClientTransport({ command: process.execPath, args: [tickets] })),
      ...[...floorPorts, port].map((at) => connected(remote(at))),
    ]);
    const subjects = {
      bare: [bare, 'list_tickets'],
      http: [http, 'list_tickets'],
      disk: [disk, 'list_tickets'],
      reads: [wrapped, 'list_tickets'],
      changes: [wrapped, 'count'],
    } as const;
    const times: Record<keyof CallTimes, number[]> = { bare: [], http: [], disk: [], reads: [], changes: [] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const [what, [client, name]] of Object.entries(subjects) as [keyof CallTimes, [Client, string]][]) {
        for (let each = 0; each < count; each += 1) {
          const started = performance.now();
          const { isError } = await client.callTool({ name });
          if (isError === true) throw new Error(`a call of ${what} failed`);
          if (round > 0) times[what].push(performance.now() - started);
        }
      }
    }
    await Promise.all([bare, http, disk, wrapped].map((client) => client?.close()));
    const medians = Object.entries(times).map(([what, each]) => [what, median(each)]);
    return Object.fromEntries(medians) as unknown as CallTimes;
  } finally {
    server.kill('SIGTERM');
    for (const floor of floors) floor.kill('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  }
}

async function connected(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(transport);
  return client;
}
