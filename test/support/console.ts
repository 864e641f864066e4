/** A console of a sandbox, in this process, on loopback. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parse, stringify } from 'yaml';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { contextOf } from '../../internal/cli/terminal-ports.ts';
import { type ServeRequest, serve } from '../../internal/console/serve.ts';
import { readEnvironment } from '../../internal/run/environment.ts';
import { beginSecrets } from '../../internal/secret/secret.ts';
import { people } from '../sandbox/people.ts';
import type { Sandbox } from '../sandbox/start.ts';
import type { Content } from './sandboxed-commands.ts';

/** A console that runs. */
export interface RunningConsole {
  origin: string;
  port: number;
  data: string;
  /** What it wrote about itself so far. */
  journal(): string;
  stop(): Promise<void>;
}

/** What a person's machine has of the sandbox when a console holds the key. */
export function withoutKey(sandbox: Sandbox): Record<string, string> {
  const { ANTHROPIC_API_KEY: _key, ANTHROPIC_BASE_URL: _address, ...rest } = sandbox.environment;
  return rest;
}

const all = { groups: [], principals: Object.values(people).map(({ subject }) => subject) };

/** Everybody of the sandbox is everything but an operator. */
export const everybodysRoles = { user: all, approver: all, auditor: all, admin: all };

/** Names a console in the configuration of a sandbox, where everybody is everything but an operator unless that is changed. */
export async function nameConsole(
  sandbox: Sandbox,
  origin: string,
  change: (content: Content) => void = () => {},
): Promise<void> {
  const file = join(sandbox.configFolder, 'interface.yaml');
  const content: Content = parse(await readFile(file, 'utf8'));
  content.console = origin;
  content.people.roles = structuredClone(everybodysRoles);
  change(content);
  await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
}

/** Starts one, and names it in the configuration of the sandbox, or what stands before it and others. */
export async function startConsole(
  sandbox: Sandbox,
  change: (content: Content) => void = () => {},
  {
    environment = {},
    origin: shared,
    ...request
  }: Partial<ServeRequest> & { environment?: Record<string, string>; origin?: string } = {},
): Promise<RunningConsole> {
  const port = await freePort();
  const origin = shared ?? `http://127.0.0.1:${port}`;
  await nameConsole(sandbox, origin, change);
  const data = request.data ?? (await mkdtemp(join(sandbox.folder, 'console-')));
  const ended = new AbortController();
  const lines: string[] = [];
  const stderr = new PassThrough();
  const said: string[] = [];
  stderr.on('data', (piece) => said.push(String(piece)));
  const tell = {
    note() {},
    detail() {},
    warn() {},
    event() {},
    command() {},
    wait: () => ({ at() {}, done() {} }),
  };
  const { ports } = contextOf(
    {
      argv: [],
      environment: readEnvironment({ ...sandbox.environment, ...environment }),
      stdin: new PassThrough(),
      stdout: { write() {} },
      stderr,
      signal: ended.signal,
      directories: () => ({ cache: join(data, 'c'), config: join(data, 'c'), state: join(data, 's') }),
      openBrowser: async () => false,
    },
    { config: sandbox.configFolder },
    {
      executable: serviceConnection.name,
      tell,
      besideServices: [],
      stream: (text) => void lines.push(text),
      afterwards() {},
    },
  );
  let listening: (() => void) | undefined;
  const ready = new Promise<void>((resolve) => {
    listening = resolve;
  });
  const serving = beginSecrets()(() =>
    serve(ports, {
      host: '127.0.0.1',
      port,
      data,
      tls: undefined,
      trustedProxies: [],
      lookEveryMs: 0,
      listening: () => listening?.(),
      ...request,
    }),
  );
  await Promise.race([ready, serving]);
  return {
    origin,
    port,
    data,
    journal: () => lines.join(''),
    async stop() {
      ended.abort();
      await serving;
    },
  };
}

/** A port that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
