/** Calls that are answered by rules: which, how often, and what happens where nobody or several guard. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { machineClock } from '../../internal/clock/clock.ts';
import { readLine } from '../../internal/record/line.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import type { PersonName } from '../sandbox/people.ts';
import type { CommandOutcome } from '../support/command.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let machine: string;

const create = (title: string) => `call notion notion-create-pages {"pages":[{"title":"${title}"}]}`;
const setup = (...argv: string[]) => world.setup(argv, { folder: machine });
const answers = async (id: string) =>
  (await world.client.beta.sessions.events.list(id, { types: ['user.tool_confirmation'] } as never)).data as Content[];
const subject = (person: PersonName) => world.sandbox.people[person].subject;

async function rules(content: Content, name = 'notion') {
  const folder = join(world.sandbox.configFolder, 'rules');
  await world.configure('interface.yaml', () => undefined);
  const { mkdir } = await import('node:fs/promises');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.yaml`), stringify({ rules: content }, { aliasDuplicateObjects: false }));
}

async function asking(...titles: string[]): Promise<string> {
  const asked = await setup('--agent', 'support', '--json', '--message', titles.map(create).join('\n'));
  expect([asked.exit, asked.stderr]).toEqual([8, expect.any(String)]);
  return (JSON.parse(asked.stdout) as Content).session_id;
}

/** Runs a guard until it has begun and something is so, then ends it as SIGTERM does. */
async function guarding(until: () => Promise<boolean>, ...argv: string[]): Promise<CommandOutcome> {
  const end = new AbortController();
  let begun = false;
  const hear = (said: string) => {
    begun = said.includes('calls are answered by');
  };
  const running = world.setup(['guard', ...argv], { folder: machine, signal: end.signal, hear });
  await expect.poll(async () => begun && (await until()), { timeout: 20_000, interval: 100 }).toBe(true);
  end.abort();
  return await running;
}

beforeEach(async () => {
  machine = await world.machine();
  expect((await world.connect(['notion'], { folder: machine })).exit).toBe(0);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  await world.apply('support');
});

test('the rules say yes, no, or leave it to people; each answer is on the record with its rule before it is sent [P7]', async () => {
  await rules({
    small: {
      service: 'notion',
      tools: ['notion-create-pages'],
      only: true,
      arguments: { '/pages/0/title': { matches: '^[a-z]+$' } },
      outcome: 'allow',
    },
    secret: { service: 'notion', holds: ['secrets'], outcome: 'deny', message: 'no secrets in pages' },
  });
  const id = await asking('good', `ntn_${'a1B2c3D4e5'.repeat(4)}`, 'NOT SMALL');
  const done = await guarding(async () => (await answers(id)).length === 2);
  expect([done.exit, done.stderr]).toEqual([0, done.stderr]);
  expect(done.stdout).toContain('1 allowed, 1 denied, 1 left to people, 0 answered elsewhere');
  const given = await answers(id);
  expect(given.map(({ result, deny_message }) => [result, deny_message]).sort()).toEqual([
    ['allow', null],
    ['deny', 'no secrets in pages'],
  ]);
  const file = await readFile(join(machine, 'state', 'record', 'record-000001.jsonl'), 'utf8');
  const lines = file
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line)?.entry as Content);
  const recorded = lines.filter(({ kind, act }) => kind === 'answer' || act === 'session.answer');
  expect(
    recorded
      .filter(({ kind }) => kind === 'answer')
      .map(({ as, rule, answer }) => [as, rule, answer])
      .sort(),
  ).toEqual([
    ['rule', 'rules/notion.yaml: rules.secret', 'no'],
    ['rule', 'rules/notion.yaml: rules.small', 'yes'],
  ]);
  expect(recorded.filter(({ kind }) => kind === 'intent')).toHaveLength(2);
  // A person may not say yes to what a rule denies, and may to what none does.
  const shown = (await world.setupJson(['show', id], { folder: machine })) as Content;
  expect(shown.asks).toHaveLength(1);
  expect(await setup('answer', id, shown.asks[0].event_id, '--yes', '--digest', shown.asks[0].digest)).toMatchObject({
    exit: 0,
  });
});

test('nobody says yes to what a rule denies, and a rule may take two people', async () => {
  await rules({
    no: { service: 'notion', arguments: { '/pages/0/title': { equals: 'x' } }, outcome: 'deny', message: 'not x' },
    two: {
      service: 'notion',
      arguments: { '/pages/0/title': { equals: 'y' } },
      outcome: 'two_persons',
      approvers: { groups: ['support'] },
    },
  });
  const [one, two] = [await asking('x'), await asking('y')];
  const callOf = async (id: string) => ((await world.setupJson(['show', id], { folder: machine })) as Content).asks[0];
  const yes = async (id: string, person: PersonName) => {
    const { event_id, digest } = await callOf(id);
    return await world.setup(['answer', id, event_id, '--yes', '--digest', digest], {
      person,
      ...(person === 'ada' ? { folder: machine } : {}),
    });
  };
  expect((await yes(one, 'ada')).stderr).toMatch(/rules\/notion.yaml: rules.no denies .*"not x"/);
  expect((await yes(two, 'ada')).stderr).toContain("is not its owner's to give");
  expect((await yes(two, 'grace')).stdout).toContain('waits for another');
  expect([await answers(one), await answers(two)]).toEqual([[], []]);
  // Nor is one offered to them where the call is shown.
  for (const argv of [['show', one], ['show', two], ['approvals'], ['attach', one]]) {
    const { stdout, stderr } = await setup(...argv);
    const said = stdout + stderr;
    expect([argv, said.includes('--no "<why>"'), said.includes('--yes')]).toEqual([argv, true, false]);
    if (!argv.includes(two)) expect(said).toContain('nobody\'s: rules/notion.yaml: rules.no denies it: "not x"');
    if (!argv.includes(one)) expect(said).toContain('yes: takes two people of the group "support", not its owner');
  }
});

test('two guards beside each other lose nothing, answer nothing twice, and count one quota together', async () => {
  await rules({ some: { service: 'notion', quota: { most: 5, per: '1h', of: 'person' }, outcome: 'allow' } });
  const ids = [await asking('a', 'b', 'c', 'd'), await asking('e', 'f', 'g', 'h')];
  const count = async () => (await Promise.all(ids.map(answers))).flat().length;
  let seen = 0;
  const settled = async () => {
    const now = await count();
    const same = now === seen && now >= 5;
    seen = now;
    return same;
  };
  // Neither ends before the other has begun.
  const here = new Set<string>();
  const besides = (name: string) => async () => here.add(name).size === 2 && (await settled());
  const [one, two] = await Promise.all([guarding(besides('one')), guarding(besides('two'))]);
  expect([one.exit, two.exit]).toEqual([0, 0]);
  expect(await count()).toBe(5);
  const ended = [one, two].map(({ stdout }) => Number(/(\d+) allowed/.exec(stdout)?.[1]));
  expect(ended.reduce((sum, each) => sum + each, 0)).toBe(5);
});

test('a guard answers no more than 16 calls at once, however many sessions there are', async () => {
  await rules({ all: { service: 'notion', outcome: 'allow' } });
  const titles = [...'abcdefgh'];
  const ids = [await asking(...titles), await asking(...titles), await asking(...titles)];
  const { faults, log } = world.sandbox.platform.control;
  const on = 'POST /v1/sessions/:session/events';
  const waitMs = 3000;
  log.reset();
  faults.add({ on, fault: { kind: 'slow-body', waitMs, pieces: 1 }, times: Infinity });
  const done = await guarding(async () => (await Promise.all(ids.map(answers))).flat().length === 24);
  expect(done.stdout).toContain('24 allowed');
  const begun = log.entries
    .filter(({ method, path }) => `${method} ${path}`.match(/^POST .*\/events$/))
    .map(({ at }) => Date.parse(at));
  const most = Math.max(...begun.map((at) => begun.filter((other) => other <= at && other > at - waitMs).length));
  expect(begun).toHaveLength(24);
  expect(most).toBeLessThanOrEqual(16);
});

test('a stream that breaks, repeats and says what is none loses no call, and answers none twice', async () => {
  await rules({ all: { service: 'notion', outcome: 'allow' } });
  const { faults } = world.sandbox.platform.control;
  const on = 'GET /v1/sessions/:session/events/stream';
  for (const how of ['garbage', 'replay', 'reset', 'untyped', 'half', 'error', 'end'] as const) {
    faults.add({ on, fault: { kind: 'stream', after: 2, how } });
  }
  const id = await asking('a', 'b');
  let sent = 0;
  const done = await guarding(async () => {
    const given = (await answers(id)).length;
    if (given < 2 + sent) return false;
    if (sent === 4) return true;
    sent += 1;
    expect(await setup('attach', id)).toMatchObject({ exit: 0 });
    await setup('send', id, '--message', create(`more ${sent}`));
    return false;
  });
  expect(done.stdout).toContain('6 allowed, 0 denied, 0 left');
  expect(await answers(id)).toHaveLength(6);
  expect(world.sandbox.services.notion.calls.filter(({ tool }) => tool === 'notion-create-pages')).toHaveLength(6);
});

test('arguments beyond what is looked through are left to people', async () => {
  await rules({ all: { service: 'notion', arguments: { '/pages/0/title': { matches: '^x+$' } }, outcome: 'allow' } });
  const id = await asking('x'.repeat(2 ** 20 + 1), 'x');
  const done = await guarding(async () => (await answers(id)).length === 1);
  expect(done.stdout).toContain('longer than 1 MiB');
  expect(done.stdout).toContain('1 allowed, 0 denied, 1 left to people');
});

test('a rule asks how the owner had signed in as the session began, which only the record can tell [P2]', async () => {
  const assured = (title: string, assurance: Content) => ({
    service: 'notion',
    arguments: { '/pages/0/title': { equals: title } },
    assurance,
    outcome: 'allow',
  });
  await rules({
    known: assured('a', { acr: [contexts.password], amr: ['pwd'], max_age: '12h' }),
    strong: assured('b', { amr: ['mfa'] }),
    none: { service: 'notion', arguments: { '/pages/0/title': { equals: 'z' } }, outcome: 'deny' },
  });
  const ids = [await asking('a', 'b'), await asking('a', 'z'), await asking('a', 'z')];
  const guardOne = async (id = '') => await guarding(async () => (await answers(id)).length === 1, id);
  const shown = await guardOne(ids[0]);
  expect(shown.stdout).toContain('1 allowed, 0 denied, 1 left to people');
  expect(shown.stdout).toMatch(/^left: .*: no rule holds$/m);
  const record = join(machine, 'state', 'record');
  const file = join(record, 'record-000001.jsonl');
  const text = await readFile(file, 'utf8');
  const starts = text.split('\n').flatMap((line) => {
    const { act, actor } = (readLine(line)?.entry ?? {}) as Content;
    return act === 'session.create' ? [actor] : [];
  });
  expect(starts).toHaveLength(3);
  const claims = { acr: contexts.password, amr: ['pwd'], auth_time: expect.any(Number) };
  for (const actor of starts) expect(actor).toMatchObject({ kind: 'person', proof: 'sso', ...claims });
  // A record that somebody edited says nothing of anybody, and where it is another one no line does.
  await writeFile(file, text.replace('"label":"', '"label":"x'));
  expect((await guardOne(ids[1])).stdout).toMatch(
    /^left: .*rules\.known: it cannot be judged: the record .* is not as it was written$/m,
  );
  await rename(record, `${record}-elsewhere`);
  const unknown = await guardOne(ids[2]);
  expect(unknown.stdout).toMatch(/^left: .*: no rule holds$/m);
  expect(unknown.stdout).toContain('0 allowed, 1 denied, 1 left to people');
});

test.each([
  [
    'drift',
    'the configuration became another one',
    () =>
      world.configure('interface.yaml', (content) => {
        content.sessions = { offer_to_end_after: '9d' };
      }),
  ],
  [
    'offboarded',
    'whoever runs it was off-boarded',
    () => world.connect(['offboard', subject('grace'), '--yes-offboard', subject('grace')], { person: 'ada' }),
  ],
])('a guard ends with %s before its next answer once %s', async (code, _what, happen) => {
  await world.connect(['notion'], { person: 'grace' });
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [subject('ada'), subject('grace')] };
  });
  await rules({ none: { service: 'notion', outcome: 'deny', message: 'no' } });
  let ahead = 0;
  const clock = { ...machineClock, monotonic: () => machineClock.monotonic() + ahead };
  const end = new AbortController();
  const running = world.setup(['guard', '--all'], { person: 'grace', clock, signal: end.signal });
  const first = await asking('a');
  await expect.poll(async () => (await answers(first)).length, { timeout: 20_000 }).toBe(1);
  // It is in the middle of a list of sessions when it is so, and another call comes.
  const { faults, log } = world.sandbox.platform.control;
  faults.add({ on: 'GET /v1/sessions', fault: { kind: 'slow-body', waitMs: 4000, pieces: 1 }, times: Infinity });
  const lists = () => log.count(({ method, path }) => method === 'GET' && path === '/v1/sessions');
  const before = lists();
  await setup('attach', first);
  await happen();
  await expect.poll(lists, { timeout: 20_000 }).toBeGreaterThan(before + 1);
  ahead = 16_000;
  await setup('send', first, '--message', create('b'));
  const ended = await running;
  expect(ended.stderr).toContain(`[${code}]`);
  expect(await answers(first)).toHaveLength(1);
});

test('a guard answers nobody it should not, and begins with no rules not at all', async () => {
  expect((await setup('guard')).stderr).toContain('[config_missing]');
  await rules({ all: { service: 'notion', outcome: 'allow' } });
  expect((await world.setup(['guard', '--all'], { folder: machine })).stderr).toContain('[not_allowed]');
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [subject('ada')] };
  });
  const id = await asking('a');
  const done = await guarding(async () => (await answers(id)).length === 1, '--all');
  expect(done.exit).toBe(0);
  const altered = await asking('b');
  await world.client.beta.sessions.update(altered, { metadata: { more: 'x' } });
  const end = new AbortController();
  const hearResult = (said: string) => void (said.includes('is not what was started') && end.abort());
  await world.setup(['guard', altered], { folder: machine, signal: end.signal, hearResult });
  expect(await answers(altered)).toEqual([]);
});

test('rules test says for which calls a file would change what happens', async () => {
  await rules({ all: { service: 'notion', outcome: 'allow' } });
  const file = join(machine, 'notion.yaml');
  await writeFile(
    file,
    stringify({
      rules: {
        x: { service: 'notion', arguments: { '/t': { equals: 'x' } }, outcome: 'deny' },
        rest: { service: 'notion', outcome: 'allow' },
      },
    }),
  );
  const calls = join(machine, 'calls.jsonl');
  const call = (t: string) =>
    JSON.stringify({ service: 'notion', tool: 'notion-search', agent: 'support', arguments: { t } });
  await writeFile(calls, `${call('x')}\n${call('y')}\n`);
  const tested = await setup('rules', 'test', file, '--calls', calls, '--config', world.sandbox.configFolder);
  expect([tested.exit, tested.stdout]).toEqual([0, expect.stringContaining('1 of 2 calls would end otherwise')]);
  expect(tested.stdout).toContain('allow -> deny');
  // What a guard leaves to people is not said to be allowed: a sub-agent's call, and one of a session that is too old.
  const at = '2026-11-30T10:00:00Z';
  const past = (more: Content) => JSON.stringify({ ...JSON.parse(call('y')), at, ...more });
  await writeFile(file, stringify({ rules: { all: { service: 'notion', session_age: '1h', outcome: 'deny' } } }));
  await writeFile(
    calls,
    [
      past({ session_began: '2026-11-30T09:30:00Z' }),
      past({ session_began: '2026-11-30T08:00:00Z' }),
      past({ thread: 'sthr_x' }),
    ].join('\n'),
  );
  const aged = await setup('rules', 'test', file, '--calls', calls, '--json');
  expect(
    (JSON.parse(aged.stdout) as Content).changes.map(({ before, after }: Content) => [before.outcome, after.outcome]),
  ).toEqual([
    ['allow', 'deny'],
    ['allow', 'person'],
  ]);
  // How the owner had signed in is in the file where it was known.
  await writeFile(
    file,
    stringify({ rules: { all: { outcome: 'allow' }, no: { assurance: { amr: ['mfa'] }, outcome: 'deny' } } }),
  );
  const signedIn = ['mfa', 'pwd'].map((amr) => past({ sign_in: { amr: [amr] } }));
  await writeFile(calls, [...signedIn, past({})].join('\n'));
  const assured = await setup('rules', 'test', file, '--calls', calls, '--json');
  expect((JSON.parse(assured.stdout) as Content).changes.map(({ after }: Content) => after.outcome)).toEqual([
    'deny',
    'person',
  ]);
  await writeFile(
    file,
    stringify({ rules: { x: { service: 'notion', arguments: { '/t': { matches: '(?=x)' } }, outcome: 'deny' } } }),
  );
  const wrong = await setup('rules', 'test', file);
  expect([wrong.exit, wrong.stderr]).toEqual([2, expect.stringContaining('no RE2 pattern')]);
});
