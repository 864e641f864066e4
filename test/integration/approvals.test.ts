/** Calls that somebody else than the owner of the session approves: one inbox, and what a yes is worth. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { machineClock } from '../../internal/clock/clock.ts';
import { readLine } from '../../internal/record/line.ts';
import { fileStores } from '../../internal/stores/files/kept-files.ts';
import { formatToolsLock, parseToolsLock } from '../../internal/tool-review/lock.ts';
import type { PersonName } from '../sandbox/people.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
let machine: string;

const text = (title = 'x') => `call notion notion-create-pages {"pages":[{"title":"${title}"}]}`;
/** Everybody has a machine of their own. What waits for another yes is kept where all of them look, as a console would. */
const at = async (person: PersonName) => {
  const folder = join(machine, person);
  const own = fileStores({ cache: join(folder, 'cache'), state: join(folder, 'state') });
  const { approvals } = fileStores({ cache: join(machine, 'shared'), state: join(machine, 'shared') });
  return { person, folder, kept: { stores: async () => ({ ...own, approvals }) } };
};
const as = async (person: PersonName, ...argv: string[]) => await world.setup(argv, await at(person));
const subject = (person: PersonName) => world.sandbox.people[person].subject;
const inbox = async (person: PersonName) =>
  (await world.setupJson(['approvals'], await at(person)))['asks'] as Content[];
const answers = async (id: string) =>
  (await world.client.beta.sessions.events.list(id, { types: ['user.tool_confirmation'] } as never)).data as Content[];
const words = (command: string) => command.replace(/^setup-session /, '').split(' ');

/** Who approves what. */
async function approving(notion: Content, more: Content = {}) {
  await world.configure('interface.yaml', (content) => {
    content.approvals = { ...more, services: { notion } };
  });
}

/** Where yeses are that wait for another one. */
async function keptYeses(): Promise<string> {
  const folders = [join(machine, 'shared'), join(world.keptIn(join(machine, 'shared')), 'state')];
  for (const each of folders)
    if ((await readdir(each).catch((): string[] => [])).includes('approvals')) return join(each, 'approvals');
  throw new Error('no yes was kept');
}

async function waiting(title?: string): Promise<{ id: string; call: Content }> {
  const asked = await as('ada', '--agent', 'support', '--json', '--message', text(title));
  expect([asked.exit, asked.stderr]).toEqual([8, expect.any(String)]);
  const { session_id: id, asks } = JSON.parse(asked.stdout) as Content;
  return { id, call: asks[0] };
}

/** The answers of somebody in the record of their machine, or of the console of all, and what they asked of the platform, in their order. */
async function recorded(person: PersonName): Promise<Content[]> {
  const folder = world.keptIn(join(machine, person));
  const file = await readFile(join(folder, 'state', 'record', 'record-000001.jsonl'), 'utf8').catch(() => '');
  if (file === '') return [];
  const entries = file
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line)?.entry as Content);
  expect(entries).not.toContain(undefined);
  return entries.filter(
    ({ kind, act, actor }) => (kind === 'answer' || act === 'session.answer') && actor.subject === subject(person),
  );
}

beforeEach(async () => {
  machine = await world.machine();
  expect((await world.connect(['notion'], await at('ada'))).exit).toBe(0);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  await world.apply('support');
});

describe('one approver', () => {
  test('sees the call in their inbox, and answers it with the command that stands there; its owner cannot [P7]', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    expect(await inbox('linus')).toEqual([]);
    const [own] = await inbox('ada');
    expect(own).toMatchObject({ as: 'owner', session_id: id, approvers: 'somebody of the group "support"' });
    const yes = ['answer', id, call.event_id, '--yes', '--digest', call.digest];
    const mine = await as('ada', ...yes);
    expect([mine.exit, mine.stderr]).toEqual([3, expect.stringContaining("is not its owner's to give")]);
    expect([await answers(id), await recorded('ada')]).toEqual([[], []]);

    const [seen] = await inbox('grace');
    expect(seen).toMatchObject({ as: 'approver', digest: call.digest, arguments: { pages: [{ title: 'x' }] } });
    const shown = await as('grace', 'approvals');
    expect(shown.stdout).toContain('arguments: {"pages":[{"title":"x"}]}');
    const command = /yes: (setup-session .*)/.exec(shown.stdout)?.[1] ?? '';
    const given = await as('grace', ...words(command));
    expect([given.exit, given.stdout]).toEqual([0, 'notion notion-create-pages: yes\n']);
    expect(await answers(id)).toHaveLength(1);
    const told = JSON.parse((await as('grace', 'audit', 'show', '--act', 'answer.give', '--json')).stdout) as Content;
    expect(told.acts).toMatchObject([
      {
        actor: { subject: subject('grace') },
        session: id,
        given: { answer: 'yes', as: 'approver', digest: call.digest, service: 'notion' },
        outcome: null,
      },
    ]);
    expect((await as('grace', 'audit', 'show', '--service', 'notion')).stdout).toContain(
      `yes as approver, bound to ${call.digest}`,
    );
    const [answer, intent] = await recorded('grace');
    expect(answer).toMatchObject({
      kind: 'answer',
      actor: { subject: subject('grace') },
      answer: 'yes',
      as: 'approver',
      rule: 'interface.yaml: approvals.services.notion.every',
      ask: {
        session: id,
        call: call.event_id,
        digest: call.digest,
        service: 'notion',
        tool: 'notion-create-pages',
        server: world.sandbox.services.notion.mcpUrl,
        agent: expect.stringMatching(/^agent_/),
        version: expect.stringMatching(/^\d+$/),
        policy: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    expect(intent).toMatchObject({ kind: 'intent', act: 'session.answer', actor: { subject: subject('grace') } });
    expect(await inbox('grace')).toEqual([]);
    // Once more, and by somebody else, is harmless.
    for (const person of ['grace', 'mallory'] as const) {
      const again = await as(person, ...words(command));
      expect([again.exit, again.stdout]).toEqual([0, 'notion notion-create-pages: was answered already: yes\n']);
    }
    expect(await answers(id)).toHaveLength(1);
  });

  test('refuses it with a reason, and so does its owner', async () => {
    await approving({ tools: { 'notion-create-pages': { principals: [subject('grace')] } } });
    const [one, two] = [await waiting(), await waiting('y')];
    expect(await as('grace', 'answer', one.id, one.call.event_id, '--no', 'not now')).toMatchObject({ exit: 0 });
    expect(await as('ada', 'answer', two.id, two.call.event_id, '--no', 'not now')).toMatchObject({ exit: 0 });
    const kept = [...(await recorded('grace')), ...(await recorded('ada'))];
    expect(kept.filter(({ kind }) => kind === 'answer')).toMatchObject([
      { answer: 'no', as: 'approver' },
      { answer: 'no', as: 'owner' },
    ]);
  });

  test('of another tool, group or service is nobody here', async () => {
    await approving({ tools: { 'notion-search': { groups: ['support'] } } });
    const { id, call } = await waiting();
    expect(await inbox('grace')).toEqual([]);
    const refused = await as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    // Its owner answers what nobody approves.
    expect(await as('ada', 'answer', id, call.event_id, '--yes', '--digest', call.digest)).toMatchObject({ exit: 0 });
  });

  test('sees no arguments where they may not see the service, and then only says no [P4]', async () => {
    await approving({ every: { principals: [subject('linus')] } });
    const { id, call } = await waiting('secret plan');
    const shown = await as('linus', 'approvals');
    expect([shown.exit, shown.stdout]).toEqual([0, expect.stringContaining('you may not see its arguments')]);
    expect(shown.stdout + JSON.stringify(await inbox('linus'))).not.toContain('secret plan');
    expect(await inbox('linus')).toMatchObject([{ arguments: null, digest: null }]);
    const terminal = fakeTerminal();
    for (const more of [['--digest', call.digest], []]) {
      const refused = await world.setup(['answer', id, call.event_id, '--yes', ...more], {
        ...(await at('linus')),
        terminal,
      });
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('may not see the arguments')]);
      expect(refused.stderr).toContain('the claim "groups" of the ID token says');
      expect(refused.stderr).not.toContain('secret plan');
    }
    expect(await answers(id)).toEqual([]);
    expect(await as('linus', 'answer', id, call.event_id, '--no', 'cannot see it')).toMatchObject({ exit: 0 });
  });

  test('gives no result of what runs outside the platform, whose arguments they may not see [P4]', async () => {
    const rules = join(world.sandbox.configFolder, 'rules');
    await mkdir(rules, { recursive: true });
    await writeFile(join(rules, 'all.yaml'), 'rules: { all: { outcome: person, approvers: { groups: [support] } } }');
    const { id } = await waiting();
    const { control } = world.sandbox.platform;
    const [call = ''] = control.addEvents(id, [
      { type: 'agent.custom_tool_use', name: 'plan', input: { plan: 'secret plan' } },
    ]);
    const reason = { type: 'requires_action', event_ids: [call] };
    control.addEvents(id, [{ type: 'session.status_idle', stop_reason: reason }]);
    const own = await inbox('ada');
    const { digest } = own.find(({ event_id }) => event_id === call) as Content;
    for (const more of [['--digest', String(digest)], []]) {
      const terminal = fakeTerminal();
      const refused = await world.setup(['answer', id, call, '--result', 'done', ...more], {
        ...(await at('grace')),
        terminal,
      });
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('may not see the arguments')]);
      expect(refused.stderr).not.toContain('secret plan');
    }
    expect(await recorded('grace')).toEqual([]);
  });

  /** What grace is told, who says yes when this has happened while she read a call. */
  async function meanwhile(happen: (id: string) => Promise<unknown>): Promise<string> {
    const { id, call } = await waiting();
    const terminal = fakeTerminal();
    let begun: Promise<unknown> | undefined;
    const hear = (said: string) => {
      if (!said.includes('[y/N]')) return;
      begun ??= happen(id).then(() => terminal.type('y\n'));
    };
    const refused = await world.setup(['answer', id, call.event_id, '--yes'], {
      ...(await at('grace')),
      terminal,
      hear,
    });
    await begun;
    expect([await answers(id), await recorded('grace')]).toEqual([[], []]);
    return refused.stderr;
  }

  test('reads a call while the configuration or the session becomes another one: their yes is none', async () => {
    await approving({ every: { groups: ['support'] } });
    const changed = await meanwhile((id) => world.client.beta.sessions.update(id, { metadata: { more: 'x' } }));
    expect(changed).toContain('[session_altered]');
    const ended = await meanwhile((id) => world.client.beta.sessions.archive(id));
    expect(ended).toMatch(/\[(session_ended|call_over)\]/);
    const other = await meanwhile(() => approving({ every: { groups: ['support'] } }, { valid_for: '14m' }));
    expect(other).toContain('[drift]');
  });

  test('reads a call while its tool loses its review, or its agent is put in force anew: their yes is none [P4]', async () => {
    await approving({ every: { groups: ['support'] } });
    const lockAt = (name: string) => join(world.sandbox.configFolder, name);
    const tool = 'notion-create-pages';
    for (const words of [
      ['refresh', 'notion'],
      ['review', 'notion', '--accept', tool],
    ])
      expect((await as('ada', 'tools', ...words)).exit).toBe(0);
    const reviewed = await readFile(lockAt('tools.lock.json'), 'utf8');
    const unreviewed = await meanwhile(async () => {
      const lock = parseToolsLock(reviewed, 'tools.lock.json');
      const notion = lock.get('notion');
      const pinned = notion?.tools.get(tool);
      if (notion === undefined || pinned?.review === undefined) throw new Error('it was not reviewed');
      const tools = new Map([...notion.tools, [tool, { ...pinned, review: undefined }]]);
      lock.set('notion', { ...notion, tools });
      await writeFile(lockAt('tools.lock.json'), formatToolsLock(lock));
    });
    expect(unreviewed).toContain('is not what was reviewed: new');
    await writeFile(lockAt('tools.lock.json'), reviewed);
    const anew = await meanwhile(async () => {
      const lock = JSON.parse(await readFile(lockAt('agents.lock.json'), 'utf8')) as Content;
      lock.agents.support.id = 'agent_other';
      await writeFile(lockAt('agents.lock.json'), JSON.stringify(lock));
    });
    expect(anew).toContain('is not the agent "support" that is in force');
  });

  test.each(['allow', 'deny'] as const)(
    'reads a call that is answered elsewhere meanwhile (%s): theirs is none, and is told so',
    async (result) => {
      await approving({ every: { groups: ['support'] } });
      const { id, call } = await waiting();
      const terminal = fakeTerminal();
      let foreign: Promise<unknown> | undefined;
      const hear = (said: string) => {
        if (!said.includes('[y/N]')) return;
        const answer = { type: 'user.tool_confirmation', tool_use_id: call.event_id, result };
        foreign ??= world.client.beta.sessions.events
          .send(id, { events: [answer] } as never)
          .then(() => terminal.type('y\n'));
      };
      const late = await world.setup(['answer', id, call.event_id, '--yes'], {
        ...(await at('grace')),
        terminal,
        hear,
      });
      await foreign;
      const word = result === 'allow' ? 'yes' : 'no';
      expect([late.exit, late.stdout + late.stderr]).toEqual([
        result === 'allow' ? 0 : 1,
        expect.stringMatching(new RegExp(`was answered already: ${word}|answered .*${word}`)),
      ]);
      expect(await answers(id)).toMatchObject([{ result }]);
      expect(await recorded('grace')).toEqual([]);
    },
  );

  test('reads a call whose arguments become others meanwhile: their yes is bound to what they read', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    const { control } = world.sandbox.platform;
    const terminal = fakeTerminal();
    let changed: (() => void) | undefined;
    const hear = (said: string) => {
      if (!said.includes('[y/N]') || changed !== undefined) return;
      changed = control.tamper('* /v1/sessions/:session/events', (json) =>
        JSON.parse(JSON.stringify(json).replaceAll('"title":"x"', '"title":"z"')),
      );
      void terminal.type('y\n');
    };
    const refused = await world.setup(['answer', id, call.event_id, '--yes'], {
      ...(await at('grace')),
      terminal,
      hear,
    });
    changed?.();
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[digest_differs]')]);
    expect([await answers(id), await recorded('grace')]).toEqual([[], []]);
  });

  test('whose yes the platform refuses has given none, and the record says both [P7]', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    const on = 'POST /v1/sessions/:session/events';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 400 } });
    const yes = ['answer', id, call.event_id, '--yes', '--digest', call.digest];
    const refused = await as('grace', ...yes);
    expect([refused.exit, refused.stdout]).toEqual([1, '']);
    expect(await answers(id)).toEqual([]);
    const told = JSON.parse(
      (await as('grace', 'audit', 'show', '--act', 'session.answer', '--json')).stdout,
    ) as Content;
    expect(told.acts).toMatchObject([{ actor: { subject: subject('grace') }, outcome: 'failure' }]);
    // It waits as before, and another yes is one.
    expect(await inbox('grace')).toHaveLength(1);
    expect(await as('grace', ...yes)).toMatchObject({ exit: 0 });
    expect(await answers(id)).toHaveLength(1);
  });

  test('who is out of the group since it was asked sees and answers nothing [P2]', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    expect(await inbox('grace')).toHaveLength(1);
    const grace = world.sandbox.people.grace as { groups: readonly string[] };
    const { groups } = grace;
    onTestFinished(() => void Object.assign(grace, { groups }));
    grace.groups = groups.filter((group) => group !== 'support');
    expect(await inbox('grace')).toEqual([]);
    for (const answer of [
      ['--yes', '--digest', call.digest],
      ['--no', 'x'],
    ]) {
      expect((await as('grace', 'answer', id, call.event_id, ...answer)).exit).not.toBe(0);
    }
    expect([await answers(id), await recorded('grace')]).toEqual([[], []]);
  });

  test('signs in as the entry requires, now [P2]', async () => {
    await approving({ every: { groups: ['support'], require: { acr: ['gold'] } } });
    const { id, call } = await waiting();
    const refused = await as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[assurance_missing]')]);
    expect(refused.visited.map((url) => new URL(url).searchParams.get('acr_values'))).toEqual([null, 'gold']);
    expect(await answers(id)).toEqual([]);
  });

  test('two of them at once answer once', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    const yes = ['answer', id, call.event_id, '--yes', '--digest', call.digest];
    const all = await Promise.all([
      as('grace', ...yes),
      as('grace', ...yes),
      as('mallory', ...yes),
      world.setup(yes, { person: 'mallory' }),
    ]);
    expect(all.map(({ exit, stderr }) => [exit, stderr])).toEqual(all.map(({ stderr }) => [0, stderr]));
    expect(await answers(id)).toHaveLength(1);
  });

  test('says no yes in a session that was changed, that has ended, or whose owner was off-boarded', async () => {
    await approving({ every: { groups: ['support'] } });
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [subject('grace')] };
    });
    const [changed, ended, theirs] = [await waiting('a'), await waiting('b'), await waiting('c')];
    const yes = ({ id, call }: typeof changed) =>
      as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
    await world.client.beta.sessions.update(changed.id, { metadata: { more: 'x' } });
    expect((await yes(changed)).stderr).toContain('[session_altered]');
    await world.client.beta.sessions.archive(ended.id);
    expect((await yes(ended)).stderr).toMatch(/\[(session_ended|call_over)\]/);
    const on = 'POST /v1/sessions/:session/archive';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status: 409 }, times: Infinity });
    await as('grace', 'approvals');
    await world.connect(['offboard', subject('ada'), '--yes-offboard', subject('ada')], { person: 'grace' });
    expect((await yes(theirs)).stderr).toMatch(/\[(offboarded|session_altered|call_over)\]/);
    for (const { id } of [changed, ended, theirs]) {
      expect((await answers(id)).filter(({ result }) => result === 'allow')).toEqual([]);
    }
  });

  test('says no yes where the agent does not have the tool any more [P5]', async () => {
    await approving({ every: { groups: ['support'] } });
    const { id, call } = await waiting();
    await world.configure('agents/support.yaml', (content) => {
      content.services.notion.write = 'off';
    });
    const refused = await as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('is off for the agent')]);
    expect(await answers(id)).toEqual([]);
  });

  test('who was off-boarded sees and answers nothing, and does again when they were let in again', async () => {
    await world.connect(['notion'], { person: 'grace' });
    await approving({ every: { groups: ['support'] } });
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [subject('ada')] };
    });
    const { id, call } = await waiting();
    expect(await inbox('grace')).toHaveLength(1);
    await world.connect(['offboard', subject('grace'), '--yes-offboard', subject('grace')], { person: 'ada' });
    for (const argv of [
      ['approvals'],
      ['answer', id, call.event_id, '--yes', '--digest', call.digest],
      ['answer', id, call.event_id, '--no', 'x'],
    ]) {
      expect((await as('grace', ...argv)).stderr).toContain('[offboarded]');
    }
    expect(await answers(id)).toEqual([]);
    // The vault with the mark stays archived, and a new one says that they are here.
    await world.connect(['offboard', subject('grace'), '--undo', '--yes-undo', subject('grace')], { person: 'ada' });
    expect(await inbox('grace')).toHaveLength(1);
    const given = await as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([given.exit, given.stderr]).toEqual([0, expect.any(String)]);
  });
});

describe('two people', () => {
  const yes = (person: PersonName, { id, call }: { id: string; call: Content }) =>
    as(person, 'answer', id, call.event_id, '--yes', '--digest', call.digest);

  beforeEach(() => approving({ every: { groups: ['support'], persons: 2 } }));

  test('both have to say yes, neither twice nor for another call', async () => {
    const [ask, other] = [await waiting(), await waiting('y')];
    const first = await yes('grace', ask);
    expect([first.exit, first.stdout]).toEqual([0, expect.stringMatching(/: yes, and waits for another until \d{4}-/)]);
    expect(first.stderr).toMatch(/another person has to say yes until \S+, on this machine or at the same console/);
    const asks = new Map((await inbox('mallory')).map((each) => [each.session_id, each]));
    expect(asks.get(ask.id)).toMatchObject({ yeses: [{ by: 'grace@example.test' }] });
    expect(asks.get(other.id)).toMatchObject({ yeses: [] });
    await yes('grace', ask);
    expect((await yes('ada', ask)).stderr).toContain('[not_allowed]');
    await yes('mallory', other);
    expect([await answers(ask.id), await answers(other.id)]).toEqual([[], []]);
    expect(await yes('mallory', ask)).toMatchObject({ exit: 0, stdout: 'notion notion-create-pages: yes\n' });
    expect(await answers(ask.id)).toHaveLength(1);
    const kept = [...(await recorded('grace')), ...(await recorded('mallory'))];
    expect(kept.filter(({ kind, answer }) => kind === 'answer' && answer === 'yes')).toHaveLength(4);
  });

  test.each([
    [
      'is out of the entry',
      () => approving({ every: { principals: [subject('mallory'), subject('linus')], persons: 2 } }),
    ],
    [
      'was before another policy',
      () => approving({ every: { groups: ['support'], persons: 2 } }, { valid_for: '14m' }),
    ],
    [
      'was off-boarded',
      async () => {
        await world.connect(['offboard', subject('grace'), '--yes-offboard', subject('grace')], { person: 'ada' });
      },
    ],
  ])('the first counts no more once whoever gave it %s', async (_what, happen) => {
    await world.connect(['notion'], { person: 'grace' });
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [subject('ada')] };
    });
    const ask = await waiting();
    await yes('grace', ask);
    await happen();
    const second = await yes('mallory', ask);
    expect([second.exit, second.stdout]).toEqual([0, expect.stringContaining('waits for another')]);
    expect(await answers(ask.id)).toEqual([]);
  });

  test('the first ends: time that passes is never a yes', async () => {
    await approving({ every: { groups: ['support'], persons: 2 } }, { valid_for: '1s' });
    const ask = await waiting();
    await yes('grace', ask);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await yes('mallory', ask)).stdout).toContain('waits for another');
    expect(await answers(ask.id)).toEqual([]);
  });

  test('a yes that was kept for one call is none for another, nor where somebody wrote it', async () => {
    const [ask, other] = [await waiting(), await waiting('y')];
    await yes('grace', ask);
    const folder = await keptYeses();
    const [kept = ''] = await readdir(folder);
    const text = await readFile(join(folder, kept), 'utf8');
    // Its name is a digest of session and call: the one of the other call is made by a yes to it.
    await yes('grace', other);
    for (const name of await readdir(folder)) await writeFile(join(folder, name), text);
    expect((await yes('mallory', other)).stdout).toContain('waits for another');
    for (const name of await readdir(folder)) await writeFile(join(folder, name), '{"yeses_version":1,"yeses":[{}]}');
    expect((await yes('mallory', ask)).stdout).toContain('waits for another');
    expect([await answers(ask.id), await answers(other.id)]).toEqual([[], []]);
  });

  test('one of them says no: that is the end of it', async () => {
    const ask = await waiting();
    await yes('grace', ask);
    expect(await as('mallory', 'answer', ask.id, ask.call.event_id, '--no', 'x')).toMatchObject({ exit: 0 });
    expect((await yes('grace', ask)).stderr).toContain('[call_over]');
    expect(await answers(ask.id)).toMatchObject([{ result: 'deny' }]);
  });
});

describe('watching', () => {
  test('tells each call once, when it comes', async () => {
    await approving({ every: { groups: ['support'] } });
    const first = await waiting();
    const watching = as('grace', 'approvals', '--watch', '--timeout', '6', '--json-events');
    const second = await waiting('y');
    const { exit, stdout, stderr } = await watching;
    expect([exit, stderr]).toEqual([0, stderr]);
    const events = stderr.split('\n').filter((line) => line.includes('"event":"ask"'));
    expect(events.map((line) => (JSON.parse(line) as Content).session).sort()).toEqual([first.id, second.id].sort());
    expect(stdout.match(/^notion notion-create-pages: /gm)).toHaveLength(2);
  });
});

test('whoever watches is shown nothing more once they were off-boarded', async () => {
  await world.connect(['notion'], { person: 'grace' });
  await approving({ every: { groups: ['support'] } });
  await world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [subject('ada')] };
  });
  let ahead = 0;
  const clock = { ...machineClock, monotonic: () => machineClock.monotonic() + ahead };
  let heard = '';
  const watching = world.setup(['approvals', '--watch', '--timeout', '600', '--json-events'], {
    ...(await at('grace')),
    clock,
    hear: (said) => {
      heard += said;
    },
  });
  await waiting('first');
  await expect.poll(() => heard, { timeout: 20_000 }).toContain('"event":"ask"');
  await world.connect(['offboard', subject('grace'), '--yes-offboard', subject('grace')], { person: 'ada' });
  ahead = 16_000;
  await waiting('secret plan');
  const { stdout, stderr } = await watching;
  expect(stderr).toContain('"code":"offboarded"');
  expect([stdout.includes('first'), stdout.includes('secret plan')]).toEqual([true, false]);
});

test('nobody answers what cannot be put on the record [P7]', async () => {
  await approving({ every: { groups: ['support'] } });
  const { id, call } = await waiting();
  const folder = join(machine, 'grace', 'state', 'record');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'record-000001.jsonl'), 'no line of a record\n', { mode: 0o600 });
  const refused = await as('grace', 'answer', id, call.event_id, '--yes', '--digest', call.digest);
  expect([refused.exit, refused.stderr]).toEqual([6, expect.stringContaining('[record_unwritable]')]);
  expect(await answers(id)).toEqual([]);
});
