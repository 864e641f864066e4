/**
 * `npm run bench -- --peers`: beside public command-line tools that do a part of what ours do. They are installed by their
 * exact versions into a folder of their own; codex and claude, which are programs of their own and no Node.js any more, are
 * not among them.
 */
import { type ChildProcessWithoutNullStreams, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { visit } from '../sandbox/visit.mjs';
import { type Cost, median } from './measure.ts';
import type { BenchProject } from './project.ts';

const packages = { 'mcp-remote': '0.15.1', mcporter: '0.12.3' } as const;

/** What starts a peer, and what it prints then. */
const starts = {
  'mcp-remote': { script: 'mcp-remote/dist/proxy.js', words: ['--help'], prints: 'Usage: mcp-remote' },
  mcporter: { script: 'mcporter/dist/cli.js', words: ['--version'], prints: packages.mcporter },
} as const;

/** Installed peers: their folder, and how it is removed. */
export interface Peers {
  modules: string;
  close(): Promise<void>;
}

/** Installs them from the npm registry, without running a script of theirs. */
export async function installPeers(): Promise<Peers> {
  const folder = await mkdtemp(join(tmpdir(), 'peers-'));
  const named = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const npm = ['npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  const said = await ended(npm.concat(named));
  if (!existsSync(join(folder, 'node_modules'))) throw new Error(`the peers could not be installed: ${said}`);
  return { modules: join(folder, 'node_modules'), close: () => rm(folder, { recursive: true, force: true }) };
}

/** Wall times of one start each, in milliseconds, in turn: medians by name, `ours` among them. */
export async function comparePeerStarts(peers: Peers, ours: string, runs: number): Promise<Record<string, number>> {
  const subjects = Object.entries(starts).map(([name, { script, words, prints }]) => ({
    name,
    argv: [process.execPath, join(peers.modules, script), ...words],
    prints: prints as string,
  }));
  subjects.push({ name: 'ours', argv: [process.execPath, ours, '--help'], prints: 'Usage: service-connection' });
  const times: Record<string, number[]> = {};
  for (let index = -1; index < runs; index += 1) {
    for (const { name, argv, prints } of subjects) {
      const began = performance.now();
      const printed = await ended(argv);
      if (!printed.includes(prints)) throw new Error(`${name} printed ${JSON.stringify(printed.slice(0, 80))}`);
      if (index >= 0) times[name] = [...(times[name] ?? []), performance.now() - began];
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

/**
 * The processor time of connecting the sandbox's Notion once, from registering a client to a token that works: ours into a
 * vault, mcp-remote's into its own folder and through one `tools/list`, for a client that is registered already. Medians in milliseconds, in turn.
 */
export async function comparePeerConnect(
  peers: Peers,
  project: BenchProject,
  runs: number,
): Promise<{ ours: number; theirs: number }> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let index = -1; index < runs; index += 1) {
    const [own, peer] = [await connectOurs(project), await connectTheirs(peers, project)];
    if (index < 0) continue;
    ours.push(own);
    theirs.push(peer);
  }
  return { ours: median(ours), theirs: median(theirs) };
}

async function connectOurs(project: BenchProject): Promise<number> {
  const { platform } = project.sandbox;
  const client = new Anthropic({ baseURL: platform.baseUrl, apiKey: platform.apiKey, maxRetries: 0 });
  for await (const { id } of client.beta.vaults.credentials.list(project.vaultId)) {
    await client.beta.vaults.credentials.delete(id, { vault_id: project.vaultId });
  }
  const folder = join(project.dist, '..');
  const browser = join(folder, 'browser.mjs');
  const sandbox = fileURLToPath(new URL('../sandbox/', import.meta.url));
  await cp(join(sandbox, 'browser.mjs'), browser);
  await cp(join(sandbox, 'visit.mjs'), join(folder, 'visit.mjs'));
  const { cpuMs, stdout } = await measured(
    [join(project.dist, 'service-connection.js'), 'notion', '--json', '--quiet'],
    { ...project.environment, BROWSER: browser },
    { cwd: folder, ...(project.uid === undefined ? {} : { uid: project.uid, gid: project.uid }) },
    (child) => child.stdin.end(),
  );
  if (!stdout.includes('"status":"valid"')) throw new Error(`not connected: ${stdout}`);
  return cpuMs;
}

/** One `mcp-remote` with an empty folder, which is asked for the tools once it is connected. */
async function connectTheirs(peers: Peers, project: BenchProject): Promise<number> {
  const { services } = project.sandbox;
  const folder = await mkdtemp(join(tmpdir(), 'peer-'));
  const script = join(peers.modules, starts['mcp-remote'].script);
  const scope = ['--static-oauth-client-metadata', '{"scope":"default"}'];
  const port = String(await freePort());
  const client = await registered(services.notion.mcpUrl, `http://localhost:${port}/oauth/callback`);
  const { cpuMs, stdout } = await measured(
    [script, services.notion.mcpUrl, port, '--allow-http', '--static-oauth-client-info', client, ...scope],
    { HOME: folder, MCP_REMOTE_CONFIG_DIR: folder, BROWSER: 'true' },
    {},
    askForTools,
  );
  await rm(folder, { recursive: true, force: true });
  if (!stdout.includes('notion-search')) throw new Error(`mcp-remote listed no tools: ${stdout}`);
  return cpuMs;
}

/**
 * A client that is registered for it: alone it asks for the scopes of OpenID where none is named, which this server refuses.
 * So it is spared two requests that ours makes.
 */
async function registered(mcpUrl: string, redirectUri: string): Promise<string> {
  const answer = await fetch(new URL('/register', mcpUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'native',
      client_name: 'bench',
    }),
  });
  const { client_id } = (await answer.json()) as { client_id?: string };
  if (client_id === undefined) throw new Error(`the client was not registered: ${answer.status}`);
  return JSON.stringify({ client_id, redirect_uris: [redirectUri] });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** What a client of `mcp-remote` says, and the person in front of the browser does. */
function askForTools(child: ChildProcessWithoutNullStreams): void {
  const say = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  let [told, answers] = ['', ''];
  child.stderr.on('data', (chunk) => {
    if (/visiting:\s+http\S+\s/.test(told)) return;
    told += String(chunk);
    const [, url] = /visiting:\s+(http\S+)\s/.exec(told) ?? [];
    if (url !== undefined) void visit(url, { person: 'ada' });
  });
  say({
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
  });
  child.stdout.on('data', (chunk) => {
    const before = answers;
    answers += String(chunk);
    if (!before.includes('"id":1') && answers.includes('"id":1')) {
      say({ method: 'notifications/initialized' });
      say({ id: 2, method: 'tools/list' });
    }
    if (answers.includes('"id":2')) child.stdin.end();
  });
}

/** Runs a Node.js program to its end, at most a minute: what it printed, and the processor time of its process. */
async function measured(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  options: SpawnOptions,
  drive: (child: ChildProcessWithoutNullStreams) => void,
): Promise<{ cpuMs: number; stdout: string }> {
  const reporter = fileURLToPath(new URL('report-usage.cjs', import.meta.url));
  const child = spawn(process.execPath, ['--require', reporter, ...words], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // biome-ignore lint/style/noProcessEnv: the measured program needs PATH and nothing else of ours
    env: { PATH: process.env['PATH'], ...environment },
  }) as ChildProcessWithoutNullStreams;
  const printed: Record<number, string> = {};
  for (const descriptor of [1, 2, 3] as const) {
    (child.stdio[descriptor] as NodeJS.ReadableStream).on('data', (chunk) => {
      printed[descriptor] = (printed[descriptor] ?? '') + String(chunk);
    });
  }
  drive(child);
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  clearTimeout(limit);
  const [stdout = '', stderr = '', usage] = [printed[1], printed[2], printed[3]];
  if (usage === undefined) throw new Error(`${words.join(' ')} did not come to its end: ${stderr}`);
  return { cpuMs: (JSON.parse(usage) as Cost).cpuMs, stdout };
}

/** Runs a program to its end and returns what it printed, whatever its exit code says: one prints its help and fails. */
async function ended(argv: readonly string[]): Promise<string> {
  const [program = '', ...words] = argv;
  // biome-ignore lint/style/noProcessEnv: npm and the programs need PATH and HOME and nothing else of ours
  const { PATH, HOME } = process.env;
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH, HOME } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += String(chunk);
    });
  }
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  return printed;
}
