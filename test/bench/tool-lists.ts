/** What tool lists of real sizes cost: processor time and memory of the commands that a person reviews them with. */
import { spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The commands that are measured. */
export const listCommands = ['refresh', 'diff', 'review', 'add'] as const;

/** What one command cost. */
export interface ListCost {
  cpuMs: number;
  peakMiB: number;
}

/** One list: how many tools, how long each is, and whether it comes as a stream of events. */
export interface ListSize {
  tools: number;
  bytes: number;
  events?: boolean;
}

/** A folder with a built product and services whose lists have these sizes. */
export interface ListProject {
  /** How long the list of a size is, as it is sent. */
  bytes(size: ListSize): number;
  /** Runs one command on the list of one size. Rejects where it ends otherwise than it should. */
  run(command: (typeof listCommands)[number], size: ListSize): Promise<ListCost>;
  close(): Promise<void>;
}

const nobody = 65534;
const reporter = fileURLToPath(new URL('report-usage.cjs', import.meta.url));
const nameOf = ({ tools, bytes, events = false }: ListSize) => `s${tools}-${bytes}${events ? '-events' : ''}`;
const toolName = (index: number) => `${['get', 'create', 'delete', 'update'][index % 4]}_thing_${index}`;

/** Tools of which some read and some change things, with as many described parameters as make up their length. */
function listOf({ tools, bytes }: ListSize): object[] {
  const properties: Record<string, object> = {};
  for (let count = 1; JSON.stringify(properties).length < bytes - 400; count += 1) {
    const description = `Value ${count} of a thing: what it is for, and how it is written. `.repeat(3);
    properties[`value_${count}`] = { type: count % 3 === 0 ? 'number' : 'string', description };
  }
  return Array.from({ length: tools }, (_, index) => {
    const annotations = { readOnlyHint: index % 4 === 0 };
    const said = { description: `Does thing ${index}. `.repeat(5), annotations };
    return { name: toolName(index), ...said, inputSchema: { type: 'object', properties } };
  });
}

/** Starts a server with such lists, and sets a project up for whoever runs this, or for nobody where that is root. */
export async function startListProject(distFolder: string, sizes: readonly ListSize[]): Promise<ListProject> {
  const lists = new Map(sizes.map((size) => [nameOf(size), JSON.stringify({ tools: listOf(size) })]));
  // At another address than that of the catalogue, whose services nobody adds.
  const [server, ofStrangers] = [0, 1].map(() =>
    createServer((request, response) => {
      const origin = `http://${request.headers.host}`;
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const json = (text: string) => response.writeHead(200, { 'content-type': 'application/json' }).end(text);
        const [, name = ''] = /^\/([\w-]+)\/mcp$/.exec(request.url ?? '') ?? [];
        const [, about] = /^\/\.well-known\/oauth-protected-resource\/([\w-]+)\/mcp$/.exec(request.url ?? '') ?? [];
        if (about !== undefined) {
          return json(JSON.stringify({ resource: `${origin}/${about}/mcp`, authorization_servers: [origin] }));
        }
        if (request.url === '/.well-known/oauth-authorization-server') {
          const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
          return json(JSON.stringify({ issuer: origin, ...endpoints, code_challenge_methods_supported: ['S256'] }));
        }
        const list = lists.get(name);
        if (list === undefined || request.method !== 'POST') return response.writeHead(405).end();
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: number; method: string };
        if (id === undefined) return response.writeHead(202).end();
        const serverInfo = { name: 'x', version: '1' };
        const begun = JSON.stringify({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo });
        const answer = `{"jsonrpc":"2.0","id":${id},"result":${method === 'initialize' ? begun : list}}`;
        if (!name.endsWith('-events')) return json(answer);
        return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${answer}\n\n`);
      });
    }),
  ) as [Server, Server];
  const listening = async (each: Server) => {
    // A busy machine may take its time between two requests.
    each.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => {
      each.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    return `http://127.0.0.1:${(each.address() as AddressInfo).port}`;
  };
  const [origin, strange] = [await listening(server), await listening(ofStrangers)];

  const folder = await mkdtemp(join(tmpdir(), 'lists-'));
  await chmod(folder, 0o755);
  await cp(distFolder, join(folder, 'dist'), { recursive: true });
  for (const name of ['config/services', 'config/agents', 'cache', 'state']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await writeFile(join(folder, 'config', 'interface.yaml'), 'identity: { mode: os }\npeople: {}\n');
  for (const name of lists.keys()) {
    await writeFile(
      join(folder, 'config', 'services', `${name}.yaml`),
      `mcp_server_url: ${origin}/${name}/mcp\nauthorization: { issuers: ["${origin}"], registration: dynamic }\ntools: { read: [], write: [], destructive: [] }\n`,
    );
  }
  const uid = process.getuid?.() === 0 ? nobody : undefined;
  if (uid !== undefined) {
    const inside = await readdir(folder, { recursive: true });
    for (const path of ['', ...inside]) await chown(join(folder, path), uid, uid);
  }
  const environment = {
    MAI_CONFIG: join(folder, 'config'),
    MAI_ALLOW_LOOPBACK_HTTP: '1',
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    HOME: folder,
  };
  const run: ListProject['run'] = async (command, size) => {
    const name = nameOf(size);
    const names = Array.from({ length: size.tools }, (_, index) => toolName(index));
    const [program, words, expected] = {
      refresh: ['setup-session', ['tools', 'refresh', name], 0] as const,
      diff: ['setup-session', ['tools', 'diff', name], 7] as const,
      review: ['setup-session', ['tools', 'review', name, '--accept', ...names], 0] as const,
      add: ['service-connection', ['add', `${strange}/${name}/mcp`, '--name', `${name}-draft`], 0] as const,
    }[command];
    // Each time as the first time: then it is asked for twice, and all of it is new.
    if (command === 'refresh') {
      for (const path of ['tools.lock.json', 'tools.lock'])
        await rm(join(folder, 'config', path), { recursive: true, force: true });
    }
    const child = spawn(process.execPath, ['--require', reporter, join(folder, 'dist', `${program}.js`), ...words], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      cwd: folder,
      env: environment,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const read = async (stream: unknown) => {
      let text = '';
      for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString();
      return text;
    };
    const ended = new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
    const [said, usage] = await Promise.all([read(child.stderr), read(child.stdio[3]), ended]);
    if (child.exitCode !== expected) throw new Error(`${command} of ${name} ended with ${child.exitCode}: ${said}`);
    if (command === 'add') await rm(join(folder, 'config', 'services', `${name}-draft.yaml`));
    return JSON.parse(usage) as ListCost;
  };
  return {
    bytes: (size) => Buffer.byteLength(lists.get(nameOf(size)) ?? ''),
    run,
    close: async () => {
      for (const each of [server, ofStrangers]) {
        each.close();
        each.closeAllConnections();
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
