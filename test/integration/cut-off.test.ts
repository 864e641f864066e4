/** A run that ends before its session does is told of by the next one, once (P8). */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let machine: string;
let folder: string;

beforeEach(async () => {
  machine = await world.machine();
  folder = join(machine, 'state', 'sessions');
  expect((await world.connect(['notion'], { folder: machine })).exit).toBe(0);
  await world.apply();
});

const support = (...more: string[]) => world.setup(['--agent', 'support', ...more], { folder: machine });
const locks = async () => (await readdir(folder)).filter((name) => name.endsWith('.lock'));
const lastSession = () => world.sandbox.platform.control.peek.sessions().at(-1)?.id ?? '';

/** What a process that was killed leaves behind: a lock that names it. */
async function killRuns(): Promise<void> {
  for (const name of await locks()) {
    const lock = JSON.parse(await readFile(join(folder, name), 'utf8'));
    await writeFile(join(folder, name), JSON.stringify({ ...lock, pid: 2 ** 22 - 1, started: '1' }));
  }
}

/** A turn that its run does not see the end of. */
async function timeOut() {
  const silent = await startHostileServer(() => () => {});
  await world.configure('services/notion.yaml', (content) => {
    content.mcp_server_url = `${silent.origin}/mcp`;
    content.authorization.static = true;
    // Nobody says whose token it is.
    delete content.account;
  });
  await world.apply();
  const [vault] = (await world.client.beta.vaults.list()).data;
  await world.client.beta.vaults.credentials.create(vault?.id ?? '', {
    auth: { type: 'static_bearer', mcp_server_url: `${silent.origin}/mcp`, token: 'a-token-for-silence' },
  });
  return await support('--message', 'hello', '--timeout', '0.5');
}

test('nothing is left of a run that saw how it ended', async () => {
  expect((await support()).exit).toBe(0);
  expect((await support('--message', 'call notion notion-search {"query":"x"}')).exit).toBe(0);
  expect(await locks()).toEqual([]);
  expect((await support()).stderr).not.toContain('still there');
});

test('the session of a turn that did not end in time is told of, with what to do about it, and once', async () => {
  const late = await timeOut();
  const id = lastSession();
  expect([late.exit, late.stderr]).toEqual([1, expect.stringContaining('[timed_out]')]);
  expect(late.stderr).toContain(`setup-session attach ${id}, or end it: setup-session stop ${id}`);
  // Its run goes on, for all that the next one knows.
  expect((await support('--dry-run')).stderr).not.toContain('still there');
  await killRuns();
  const next = await support('--dry-run');
  expect(next.stderr).toContain(`a run of yours ended before its session did: "${id}" is still there ("running")`);
  expect(next.stderr).toContain(`setup-session stop ${id}`);
  expect((await support('--dry-run')).stderr).not.toContain('still there');
  expect(await world.setup(['stop', id], { folder: machine })).toMatchObject({
    exit: 0,
    stdout: `${id}: interrupted and archived\n`,
  });
});

test('a session whose create had no answer that anybody saw is found by its mark, also where lists lag', async () => {
  const { control } = world.sandbox.platform;
  const interruption = new AbortController();
  control.faults.add({ on: 'POST /v1/sessions', fault: { kind: 'stall', commits: true } });
  const unlist = control.tamper('GET /v1/sessions', (json) => ({ ...(json as object), data: [] }));
  const watch = setInterval(() => control.log.count('POST /v1/sessions') > 0 && interruption.abort(), 20);
  const cut = await world.setup(['--agent', 'support'], { folder: machine, signal: interruption.signal });
  clearInterval(watch);
  expect(cut.exit).toBe(130);
  await killRuns();
  expect((await support('--dry-run')).stderr).not.toContain('still there');
  await killRuns();
  unlist();
  expect((await support('--dry-run')).stderr).toContain(`"${lastSession()}" is still there ("idle")`);
});
