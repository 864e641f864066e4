/** Agents that act for themselves: a vault of their own, which no person's session binds, and a person who answers for each. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { readLine } from '../../internal/record/line.ts';
import { connect } from '../sandbox/connect.ts';
import type { PersonName } from '../sandbox/people.ts';
import { newOwnershipKey, trustKeys } from '../support/ownership-keys.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const job = 'repo:acme/agents:environment:production';
const agentOwner = { kind: 'agent', issuer: 'config/agents', subject: 'support' };

const subject = (person: PersonName) => world.sandbox.people[person].subject;
const vaults = async () => (await world.client.beta.vaults.list({ include_archived: true })).data;

/** A step of a CI job, and nobody at a browser. */
const step = (more: object = {}) => ({
  person: undefined,
  environment: { CI: 'true', ...world.sandbox.workloadIssuer.actions },
  ...more,
});

/** Linus answers for the agent, Grace is an operator, jobs of the repository may run it. */
async function autonomous(changes: object = {}): Promise<void> {
  await world.configure('agents/support.yaml', (content: Content) => {
    content.autonomous = { sponsor: subject('linus'), groups: ['night'], run_by: { groups: ['ci'] }, ...changes };
  });
}

beforeEach(async () => {
  await world.configure('services/notion.yaml', ({ authorization }: Content) => {
    authorization.static = true;
  });
  await world.configure('interface.yaml', (content: Content) => {
    content.people.groups.night = { notion: { read: 'on' } };
    content.people.operators = { principals: [subject('grace')] };
    content.identity.workloads = [
      {
        issuer: world.sandbox.workloadIssuer.issuer,
        audience: 'managed-agents-interface',
        token: 'github-actions',
        claims: { repository: 'acme/agents', environment: 'production' },
        groups: ['ci'],
      },
    ];
  });
  await autonomous();
});

const own = ['--accept-account', 'ada@example.test'];

/** An operator stores a token that was made for it there. */
async function given(setting: object = {}) {
  const { accessToken } = await connect(world.sandbox.services.notion, { person: 'ada' });
  const argv = ['notion', '--token-stdin', '--for-agent', 'support', ...own];
  return await world.connectJson(argv, { person: 'grace', stdin: Readable.from([accessToken]), ...setting });
}

/** The lines of the record of a machine. */
async function recorded(folder: string): Promise<Content[]> {
  const file = await readFile(join(world.keptIn(folder), 'state', 'record', 'record-000001.jsonl'), 'utf8');
  return file
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line)?.entry as Content);
}

describe('an agent itself', () => {
  test('has a vault of its own that an operator fills, looks after and empties, and a job begins a session with it [P1]', async () => {
    const folder = await world.machine();
    const stored = await given({ folder });
    expect(stored).toMatchObject({ owner: agentOwner, account: 'ada@example.test', change: 'created' });
    const [vault, ...others] = await vaults();
    expect([others, vault?.id]).toEqual([[], stored['vault_id']]);
    expect(vault?.metadata).toMatchObject({ mai_owner_kind: 'agent', mai_owner_subject: 'support' });
    // Rotated in place.
    expect(await given({ folder })).toMatchObject({ vault_id: vault?.id, change: 'updated' });
    const listed = await world.connectJson(['list', '--for-agent', 'support'], { person: 'grace', folder });
    expect(listed['owner']).toEqual(agentOwner);
    expect(JSON.stringify(listed)).toContain('run: service-connection slack --for-agent support');

    await world.apply('support');
    const machine = await world.machine();
    const session = await world.setupJson(['--agent', 'support', '--as-agent'], step({ folder: machine }));
    expect(session).toMatchObject({ owner: agentOwner, vault_id: vault?.id });
    const { vault_ids, metadata } = await world.client.beta.sessions.retrieve(String(session['session_id']));
    expect([vault_ids, metadata]).toEqual([[vault?.id], expect.objectContaining({ mai_owner_kind: 'agent' })]);
    const lines = await recorded(machine);
    const create = lines.find(({ act }) => act === 'session.create');
    expect(create).toMatchObject({
      actor: { kind: 'job', subject: job, autonomous: { agent: 'support', sponsor: subject('linus') } },
      delegation: { rule: 'config/agents/support.yaml: autonomous.run_by.groups, ci' },
    });
    const ocsf = await world.setup(['audit', 'export', '--format', 'ocsf'], step({ folder: machine }));
    expect(ocsf.stdout).toContain(`"autonomous":{"agent":"support","sponsor":"${subject('linus')}"}`);

    const verified = await world.setupJson(['verify', '--all'], { person: 'grace' });
    expect(verified).toMatchObject({ sessions: [{ owner: agentOwner, state: 'as started' }] });
    const gone = await world.connectJson(['disconnect', 'notion', '--for-agent', 'support'], {
      person: 'grace',
      folder,
    });
    expect(gone).toMatchObject({ owner: agentOwner, change: 'disconnected', vault_id: vault?.id });
  });

  test('is connected through a browser by an operator, by the exact name of its account, and by nobody else [P4]', async () => {
    const argv = ['notion', '--for-agent', 'support', '--accept-account', 'grace@example.test'];
    const unnamed = await world.connect(argv.slice(0, 3), { person: 'grace' });
    expect([unnamed.exit, unnamed.stderr]).toEqual([
      3,
      expect.stringContaining('nobody has verified one of "agent support"'),
    ]);
    expect(await world.connectJson(argv, { person: 'grace' })).toMatchObject({
      owner: agentOwner,
      account: 'grace@example.test',
      account_accepted: true,
    });
    for (const [setting, why] of [
      [{ person: 'ada' }, 'may not look after the vault of "support"'],
      [{ person: 'linus' }, 'may not look after the vault of "support"'],
      [step(), 'may not look after the vault of "support"'],
    ] as const) {
      const refused = await world.connect(argv, setting);
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining(why)]);
    }
    await world.configure('interface.yaml', (content: Content) => {
      content.people.operators.groups = ['ci'];
    });
    const unseen = await world.connect(argv, step());
    expect([unseen.exit, unseen.stderr]).toEqual([3, expect.stringContaining('is a CI job, and only a person can')]);
    expect(unseen.stderr).toContain('service-connection <service> --token-stdin --for-agent support');
    const other = await world.connect(['notion', '--for-agent', 'editor', ...own], { person: 'grace' });
    expect([other.exit, other.stderr]).toEqual([3, expect.stringContaining('"editor" does not act for itself')]);
  });

  test('is not given what the identity provider gives to whoever signs in [P1]', async () => {
    const refused = await world.connect(['notion', '--via', 'idp', '--for-agent', 'support'], { person: 'grace' });
    expect([refused.exit, refused.visited]).toEqual([3, []]);
    expect(refused.stderr).toContain('access through the identity provider is that of the person, not of "support"');
  });

  test('is run by whom its file names alone: neither by operators nor by whoever may use it [P4]', async () => {
    await given();
    await world.apply('support');
    for (const person of ['ada', 'grace', 'linus'] as const) {
      const refused = await world.setup(['--agent', 'support', '--as-agent'], { person });
      expect([refused.exit, refused.stderr]).toEqual([
        3,
        expect.stringContaining('may not run "support" as the agent itself'),
      ]);
    }
    await autonomous({ run_by: { principals: [subject('grace')] } });
    await world.apply('support');
    expect(await world.setupJson(['--agent', 'support', '--as-agent'], { person: 'grace' })).toMatchObject({
      owner: agentOwner,
    });
    const refused = await world.setup(['--agent', 'support', '--as-agent'], step());
    expect(refused.exit).toBe(3);
  });

  test('is known to be none before anybody is sent to sign in, under every command', async () => {
    const commands = (name: string) => [
      ...[['notion'], ['list'], ['check'], ['disconnect', 'notion'], ['doctor'], ['vault', 'repair']].map(
        (words) => async () => await world.connect([...words, '--for-agent', name], { person: 'grace' }),
      ),
      async () => await world.setup(['--agent', name, '--as-agent'], { person: 'grace' }),
    ];
    await world.configure('agents/support.yaml', (content: Content) => {
      delete content.autonomous;
    });
    for (const [name, exit, code] of [
      ['suport', 2, 'unknown_agent'],
      ['support', 3, 'not_allowed'],
    ] as const) {
      for (const run of commands(name)) {
        const { exit: ended, stderr, visited } = await run();
        expect([ended, visited]).toEqual([exit, []]);
        expect(stderr).toContain(`[${code}]`);
      }
    }
  });

  test('may do what its own groups may, and is neither operator nor approver nor a person of its name [P5]', async () => {
    await given();
    await world.configure('interface.yaml', (content: Content) => {
      content.people.groups.night = {};
      content.people.principals.support = { notion: { read: 'on' } };
      content.people.operators.groups = ['night'];
    });
    await world.apply('support');
    const explained = await world.setupJson(['explain', '--agent', 'support', '--as-agent'], step());
    expect(explained).toMatchObject({ for: agentOwner, may_start: true });
    const verdicts = (explained['tools'] as Content[]).filter(({ service }) => service === 'notion');
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['off']));
  });
});

describe('a vault of an agent', () => {
  test('is bound by no session of a person, whose own is bound by none of the agent [P1]', async () => {
    const agents = await given();
    const persons = await world.connectJson(['notion'], { person: 'ada' });
    expect(persons['vault_id']).not.toBe(agents['vault_id']);
    await world.apply('support');
    const [mine, its] = [
      await world.setupJson(['--agent', 'support'], { person: 'ada' }),
      await world.setupJson(['--agent', 'support', '--as-agent'], step()),
    ];
    expect([mine['vault_id'], its['vault_id']]).toEqual([persons['vault_id'], agents['vault_id']]);

    // Somebody with the key binds the one to the other, under either name.
    const { metadata, agent, environment_id } = await world.client.beta.sessions.retrieve(String(mine['session_id']));
    const other = await world.client.beta.sessions.retrieve(String(its['session_id']));
    const forged = [
      { metadata, vault_ids: [String(agents['vault_id'])] },
      { metadata: other.metadata, vault_ids: [String(persons['vault_id'])] },
    ];
    for (const each of forged) {
      const pinned = { type: 'agent' as const, id: agent.id, version: agent.version };
      const { id } = await world.client.beta.sessions.create({ agent: pinned, environment_id, ...each });
      const verified = await world.setup(['verify', id, '--json'], { person: 'grace' });
      expect([verified.exit, verified.stderr]).toEqual([
        3,
        expect.stringContaining("is not the vault of the session's owner"),
      ]);
    }
  });

  test('counts only for the agent whose session it is: no other agent acts with it [P1]', async () => {
    await given();
    await world.apply('support', 'editor');
    const its = await world.setupJson(['--agent', 'support', '--as-agent'], step());
    const { metadata, agent, environment_id, vault_ids } = await world.client.beta.sessions.retrieve(
      String(its['session_id']),
    );
    const { mai_started_by: _, ...unsaid } = metadata;
    for (const [forged, why] of [
      [{ ...metadata, mai_agent: 'editor' }, 'it is a session of the agent'],
      [unsaid, 'it is not what its record says it was started as'],
    ] as const) {
      const { id } = await world.client.beta.sessions.create({
        agent: { type: 'agent', id: agent.id, version: agent.version },
        environment_id,
        vault_ids,
        metadata: forged,
      });
      const verified = await world.setup(['verify', id], { person: 'grace' });
      expect([verified.exit, verified.stderr]).toEqual([3, expect.stringContaining(why)]);
    }
  });

  test.each(['sso', 'agent'])(
    'whose record was edited from or to %s is nobody’s where records are signed [P1]',
    async (kind) => {
      const key = await newOwnershipKey('2026-11');
      await trustKeys(world, key);
      const agents = await given();
      const persons = await world.connectJson(['notion'], { person: 'ada' });
      await world.apply('support');
      const [from, to] = kind === 'agent' ? [persons, agents] : [agents, persons];
      const { metadata } = await world.client.beta.vaults.retrieve(String(to['vault_id']));
      await world.client.beta.vaults.archive(String(to['vault_id']));
      await world.client.beta.vaults.update(String(from['vault_id']), {
        metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => /kind|issuer|subject/.test(name))),
      });
      const setting = kind === 'agent' ? step() : { person: 'ada' as const };
      const refused = await world.setup(['--agent', 'support', ...(kind === 'agent' ? ['--as-agent'] : [])], setting);
      expect([refused.exit, refused.stderr]).toEqual([5, expect.stringContaining('its signature does not count')]);
    },
  );

  test('is not that of a person whose subject is the name of the agent, nor the other way round [P1]', async () => {
    const { identityProvider } = world.sandbox;
    const { id } = await world.client.beta.vaults.create({
      display_name: 'of a person',
      metadata: { mai_owner_kind: 'sso', mai_owner_issuer: identityProvider.issuer, mai_owner_subject: 'support' },
    });
    await world.apply('support');
    const none = await world.setup(['--agent', 'support', '--as-agent'], step());
    expect([none.exit, none.stderr]).toEqual([4, expect.stringContaining('"agent support" has no vault')]);
    expect(none.stderr).toContain('service-connection <service> --for-agent support');
    const stored = await given();
    expect(stored['vault_id']).not.toBe(id);
    const ambiguous = await world.connect(['offboard', 'support', '--yes-offboard', 'support'], { person: 'grace' });
    expect([ambiguous.exit, ambiguous.stderr]).toEqual([5, expect.stringContaining('--kind agent')]);
  });
});

describe('who leaves', () => {
  test('a person: the vault of the agent they answer for stays, and it starts nothing before somebody else does', async () => {
    await given();
    await world.configure('interface.yaml', (content: Content) => {
      content.people.principals[subject('linus')] = { notion: { read: 'on' } };
    });
    const unmarked = await world.connect(['offboard', subject('linus'), '--yes-offboard', subject('linus')], {
      person: 'grace',
    });
    expect([unmarked.exit, unmarked.stderr]).toEqual([
      5,
      expect.stringContaining('they are the sponsor of the agent "support": it starts sessions until'),
    ]);
    await world.connectJson(['notion'], { person: 'linus' });
    await world.apply('support');
    const before = await world.setupJson(['--agent', 'support', '--as-agent'], step());
    const linus = subject('linus');
    const left = await world.connect(['offboard', linus, '--yes-offboard', linus, '--json'], { person: 'grace' });
    expect([left.exit, JSON.parse(left.stdout)]).toEqual([0, expect.objectContaining({ sponsor_of: ['support'] })]);
    expect(left.stderr).toContain('they are the sponsor of the agent "support", whose vault stays');
    const { archived_at } = await world.client.beta.sessions.retrieve(String(before['session_id']));
    expect(archived_at).toBeNull();

    const refused = await world.setup(['--agent', 'support', '--as-agent'], step());
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[sponsor_needed]')]);
    await autonomous({ sponsor: subject('grace') });
    expect(await world.setupJson(['--agent', 'support', '--as-agent'], step())).toMatchObject({ owner: agentOwner });
    // Let in again, they can answer for it as before.
    await world.connectJson(['offboard', linus, '--undo', '--yes-undo', linus], { person: 'grace' });
    await autonomous();
    expect(await world.setupJson(['--agent', 'support', '--as-agent'], step())).toMatchObject({ owner: agentOwner });
  });

  test('the agent: its sessions and its vault end, and nobody’s else', async () => {
    await given();
    const persons = await world.connectJson(['notion'], { person: 'ada' });
    await world.apply('support');
    const its = await world.setupJson(['--agent', 'support', '--as-agent'], step());
    const mine = await world.setupJson(['--agent', 'support'], { person: 'ada' });
    const folder = await world.machine();
    const argv = ['offboard', 'support', '--kind', 'agent', '--yes-offboard', 'support'];
    const ended = await world.connectJson(argv, { person: 'grace', folder });
    expect(ended).toMatchObject({ owner: agentOwner, change: 'offboarded', sponsor_of: [] });
    expect((await recorded(folder)).map(({ act }) => act)).toContain('agent.offboard');
    const states = await Promise.all(
      [its, mine].map(
        async ({ session_id }) => (await world.client.beta.sessions.retrieve(String(session_id))).archived_at,
      ),
    );
    expect(states).toEqual([expect.any(String), null]);
    const vault = await world.client.beta.vaults.retrieve(String(persons['vault_id']));
    expect(vault.archived_at).toBeNull();
    const refused = await world.setup(['--agent', 'support', '--as-agent'], step());
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
    const again = await world.connect(['notion', '--for-agent', 'support', ...own], { person: 'grace' });
    expect([again.exit, again.stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
  });

  test('whoever runs or keeps it: somebody who was off-boarded does neither, although the agent’s vault is not theirs', async () => {
    await given();
    await autonomous({ run_by: { principals: [subject('grace')] } });
    await world.apply('support');
    await world.connectJson(['notion'], { person: 'grace' });
    await world.configure('interface.yaml', (content: Content) => {
      content.people.operators = { principals: [subject('grace'), subject('ada')] };
    });
    const grace = subject('grace');
    await world.connectJson(['offboard', grace, '--yes-offboard', grace], { person: 'ada' });
    const run = await world.setup(['--agent', 'support', '--as-agent'], { person: 'grace' });
    const kept = await world.connect(['list', '--for-agent', 'support'], { person: 'grace' });
    expect([run.exit, run.stderr, kept.exit, kept.stderr]).toEqual([
      3,
      expect.stringContaining('[offboarded]'),
      3,
      expect.stringContaining('[offboarded]'),
    ]);
  });
});

describe('a session of an agent itself', () => {
  const message = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';
  const writing = async () => {
    await world.configure('interface.yaml', (content: Content) => {
      content.people.groups.night = { notion: { read: 'on', write: 'ask' } };
      content.approvals = { services: { notion: { every: { groups: ['support'] } } } };
    });
    await world.configure('agents/support.yaml', (content: Content) => {
      content.services.notion.write = 'ask';
    });
    await autonomous({ run_by: { groups: ['ci'], principals: [subject('grace')] } });
    await given();
    await world.apply('support');
  };

  test('takes further messages from whoever may run it, with the same word, and from nobody as themselves', async () => {
    await given();
    await world.apply('support');
    const { session_id: id } = await world.setupJson(['--agent', 'support', '--as-agent'], step());
    const sent = await world.setup(['send', String(id), '--as-agent', '--message', 'hello'], step());
    expect([sent.exit, sent.stderr]).toEqual([0, expect.any(String)]);
    const asThemselves = await world.setup(['send', String(id), '--message', 'hello'], step());
    expect([asThemselves.exit, asThemselves.stderr]).toEqual([3, expect.stringContaining('is a session of "support"')]);
    const operator = await world.setup(['send', String(id), '--as-agent', '--message', 'hello'], { person: 'grace' });
    expect([operator.exit, operator.stderr]).toEqual([3, expect.stringContaining('may not run "support"')]);
    await world.connectJson(['notion'], { person: 'ada' });
    const { session_id: mine } = await world.setupJson(['--agent', 'support'], { person: 'ada' });
    const others = await world.setup(['send', String(mine), '--as-agent', '--message', 'hello'], step());
    expect([others.exit, others.stderr]).toEqual([3, expect.stringContaining(`is a session of "${subject('ada')}"`)]);
  });

  test('gets no yes from the approver who had the agent start it, and one from another [P4]', async () => {
    await writing();
    const started = await world.setup(['--agent', 'support', '--as-agent', '--json', '--message', message], {
      person: 'grace',
    });
    expect([started.exit, started.stderr]).toEqual([8, expect.any(String)]);
    const { session_id: id, asks } = JSON.parse(started.stdout) as Content;
    const yes = ['answer', id, asks[0].event_id, '--yes', '--digest', asks[0].digest];
    const own = await world.setup(yes, { person: 'grace' });
    expect([own.exit, own.stderr]).toEqual([3, expect.stringContaining('you had the agent start')]);
    const other = await world.setup(yes, { person: 'ada' });
    expect([other.exit, other.stderr]).toEqual([0, expect.any(String)]);
  });

  test('gets no yes from the approver who may send it messages, whoever started it [P4]', async () => {
    await writing();
    const { session_id: id } = await world.setupJson(['--agent', 'support', '--as-agent'], step());
    const sent = await world.setup(['send', String(id), '--as-agent', '--json', '--message', message], {
      person: 'grace',
    });
    expect([sent.exit, sent.stderr]).toEqual([8, expect.any(String)]);
    const [{ event_id: call, digest }] = (JSON.parse(sent.stdout) as Content).asks;
    const yes = ['answer', String(id), call, '--yes', '--digest', digest];
    const own = await world.setup(yes, { person: 'grace' });
    expect([own.exit, own.stderr]).toEqual([3, expect.stringContaining('you may send messages to')]);
    const other = await world.setup(yes, { person: 'ada' });
    expect([other.exit, other.stderr]).toEqual([0, expect.any(String)]);
  });
});
