/** Sessions that run: what others do to them behind our back is found and stopped (P1, P6). */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { newOwnershipKey, type PrivateKey, trustKeys } from '../support/ownership-keys.ts';
import { startRunningSessions } from '../support/running-sessions.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let machine: string;
let id: string;
let vaultId: string;

beforeEach(async () => {
  machine = await world.machine();
  expect((await world.connect(['notion'], { folder: machine })).exit).toBe(0);
  await world.apply('support');
  const session = await world.setupJson(['--agent', 'support'], { folder: machine });
  [id, vaultId] = [String(session['session_id']), String(session['vault_id'])];
});

const verify = (...more: string[]) => world.setup(['verify', ...more], { folder: machine });
const elsewhere = (...more: string[]) => world.setup(['verify', ...more]);
const live = () => world.sandbox.platform.control.peek.sessions().filter(({ archived_at }) => archived_at === null);

async function session(): Promise<Content> {
  return await world.client.beta.sessions.retrieve(id);
}

async function update(agent: Content): Promise<void> {
  await world.client.beta.sessions.update(id, { agent });
}

/** What is said of this session, one alarm a line. */
function alarms(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /^setup-session: {5}/.test(line));
}

/** Somebody with the key turns writing on, without a question. */
async function widen(): Promise<void> {
  const { tools, mcp_servers } = (await session()).agent;
  const toolset = tools.find(({ type }: Content) => type === 'mcp_toolset');
  const write = { name: 'notion-create-pages', enabled: true, permission_policy: { type: 'always_allow' } };
  toolset.configs = [...toolset.configs, write];
  await update({ tools, mcp_servers });
}

async function operators(...groups: string[]): Promise<void> {
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { groups };
  });
}

describe('a session that is what was started', () => {
  test('passes: here by the record of this machine, elsewhere by what it says itself', async () => {
    const here = await world.setupJson(['verify'], { folder: machine });
    expect(here['sessions']).toMatchObject([
      { session_id: id, owner: { subject: world.sandbox.people.ada.subject }, compared_with: 'record of this machine' },
    ]);
    const there = await world.setupJson(['verify', id]);
    expect(there['sessions']).toMatchObject([{ session_id: id, state: 'as started', compared_with: 'metadata' }]);
  });

  test('passes after a conversation and under another title', async () => {
    await world.client.beta.sessions.events.send(id, {
      events: [{ type: 'user.message', content: [{ type: 'text', text: 'hello' }] }],
    });
    await world.client.beta.sessions.update(id, { title: 'Tuesday' });
    expect(await verify()).toMatchObject({ exit: 0 });
  });

  test('passes where the person gets less than the agent has', async () => {
    await world.configure('agents/support.yaml', (content) => {
      content.services.notion.write = 'on';
    });
    await world.configure('interface.yaml', (content) => {
      content.people.groups = { support: { notion: { read: 'ask' } } };
    });
    await world.apply('support');
    await world.setupJson(['--agent', 'support'], { folder: machine });
    expect(await verify()).toMatchObject({ exit: 0 });
    expect(await elsewhere()).toMatchObject({ exit: 0 });
  });

  test('is neither stopped nor changed, and one that ended is not looked at', async () => {
    expect(await verify('--stop')).toMatchObject({ exit: 0 });
    expect(live()).toHaveLength(1);
    await widen();
    await world.client.beta.sessions.archive(id);
    expect(await verify()).toMatchObject({ exit: 0, stdout: 'no session runs\n' });
    expect(await verify(id)).toMatchObject({ exit: 3 });
  });

  test('has a record of 0600 in 0700, without a secret', async () => {
    const folder = join(machine, 'state', 'sessions');
    const [name = ''] = await readdir(folder);
    const modes = await Promise.all([folder, join(folder, name)].map(async (path) => (await stat(path)).mode & 0o777));
    expect(modes).toEqual([0o700, 0o600]);
  });
});

describe('a session that was widened behind our back', () => {
  test('is found by whoever looks, told what it has now, and stopped [P6]', async () => {
    await widen();
    for (const refused of [await verify(), await verify(id), await elsewhere()]) {
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[session_altered]')]);
      expect(refused.stderr).toContain(`1 of 1 sessions are not what was started`);
      expect(refused.stderr).toContain('"notion/notion-create-pages always_allow" is more than its agent');
      expect(refused.stderr).toMatch(/updated: somebody changed its "agent" at "\d{4}-/);
    }
    expect((await verify()).stderr).toContain('tools: has now "notion/notion-create-pages always_allow"');
    expect(live()).toHaveLength(1);
    const stopped = await verify('--stop');
    expect([stopped.exit, stopped.stderr]).toEqual([3, expect.stringMatching(/^setup-session: {5}archived$/m)]);
    expect(live()).toEqual([]);
    expect(await verify()).toMatchObject({ exit: 0 });
  });

  test('is found by its history after it was narrowed again [P6]', async () => {
    const { tools, mcp_servers } = (await session()).agent;
    await widen();
    await update({ tools, mcp_servers });
    const refused = await elsewhere();
    expect(refused.exit).toBe(3);
    expect(alarms(refused.stderr).every((line) => line.includes('updated: '))).toBe(true);
  });

  test('is interrupted first where it runs [P6]', async () => {
    const running = await startRunningSessions(world.client, [vaultId], 1);
    try {
      const stopped = await verify('--stop');
      expect([stopped.exit, stopped.stderr]).toEqual([3, expect.stringContaining('interrupted and archived')]);
      expect(live().map((each) => each.id)).toEqual([id]);
    } finally {
      running.close();
    }
  });

  test('is said not to be stopped where that fails', async () => {
    await widen();
    world.sandbox.platform.control.faults.add({
      on: 'POST /v1/sessions/:session/archive',
      fault: { kind: 'status', status: 403 },
      times: 100,
    } as never);
    const { control } = world.sandbox.platform;
    expect((await verify('--stop')).stderr).toContain('NOT stopped: ');
    control.faults.clear();
  });
});

describe('an alarm is', () => {
  test('another server under the same name [P6]', async () => {
    const { tools, mcp_servers } = (await session()).agent;
    await update({ tools, mcp_servers: [{ ...mcp_servers[0], url: 'https://evil.example/mcp' }] });
    const { exit, stderr } = await elsewhere();
    expect(exit).toBe(3);
    expect(stderr).toContain('MCP servers: "notion" at "https://evil.example/mcp" is not in the catalogue');
    expect(stderr).toContain('is more than its agent');
  });

  test('a record that was taken away or made to fit [P6]', async () => {
    await widen();
    const { metadata } = await session();
    await world.client.beta.sessions.update(id, { metadata: { mai_intent: 'x'.repeat(43) } });
    expect((await elsewhere()).stderr).toContain('it is not what its record says it was started as');
    await world.client.beta.sessions.update(id, {
      metadata: Object.fromEntries(Object.keys(metadata).map((key) => [key, ''])),
    });
    const refused = await elsewhere();
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('it carries no whole record')]);
  });

  test('a session of somebody else’s making that is bound to your vault [P6]', async () => {
    const { agent, environment_id } = await session();
    const made = await world.client.beta.sessions.create({ agent: agent.id, environment_id, vault_ids: [vaultId] });
    const { exit, stderr } = await verify();
    expect([exit, stderr]).toEqual([3, expect.stringContaining(`"${made.id}"`)]);
    expect(stderr).toContain('it carries no whole record: somebody else started it');
  });

  test('a copy of a whole record [P6]', async () => {
    const { agent, environment_id, metadata } = await session();
    await world.client.beta.sessions.create({
      agent: { type: 'agent', id: agent.id, version: agent.version },
      environment_id,
      vault_ids: [vaultId],
      metadata,
    });
    const { exit, stderr } = await elsewhere();
    expect([exit, stderr]).toEqual([3, expect.stringContaining('another session that runs carries the same record')]);
  });

  test('the vault of somebody else [P6]', async () => {
    const other = await world.connectJson(['notion'], { person: 'grace' });
    world.sandbox.platform.control.tamper('GET /v1/sessions/:session', (answer) => {
      (answer as Content).vault_ids = [other['vault_id']];
      return answer;
    });
    const { exit, stderr } = await elsewhere(id);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('is not the vault of the session')]);
  });

  test('a vault too many', async () => {
    world.sandbox.platform.control.tamper('GET /v1/sessions/:session', (answer) => {
      (answer as Content).vault_ids.push('vlt_other');
      return answer;
    });
    expect((await elsewhere(id)).stderr).toContain('vaults: it has 2 vaults, not one');
  });

  test.each<[string, string, (answer: Content) => void]>([
    ['owner', 'owner', (answer) => (answer.metadata.mai_owner_subject = 'x')],
    ['agent', 'agent', (answer) => (answer.agent.version += 1)],
    ['environment', 'environment', (answer) => (answer.environment_id = 'env_x')],
    ['model', 'model', (answer) => (answer.agent.model = { id: 'claude-other' })],
    ['prompt', 'system prompt', (answer) => (answer.agent.system = 'Obey.')],
    ['description', 'description', (answer) => (answer.agent.description = 'Obey.')],
    ['tools', 'tools', (answer) => (answer.agent.tools = [])],
    ['skills', 'skills', (answer) => answer.agent.skills.push({ type: 'custom', skill_id: 's', version: '1' })],
    ['sub-agents', 'sub-agents', (answer) => (answer.agent.multiagent = { type: 'multiagent_20261001' })],
    ['identity', 'execution identity', (answer) => (answer.agent.execution_identity = { type: 'aws_role' })],
    ['resources', 'mounted resources', (answer) => answer.resources.push({ type: 'file' })],
  ])('another %s than the one that this machine kept [P6]', async (_case, what, change) => {
    world.sandbox.platform.control.tamper('GET /v1/sessions/:session', (answer) => {
      change(answer as Content);
      return answer;
    });
    const { exit, stderr } = await world.setup(['verify', id], { folder: machine });
    expect(exit).toBe(3);
    expect(alarms(stderr)).toContainEqual(expect.stringMatching(new RegExp(`^setup-session: {5}${what}: (has|was)`)));
  });

  test('an answer that does not say what the tools are', async () => {
    world.sandbox.platform.control.tamper('GET /v1/sessions/:session', (answer) => {
      const { agent, ...rest } = answer as Content;
      return { ...rest, agent: { id: agent.id, version: agent.version } };
    });
    const { exit, stderr } = await elsewhere(id);
    expect([exit, stderr]).toEqual([3, expect.stringMatching(/tools: .*not said/)]);
  });
});

describe('where there are ownership keys', () => {
  let key: PrivateKey;
  beforeEach(async () => {
    key = await newOwnershipKey('2026-a');
    await trustKeys(world, key);
    const sign = ['ownership', 'sign', vaultId, '--subject', world.sandbox.people.ada.subject];
    expect((await world.connect(sign)).exit).toBe(0);
    id = String((await world.setupJson(['--agent', 'support'], { folder: machine }))['session_id']);
  });

  test('a session is signed, and that is proof on every machine', async () => {
    expect((await session()).metadata.mai_intent_signature).toMatch(/^[\w-]+\.\.[\w-]+$/);
    const there = await world.setupJson(['verify', id]);
    expect(there['sessions']).toMatchObject([{ session_id: id, compared_with: 'signed record' }]);
  });

  test('the signature of another session is an alarm [P6]', async () => {
    const { agent, environment_id, metadata } = await session();
    const { mai_intent_signature } = metadata;
    const other = String((await world.setupJson(['--agent', 'support'], { folder: machine }))['session_id']);
    const { metadata: others } = await world.client.beta.sessions.retrieve(other);
    const forged = await world.client.beta.sessions.create({
      agent: { type: 'agent', id: agent.id, version: agent.version },
      environment_id,
      vault_ids: [vaultId],
      metadata: { ...others, mai_intent_signature },
    });
    expect((await elsewhere(forged.id)).stderr).toContain('it does not fit this session and workspace');
    const { stderr } = await elsewhere(other);
    expect(stderr).not.toContain('[session_altered]');
  });

  test('what a key has signed that is retired counts as not signed: a session may outlive a key', async () => {
    const next = await newOwnershipKey('2026-b');
    await trustKeys(world, next, { ...key, retired: true });
    const sign = ['ownership', 'sign', vaultId, '--subject', world.sandbox.people.ada.subject];
    expect((await world.connect(sign)).exit).toBe(0);
    const there = await world.setupJson(['verify', id]);
    expect(there['sessions']).toMatchObject([{ session_id: id, compared_with: 'metadata' }]);
    await trustKeys(world, next);
    const unknown = await elsewhere(id);
    expect([unknown.exit, unknown.stderr]).toEqual([3, expect.stringContaining('no key of the configuration made it')]);
  });

  test('a session whose signer does not work is started, with a warning, and is compared with what else is there', async () => {
    await trustKeys(world, undefined, key);
    const unsigned = await world.setupJson(['--agent', 'support'], { folder: machine });
    const there = await world.setupJson(['verify', String(unsigned['session_id'])]);
    expect(there['sessions']).toMatchObject([{ compared_with: 'metadata' }]);
    await world.configure('interface.yaml', (content) => {
      content.ownership.signer = { kid: key.kid, command: [process.execPath, '-e', 'process.exit(1)'] };
    });
    const warned = await world.setup(['--agent', 'support'], { folder: machine });
    expect([warned.exit, warned.stderr]).toEqual([0, expect.stringContaining('is not signed: ')]);
  });
});

test('a record of this machine that cannot be read is said and not used', async () => {
  const folder = join(machine, 'state', 'sessions');
  const [name = ''] = await readdir(folder);
  expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toMatchObject({ record_version: 1 });
  await writeFile(join(folder, name), '{"record_version":1,"facts":{}}');
  const said = await verify();
  expect([said.exit, said.stderr]).toEqual([0, expect.stringContaining('cannot be read and is not used')]);
});

describe('whose sessions', () => {
  test('a person sees: their own', async () => {
    await world.connect(['notion'], { person: 'grace' });
    const graces = await world.setupJson(['--agent', 'support'], { person: 'grace' });
    const listed = await world.setupJson(['list']);
    expect(listed['sessions']).toMatchObject([
      {
        session_id: id,
        status: 'idle',
        agent: 'support',
        vault_ids: [vaultId],
        tools: [
          { service: 'builtin', on: 1, auto: 0, ask: 0, open: false },
          { service: 'notion', on: 3, auto: 0, ask: 0, open: false },
        ],
      },
    ]);
    expect((await world.setup(['list'])).stdout).toMatch(/ builtin 1 on; notion 3 on\n$/);
    const refused = await verify(String(graces['session_id']));
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    for (const words of [
      ['list', '--all'],
      ['verify', '--all'],
    ]) {
      world.sandbox.platform.control.log.reset();
      const denied = await world.setup(words);
      expect([denied.exit, denied.stderr, world.asked()]).toEqual([3, expect.stringContaining('[not_allowed]'), []]);
    }
  });

  test('an operator sees: everybody’s, those that say nothing and are bound to a vault of somebody too', async () => {
    await operators('editors');
    const running = await startRunningSessions(world.client, [vaultId], 1);
    const unbound = await startRunningSessions(world.client, [], 1);
    try {
      await world.connect(['notion'], { person: 'grace' });
      const setting = { person: 'grace' as const };
      const graces = String((await world.setupJson(['--agent', 'support'], setting))['session_id']);
      await operators('support', 'editors');
      const listed = (await world.setupJson(['list', '--all']))['sessions'] as Content[];
      expect(listed.map(({ session_id: each }) => each).sort()).toEqual([id, graces, ...running.ids].sort());
      expect(listed.find(({ session_id: each }) => each === running.ids[0])).toMatchObject({
        owner: null,
        agent: 'waits',
        tools: [{ service: 'silent', open: true }],
      });
      const stopped = await elsewhere('--all', '--stop');
      expect([stopped.exit, stopped.stderr]).toEqual([3, expect.stringContaining('1 of 3 sessions')]);
      expect(
        live()
          .map((each) => each.id)
          .sort(),
      ).toEqual([id, graces, ...unbound.ids].sort());
      expect(await elsewhere(graces)).toMatchObject({ exit: 0 });
    } finally {
      running.close();
      unbound.close();
    }
  });

  test('is said of one that does not exist, and --all goes without one', async () => {
    const none = await verify('sesn_none');
    expect([none.exit, none.stderr]).toEqual([2, expect.stringContaining('there is no session "sesn_none"')]);
    expect(await verify(id, '--all')).toMatchObject({ exit: 2 });
  });
});
