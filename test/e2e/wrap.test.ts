/** Public servers of stdio behind the built `wrap`, called by the client of the MCP SDK and by the agent of the sandbox. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchPath } from '../demo/executables.ts';
import { runningClock } from '../sandbox/clock.ts';
import { sdkClient } from '../sandbox/platform/sdk-client.ts';
import { startPlatform } from '../sandbox/platform/start.ts';
import { sessionClaims, signed, staticHost, statusList, testKey } from '../support/session-tokens.ts';
import { skipped } from '../support/skip.ts';
import { soon } from '../support/soon.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

const version = '2026.8.31';
const folder = await mkdtemp(join(tmpdir(), 'wrap-'));
const installed = await promisify(execFile)(
  'npm',
  [
    ...['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'],
    ...['everything', 'filesystem', 'memory'].map((name) => `@modelcontextprotocol/server-${name}@${version}`),
  ],
  { timeout: 100_000 },
).then(
  () => true,
  () => false,
);
const reason = 'public MCP servers could not be installed from the npm registry';
const isMissing = skipped(!installed && { reason, installable: false });

/** How each is started: what is one person's alone is below their own name. */
const entry = (name: string) =>
  join(folder, 'node_modules', '@modelcontextprotocol', `server-${name}`, 'dist', 'index.js');
const commands = {
  everything: [process.execPath, entry('everything'), 'stdio'],
  filesystem: [
    'sh',
    '-c',
    `mkdir -p "$1/$MCP_CALLER_KEY"; exec "$0" "$2" "$1/$MCP_CALLER_KEY"`,
    process.execPath,
    join(folder, 'files'),
    entry('filesystem'),
  ],
  memory: [
    'sh',
    '-c',
    'MEMORY_FILE_PATH="$1-$MCP_CALLER_KEY.jsonl" exec "$0" "$2"',
    process.execPath,
    join(folder, 'graph'),
    entry('memory'),
  ],
};
type Name = keyof typeof commands;
const may: Record<Name, string[]> = {
  everything: ['echo', 'get-sum', 'get-env', 'trigger-long-running-operation'],
  filesystem: ['list_allowed_directories', 'write_file', 'read_text_file'],
  memory: ['create_entities', 'read_graph'],
};

let built: BuiltCopy;
let host: Awaited<ReturnType<typeof staticHost>>;
let key: Awaited<ReturnType<typeof testKey>>;
const servers = new Map<Name, { url: string; process: ChildProcess; ended: Promise<unknown[]> }>();

beforeAll(async () => {
  if (isMissing) return;
  [built, host, key] = await Promise.all([copyOfBuild(), staticHost(), testKey(), mkdir(join(folder, 'files'))]);
  const now = Math.floor(Date.now() / 1000);
  host.files.set('/keys', { body: JSON.stringify({ keys: [key.publicJwk] }) });
  host.files.set('/status', { body: await statusList(host.address, key, now) });
  await Promise.all((Object.keys(commands) as Name[]).map(start));
}, 120_000);
afterAll(async () => {
  for (const { process: each } of servers.values()) each.kill('SIGKILL');
  if (!isMissing) await Promise.all([built.remove(), host[Symbol.asyncDispose]()]);
  await rm(folder, { recursive: true, force: true });
});

async function start(name: Name): Promise<void> {
  const url = `http://127.0.0.1:${await freePort()}/mcp`;
  const trust = join(folder, `${name}.json`);
  const issuer = {
    issuer: host.address,
    keys: `${host.address}/keys`,
    status_lists: [`${host.address}/status`],
    tenants: ['wrkspc_1'],
  };
  await writeFile(trust, JSON.stringify({ url, session_tokens: [issuer] }), { mode: 0o600 });
  const [program, ...words] = built.locate('service-connection');
  const place = ['--listen', new URL(url).host];
  const wrap = spawn(program, [...words, 'wrap', '--trust', trust, ...place, '--', ...commands[name]], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      PATH: searchPath,
      HOME: folder,
      MAI_HOME: join(folder, name),
      MAI_ALLOW_LOOPBACK_HTTP: '1',
      MAI_KEYCHAIN: 'off',
      ANTHROPIC_API_KEY: 'sk-of-ours',
      SOMETHING_OF_OURS: 'secret',
    },
  });
  const ended = once(wrap, 'exit');
  await once(createInterface({ input: wrap.stdout }), 'line');
  servers.set(name, { url, process: wrap, ended });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const urlOf = (name: Name) => servers.get(name)?.url ?? '';

async function tokenFor(name: Name, person: string): Promise<string> {
  const claims = sessionClaims(host.address, Math.floor(Date.now() / 1000));
  return await signed(
    {
      ...claims,
      aud: [urlOf(name)],
      sub: `sso:https://login.example.com#${person}`,
      sub_id: { format: 'iss_sub', iss: 'https://login.example.com', sub: person },
      may: { on: may[name], auto: [], ask: [] },
    },
    key,
  );
}

async function connected(name: Name, person: string): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' }, { capabilities: { roots: {} } });
  const headers = { authorization: `Bearer ${await tokenFor(name, person)}` };
  const transport = new StreamableHTTPClientTransport(new URL(urlOf(name)), { requestInit: { headers } });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return client;
}

const call = async (client: Client, name: string, input: Record<string, unknown> = {}) => {
  const { content } = await client.callTool({ name, arguments: input });
  return (content as { text: string }[]).map(({ text }) => text).join('');
};

/** The processes below one, as Linux tells them. */
const below = async (pid: number) =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).split(' ').filter(Boolean);

test.skipIf(isMissing)(
  'each person has a server of their own, with the tools of their token and nothing of ours',
  async () => {
    const [ada, ben] = [await connected('everything', 'ada'), await connected('everything', 'ben')];
    expect((await ada.listTools()).tools.map(({ name }) => name).sort()).toEqual([...may.everything].sort());
    expect(await call(ada, 'get-sum', { a: 2, b: 3 })).toContain('5');
    await expect(call(ben, 'get-tiny-image')).rejects.toThrow('is off for this token');
    const environment = await call(ada, 'get-env');
    expect(environment).toContain('"MCP_CALLER_SUBJECT": "ada"');
    expect(environment).not.toMatch(/ANTHROPIC|SOMETHING_OF_OURS|MAI_/);
    const heard: number[] = [];
    const long = { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 2 } };
    await ada.callTool(long, undefined, { onprogress: ({ progress }) => heard.push(progress) });
    expect(heard).toEqual([1, 2]);
    const [adas, bens] = [await connected('filesystem', 'ada'), await connected('filesystem', 'ben')];
    const [hers, his] = await Promise.all(
      [adas, bens].map(async (client) => (await call(client, 'list_allowed_directories')).split('\n')[1] ?? ''),
    );
    expect(hers).not.toBe(his);
    await call(adas, 'write_file', { path: `${hers}/note.txt`, content: 'of ada' });
    expect(await call(adas, 'read_text_file', { path: `${hers}/note.txt` })).toContain('of ada');
    expect(await call(bens, 'read_text_file', { path: `${hers}/note.txt` })).toContain('denied');
    await Promise.all([ada, ben, adas, bens].map((client) => client.close()));
  },
);

test.skipIf(isMissing)('the agent of a hosted session calls all three with the token that its vault has', async () => {
  const platform = await startPlatform({ clock: runningClock() });
  try {
    const client = sdkClient(platform);
    const names = Object.keys(commands) as Name[];
    const vault = await client.beta.vaults.create({ display_name: 'identity' });
    for (const name of names) {
      const auth = { type: 'static_bearer' as const, mcp_server_url: urlOf(name), token: await tokenFor(name, 'ada') };
      await client.beta.vaults.credentials.create(vault.id, { auth });
    }
    const allow = { enabled: true, permission_policy: { type: 'always_allow' as const } };
    const agent = await client.beta.agents.create({
      name: 'support',
      model: 'claude-opus-5-5',
      mcp_servers: names.map((name) => ({ type: 'url' as const, name, url: urlOf(name) })),
      tools: names.map((name) => ({ type: 'mcp_toolset' as const, mcp_server_name: name, default_config: allow })),
    });
    const environment = await client.beta.environments.create({ name: 'e' });
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: environment.id,
      vault_ids: [vault.id],
    });
    const entities = [{ name: 'roadmap', entityType: 'page', observations: ['by ada'] }];
    const text = [
      'call everything echo {"message":"hello"}',
      'call filesystem list_allowed_directories {}',
      `call memory create_entities ${JSON.stringify({ entities })}`,
      'call memory read_graph {}',
    ].join('\n');
    await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.message', content: [{ type: 'text', text }] }],
    });
    const results = await soon(async () => {
      const found: string[] = [];
      for await (const event of client.beta.sessions.events.list(session.id)) {
        if (event.type === 'agent.mcp_tool_result') found.push(JSON.stringify(event.content));
      }
      expect(found).toHaveLength(4);
      return found;
    });
    expect(results).toEqual(['hello', '/files/', 'roadmap', 'by ada'].map((part) => expect.stringContaining(part)));
  } finally {
    await platform.close();
  }
});

test.skipIf(isMissing).each([
  ['everything', 'SIGINT', [0, null]],
  ['filesystem', 'SIGTERM', [0, null]],
  // As every program whose terminal is gone.
  ['memory', 'SIGHUP', [null, 'SIGHUP']],
] as const)('%s ends with its wrap: %s', async (name, signal, end) => {
  const client = await connected(name, 'cy');
  const server = servers.get(name);
  const children = await below(server?.process.pid ?? 0);
  expect(children.length).toBeGreaterThan(0);
  server?.process.kill(signal);
  expect(await server?.ended).toEqual(end);
  await soon(async () => {
    const there = await Promise.all(children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    expect(there.join('')).toBe('');
  });
  await client.close();
});
