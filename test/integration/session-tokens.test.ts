/** Sessions with tokens of their own: issued, delivered, verified by a server, renewed, taken back. */
import { writeFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, machineClock } from '../../internal/clock/clock.ts';
import { readLine } from '../../internal/record/line.ts';
import { fileStores } from '../../internal/stores/files/kept-files.ts';
import type { PersonName } from '../sandbox/people.ts';
import { descriptorWith } from '../support/client-secret.ts';
import type { CommandSetting } from '../support/command.ts';
import { type IdentityWorld, identityWorld } from '../support/identity-world.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let around: IdentityWorld;
let here: Partial<CommandSetting>;

const listing = 'call tickets list_tickets {}';
const setup = (...argv: string[]) => world.setup(argv, here);

beforeEach(async () => {
  around = await identityWorld(world);
  here = around.here;
  expect(await world.connect(['notion'], here)).toMatchObject({ exit: 0 });
  expect(await setup('keys', 'generate')).toMatchObject({ exit: 0 });
  await world.apply('support');
});
afterEach(() => around[Symbol.asyncDispose]());

/** Starts a session as somebody and gives its id. */
async function start(setting = here, ...argv: string[]): Promise<string> {
  return (await world.setupJson(['--agent', 'support', ...argv], setting))['session_id'] as string;
}

async function vaultsOf(id: string) {
  const session = await world.client.beta.sessions.retrieve(id);
  return await Promise.all((session.vault_ids ?? []).map((vault) => world.client.beta.vaults.retrieve(vault)));
}

/** The token that a session has now, as nobody but the platform can read it. */
async function tokenOf(id: string): Promise<string> {
  const session = await world.client.beta.sessions.retrieve(id);
  for await (const { id: credential } of world.client.beta.vaults.credentials.list(session.vault_ids?.[0] ?? '')) {
    return world.sandbox.platform.control.peek.secrets(credential)?.['token'] ?? '';
  }
  return '';
}

/** What the server answers to whoever has a token. */
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

async function recorded(): Promise<Content[]> {
  const file = await readFile(join(here.folder ?? '', 'state', 'record', 'record-000001.jsonl'), 'utf8');
  return file
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line)?.entry as Content);
}

const asking = async (id: string, setting = here) =>
  (await world.setup(['send', id, '--json', '--message', listing], setting)) as { exit: number; stdout: string };

const storesIn = (folder: string) => fileStores({ cache: join(folder, 'cache'), state: join(folder, 'state') });

/** Guards, with pauses that move the clock of the sandbox, until something is so. */
async function guarding(
  setting: Partial<CommandSetting>,
  until: () => Promise<boolean>,
  { all = false, look = async () => {} }: { all?: boolean; look?: () => Promise<void> } = {},
) {
  const end = new AbortController();
  const pause: Clock['pause'] = async (ms, signal) => {
    await machineClock.pause(Math.min(ms, 20), signal);
    if (ms < 5_000) return;
    world.sandbox.clock.advance(ms);
    await look();
  };
  const clock = { ...around.clock, pause };
  const running = world.setup(['guard', ...(all ? ['--all'] : [])], { ...setting, signal: end.signal, clock });
  let over = false;
  void running.then(() => {
    over = true;
  });
  await expect.poll(async () => over || (await until()), { timeout: 60_000, interval: 50 }).toBe(true);
  end.abort();
  const done = await running;
  expect([done.exit, done.stderr]).toEqual([0, done.stderr]);
  return done;
}

describe('a session whose server takes tokens:', () => {
  test('the server tells session, agent and person, and refuses what the verdicts forbid [P5] [P6]', async () => {
    const asked = await setup('--agent', 'support', '--json', '--message', `${listing}\ncall tickets delete_all {}`);
    expect([asked.exit, asked.stderr]).toEqual([0, asked.stderr]);
    const { session_id: id, answer } = JSON.parse(asked.stdout) as Content;
    expect(answer).toContain(`${id} of support 1 for ${world.sandbox.people.ada.subject}`);
    expect(answer).toContain('tickets delete_all: refused');
    const [identity, own, ...others] = await vaultsOf(id);
    expect(others).toEqual([]);
    expect([identity?.metadata?.['mai_owner_subject'], own?.metadata?.['mai_owner_subject']]).toEqual([
      undefined,
      world.sandbox.people.ada.subject,
    ]);
    const credentials = [];
    for await (const each of world.client.beta.vaults.credentials.list(identity?.id ?? '')) credentials.push(each.auth);
    expect(credentials).toEqual([
      expect.objectContaining({ type: 'static_bearer', mcp_server_url: around.tickets.address }),
    ]);
    // Each act is in the record, and the token names the one that made the session.
    const lines = await recorded();
    const acts = lines.flatMap(({ kind, act }) => (kind === 'intent' ? [act] : []));
    expect(acts).toEqual(expect.arrayContaining(['session_key.make', 'session_keys.write', 'session_token.issue']));
    expect(await setup('verify', id)).toMatchObject({ exit: 0 });
  });
});

describe('what was issued is renewed, and taken back:', () => {
  test('a guard renews them before they end, and what a further session sends takes what is there [P8]', async () => {
    const id = await start();
    const began = world.sandbox.clock.now();
    await guarding(here, async () => world.sandbox.clock.now() - began > 25 * 60_000);
    const issued = (await recorded()).filter(({ kind, act }) => kind === 'intent' && act === 'session_token.issue');
    expect(issued.length).toBeGreaterThan(3);
    const { exit, stdout } = await asking(id);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(`${id} of support 1`)]);
  });

  test('a person whose sign-in does not show enough any more gets no further token [P5]', async () => {
    await world.configure('services/tickets.yaml', (content) => {
      content.require = { max_age: '12m' };
    });
    const id = await start();
    const began = world.sandbox.clock.now();
    const { stderr } = await guarding(here, async () => world.sandbox.clock.now() - began > 25 * 60_000);
    expect(stderr).toContain('were taken back: the sign-in is not enough');
    const [identity] = await vaultsOf(id);
    expect(identity?.archived_at).not.toBeNull();
  });

  test('the end of a session ends its tokens: status, credential, vault and what was kept [P8]', async () => {
    const id = await start();
    const token = await tokenOf(id);
    expect(await ask(token)).toBe(200);
    expect(await setup('stop', id)).toMatchObject({ exit: 0 });
    const [identity] = await vaultsOf(id);
    expect(identity?.archived_at).not.toBeNull();
    world.sandbox.clock.advance(2000);
    expect(await ask(token)).toBe(401);
    expect(await readdir(join(here.folder ?? '', 'state', 'identities'))).toEqual([]);
  });

  test('what was taken back gets no further token, and its session is what was started and takes nothing any more', async () => {
    const id = await start();
    const token = await tokenOf(id);
    const revoked = await setup('token', 'revoke', id);
    expect([revoked.exit, revoked.stdout]).toEqual([0, expect.stringContaining('takes nothing any more')]);
    world.sandbox.clock.advance(2000);
    expect(await ask(token)).toBe(401);
    const messages = async () => (await world.client.beta.sessions.events.list(id)).data.map(({ type }) => type);
    const before = await messages();
    const refused = await setup('send', id, '--message', listing);
    expect([refused.exit, refused.stderr]).toEqual([
      1,
      expect.stringContaining('were taken back, and it gets no others'),
    ]);
    expect(refused.stderr).toContain('[session_ended]');
    expect(await messages()).toEqual(before);
    // Nobody changed it, and whoever looks at it is told the same.
    expect((await world.setupJson(['verify', id], here))['sessions']).toMatchObject([
      { session_id: id, state: 'as started', tokens: 'taken back' },
    ]);
    expect((await setup('verify')).stdout).toContain('as started, tokens taken back');
    expect((await world.setupJson(['list'], here))['sessions']).toMatchObject([{ session_id: id }]);
    const again = await setup('token', 'revoke', id);
    expect([again.exit, again.stderr]).toEqual([2, expect.stringContaining('no tokens of the session')]);
    expect(await setup('stop', id)).toMatchObject({ exit: 0 });
  });

  test('its owner says no in a session whose tokens were taken back, and in none that has the vault of others', async () => {
    const ask = async () => {
      const asked = await setup('--agent', 'support', '--json', '--message', 'call tickets close_ticket {}');
      expect([asked.exit, asked.stderr]).toEqual([8, asked.stderr]);
      const { session_id: id, asks } = JSON.parse(asked.stdout) as Content;
      return { id: String(id), call: String(asks[0].event_id) };
    };
    const [one, two] = [await ask(), await ask()];
    expect(await setup('token', 'revoke', one.id)).toMatchObject({ exit: 0 });
    expect((await vaultsOf(one.id))[0]?.archived_at).not.toBeNull();
    expect(await setup('answer', one.id, one.call, '--no', 'not now')).toMatchObject({ exit: 0 });
    const [vault] = await vaultsOf(two.id);
    await world.client.beta.vaults.update(vault?.id ?? '', { metadata: { mai_identity_of: 'another' } });
    const refused = await setup('answer', two.id, two.call, '--no', 'not now');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('not bound to your vault alone')]);
  });

  test('a taking back that was killed after its first step is brought to its end by the next look [P8]', async () => {
    const id = await start();
    const { identity } = await keptIn(here.folder ?? '');
    const { path, text } = await takingBack(identity.index);
    await writeFile(path, text);
    const token = await tokenOf(id);
    const refused = await asking(id);
    expect(refused.exit).toBe(1);
    expect(await liveIdentities()).toEqual([]);
    expect(await ask(token)).toBe(401);
  });
});

/** The file of the status list's places, and what it says once one of them is taken back and nobody was told yet. */
const takingBack = async (index: number) => {
  const folder = join(here.folder ?? '', 'state', 'token-status');
  const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
  const path = join(folder, name);
  const places = JSON.parse(await readFile(path, 'utf8')) as Content;
  places.taken[index][1] = 1;
  return { path, text: JSON.stringify({ ...places, published: undefined }) };
};

/** The place of a token in the status list. */
const placeIn = (token: string) => (decodeJwt(token) as Content).status.status_list.idx as number;

/** What is kept of the one session that has tokens. */
const keptIn = async (folder: string) => {
  const place = join(folder, 'state', 'identities');
  const [name = ''] = (await readdir(place)).filter((each) => each.endsWith('.json'));
  return { path: join(place, name), identity: JSON.parse(await readFile(join(place, name), 'utf8')) as Content };
};

const liveIdentities = async () => {
  const live = [];
  for await (const vault of world.client.beta.vaults.list())
    if (vault.metadata?.['mai_identity_of']) live.push(vault.id);
  return live;
};

describe('what was allowed is not for good [P5]:', () => {
  // A credential that is just being archived is no other token.
  const renewed = async (id: string, before: string) =>
    await guarding(here, async () => !['', before].includes(await tokenOf(id)));
  const takenBack = async () =>
    await guarding(here, async () => (await readdir(join(here.folder ?? '', 'state', 'identities'))).length === 0);

  test('a renewed token says no more than the configuration does by then, and whoever may not use the agent gets none', async () => {
    const id = await start();
    const before = await tokenOf(id);
    expect(decodeJwt(before)['may']).toMatchObject({ ask: ['close_ticket'] });
    await world.configure('agents/support.yaml', (content) => {
      content.services.tickets = { write: 'off' };
    });
    world.sandbox.clock.advance(6 * 60_000);
    await renewed(id, before);
    const narrowed = await tokenOf(id);
    expect(decodeJwt(narrowed)['may']).toEqual({ on: ['list_tickets'], auto: [], ask: [] });
    await world.configure('agents/support.yaml', (content) => {
      content.allowed = { principals: [world.sandbox.people.grace.subject] };
    });
    world.sandbox.clock.advance(6 * 60_000);
    const { stderr } = await takenBack();
    expect(stderr).toContain('were taken back');
    expect(stderr).toContain('may not use the agent');
    expect(await ask(narrowed)).toBe(401);
  });

  test('a session that somebody changed gets none [P6]', async () => {
    const id = await start();
    await world.client.beta.sessions.update(id, { metadata: { added: 'by somebody' } });
    world.sandbox.clock.advance(6 * 60_000);
    const { stderr } = await takenBack();
    expect(stderr).toContain('is not what was started');
    expect(await liveIdentities()).toEqual([]);
  });
});

test('what was taken back without the key is published by the next guard, which nothing else is left to', async () => {
  const id = await start();
  const token = await tokenOf(id);
  const list = () => readFile(join(around.site, 'status'), 'utf8');
  const before = await list();
  const keys = [...around.keychain.kept];
  around.keychain.kept.clear();
  const stopped = await setup('stop', id);
  expect([stopped.exit, stopped.stderr]).toEqual([0, expect.stringContaining('NOT published yet')]);
  expect(await list()).toBe(before);
  for (const [name, value] of keys) around.keychain.kept.set(name, value);
  await guarding(here, async () => (await list()) !== before);
  world.sandbox.clock.advance(2000);
  expect(await ask(token)).toBe(401);
});

test('a session that was idle for hours keeps its place, whoever begins another one [P8]', async () => {
  const id = await start();
  // As if all of it had been hours ago: who signs in goes by the time of this machine.
  const folder = join(here.folder ?? '', 'state', 'token-status');
  const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
  const places = JSON.parse(await readFile(join(folder, name), 'utf8')) as Content;
  for (const index of Object.keys(places.taken)) places.taken[index] = [0, 0];
  await writeFile(join(folder, name), JSON.stringify(places), { mode: 0o600 });
  await start();
  world.sandbox.clock.advance(6 * 60_000);
  const { exit, stdout } = await asking(id);
  expect([exit, stdout]).toEqual([0, expect.stringContaining(`${id} of support 1`)]);
});

test('tokens that are not wholly taken back are not said to be', async () => {
  const id = await start();
  world.sandbox.platform.control.faults.add({
    on: 'POST /v1/vaults/:vault/archive',
    fault: { kind: 'status', status: 400 },
    times: Number.POSITIVE_INFINITY,
  });
  const revoked = await setup('token', 'revoke', id);
  expect([revoked.exit, revoked.stdout]).toEqual([1, '']);
  expect(revoked.stderr).toContain('are not wholly taken back');
});

describe('a run that was killed is finished by the next one:', () => {
  const undelivered = { sessionId: undefined, txn: undefined };
  const bare = (identity: Content) =>
    identity.servers.map(({ service, url }: Content) => ({ service, url }) as Content) as Content[];

  test.each<[string, { ends: boolean; left: (identity: Content) => Content; live: number }]>([
    [
      'before it knew of the session',
      { ends: false, left: (kept) => ({ ...kept, ...undelivered, servers: bare(kept) }), live: 1 },
    ],
    ['before the token was kept', { ends: false, left: (kept) => ({ ...kept, servers: bare(kept) }), live: 1 }],
    [
      'before the session was there',
      { ends: true, left: (kept) => ({ ...kept, ...undelivered, servers: bare(kept) }), live: 0 },
    ],
    [
      'before it knew of the vault',
      { ends: true, left: (kept) => ({ ...kept, ...undelivered, vaultId: undefined, servers: bare(kept) }), live: 0 },
    ],
    ['while all of it was ended', { ends: true, left: (kept) => kept, live: 0 }],
  ])('%s [P8]', async (_when, { ends, left, live }) => {
    const id = await start();
    const { path, identity } = await keptIn(here.folder ?? '');
    await writeFile(path, JSON.stringify(left(identity)), { mode: 0o600 });
    if (ends) await world.client.beta.sessions.archive(id);
    // A create that is in no list by then has made no session.
    world.sandbox.clock.advance(11 * 60_000);
    await guarding(here, async () => {
      const files = await readdir(join(here.folder ?? '', 'state', 'identities'));
      if (live === 0) return files.length === 0;
      return (
        ((await keptIn(here.folder ?? '').catch(() => undefined))?.identity.servers[0].jti ??
          identity.servers[0].jti) !== identity.servers[0].jti
      );
    });
    expect(await liveIdentities()).toHaveLength(live);
    if (live === 0) return;
    const credentials = [];
    for await (const each of world.client.beta.vaults.credentials.list(identity.vaultId)) credentials.push(each);
    expect(credentials).toHaveLength(1);
    expect(await ask(await tokenOf(id))).toBe(200);
  });

  test('a vault whose answer was lost is looked for, and not made twice', async () => {
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-after-commit' } });
    await start();
    expect(await liveIdentities()).toHaveLength(1);
  });

  test.each([
    ['POST /v1/sessions', 0],
    ['POST /v1/vaults', 0],
    ['POST /v1/vaults/:vault/credentials', 0],
  ])('where %s is refused nothing of it stays', async (on, live) => {
    world.sandbox.platform.control.faults.add({
      on,
      fault: { kind: 'status', status: 400 },
      times: Number.POSITIVE_INFINITY,
    });
    expect((await setup('--agent', 'support')).exit).toBe(1);
    expect(await liveIdentities()).toHaveLength(live);
    const sessions = [];
    for await (const each of world.client.beta.sessions.list()) sessions.push(each);
    expect(sessions).toEqual([]);
    expect(await readdir(join(here.folder ?? '', 'state', 'identities'))).toEqual([]);
  });
});

describe('what somebody else puts there is found [P6]:', () => {
  const secret = { type: 'static_bearer' as const, token: 'of-somebody-else-12345' };

  test('a credential for another server in the vault of tokens', async () => {
    const id = await start();
    const [identity] = await vaultsOf(id);
    const url = world.sandbox.services.notion.mcpUrl;
    await world.client.beta.vaults.credentials.create(identity?.id ?? '', { auth: { ...secret, mcp_server_url: url } });
    const verified = await setup('verify', id);
    expect([verified.exit, verified.stderr]).toEqual([
      3,
      expect.stringContaining('holds what is no token of its servers'),
    ]);
    // It gets no further token either.
    world.sandbox.clock.advance(6 * 60_000);
    const { stderr } = await guarding(here, async () => (await liveIdentities()).length === 0);
    expect(stderr).toContain('were taken back');
  });

  test('a vault of tokens that says it is of another session', async () => {
    const id = await start();
    const [identity] = await vaultsOf(id);
    await world.client.beta.vaults.update(identity?.id ?? '', { metadata: { mai_identity_of: 'another' } });
    const verified = await setup('verify', id);
    expect([verified.exit, verified.stderr]).toEqual([
      3,
      expect.stringContaining('holds the tokens of another session'),
    ]);
  });

  test('a session with a third vault, or without the one of its tokens', async () => {
    const id = await start();
    const { agent, environment_id, vault_ids, metadata } = await world.client.beta.sessions.retrieve(id);
    const [identity = '', own = ''] = vault_ids ?? [];
    const create = (vaults: string[]) =>
      world.client.beta.sessions.create({
        agent: { type: 'agent', id: agent.id, version: agent.version },
        environment_id,
        metadata: metadata ?? {},
        vault_ids: vaults,
      });
    const third = await world.client.beta.vaults.create({ display_name: 'x' });
    const whys: [string[], string][] = [
      [[identity, own, third.id], "not its person's and one for its tokens"],
      [[own], 'has no vault of such before'],
    ];
    for (const [vaults, why] of whys) {
      const made = await create(vaults);
      const verified = await setup('verify', made.id);
      expect([verified.exit, verified.stderr]).toEqual([3, expect.stringContaining(why)]);
    }
  });

  test('a credential of the person for such a server is in the way, and nobody connects one', async () => {
    const [own] = (await world.client.beta.vaults.list()).data.filter(
      ({ metadata }) => metadata?.['mai_owner_subject'],
    );
    await world.client.beta.vaults.credentials.create(own?.id ?? '', {
      auth: { ...secret, mcp_server_url: around.tickets.address },
    });
    const refused = await setup('--agent', 'support');
    expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('holds a credential for it')]);
    const connected = await world.connect(['tickets'], here);
    expect([connected.exit, connected.stderr]).toEqual([3, expect.stringContaining('nobody connects it')]);
    expect(await world.connect(['disconnect', 'tickets'], here)).toMatchObject({ exit: 0 });
    await start();
  });

  test('without a key nothing is begun', async () => {
    const before = world.sandbox.platform.control.peek.sessions().length;
    around.keychain.kept.clear();
    const refused = await setup('--agent', 'support');
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[token_key]')]);
    expect(world.sandbox.platform.control.peek.sessions()).toHaveLength(before);
    expect(await liveIdentities()).toEqual([]);
  });
});

describe('a session that another one begins:', () => {
  const child = async (token: string, setting = here, ...argv: string[]) =>
    await world.setup(
      ['--agent', 'support', '--json', '--parent-token-fd', String(await descriptorWith(token)), ...argv],
      setting,
    );

  test('names parent and root, and may never more than the parent [P5]', async () => {
    await world.configure('agents/support.yaml', (content) => {
      content.services.tickets = { write: 'off' };
    });
    await world.apply('support');
    const root = await start();
    await world.configure('agents/support.yaml', (content) => {
      content.services.tickets = { write: 'ask' };
    });
    await world.apply('support');
    const first = await child(await tokenOf(root));
    expect([first.exit, first.stderr]).toEqual([0, first.stderr]);
    const { session_id: second, tools } = JSON.parse(first.stdout) as Content;
    expect(tools.filter(({ service }: Content) => service === 'tickets')).toEqual([
      { service: 'tickets', tool: 'list_tickets', verdict: 'on' },
    ]);
    const claims = decodeJwt(await tokenOf(second));
    expect(claims).toMatchObject({
      root_sid: root,
      parent_sid: root,
      depth: 1,
      act: { name: 'support', act: { name: 'support' } },
    });
    expect(claims['may']).toEqual({ on: ['list_tickets'], auto: [], ask: [] });
  });

  test('is not begun by somebody else’s, a dead, a revoked or too deep a one, nor by what is no token', async () => {
    await world.configure('interface.yaml', (content) => {
      content.session_tokens.deepest = 1;
    });
    const id = await start();
    const token = await tokenOf(id);
    const refusal = async (text: string, setting = here) => {
      const { exit, stdout, stderr } = await child(text, setting);
      expect([exit, stdout]).toEqual([3, '']);
      return stderr;
    };
    const grace = { ...here, person: 'grace' as const, folder: await world.machine() };
    expect(await refusal(token, grace)).toContain('it is a session of somebody else');
    expect(await refusal('no token at all')).toContain('it is for no server of the catalogue');
    expect(await refusal(`${token.slice(0, -8)}AAAAAAAA`)).toContain('its signature is not right');
    const second = (JSON.parse((await child(token)).stdout) as Content).session_id;
    expect(await refusal(await tokenOf(second))).toContain('2 sessions would stand before it, and 1 may');
    await world.client.beta.sessions.archive(id);
    expect(await refusal(token)).toContain('has ended');
    const third = await start();
    const revoked = await tokenOf(third);
    expect(await setup('token', 'revoke', third)).toMatchObject({ exit: 0 });
    expect(await refusal(revoked)).toContain('it was taken back');
    world.sandbox.clock.advance(11 * 60_000);
    expect(await refusal(revoked)).toContain('it has expired');
  });
});

describe('the end of a session is that of those it began:', () => {
  /** One that began another one, which began a third: their ids and what each has now. */
  async function line() {
    const root = await start();
    const begin = async (parent: string) => {
      const fd = String(await descriptorWith(await tokenOf(parent)));
      return (await world.setupJson(['--agent', 'support', '--parent-token-fd', fd], here))['session_id'] as string;
    };
    const child = await begin(root);
    const ids = [root, child, await begin(child)];
    const tokens = await Promise.all(ids.map(tokenOf));
    world.sandbox.clock.advance(1100);
    expect(await Promise.all(tokens.map(ask))).toEqual([200, 200, 200]);
    return { ids, tokens };
  }
  const ended = async (ids: readonly string[]) =>
    await Promise.all(ids.map(async (id) => (await world.client.beta.sessions.retrieve(id)).archived_at !== null));
  const refused = async (tokens: readonly string[]) => {
    world.sandbox.clock.advance(1100);
    return await Promise.all(tokens.map(ask));
  };

  test('by its person, with everything of them', async () => {
    const { ids, tokens } = await line();
    const [root = '', ...begun] = ids;
    expect(await world.setupJson(['stop', root, '--dry-run'], here)).toMatchObject({ begun });
    expect(await ended(ids)).toEqual([false, false, false]);
    const stopped = await setup('stop', root);
    expect([stopped.exit, stopped.stdout]).toEqual([
      0,
      expect.stringContaining(`and so what it began: ${begun.join(', ')}`),
    ]);
    expect(await ended(ids)).toEqual([true, true, true]);
    expect(await refused(tokens)).toEqual([401, 401, 401]);
    expect(await liveIdentities()).toEqual([]);
    expect(await readdir(join(here.folder ?? '', 'state', 'identities'))).toEqual([]);
  });

  test('of one in the middle, and those before it go on', async () => {
    const { ids, tokens } = await line();
    expect(await setup('stop', ids[1] ?? '')).toMatchObject({ exit: 0 });
    expect(await ended(ids)).toEqual([false, true, true]);
    expect(await refused(tokens)).toEqual([200, 401, 401]);
  });

  test('of its tokens alone, and they are there to be read as it is', async () => {
    const { ids, tokens } = await line();
    const [root = '', ...begun] = ids;
    expect(await world.setupJson(['token', 'revoke', root], here)).toMatchObject({ begun });
    expect(await ended(ids)).toEqual([false, false, false]);
    expect(await refused(tokens)).toEqual([401, 401, 401]);
    const sent = await setup('send', ids[2] ?? '', '--message', listing);
    expect([sent.exit, sent.stderr]).toEqual([1, expect.stringContaining('were taken back')]);
  });

  test('elsewhere, which a guard sees in one look [P8]', async () => {
    const { ids, tokens } = await line();
    await world.client.beta.sessions.archive(ids[0] ?? '');
    const looks: boolean[][] = [];
    await guarding(here, async () => (await readdir(join(here.folder ?? '', 'state', 'identities'))).length === 0, {
      look: async () => void looks.push(await ended(ids)),
    });
    // Those that began others come first: else the others had to wait for a second look.
    expect(looks[0] ?? (await ended(ids))).toEqual([true, true, true]);
    expect(await ended(ids)).toEqual([true, true, true]);
    expect(await refused(tokens)).toEqual([401, 401, 401]);
  });

  /** As a run is killed that has done all of the first one, and nothing of those after it. */
  async function killedAfterFirst(root: string) {
    const folder = join(here.folder ?? '', 'state', 'identities');
    for (const name of (await readdir(folder)).filter((each) => each.endsWith('.json'))) {
      const { sessionId } = JSON.parse(await readFile(join(folder, name), 'utf8')) as Content;
      if (sessionId === root) await rm(join(folder, name));
    }
    return async () => (await readdir(folder)).filter((each) => each.endsWith('.json'));
  }

  test.each(['stop', 'token revoke'])(
    'by a %s that was killed after the first of them, and is said again [P8]',
    async (command) => {
      const { ids, tokens } = await line();
      const [root = '', ...begun] = ids;
      if (command === 'stop') await world.client.beta.sessions.archive(root);
      const left = await killedAfterFirst(root);
      expect(await world.setupJson([...command.split(' '), root], here)).toMatchObject({ begun });
      expect(await ended(ids)).toEqual(ids.map(() => command === 'stop'));
      expect((await refused(tokens)).slice(1)).toEqual([401, 401]);
      expect(await left()).toEqual([]);
    },
  );

  test('where a message to the last of them comes before what was killed is followed [P8]', async () => {
    const { ids } = await line();
    const [root = '', , last = ''] = ids;
    await world.client.beta.sessions.archive(root);
    await killedAfterFirst(root);
    expect(await asking(last)).toMatchObject({ exit: 1 });
    expect(await ended(ids)).toEqual([true, false, true]);
  });

  test('which a list says is another one and is not, is not its end', async () => {
    const { ids, tokens } = await line();
    world.sandbox.platform.control.tamper('GET /v1/sessions', (json: Content) => ({
      ...json,
      data: json['data'].map((each: Content) =>
        each['id'] === ids[0]
          ? { ...each, agent: { ...each['agent'], tools: [{ type: 'agent_toolset_20260401', configs: [] }] } }
          : each,
      ),
    }));
    const { exit, stderr } = await setup('verify', '--stop');
    expect([exit, stderr]).toEqual([3, expect.stringContaining('NOT stopped: read by its id, it is what was started')]);
    expect(await ended(ids)).toEqual([false, false, false]);
    expect(await refused(tokens)).toEqual([200, 200, 200]);
  });

  test('taken back alone of the first, and nobody followed yet: the second one begins nothing [P8]', async () => {
    const { ids } = await line();
    const { text, path } = await takingBack(placeIn(await tokenOf(ids[0] ?? '')));
    await writeFile(path, text);
    const before = world.sandbox.platform.control.peek.sessions().length;
    const fd = String(await descriptorWith(await tokenOf(ids[1] ?? '')));
    const refusal = await setup('--agent', 'support', '--parent-token-fd', fd);
    expect([refusal.exit, refusal.stderr]).toEqual([
      3,
      expect.stringContaining('no session is begun by that one: a session before it in its line has ended'),
    ]);
    expect(world.sandbox.platform.control.peek.sessions()).toHaveLength(before);
  });

  test('while one is being begun, which gets no token [P8]', async () => {
    const root = await start();
    const fd = String(await descriptorWith(await tokenOf(root)));
    const { identity } = await keptIn(here.folder ?? '');
    const back = await takingBack(identity.index);
    let times = 0;
    // Just when the platform is asked for it.
    const on = ({ method, path }: { method: string; path: string }) => {
      if (method === 'POST' && path === '/v1/sessions' && times++ === 0) writeFileSync(back.path, back.text);
      return false;
    };
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 500 } });
    const begun = await setup('--agent', 'support', '--parent-token-fd', fd);
    expect(times).toBe(1);
    expect([begun.exit, begun.stderr]).toEqual([
      1,
      expect.stringContaining('in its line has ended, or its tokens were taken back'),
    ]);
    expect(await liveIdentities()).toHaveLength(1);
  });
});

test('who is off-boarded on another machine: the guard where the tokens were issued sets the status in its next look', async () => {
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [world.sandbox.people.grace.subject] };
  });
  const id = await start();
  const token = await tokenOf(id);
  const ada = world.sandbox.people.ada.subject;
  const folder = await world.machine();
  const elsewhere = { ...here, person: 'grace' as const, folder };
  expect(await world.connect(['offboard', ada, '--yes-offboard', ada], elsewhere)).toMatchObject({ exit: 0 });
  world.sandbox.clock.advance(1100);
  // The session and the vault of the person are over; whoever has kept the token can use it until the guard has looked.
  expect([(await world.client.beta.sessions.retrieve(id)).archived_at === null, await ask(token)]).toEqual([
    false,
    200,
  ]);
  const looks: number[] = [];
  const { identities, tokenStatus } = storesIn(here.folder ?? '');
  const stores = { ...storesIn(folder), identities, tokenStatus };
  const operator = { ...elsewhere, kept: { ...here.kept, stores: async () => stores } };
  await guarding(operator, async () => (await readdir(join(here.folder ?? '', 'state', 'identities'))).length === 0, {
    all: true,
    look: async () => void looks.push(await ask(token)),
  });
  expect(looks[0]).toBe(401);
});

test('what is left of tokens is explained by the record, and what somebody else made there is an alarm [P7]', async () => {
  const reconcile = async () => {
    const { exit, stdout } = await setup('audit', 'reconcile', '--json');
    return { exit, alarms: (JSON.parse(stdout) as Content).alarms as Content[] };
  };
  const id = await start();
  const [identity] = await vaultsOf(id);
  const { faults } = world.sandbox.platform.control;
  const away = faults.add({
    on: 'POST /v1/vaults/:vault/archive',
    fault: { kind: 'status', status: 400 },
    times: Number.POSITIVE_INFINITY,
  });
  expect((await setup('stop', id)).stderr).toContain('are not wholly taken back');
  away.remove();
  expect(await liveIdentities()).toEqual([identity?.id]);
  expect(await reconcile()).toEqual({ exit: 0, alarms: [] });
  // Whoever copies what such a vault says of itself is not explained by it, nor is a use of it or a token in it.
  const { id: copy } = await world.client.beta.vaults.create({
    display_name: 'Identity',
    metadata: identity?.metadata ?? {},
  });
  const auth = {
    type: 'static_bearer' as const,
    token: 'of-somebody-else-12345',
    mcp_server_url: around.tickets.address,
  };
  const put = await world.client.beta.vaults.credentials.create(identity?.id ?? '', { auth });
  const { agent, environment_id } = await world.client.beta.sessions.retrieve(id);
  const used = await world.client.beta.sessions.create({
    agent: agent.id,
    environment_id,
    vault_ids: [identity?.id ?? ''],
  });
  const found = await reconcile();
  const owner = world.sandbox.people.ada.subject;
  expect([found.exit, found.alarms.length]).toEqual([3, 3]);
  expect(found.alarms).toEqual(
    expect.arrayContaining([
      {
        kind: 'vault',
        what: expect.stringContaining(copy),
        evidence: expect.objectContaining({ vault: copy, owner, tokens_of: identity?.metadata?.['mai_identity_of'] }),
      },
      {
        kind: 'credential',
        what: expect.stringContaining(put.id),
        evidence: expect.objectContaining({ vault: identity?.id, url: around.tickets.address }),
      },
      {
        kind: 'vault_use',
        what: expect.stringContaining(`of "${owner}"`),
        evidence: expect.objectContaining({ session: used.id, vaults: identity?.id }),
      },
    ]),
  );
});

test('keys are published before they sign, overlap, and go when nothing of theirs counts', {
  timeout: 120_000,
}, async () => {
  const published = async () =>
    (JSON.parse(await readFile(join(around.site, 'keys.json'), 'utf8')) as Content).keys as Content[];
  const [first] = await published();
  const id = await start();
  const before = await tokenOf(id);
  expect(decodeProtectedHeader(before).kid).toBe(first?.kid);
  expect(await setup('keys', 'generate')).toMatchObject({ exit: 2 });
  expect(await setup('keys', 'rotate', '--in', '10m')).toMatchObject({ exit: 2 });
  const { kid } = await world.setupJson(['keys', 'rotate', '--in', '1h'], here);
  expect((await published()).map((key) => key.kid)).toEqual([first?.kid, kid]);
  expect(await setup('keys', 'retire', first?.kid)).toMatchObject({ exit: 1 });
  world.sandbox.clock.advance(5 * 60_000);
  await guarding(here, async () => (await tokenOf(id)) !== before);
  expect(decodeProtectedHeader(await tokenOf(id)).kid).toBe(first?.kid);
  const now = world.sandbox.clock.now();
  const { stderr } = await guarding(here, async () => world.sandbox.clock.now() - now > 62 * 60_000);
  expect(stderr).not.toContain('taken back:');
  const after = await tokenOf(id);
  expect(decodeProtectedHeader(after).kid).toBe(kid);
  expect(await ask(after)).toBe(200);
  const early = await setup('keys', 'retire', first?.kid);
  expect([early.exit, early.stderr]).toEqual([1, expect.stringContaining('may count until')]);
  world.sandbox.clock.advance(2 * 3_600_000);
  expect(await setup('keys', 'retire', first?.kid)).toMatchObject({ exit: 0 });
  expect((await published()).map((key) => key.kid)).toEqual([kid]);
  expect([...around.keychain.kept.keys()]).toEqual([`session token key ${String(kid)}`]);
  // One of another algorithm is replaced by the first key of the new one.
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.algorithm = 'ES256';
  });
  const { kid: other } = await world.setupJson(['keys', 'generate'], here);
  expect(await setup('keys', 'retire', String(kid))).toMatchObject({ exit: 1 });
  expect((await world.setupJson(['keys', 'list'], here))['keys']).toMatchObject([
    { kid, state: 'replaced' },
    { kid: other, state: 'signs' },
  ]);
  world.sandbox.clock.advance(66 * 60_000);
  expect(await setup('keys', 'retire', String(kid))).toMatchObject({ exit: 0 });
  // Back again: the key that is left signed by what is not used any more, and none of the algorithm of now comes after it.
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.algorithm = 'EdDSA';
  });
  const stays = await setup('keys', 'retire', String(other));
  expect([stays.exit, stays.stderr]).toEqual([1, expect.stringContaining('no other key comes after it')]);
});

test('a token is shown with what it says and whether it counts', async () => {
  const id = await start();
  const piped = async (text: string) =>
    (await world.setupJson(['token', 'inspect'], { ...here, stdin: Readable.from([text]) })) as Content;
  const token = await tokenOf(id);
  expect(await piped(`${token}\n`)).toMatchObject({ counts: true, claims: { sid: id, depth: 0 } });
  expect(await piped('x.y.z')).toMatchObject({ counts: false, claims: null });
  expect(await setup('token', 'revoke', id, '--dry-run')).toMatchObject({ exit: 0 });
  expect(await piped(token)).toMatchObject({ counts: true });
  expect(await setup('token', 'revoke', id)).toMatchObject({ exit: 0 });
  expect(await piped(token)).toMatchObject({ counts: false, code: 'revoked' });
  // Nothing secret is anywhere (P3).
  for (const folder of [here.folder ?? '', around.site, world.sandbox.configFolder]) {
    for (const name of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) expect(await readFile(join(name.parentPath, name.name), 'utf8')).not.toContain(token);
    }
  }
});

test('ten sessions of three people over three lifetimes: no call with an expired token, none after off-boarding', {
  timeout: 240_000,
}, async () => {
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.lifetime = '2m';
    content.people.operators = { principals: [world.sandbox.people.ada.subject] };
    for (const { subject } of ['ada', 'grace', 'linus'].map((name) => world.sandbox.people[name as PersonName])) {
      content.people.principals[subject] = {
        tickets: { read: 'on', write: 'on' },
        notion: { read: 'on', write: 'on' },
      };
    }
  });
  await world.configure('agents/support.yaml', (content) => {
    content.allowed = {
      principals: ['ada', 'grace', 'linus'].map((name) => world.sandbox.people[name as PersonName].subject),
    };
  });
  await world.apply('support');
  // What is known of tokens is in one place for all of them, as with a database; everything else is on a machine of each.
  const { identities, tokenStatus, sessions: records } = storesIn(here.folder ?? '');
  const seat = async (person: PersonName): Promise<Partial<CommandSetting>> => {
    const folder = person === 'ada' ? (here.folder ?? '') : await world.machine();
    const stores = { ...storesIn(folder), identities, tokenStatus, sessions: records };
    return { ...here, person, folder, kept: { ...here.kept, stores: async () => stores } };
  };
  const people = await Promise.all((['ada', 'grace', 'linus'] as const).map(seat));
  const sessions: { id: string; setting: Partial<CommandSetting> }[] = [];
  for (const setting of people.slice(1)) expect(await world.connect(['notion'], setting)).toMatchObject({ exit: 0 });
  for (let count = 0; count < 10; count += 1) {
    const setting = people[count % 3] ?? here;
    sessions.push({ id: await start(setting), setting });
  }
  const began = world.sandbox.clock.now();
  const answers: number[] = [];
  // After each look of the guard and before the next one, when the least is left of every token.
  const look = async () => {
    answers.push(...(await Promise.all(sessions.map(async ({ id }) => await ask(await tokenOf(id))))));
  };
  await guarding(here, async () => world.sandbox.clock.now() - began > 3 * 120_000, { all: true, look });
  expect(answers.length).toBeGreaterThan(100);
  expect([...new Set(answers)]).toEqual([200]);
  // Whose token somebody has kept has it refused as soon as the server looks at the list again, a second here.
  const grace = world.sandbox.people.grace.subject;
  const theirs = sessions.filter(({ setting }) => setting.person === 'grace');
  const tokens = await Promise.all(theirs.map(({ id }) => tokenOf(id)));
  expect(await Promise.all(tokens.map(ask))).toEqual(tokens.map(() => 200));
  const begun = performance.now();
  expect(await world.connect(['offboard', grace, '--yes-offboard', grace], here)).toMatchObject({ exit: 0 });
  world.sandbox.clock.advance(1100);
  expect(await Promise.all(tokens.map(ask))).toEqual(tokens.map(() => 401));
  process.stdout.write(
    `off-boarded to refused: ${((performance.now() - begun) / 1000 + 1.1).toFixed(1)} s for ${tokens.length} sessions, ${answers.length} calls before\n`,
  );
  for (const { id } of theirs) {
    const [identity] = await vaultsOf(id);
    expect([identity?.archived_at, (await world.client.beta.sessions.retrieve(id)).archived_at]).not.toContain(null);
  }
  const others = sessions.filter(({ setting }) => setting.person !== 'grace');
  expect(await Promise.all(others.map(async ({ id }) => await ask(await tokenOf(id))))).toEqual(others.map(() => 200));
});
