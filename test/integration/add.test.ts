/** `add`: the draft of a service's file, from what its server says; nothing in it is on, and nothing is stored elsewhere. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from '../../internal/config/load.ts';
import { startNotion } from '../sandbox/services/notion.ts';
import type { SandboxService } from '../sandbox/services/service.ts';
import { pagesWithoutEnd } from '../support/endless-pages.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

let stranger: SandboxService;
beforeEach(async () => {
  stranger = await startNotion(world.sandbox.clock.now);
});
afterEach(() => stranger.close());

const file = () => join(world.sandbox.configFolder, 'services', 'fresh.yaml');
const add = (url: string, ...more: string[]) => ['add', url, '--name', 'fresh', ...more];

/** Types something where a domain is asked for. */
async function typing(typed: string, argv: string[]) {
  const terminal = fakeTerminal();
  let asked = false;
  return await world.connect(argv, {
    terminal,
    hear: (said) => {
      if (asked || !said.includes('type the domain it belongs to')) return;
      asked = true;
      void terminal.type(`${typed}\n`);
    },
  });
}

test('signs in once to see the tools, gives that access back, and writes a draft in which nothing is on', async () => {
  const { exit, stdout, stderr, visited } = await typing('127.0.0.1', add(stranger.mcpUrl));
  expect([exit, visited.length, stdout]).toEqual([0, 1, expect.stringContaining('fresh.yaml: a draft of 127.0.0.1')]);
  expect(stderr).toContain('had granted was given back');
  expect([stranger.counters.revocations, world.asked(), await world.credentials()]).toEqual([1, [], []]);
  const draft = (await loadConfiguration(world.sandbox.configFolder)).services.get('fresh');
  expect(draft).toMatchObject({
    mcp_server_url: stranger.mcpUrl,
    authorization: { issuers: [stranger.issuer], registration: 'dynamic' },
    tools: { read: [], write: [], destructive: [] },
  });
  const text = await readFile(file(), 'utf8');
  for (const { name } of stranger.tools()) expect(text).toMatch(new RegExp(`^#     - ${name}( #|$)`, 'm'));
  expect((await world.connect(['fresh'])).exit).toBe(3);
});

test('without a sign-in drafts the rest, at no terminal too', async () => {
  const drafted = await world.connectJson(add(stranger.mcpUrl, '--no-sign-in'));
  expect(drafted).toMatchObject({ service: 'fresh', path: file(), issuer: stranger.issuer, tools: null });
  expect(await readFile(file(), 'utf8')).toContain('Its tools are shown to those who signed in');
});

/** A server that shows its tools to anybody. */
const openServer = (page: (cursor: string | undefined) => object) =>
  startHostileServer((line, { body }, origin) => {
    if (line.startsWith('GET /.well-known/oauth-protected-resource')) {
      return { json: { resource: `${origin}/mcp`, authorization_servers: [origin] } };
    }
    if (line === 'GET /.well-known/oauth-authorization-server') {
      const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
      return { json: { issuer: origin, ...endpoints, code_challenge_methods_supported: ['S256'] } };
    }
    if (line !== 'POST /mcp') return undefined;
    const { id, method, params } = JSON.parse(body) as { id?: number; method: string; params?: { cursor?: string } };
    if (id === undefined) return { status: 202 };
    const capabilities = { capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } };
    const result = method === 'initialize' ? { protocolVersion: '2025-11-25', ...capabilities } : page(params?.cursor);
    const error = 'error' in result;
    return { json: { jsonrpc: '2.0', id, ...(error ? result : { result }) } };
  });

test('needs no sign-in where the server shows its tools to anybody', async () => {
  const server = await openServer(() => ({ tools: [{ name: 'look\u001b[2J', inputSchema: { type: 'object' } }] }));
  const { exit, stdout, visited } = await world.connect(add(`${server.origin}/mcp`));
  expect([exit, visited, stdout]).toEqual([0, [], expect.stringContaining('1 tools are named')]);
  expect(await readFile(file(), 'utf8')).toContain('"look\\u001b[2J" cannot be reviewed');
  expect(server.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});

test('drafts nothing of a server with more tools than anybody reviews, as tools refresh pins nothing of it', async () => {
  const tools = Array.from({ length: 1_001 }, (_, index) => ({ name: `t${index}`, inputSchema: { type: 'object' } }));
  const server = await openServer(() => ({ tools }));
  const { exit, stderr } = await world.connect(add(`${server.origin}/mcp`));
  expect([exit, stderr]).toEqual([1, expect.stringContaining('lists 1001 tools; more than 1000')]);
  await expect(readFile(file())).rejects.toThrow('ENOENT');
});

test.each(pagesWithoutEnd)(
  'drafts nothing of pages without end (%s), and asks for no more than %i [P10]',
  async (_case, pages, answer) => {
    const server = await openServer(answer);
    const { exit, stdout, stderr } = await world.connect(add(`${server.origin}/mcp`));
    expect([exit, stdout, stderr]).toEqual([1, '', expect.stringContaining(`has no end: ${pages} pages were read`)]);
    // The first page is asked for without one.
    expect(server.requests.filter(({ body }) => body.includes('"cursor":'))).toHaveLength(pages - 1);
    await expect(readFile(file())).rejects.toThrow('ENOENT');
  },
);

test('shows what a server says instead of a list, harmless, and speaks of no token [P9]', async () => {
  const server = await openServer(() => ({ error: { code: -32603, message: 'not today\u001b[2J\u202e' } }));
  const { exit, stderr } = await world.connect(add(`${server.origin}/mcp`));
  expect([exit, stderr]).toEqual([1, expect.stringContaining('not today\\u001b[2J\\u202e')]);
  expect(stderr).not.toContain('token');
  await expect(readFile(file())).rejects.toThrow('ENOENT');
});

test('reads a list of several pages to its last one', async () => {
  const server = await openServer((cursor = '0') => ({
    tools: [{ name: `get_${cursor}`, inputSchema: { type: 'object' } }],
    ...(cursor === '3' ? {} : { nextCursor: String(Number(cursor) + 1) }),
  }));
  const { exit, stdout } = await world.connect(add(`${server.origin}/mcp`));
  expect([exit, stdout]).toEqual([0, expect.stringContaining('4 tools are named')]);
});

test.each([
  ['where nobody sits', {}],
  ['in CI', { terminal: fakeTerminal(), environment: { CI: 'true' } }],
])('that would have to sign in ends at once %s, with the command to run [c27]', async (_case, setting) => {
  const { exit, stderr, visited } = await world.connect(add(stranger.mcpUrl), setting);
  expect([exit, visited]).toEqual([4, []]);
  expect(stderr).toContain('service-connection add <url> --no-sign-in');
  await expect(readFile(file())).rejects.toThrow('ENOENT');
});

test('signs in nowhere where something else than the domain is typed [c16]', async () => {
  const { exit, visited } = await typing('yes', [...add(stranger.mcpUrl), '--quiet']);
  expect([exit, visited]).toEqual([3, []]);
});

test('is refused where the address passes for another [c16]', async () => {
  await world.configure('services/linear.yaml', (service) => {
    service.mcp_server_url = 'https://mcp.linear.app/mcp';
  });
  expect((await world.connect(['add', 'https://mcp.linear.app.evil.io/mcp'])).exit).toBe(3);
});

test('refuses what points at an authorization server of the catalogue [c11]', async () => {
  const { notion } = world.sandbox.services;
  const server = await startHostileServer((line, _request, origin) => {
    if (line.startsWith('POST /mcp')) return { status: 401 };
    if (!line.startsWith('GET /.well-known/oauth-protected-resource')) return undefined;
    return { json: { resource: `${origin}/mcp`, authorization_servers: [notion.issuer] } };
  });
  const { exit, visited } = await world.connect(add(`${server.origin}/mcp`));
  expect([exit, visited]).toEqual([3, []]);
});

test('never writes over a service that is there', async () => {
  const before = await readFile(join(world.sandbox.configFolder, 'services/notion.yaml'), 'utf8');
  const { exit, stderr } = await world.connect(['add', stranger.mcpUrl, '--name', 'notion', '--no-sign-in']);
  expect([exit, stderr]).toEqual([2, expect.stringContaining('[config_exists]')]);
  expect(await readFile(join(world.sandbox.configFolder, 'services/notion.yaml'), 'utf8')).toBe(before);
});
