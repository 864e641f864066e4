/** A console of the stage: the built `service-connection serve` as a process of its own, which alone has the key. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse, stringify } from 'yaml';
import { type PersonName, people } from '../sandbox/people.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { type Locate, searchPath } from './executables.ts';

/** A console that runs. */
export interface StageConsole {
  origin: string;
  /** Everything that it wrote so far, on both streams. */
  written(): string;
  /** The folder that it keeps things in. */
  data: string;
  /** Ends it as systemd does, and says with which code it went. */
  stop(): Promise<number | null>;
}

/** Starts one and names it in the configuration, where these people are its users. */
export async function serveOn(sandbox: Sandbox, locate: Locate, users: readonly PersonName[]): Promise<StageConsole> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const file = join(sandbox.configFolder, 'interface.yaml');
  const content = parse(await readFile(file, 'utf8'));
  content.console = origin;
  const those = { groups: [], principals: users.map((name) => people[name].subject) };
  content.people.roles = { user: those, approver: those };
  await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
  const data = join(sandbox.folder, 'console');
  const [program, ...before] = locate('service-connection');
  const words = ['serve', '--config', sandbox.configFolder, '--listen', `127.0.0.1:${port}`, '--data', data];
  const child = spawn(program, [...before, ...words], {
    env: { PATH: searchPath, ...sandbox.environment, HOME: join(sandbox.folder, 'console-home') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const lines: string[] = [];
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (line.includes('"listening"')) resolve();
      });
    }
  });
  await Promise.race([
    listening,
    ended.then(([code]) => {
      throw new Error(`the console ended with ${code}: ${lines.join('\n')}`);
    }),
  ]);
  return {
    origin,
    data,
    written: () => lines.join('\n'),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
