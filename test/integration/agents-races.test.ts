/** Two operators, or an operator and a person, at the same moment: nothing is lost, nothing is there twice, and who lost is told. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const operator = { person: undefined };
const agents = (...argv: string[]) => world.setup(['agents', ...argv], operator);
const file = (path: string) => join(world.sandbox.configFolder, path);
const lock = async (): Promise<Content> => JSON.parse(await readFile(file('agents.lock.json'), 'utf8'));
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const control = () => world.sandbox.platform.control;

async function allAgents(): Promise<Content[]> {
  const found = [];
  for await (const agent of world.client.beta.agents.list({ include_archived: true })) found.push(agent);
  return found;
}

const active = async (name: string) =>
  (await allAgents()).filter((agent) => agent.name === name && agent.archived_at === null);

/** Does something in the very moment in which a request was carried out, before its answer is sent. */
function once(on: string, act: () => Promise<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    const stop = control().tamper(on, () => {
      stop();
      resolve(act());
    });
  });
}

describe('two checkouts', () => {
  test('a person on a branch changes nothing for those on main [P6]', async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    await world.apply();
    const reviewed = await readFile(file('agents/support.yaml'), 'utf8');
    const locked = await readFile(file('agents.lock.json'), 'utf8');
    await world.configure('agents/support.yaml', (content) => {
      content.description = 'on a branch';
    });
    control().log.reset();
    const branch = await world.setup(['--agent', 'support'], { folder });
    expect([branch.exit, branch.stdout, changes()]).toEqual([7, '', []]);
    expect(branch.stderr).toContain('description: in the file "on a branch", on the platform ""');
    expect(await active('support')).toMatchObject([{ version: 1, description: null }]);
    expect(await readFile(file('agents.lock.json'), 'utf8')).toBe(locked);
    await writeFile(file('agents/support.yaml'), reviewed);
    expect(await world.setup(['--agent', 'support'], { folder })).toMatchObject({ exit: 0 });
  });

  test('what operators write into agents.lock.json while a person signs in stays', async () => {
    await world.connect(['notion']);
    await world.apply();
    const started = await world.setup(['--agent', 'support'], {
      async browse(url: string) {
        expect(await agents('retire', 'editor', '--yes-retire', 'editor')).toMatchObject({ exit: 0 });
        return await visit(url, { person: 'ada' });
      },
    });
    expect(started.exit).toBe(0);
    expect((await lock()).agents.editor).toMatchObject({ retired: true });
    expect(await agents('plan')).toMatchObject({ exit: 0, stdout: expect.stringContaining('agent editor: retired') });
  });

  test('two operators with different agents keep the entries of both', async () => {
    await Promise.all([world.apply('support'), world.apply('editor')]);
    expect(Object.keys((await lock()).agents)).toEqual(['editor', 'support']);
    expect(await agents('plan')).toMatchObject({ exit: 0 });
  });

  test('a retirement beside an apply of another agent is not lost', async () => {
    await world.apply();
    await world.configure('agents/support.yaml', (content) => {
      content.description = 'v2';
    });
    const retired = once('POST /v1/agents/:agent', () => agents('retire', 'editor', '--yes-retire', 'editor'));
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect(await retired).toMatchObject({ exit: 0 });
    expect((await lock()).agents).toMatchObject({ editor: { retired: true }, support: { version: 2 } });
  });
});

describe('two first applies of a new agent', () => {
  test('end with one agent, the oldest, whoever is quicker [P8]', async () => {
    // The second begins and ends between the create of the first and its answer.
    const second = once('POST /v1/agents', () => agents('apply', 'support'));
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect(await second).toMatchObject({ exit: 0 });
    const [oldest, ...others] = await active('support');
    expect(others).toEqual([]);
    expect((await lock()).agents.support).toEqual({ id: oldest?.id, version: 1, effort: 'high' });
  });

  test('of which one is younger and looks later: it archives its own', async () => {
    let other: Content;
    // Somebody was quicker, after this run had looked and before it asked.
    const stop = control().tamper('GET /v1/agents', (answer: Content) => {
      if (other === undefined) return { ...answer, data: [] };
      stop();
    });
    const { id: _, ...body } = {
      id: '',
      name: 'support',
      model: 'claude-sonnet-5-5',
      metadata: { mai_name: 'support' },
    };
    const twin = once('GET /v1/environments', async () => {
      await world.configure('agents/support.yaml', (content) => {
        delete content.system;
        delete content.builtin_tools;
        content.services = {};
      });
      other = await world.client.beta.agents.create(body);
    });
    await world.configure('agents/support.yaml', (content) => {
      delete content.system;
      delete content.builtin_tools;
      content.services = {};
    });
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    await twin;
    expect((await active('support')).map(({ id }) => id)).toEqual([other.id]);
    expect((await lock()).agents.support.id).toBe(other.id);
    expect((await allAgents()).filter(({ archived_at }) => archived_at !== null)).toHaveLength(1);
  });

  /** Has an agent appear in lists only once this run has made its own, as one that was made just after. */
  function appearsLater({ id }: Content): void {
    let made = false;
    void once('POST /v1/agents', async () => {
      made = true;
    });
    control().tamper('GET /v1/agents', (answer: Content) => ({
      ...answer,
      data: answer.data.flatMap((agent: Content) => {
        if (agent.id !== id) return [agent];
        return made ? [{ ...agent, created_at: '2099-01-01T00:00:00Z' }] : [];
      }),
    }));
  }

  test('from different files: the older leaves the younger to its own run', async () => {
    const metadata = { mai_name: 'support' };
    const younger = await world.client.beta.agents.create({ name: 'support', model: 'claude-other', metadata });
    appearsLater(younger);
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect((await world.client.beta.agents.retrieve(younger.id)).archived_at).toBeNull();
    expect((await lock()).agents.support.id).not.toBe(younger.id);
  });

  test.each([
    ['unused: it is archived', false],
    ['in use already: it is left', true],
  ])('of which the younger is %s', async (_case, isUsed) => {
    await world.apply('support');
    const [{ id, name, model, system, tools, mcp_servers, metadata }] = await active('support');
    const younger = await world.client.beta.agents.create({ name, model, system, tools, mcp_servers, metadata });
    const environment_id = (await lock()).environments.default.id;
    if (isUsed) await world.client.beta.sessions.create({ agent: younger.id, environment_id });
    await world.client.beta.agents.archive(id);
    await rm(file('agents.lock.json'));
    appearsLater(younger);
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect((await lock()).agents.support.id).not.toBe(younger.id);
    expect((await world.client.beta.agents.retrieve(younger.id)).archived_at === null).toBe(isUsed);
  });

  test('of which one was killed between its create and its look: the next apply ends with the oldest', async () => {
    await world.apply('support');
    const [first] = await active('support');
    const { name, model, system, tools, mcp_servers, metadata } = first;
    await world.client.beta.agents.create({ name, model, system, tools, mcp_servers, metadata });
    await rm(file('agents.lock.json'));
    const planned = await agents('plan', 'support');
    expect([planned.exit, planned.stdout]).toEqual([7, expect.stringContaining('is the same once more')]);
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect((await active('support')).map(({ id }) => id)).toEqual([first.id]);
    expect(await agents('plan', 'support')).toMatchObject({ exit: 0 });
  });

  test('from different files: the younger is archived by its own run, which says that it lost', async () => {
    const other = once('GET /v1/environments', () =>
      world.client.beta.agents.create({
        name: 'support',
        model: 'claude-other',
        metadata: { mai_name: 'support' },
      }),
    );
    const stop = control().tamper('GET /v1/agents', (answer: Content) => {
      stop();
      return { ...answer, data: [] };
    });
    const lost = await agents('apply', 'support');
    const { id } = (await other) as { id: string };
    expect([lost.exit, lost.stderr]).toEqual([1, expect.stringContaining('at the same moment, from another file')]);
    expect((await active('support')).map((agent) => agent.id)).toEqual([id]);
  });

  test('nobody else is blamed for what the platform made otherwise', async () => {
    control().tamper('* /v1/agents', (answer: Content) => {
      for (const agent of answer.data ?? [answer]) agent.description = 'Another.';
      return answer;
    });
    const { exit, stderr } = await agents('apply', 'support');
    expect([exit, stderr]).toEqual([1, expect.stringContaining('was made, and is not what was asked for')]);
    expect(stderr).toContain('description: meant');
    expect(stderr).not.toContain('another run');
  });
});

describe('an environment', () => {
  const hosts = (...names: string[]) =>
    world.configure('environments/default.yaml', (content) => {
      content.allowed_hosts = names;
    });
  const environment = async () => await world.client.beta.environments.retrieve((await lock()).environments.default.id);
  const announced = async () => {
    while ((await environment()).metadata['mai_changing'] === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test('that is being changed starts no session until that is done [P6]', { timeout: 60_000 }, async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    await world.apply('support');
    await hosts('pypi.org');
    const applying = agents('apply');
    await announced();
    const refused = await world.setup(['--agent', 'support'], { folder });
    expect([refused.exit, refused.stderr]).toEqual([7, expect.stringContaining('an apply that has not ended')]);
    expect(await applying).toMatchObject({ exit: 0 });
    const updates = control().log.entries.filter(
      ({ path, method }) => method === 'POST' && /environments\/env_/.test(path),
    );
    const [announcement = 0, change = 0] = updates.map(({ at }) => Date.parse(at));
    // Longer than a start may take without looking again.
    expect(change - announcement).toBeGreaterThan(4_500);
    expect((await environment()).metadata).toEqual({ mai_name: 'default' });
    expect(await world.setup(['--agent', 'support'], { folder })).toMatchObject({ exit: 0 });
  });

  test('whose change was killed after it was announced is put in force by the next apply', {
    timeout: 60_000,
  }, async () => {
    await world.apply('support');
    const { id } = await environment();
    await world.client.beta.environments.update(id, { metadata: { mai_changing: 'a run that was killed' } });
    expect(await agents('plan', 'support')).toMatchObject({ exit: 7 });
    await world.apply('support');
    expect((await environment()).metadata).toEqual({ mai_name: 'default' });
    expect(await agents('plan', 'support')).toMatchObject({ exit: 0 });
  });

  test('whose change was killed holds up nobody for longer than a change can take', { timeout: 60_000 }, async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    await world.apply('support');
    const { id } = await environment();
    const announce = (ageMs: number) =>
      world.client.beta.environments.update(id, {
        metadata: { mai_changing: `${new Date(Date.now() - ageMs).toISOString()} a run` },
      });
    const start = () => world.setup(['--agent', 'support'], { folder });
    for (const ageMs of [0, 4 * 60_000]) {
      await announce(ageMs);
      expect(await start()).toMatchObject({ exit: 7, stderr: expect.stringContaining('an apply that has not ended') });
    }
    // Also one that somebody says is to come.
    for (const ageMs of [6 * 60_000, -6 * 60_000]) {
      await announce(ageMs);
      control().log.reset();
      expect(await start()).toMatchObject({ exit: 0, stderr: expect.stringMatching(/began at .* and never ended/) });
      // What slept may go on: the environment is looked at once more when the session is there.
      expect(world.asked().filter((line) => /^GET .*\/environments\/env_/.test(line))).toHaveLength(2);
    }
    const stop = control().tamper('GET /v1/environments/:environment', (answer: Content) => {
      if (control().peek.sessions().length > 2) answer.config.networking = { type: 'unrestricted' };
      return answer;
    });
    expect(await start()).toMatchObject({ exit: 1, stderr: expect.stringContaining('[session_differs]') });
    stop();
    expect(await agents('plan', 'support')).toMatchObject({ exit: 7 });
    await world.apply('support');
    expect((await environment()).metadata).toEqual({ mai_name: 'default' });
  });

  test('that two change at once is what one of them says, and the other is told', { timeout: 60_000 }, async () => {
    await world.apply('support');
    await hosts('pypi.org');
    const first = agents('apply', 'support');
    await announced();
    await hosts('npmjs.org');
    const second = agents('apply', 'support');
    const outcomes = [await first, await second];
    expect(outcomes.map(({ exit }) => exit).sort()).toEqual([0, 1]);
    const loser = outcomes.find(({ exit }) => exit === 1);
    expect(loser?.stderr).toContain('somebody else changed the environment "default" at the same moment');
    const { config } = await environment();
    expect(config).toMatchObject({
      networking: { allowed_hosts: [outcomes[0]?.exit === 0 ? 'pypi.org' : 'npmjs.org'] },
    });
  });

  test('whose announced change is given up takes the announcement back, so that sessions start again', {
    timeout: 60_000,
  }, async () => {
    await world.apply('support');
    const { id } = await environment();
    const marks = async () => (await environment()).metadata;

    await hosts('pypi.org');
    const interruption = new AbortController();
    const interrupted = world.setup(['agents', 'apply'], { ...operator, signal: interruption.signal });
    await announced();
    const since = performance.now();
    interruption.abort();
    expect(await interrupted).toMatchObject({ exit: 130 });
    // A person who has pressed Ctrl-C does not sit the announcement out.
    expect(performance.now() - since).toBeLessThan(3_000);
    expect(await marks()).toEqual({ mai_name: 'default' });

    const overtaken = agents('apply');
    await announced();
    await world.client.beta.environments.update(id, { description: 'from outside' });
    expect(await overtaken).toMatchObject({ exit: 1 });
    expect(await marks()).toEqual({ mai_name: 'default' });

    const refused = agents('apply', '--overwrite');
    await announced();
    control().faults.add({ on: 'POST /v1/environments/:environment', fault: { kind: 'status', status: 400 } });
    expect(await refused).toMatchObject({ exit: 1 });
    expect(await marks()).toEqual({ mai_name: 'default' });
  });

  test('that was changed outside beside a killed change can be taken into its file', { timeout: 60_000 }, async () => {
    await world.apply('support');
    const { id } = await environment();
    await world.client.beta.environments.update(id, {
      description: 'from outside',
      metadata: { mai_changing: 'a run that was killed' },
    });
    expect(await agents('plan', 'support')).toMatchObject({ exit: 1, stderr: expect.stringContaining('--adopt') });
    expect(await agents('apply', '--adopt', 'support')).toMatchObject({ exit: 0 });
    expect(await readFile(file('environments/default.yaml'), 'utf8')).toContain('from outside');
    await world.apply('support');
    expect(await environment()).toMatchObject({ description: 'from outside', metadata: { mai_name: 'default' } });
  });

  test('whose create is refused because its run was not the first is looked for', async () => {
    const made = once('GET /v1/environments', () => world.apply('support'));
    const stop = control().tamper('GET /v1/environments', (answer: Content) => {
      stop();
      return { ...answer, data: [] };
    });
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    await made;
    expect((await world.client.beta.environments.list()).data).toHaveLength(1);
  });

  test('whose name a stranger has is refused with a way out', async () => {
    const { id } = await world.client.beta.environments.create({ name: 'default', config: { type: 'cloud' } });
    const refused = await agents('apply', 'support');
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(`taken by another environment`)]);
    expect(refused.stderr).toContain(`setup-session environments adopt ${id} --name default; else give the file`);
    // The way out leads on: it is ours then, and its open network is drift.
    expect(await world.setup(['environments', 'adopt', id, '--name', 'default'])).toMatchObject({ exit: 0 });
    expect(await agents('plan', 'support')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('"unrestricted"'),
    });
    expect(await agents('apply', 'support', '--overwrite')).toMatchObject({ exit: 0 });
  });

  test('that somebody opened while a slow start went on ends that session, which is not handed over [P6]', {
    timeout: 60_000,
  }, async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    await world.apply('support');
    let reads = 0;
    control().tamper('GET /v1/environments/:environment', (answer: Content) => {
      reads += 1;
      if (reads === 1) control().latencyMs = 4_600;
      else answer.config.networking = { type: 'unrestricted' };
      return answer;
    });
    const refused = await world.setup(['--agent', 'support'], { folder });
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[session_differs]')]);
    expect(refused.stderr).toContain('environment: network: meant');
    expect(control().peek.sessions()).toMatchObject([{ archived_at: expect.any(String) }]);
  });
});
