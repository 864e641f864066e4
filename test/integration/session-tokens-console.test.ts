/** Sessions with tokens of their own that people without a key start at a console, which renews the tokens and takes them back. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inTimeOf, machineClock } from '../../internal/clock/clock.ts';
import { formatToolsLock } from '../../internal/tool-review/lock.ts';
import { descriptorWith } from '../support/client-secret.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { type IdentityWorld, identityWorld, signByProgram } from '../support/identity-world.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let around: IdentityWorld;
let running: RunningConsole;
let machine: string;
/** Where the console itself looks after no token now, and only its runs do. */
let held: { begun: () => void } | undefined;

beforeEach(async () => {
  held = undefined;
  around = await identityWorld(world);
  await signByProgram(world, around);
  await world.apply('support');
  machine = await world.machine();
  // In the time of the sandbox, and with a short pause between two looks.
  let own: AbortSignal | undefined;
  const pause: typeof machineClock.pause = async (ms, signal) => {
    await machineClock.pause(ms === 20_000 ? 100 : ms, signal);
    if (ms !== 20_000) return;
    // Who looks first is the console itself, and not a run.
    own ??= signal;
    while (signal === own && signal?.aborted === false && held !== undefined) {
      held.begun();
      await machineClock.pause(20, signal);
    }
  };
  running = await inTimeOf({ ...around.clock, pause }, () => startConsole(world.sandbox));
  expect(await world.connect(['notion'], without())).toMatchObject({ exit: 0 });
}, 120_000);
afterEach(async () => {
  await running.stop();
  await around[Symbol.asyncDispose]();
});

/** A person who has no key of the platform, and none that signs tokens. */
const without = () => ({
  folder: machine,
  environment: { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' },
  clock: around.clock,
});

const vaultOf = async (id: string) => (await world.client.beta.sessions.retrieve(id)).vault_ids?.[0] ?? '';

async function tokenOf(id: string): Promise<string> {
  for await (const { id: credential } of world.client.beta.vaults.credentials.list(await vaultOf(id))) {
    return world.sandbox.platform.control.peek.secrets(credential)?.['token'] ?? '';
  }
  return '';
}

const kept = async () => await readdir(join(running.data, 'state', 'identities'));

async function ask(token: string): Promise<number> {
  const response = await fetch(around.tickets.address, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
  await response.body?.cancel();
  return response.status;
}

test('a session gets its tokens, and the console renews them, with nothing of them in its journal [P3] [P8]', {
  timeout: 120_000,
}, async () => {
  const asked = await world.setup(
    ['--agent', 'support', '--json', '--message', 'call tickets list_tickets {}'],
    without(),
  );
  expect([asked.exit, asked.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  const { session_id: id, answer } = JSON.parse(asked.stdout) as Content;
  expect(answer).toContain(`${id} of support 1 for ${world.sandbox.people.ada.subject}`);
  const first = await tokenOf(id);
  // Nobody runs a command, and the token is another one before half of its time is over twice.
  world.sandbox.clock.advance(6 * 60_000);
  await expect.poll(() => tokenOf(id), { timeout: 30_000 }).not.toBe(first);
  const second = await tokenOf(id);
  expect([decodeJwt(second)['sid'], await ask(second)]).toEqual([id, 200]);
  expect(running.journal()).not.toContain(second);
  expect(running.journal()).not.toMatch(/"what":"session tokens"/);
});

test('what ends elsewhere is taken back by the console, and what it cannot do is in its journal once [P8]', {
  timeout: 120_000,
}, async () => {
  const { session_id: id } = (await world.setupJson(['--agent', 'support'], without())) as Content;
  const token = await tokenOf(id);
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.signers = [];
  });
  // What looks next does so without.
  await expect.poll(running.journal, { timeout: 30_000 }).toContain('"what":"configuration"');
  await world.client.beta.sessions.archive(id);
  // Without what signs, the list that says so is not out yet.
  await expect.poll(kept, { timeout: 20_000 }).toEqual([]);
  await expect.poll(running.journal, { timeout: 30_000 }).toContain('NOT published yet');
  expect(await ask(token)).toBe(200);
  const said = () =>
    running
      .journal()
      .split('\n')
      .filter((line) => line.includes('"session tokens"')).length;
  await expect.poll(running.journal, { timeout: 30_000 }).toContain('the status list was not signed again');
  const count = said();
  await machineClock.pause(500);
  expect(said()).toBe(count);
});

test('a session begins another one through the console, and ends with it, by a person without any key [P3] [P5] [P8]', {
  timeout: 120_000,
}, async () => {
  const begin = async (token: string, ...argv: string[]) => {
    const fd = String(await descriptorWith(token));
    return await world.setup(['--agent', 'support', '--json', '--parent-token-fd', fd, ...argv], without());
  };
  const { session_id: root } = (await world.setupJson(['--agent', 'support'], without())) as Content;
  const first = await tokenOf(root);
  const begun = await begin(first);
  expect([begun.exit, begun.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  const { session_id: child } = JSON.parse(begun.stdout) as Content;
  const second = await tokenOf(child);
  expect(decodeJwt(second)).toMatchObject({ sid: child, root_sid: root, parent_sid: root, depth: 1 });
  // What the command handed over is nowhere that somebody reads.
  for (const token of [first, second]) {
    expect(running.journal()).not.toContain(token);
    expect(begun.stdout + begun.stderr).not.toContain(token);
  }
  const refused = await begin('no token at all');
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('it is for no server of the catalogue')]);
  expect((await world.setupJson(['stop', root, '--dry-run'], without()))['begun']).toEqual([child]);
  const stopped = await world.setup(['stop', root], without());
  expect([stopped.exit, stopped.stdout]).toEqual([0, expect.stringContaining(`and so what it began: ${child}`)]);
  for (const id of [root, child]) {
    const { archived_at, vault_ids } = await world.client.beta.sessions.retrieve(id);
    const vault = await world.client.beta.vaults.retrieve(vault_ids?.[0] ?? '');
    expect([archived_at, vault.archived_at]).not.toContain(null);
  }
  world.sandbox.clock.advance(1100);
  expect([await ask(first), await ask(second)]).toEqual([401, 401]);
  expect((await kept()).filter((name) => name.endsWith('.json'))).toEqual([]);
  const late = await begin(first);
  expect([late.exit, late.stderr]).toEqual([3, expect.stringContaining('it was taken back')]);
});

test('a key on a descriptor is not read for a console, and without a program nothing is begun [P10]', async () => {
  const fd = String(await descriptorWith('{}'));
  const handed = await world.setup(['--agent', 'support', '--token-key-fd', fd], without());
  expect([handed.exit, handed.stderr]).toEqual([
    2,
    expect.stringContaining('--token-key-fd is not read for a console'),
  ]);
  expect(handed.stderr).toContain('session_tokens.signers');
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.signers = [];
  });
  await expect.poll(running.journal, { timeout: 30_000 }).toContain('"what":"configuration"');
  const before = world.sandbox.platform.control.peek.sessions().length;
  const refused = await world.setup(['--agent', 'support'], without());
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[token_key]')]);
  expect(refused.stderr).toContain('name a program in session_tokens.signers');
  expect(world.sandbox.platform.control.peek.sessions()).toHaveLength(before);
  for await (const { metadata } of world.client.beta.vaults.list())
    expect(metadata).not.toHaveProperty('mai_identity_of');
});

describe('a run at the console that goes on for long', () => {
  /** A turn of Ada's, whose run alone looks after her tokens once this settles. */
  const turning = async () => {
    await new Promise<void>((begun) => {
      held = { begun };
    });
    const { faults, log } = world.sandbox.platform.control;
    const send = 'POST /v1/sessions/:session/events';
    const before = log.count(send);
    faults.add({ on: send, fault: { kind: 'stall', commits: false }, times: Number.POSITIVE_INFINITY });
    const ended = new AbortController();
    let heard = '';
    const turn = world.setup(['--agent', 'support', '--message', 'x'], {
      ...without(),
      signal: ended.signal,
      hear: (said) => {
        heard = said;
      },
    });
    await expect.poll(() => log.count(send), { timeout: 30_000 }).toBeGreaterThan(before);
    const end = async () => {
      ended.abort();
      return await turn;
    };
    return { heard: () => heard, end };
  };

  test('renews a token by the locks of then: what lost its review is not in it [P4]', {
    timeout: 120_000,
  }, async () => {
    const { session_id: id } = (await world.setupJson(['--agent', 'support'], without())) as Content;
    const first = await tokenOf(id);
    expect(decodeJwt(first)['may']).toMatchObject({ on: ['list_tickets'] });
    const { end } = await turning();
    const section = { mcpServerUrl: around.tickets.address, tools: new Map(), leftOut: [] };
    await writeFile(
      join(world.sandbox.configFolder, 'tools.lock.json'),
      formatToolsLock(new Map([['tickets', section]])),
    );
    world.sandbox.clock.advance(6 * 60_000);
    await expect.poll(() => tokenOf(id), { timeout: 30_000 }).not.toBe(first);
    expect(decodeJwt(await tokenOf(id))['may']).toEqual({ on: [], auto: [], ask: [] });
    await end();
  });

  test('takes back no token of an agent that only the configuration of now has', { timeout: 120_000 }, async () => {
    const { heard, end } = await turning();
    const agents = join(world.sandbox.configFolder, 'agents');
    await writeFile(join(agents, 'second.yaml'), await readFile(join(agents, 'support.yaml')));
    await world.apply('second');
    const { session_id: id } = (await world.setupJson(['--agent', 'second'], without())) as Content;
    const first = await tokenOf(id);
    world.sandbox.clock.advance(6 * 60_000);
    // It says so, and the console itself goes on with them.
    await expect.poll(heard, { timeout: 30_000 }).toMatch(/no token is renewed by it|taken back/);
    const turn = await end();
    held = undefined;
    await expect.poll(() => tokenOf(id), { timeout: 30_000 }).not.toBe(first);
    expect([turn.stderr, await ask(await tokenOf(id))]).toEqual([expect.not.stringContaining('taken back'), 200]);
  });
});
