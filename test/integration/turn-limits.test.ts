/** What a turn and a session may use, what became of sessions that nobody uses, and two terminals at one session. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
const day = 24 * 3600 * 1000;
const search = 'call notion notion-search {"query":"x"}';
const create = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';
let machine: string;

beforeEach(async () => {
  machine = await world.machine();
  expect((await world.connect(['notion'], { folder: machine })).exit).toBe(0);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  await world.apply('support');
});

const setup = (...argv: string[]) => world.setup(argv, { folder: machine });
const start = async (...more: string[]) =>
  JSON.parse((await setup('--agent', 'support', '--json', ...more)).stdout) as Content;
const sessions = () => world.sandbox.platform.control.peek.sessions();
const live = () => sessions().filter(({ archived_at }) => archived_at === null);
const interruptions = async (id: string) =>
  (await world.client.beta.sessions.events.list(id, { types: ['user.interrupt'] })).data.length;

/** From now on searching takes until the returned function is called. */
function slowSearch(): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  world.sandbox.services.notion.control.addTool({
    name: 'notion-search',
    effect: 'read',
    answer: () => released.then(() => ({})),
  });
  return release;
}

/** Nobody uses anything for so long. */
function later(milliseconds: number): void {
  world.sandbox.platform.control.clock.advance(milliseconds);
}

async function operate(person: 'grace'): Promise<void> {
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [world.sandbox.people[person].subject] };
  });
}

describe('--stop-after', () => {
  test.each([
    ['a time', '1s', '1 s'],
    ['tokens', '1tokens', '1 tokens'],
  ])(
    'interrupts a turn that has used up %s, once, and says so: the session can be gone on with',
    async (_what, limit, words) => {
      const release = slowSearch();
      try {
        const message = `call builtin read {"file":"a"}\n${search}`;
        const stopped = await setup('--agent', 'support', '--json', '--message', message, '--stop-after', limit);
        expect([stopped.exit, stopped.stderr]).toEqual([1, expect.stringContaining('"code":"turn_interrupted"')]);
        expect(stopped.stderr).toContain(`the turn has used up ${words}`);
        const { session_id: id, stop_reason } = JSON.parse(stopped.stdout) as Content;
        expect([stop_reason, await interruptions(id)]).toEqual(['end_turn', 1]);
        release();
        const words2 = /go on with it: setup-session (send \w+)/.exec(stopped.stderr)?.[1]?.split(' ') ?? [];
        expect(await setup(...words2, '--message', 'hello')).toMatchObject({ exit: 0 });
        expect(await world.setupJson(['show', id], { folder: machine })).toMatchObject({
          turns: [{ interrupted: true }, { interrupted: false }],
        });
      } finally {
        release();
      }
    },
  );

  test('leaves a turn alone that ends before', async () => {
    const { session_id: id } = await start('--message', search, '--stop-after', '1h');
    const sent = await setup('send', id, '--message', search, '--stop-after', '100000tokens');
    expect([sent.exit, await interruptions(id)]).toEqual([0, 0]);
  });

  test('is watched to its end, and goes with a message', async () => {
    const early = await setup('--agent', 'support', '--message', 'x', '--stop-after', '10m', '--timeout', '60');
    const without = await setup('--agent', 'support', '--stop-after', '10m');
    const unread = await setup('--agent', 'support', '--message', 'x', '--stop-after', 'soon');
    expect([early.exit, without.exit, unread.exit, sessions()]).toEqual([2, 2, 2, []]);
  });
});

test('a turn that somebody else interrupts is not done, and nothing of it is thrown away', async () => {
  const release = slowSearch();
  try {
    const { session_id: id } = await start();
    const sending = setup('send', id, '--message', search);
    await expect.poll(() => live()[0]?.status, { timeout: 20_000 }).toBe('running');
    const stopped = await setup('stop', id, '--interrupt');
    expect([stopped.exit, stopped.stdout]).toEqual([0, `${id}: interrupted\n`]);
    const sent = await sending;
    expect([sent.exit, sent.stderr]).toEqual([1, expect.stringContaining('somebody interrupted the turn')]);
    expect(live()).toHaveLength(1);
  } finally {
    release();
  }
});

describe('--end', () => {
  test('ends the session with its answer, of a new one and of one that is there', async () => {
    const first = await start('--message', search, '--end');
    expect(first).toMatchObject({ ended: true, answer: expect.stringContaining('ada@example.test') });
    const { session_id: id } = await start();
    expect(await setup('send', id, '--message', search, '--end')).toMatchObject({ exit: 0 });
    expect(live()).toEqual([]);
    expect(await interruptions(id)).toBe(0);
  });

  test('leaves one that waits for a yes, and says so', async () => {
    const asked = await setup('--agent', 'support', '--message', create, '--end');
    expect([asked.exit, asked.stderr]).toEqual([8, expect.stringContaining('was not ended')]);
    expect(live()).toHaveLength(1);
    expect(await setup('--agent', 'support', '--end')).toMatchObject({ exit: 2 });
  });

  test('that fails is told, with the answer and the way out', async () => {
    const on = 'POST /v1/sessions/:session/archive';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 403 }, times: 99 });
    const failed = await setup('--agent', 'support', '--message', search, '--end');
    world.sandbox.platform.control.faults.clear();
    expect([failed.exit, failed.stdout]).toEqual([1, expect.stringContaining('ada@example.test')]);
    const words = /hint: end it: setup-session (.*)/.exec(failed.stderr)?.[1]?.split(' ') ?? [];
    expect(await setup(...words)).toMatchObject({ exit: 0 });
    expect(live()).toEqual([]);
  });
});

describe('money', () => {
  test('a budget is kept by the platform: asked for, compared, and shown', async () => {
    const { session_id: id } = await start('--budget', '0.50', '--message', search);
    expect(live()[0]?.budget).toEqual({ type: 'limit', max_list_cost: { amount: '50', currency: 'USD' } });
    expect((await setup('show', id)).stdout).toContain('of a budget of $0.50 at list price');
    expect(await setup('verify')).toMatchObject({ exit: 0 });
    const planned = await setup(
      '--agent',
      'support',
      '--dry-run',
      '--budget',
      '5',
      '--message',
      'x',
      '--end',
      '--stop-after',
      '10m',
    );
    expect(planned.stdout).toMatch(
      /of \$5\.00 at list price at most\nwould send it "x" .*for 600 s at most\nwould end it/,
    );
    expect(await setup('--agent', 'support', '--budget', '0')).toMatchObject({ exit: 2 });
    world.sandbox.platform.control.tamper('POST /v1/sessions', (json) => ({ ...(json as object), budget: null }));
    const other = await setup('--agent', 'support', '--budget', '1');
    expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining('[session_differs]')]);
  });

  test('what was used is told with a turn, of each session in a list, and in show', async () => {
    const turn = await setup('--agent', 'support', '--message', search);
    expect(turn.stderr).toMatch(/the session has used \d+ tokens in, \d+ out so far/);
    const { usage } = live()[0] as Content;
    const listed = (await world.setupJson(['list', '--usage'], { folder: machine }))['sessions'] as Content[];
    expect(listed[0]?.usage).toMatchObject({ input_tokens: usage.input_tokens, output_tokens: usage.output_tokens });
    expect((await setup('list', '--usage')).stdout).toContain(
      `${usage.input_tokens} tokens in, ${usage.output_tokens} out`,
    );
    world.sandbox.platform.control.tamper('GET /v1/sessions', (json) => ({
      ...(json as object),
      data: (json as Content).data.map((each: object) => ({
        ...each,
        usage: { input_tokens: null, list_cost: { amount: '1234', currency: 'USD' }, active_seconds: 61.4 },
      })),
    }));
    expect((await setup('list', '--usage')).stdout).toContain('61 s, $12.34 at list price');
  });
});

describe('sessions that nobody uses', () => {
  test('are ended by their person: those that were not used for so long, and no other', async () => {
    const old = await start('--message', search);
    const never = await start();
    const waiting = await start('--message', create);
    const used = await start();
    await world.connect(['notion'], { person: 'grace' });
    await world.setupJson(['--agent', 'support'], { person: 'grace' });
    later(3 * day);
    expect(await setup('send', used.session_id, '--message', search)).toMatchObject({ exit: 0 });
    const planned = await world.setupJson(['stop', '--idle-for', '2d', '--dry-run'], { folder: machine });
    expect((planned['sessions'] as Content[]).map((each) => each.outcome)).toEqual([
      'would be archived',
      'would be archived',
    ]);
    expect(live()).toHaveLength(5);
    const ended = await world.setupJson(['stop', '--idle-for', '2d'], { folder: machine });
    const ids = (ended['sessions'] as Content[]).map((each) => each.session_id).sort();
    expect(ids).toEqual([old.session_id, never.session_id].sort());
    expect(live().map(({ id }) => id)).toEqual(expect.arrayContaining([waiting.session_id, used.session_id]));
    expect(live()).toHaveLength(3);
    expect((await setup('stop', '--idle-for', '2d')).stdout).toBe('no session is idle for so long\n');
  });

  test('are ended by an operator for everybody, and by nobody else', async () => {
    await start();
    later(3 * day);
    const refused = await world.setup(['stop', '--idle-for', '2d', '--all'], { person: 'grace' });
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    const own = await world.setup(['stop', '--idle-for', '2d'], { person: 'grace' });
    expect([own.stdout, live().length]).toEqual(['no session is idle for so long\n', 1]);
    await operate('grace');
    const ended = await world.setup(['stop', '--idle-for', '2d', '--all'], { person: 'grace' });
    expect([ended.exit, ended.stdout]).toEqual([0, expect.stringContaining(world.sandbox.people.ada.subject)]);
    expect(live()).toEqual([]);
  });

  test('are read by their ids first: one that is in use again is left alone', async () => {
    const { session_id: id } = await start();
    later(3 * day);
    const on = 'GET /v1/sessions/:session';
    world.sandbox.platform.control.tamper(on, (json) => ({
      ...(json as object),
      updated_at: new Date(Date.now() + 3 * day).toISOString(),
    }));
    const left = await setup('stop', '--idle-for', '2d');
    expect([left.exit, left.stderr]).toEqual([1, expect.stringContaining(`"${id}": NOT ended: it is in use again`)]);
    expect(live()).toHaveLength(1);
  });

  test('are judged by what happened in them, whatever their own time says', async () => {
    const { session_id: id } = await start('--message', search);
    later(3 * day);
    await setup('send', id, '--message', search);
    const old = { updated_at: new Date(Date.now() - day).toISOString() };
    const { control } = world.sandbox.platform;
    control.tamper('GET /v1/sessions/:session', (json) => ({ ...(json as object), ...old }));
    control.tamper('GET /v1/sessions', (json) => ({
      ...(json as object),
      data: (json as Content).data.map((each: object) => ({ ...each, ...old })),
    }));
    expect((await setup('stop', '--idle-for', '2d')).stdout).toBe('no session is idle for so long\n');
    expect(live()).toHaveLength(1);
  });

  test('whose times cannot be read are not ended', async () => {
    await start();
    later(3 * day);
    const times = { updated_at: null };
    world.sandbox.platform.control.tamper('GET /v1/sessions', (json) => ({
      ...(json as object),
      data: (json as Content).data.map((each: object) => ({ ...each, ...times, updated_at: 'yesterday' })),
    }));
    expect((await setup('stop', '--idle-for', '1d')).stdout).toBe('no session is idle for so long\n');
  });

  test('are offered: by name and command where nobody sits, asked for at a terminal, once they are old enough', async () => {
    await world.configure('interface.yaml', (content) => {
      content.sessions = { offer_to_end_after: '2d' };
    });
    const { session_id: id } = await start();
    expect((await setup('list')).stderr).not.toContain('not used');
    later(3 * day);
    for (const argv of [['list'], ['--agent', 'support', '--message', search, '--end'], ['--agent', 'support']]) {
      const { exit, stderr } = await setup(...argv);
      expect([exit, stderr]).toEqual([0, expect.stringContaining(`a session of yours was not used for 2d: "${id}"`)]);
      expect(stderr).toContain('setup-session stop --idle-for 2d');
    }
    const at = (typed: string) => {
      const terminal = fakeTerminal();
      const hear = (said: string) => {
        if (said.includes('[y/N]') && !terminal.stdin.writableEnded) terminal.stdin.end(typed);
      };
      return world.setup(['list'], { folder: machine, terminal, hear });
    };
    expect((await at('\n')).stderr).toContain('end it? [y/N]');
    expect(live().map((each) => each.id)).toContain(id);
    expect((await at('y\n')).stderr).toContain(`"${id}": archived`);
    expect(live().map((each) => each.id)).not.toContain(id);
    // Nor to an operator, those of others.
    await operate('grace');
    later(3 * day);
    expect((await world.setup(['list', '--all'], { person: 'grace' })).stderr).not.toContain('not used');
  });
});

test('two terminals at one session: one answers, the other sees it and goes on; a double answer is harmless', async () => {
  const asked = await start('--message', create);
  const [call] = asked.asks as Content[];
  let said = '';
  const watching = world.setup(['attach', asked.session_id, '--wait', '--json'], {
    folder: await world.machine(),
    hear: (text) => {
      said = text;
    },
  });
  await expect.poll(() => said, { timeout: 20_000 }).toContain(`--digest ${call.digest} --yes`);
  const answer = ['answer', asked.session_id, call.event_id, '--yes', '--digest', call.digest];
  expect(await setup(...answer)).toMatchObject({ exit: 0 });
  expect((await setup(...answer)).stdout).toContain('was answered already: yes');
  const seen = await watching;
  expect([seen.exit, seen.stderr]).toEqual([
    0,
    expect.stringContaining('somebody said yes to "notion" "notion-create-pages"'),
  ]);
  expect(JSON.parse(seen.stdout)).toMatchObject({
    stop_reason: 'end_turn',
    answer: expect.stringContaining('notion-create-pages: {'),
  });
  expect(world.sandbox.services.notion.calls.filter(({ tool }) => tool === 'notion-create-pages')).toHaveLength(1);
});

test('attach --wait ends in time where nobody answers, and nothing is answered then', async () => {
  const { session_id: id } = await start('--message', create);
  const waited = await setup('attach', id, '--wait', '--timeout', '2');
  expect([waited.exit, waited.stdout]).toEqual([8, expect.stringContaining('waiting for a yes or no')]);
  const { data } = await world.client.beta.sessions.events.list(id, { types: ['user.tool_confirmation'] });
  expect(data).toEqual([]);
});

test('the result of a custom tool is given by the owner of its session, once', { timeout: 60_000 }, async () => {
  const { vault_id: vault } = await start();
  const agent = await world.client.beta.agents.create({
    name: 'counts',
    model: 'claude-sonnet-5-5',
    tools: [{ type: 'custom', name: 'count', description: 'Counts.', input_schema: { type: 'object' } }],
  } as never);
  const environment = await world.client.beta.environments.create({ name: 'counting' });
  const { metadata } = live()[0] as Content;
  const text = 'call custom count {"n":1}\ncall custom count {"n":2}';
  const counting = async (vaultId: string) => {
    const parameters = { agent: agent.id, environment_id: environment.id, vault_ids: [vaultId], metadata };
    const { id: made } = await world.client.beta.sessions.create(parameters);
    await world.client.beta.sessions.events.send(made, {
      events: [{ type: 'user.message', content: [{ type: 'text', text }] }],
    });
    const asks = async () => (await world.setupJson(['show', made], { folder: machine }))['asks'] as Content[];
    await expect.poll(async () => (await asks()).length, { timeout: 20_000 }).toBe(2);
    return { id: made, asks: await asks() };
  };
  const {
    id,
    asks: [first, second],
  } = await counting(String(vault));
  const refused = await world.setup(['answer', id, first.event_id, '--result', '3', '--digest', first.digest], {
    person: 'grace',
  });
  expect(refused.exit).toBe(3);
  expect(await setup('answer', id, first.event_id, '--yes', '--digest', first.digest)).toMatchObject({ exit: 2 });
  expect(await setup('answer', id, first.event_id, '--result', '3')).toMatchObject({ exit: 4 });
  const given = await setup('answer', id, first.event_id, '--result', '3', '--digest', first.digest);
  expect([given.exit, given.stdout]).toEqual([0, 'custom count: result\n']);
  expect((await setup('answer', id, first.event_id, '--result', '4', '--digest', first.digest)).stdout).toContain(
    'answered already',
  );
  expect(await setup('answer', id, second.event_id, '--no', 'cannot count')).toMatchObject({ exit: 0 });
  const { data } = await world.client.beta.sessions.events.list(id, { types: ['user.custom_tool_result'] });
  expect(data).toMatchObject([
    { content: [{ text: '3' }], is_error: false },
    { content: [{ text: 'cannot count' }], is_error: true },
  ]);
  expect((await setup('attach', id)).stdout).toContain('custom count: 3');

  // One that names its owner and has the vault of somebody else is not theirs to answer in.
  await world.connect(['notion'], { person: 'grace' });
  const [graces] = (await world.client.beta.vaults.list()).data;
  const foreign = await counting(graces?.id ?? '');
  const altered = await setup('answer', foreign.id, foreign.asks[0]?.event_id, '--no', 'x');
  expect([altered.exit, altered.stderr]).toEqual([3, expect.stringContaining('[session_altered]')]);
});
