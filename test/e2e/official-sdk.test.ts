/** The demo's steps against a sandbox in a process of its own, then the official SDK asks what is there. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { machineOf, searchPath } from '../demo/executables.ts';
import { sessionsOn, vaultsOn } from '../demo/witness.ts';
import type { PersonName } from '../sandbox/people.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';

/** What the sandbox says of itself, as far as it is needed here. */
interface Announcement {
  platform: { baseUrl: string; apiKey: string };
  environment: Record<string, string>;
}

let sandbox: ChildProcessWithoutNullStreams;
let built: BuiltCopy;
let announcement: Announcement;
let folder: string;

beforeAll(async () => {
  built = await copyOfBuild();
  folder = await mkdtemp(join(tmpdir(), 'official-sdk-'));
  const environment = { PATH: searchPath, HOME: folder, npm_config_update_notifier: 'false' };
  sandbox = spawn('npm', ['run', '--silent', 'sandbox', '--', '--json'], { cwd: root, env: environment });
  const [line] = await once(sandbox.stdout.setEncoding('utf8'), 'data');
  announcement = JSON.parse(line);
}, 60_000);
afterAll(async () => {
  sandbox.kill();
  await built.remove();
  await rm(folder, { recursive: true, force: true });
});

test('one vault per person, one credential per connection, one vault per session [P1]', {
  timeout: 60_000,
}, async () => {
  const { environment, platform } = announcement;
  const steps = async (person: PersonName, services: readonly string[]) => {
    const { run } = machineOf({ locate: built.locate, environment, folder }, person);
    const exits: (number | undefined)[] = [];
    // The last one twice: connecting again is no second connection.
    for (const service of [...services, ...services.slice(-1)]) {
      exits.push((await run('service-connection', service)).exit);
    }
    for (const message of ['call notion notion-search {"query":"roadmap"}', 'What is planned?']) {
      exits.push((await run('setup-session', '--agent', 'support', '--message', message)).exit);
    }
    return exits;
  };
  const operator = machineOf({ locate: built.locate, environment, folder }, 'grace', 'operator');
  expect((await operator.run('setup-session', 'agents', 'apply')).exit).toBe(0);
  const exits = [await steps('ada', ['notion', 'linear', 'slack']), await steps('grace', ['notion'])];
  expect(exits.flat()).toEqual(Array.from({ length: 10 }, () => 0));

  const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl });
  const vaults = await vaultsOn(client);
  expect(vaults.map(({ owner, credentials }) => [owner, credentials.length])).toEqual([
    ['ada', 3],
    ['grace', 1],
  ]);
  const sessions = await sessionsOn(client);
  expect(sessions.map(({ owner, vaults: bound }) => [owner, bound])).toEqual([
    ['ada', ['ada']],
    ['ada', ['ada']],
    ['grace', ['grace']],
    ['grace', ['grace']],
  ]);
});

test('the sandbox ends when its stdin closes', async () => {
  sandbox.stdin.end();
  expect(await once(sandbox, 'close')).toEqual([0, null]);
  await expect(fetch(announcement.platform.baseUrl)).rejects.toThrow('fetch failed');
});
