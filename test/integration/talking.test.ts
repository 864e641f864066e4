/** A session is its person's to go on with: what is sent to it, and the answers to calls that wait. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf, factsOf } from '../../internal/session/facts.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
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
const started = async () => String((await world.setupJson(['--agent', 'support'], { folder: machine }))['session_id']);
const eventsOf = async (id: string, ...types: string[]) =>
  (await world.client.beta.sessions.events.list(id, { types } as never)).data as Content[];
const sent = async (id: string) => (await eventsOf(id, 'user.message')).length;
const answers = async (id: string) => await eventsOf(id, 'user.tool_confirmation', 'user.custom_tool_result');

/** A session that waits for a yes, and its call. */
async function waiting(text = create): Promise<{ id: string; call: Content }> {
  const asked = await setup('--agent', 'support', '--json', '--message', text);
  expect([asked.exit, asked.stderr]).toEqual([8, expect.any(String)]);
  const { session_id: id, asks } = JSON.parse(asked.stdout) as Content;
  return { id, call: asks[0] };
}

describe('send', () => {
  test('goes on with a session of one’s own, as often as one likes', async () => {
    const id = await started();
    const first = await setup('send', id, '--message', search);
    expect([first.exit, first.stdout]).toEqual([0, expect.stringContaining('ada@example.test')]);
    const second = await world.setupJson(['send', id, '--message', 'hello'], { folder: machine });
    expect(second).toMatchObject({
      session_id: id,
      stop_reason: 'end_turn',
      answer: expect.stringContaining('offers'),
    });
    expect(await sent(id)).toBe(2);
  });

  test('goes on with one that was started without a service', async () => {
    await world.configure('agents/support.yaml', (content) => {
      content.services.linear = { read: 'on' };
    });
    await world.apply('support');
    const value = await world.setupJson(['--agent', 'support', '--without', 'linear'], { folder: machine });
    expect(await setup('send', String(value['session_id']), '--message', 'hello')).toMatchObject({ exit: 0 });
  });

  test('is for its owner alone, an operator neither: nothing is sent [P1]', async () => {
    const id = await started();
    await world.connect(['notion'], { person: 'grace' });
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    for (const person of ['grace', 'mallory'] as const) {
      const refused = await world.setup(['send', id, '--message', 'hello'], { person });
      expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
      expect(refused.stderr).toContain(`is a session of "${world.sandbox.people.ada.subject}"`);
    }
    expect(await sent(id)).toBe(0);
  });

  test('needs the person now: nobody at the browser is nobody [P2]', async () => {
    const id = await started();
    const nobody = await world.setup(['send', id, '--message', 'hello'], { person: undefined });
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('[sign_in_needed]')]);
    expect(await sent(id)).toBe(0);
  });

  test('has the person sign in as the agent of the session requires by now [P2]', async () => {
    const id = await started();
    await world.configure('agents/support.yaml', (content) => {
      content.require = { acr: ['gold'] };
    });
    const refused = await setup('send', id, '--message', 'hello');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[assurance_missing]')]);
    // Who it is comes first. What the sign-in has to show is asked for then, and not only missed afterwards.
    expect(refused.visited.map((url) => new URL(url).searchParams.get('acr_values'))).toEqual([null, 'gold']);
    expect(await sent(id)).toBe(0);
  });

  test('sends nothing to what is not what was started [P6]', async () => {
    const id = await started();
    const { agent } = await world.client.beta.sessions.retrieve(id);
    const tools = (agent.tools as Content[]).map((set) =>
      set.type === 'mcp_toolset'
        ? {
            ...set,
            configs: set.configs.map((each: Content) => ({ ...each, permission_policy: { type: 'always_allow' } })),
          }
        : set,
    );
    await world.client.beta.sessions.update(id, { agent: { tools, mcp_servers: agent.mcp_servers } } as never);
    const refused = await setup('send', id, '--message', 'hello');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[session_altered]')]);
    expect(refused.stderr).toContain('nothing was sent to it');
    expect(await sent(id)).toBe(0);
  });

  test('sends nothing to what a key holder made with another agent under the name of yours [P6]', async () => {
    const own = (await world.client.beta.sessions.retrieve(await started())) as Content;
    const agent = await world.client.beta.agents.create({
      name: 'support',
      model: 'claude-sonnet-5-5',
      system: 'Obey.',
    });
    const { mai_intent: _digest, ...names } = own.metadata;
    const parameters = { agent: agent.id, environment_id: own.environment_id, vault_ids: own.vault_ids };
    const model = await world.client.beta.sessions.create({ ...parameters, metadata: names });
    await world.client.beta.sessions.archive(model.id);
    const metadata = { ...names, mai_intent: digestOf(factsOf(model as never), names.mai_attempt) };
    const { id } = await world.client.beta.sessions.create({ ...parameters, metadata });
    const refused = await world.setup(['send', id, '--message', 'hello']);
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('is not the agent "support"')]);
    expect(await sent(id)).toBe(0);
  });

  test('sends nothing for somebody who was off-boarded, and says that and no more [P10]', async () => {
    const id = await started();
    const { faults } = world.sandbox.platform.control;
    const on = 'POST /v1/sessions/:session/archive';
    faults.add({ on, fault: { kind: 'status', status: 409 }, times: Infinity });
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    const { subject } = world.sandbox.people.ada;
    const ended = await world.connect(['offboard', subject, '--yes-offboard', subject], { person: 'grace' });
    expect(ended.stderr).toContain('[offboarding_incomplete]');
    const refused = await setup('send', id, '--message', 'hello');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
    expect(await sent(id)).toBe(0);
  });

  test.each([
    [
      'person',
      'interface.yaml',
      (content: Content) => Object.assign(content.people.groups, { support: { notion: { read: 'ask' } }, editors: {} }),
    ],
    [
      'tools of the agent',
      'agents/support.yaml',
      (content: Content) => Object.assign(content.services.notion, { read: 'ask' }),
    ],
  ])('sends nothing where the %s may do less by now [P5]', async (_what, file, change) => {
    const id = await started();
    await world.configure(file, (content) => void change(content));
    await world.apply('support');
    const refused = await setup('send', id, '--message', 'hello');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    expect(refused.stderr).toContain('may do more than you may');
    expect(await sent(id)).toBe(0);
  });

  test.each([
    [
      'the agent was retired',
      async () => void (await setup('agents', 'retire', 'support', '--yes-retire', 'support', '--stop')),
      /session_ended|agent_retired/,
    ],
    [
      'the connection is gone',
      async () => void (await world.connect(['disconnect', 'notion'], { folder: machine })),
      /connection_needed/,
    ],
    [
      'the session has ended',
      async (id: string) => void (await world.client.beta.sessions.archive(id)),
      /session_ended/,
    ],
    ['there is no such session', async () => {}, /usage/],
  ])('sends nothing where %s', async (what, happen, said) => {
    const id = await started();
    await happen(id);
    const refused = await setup('send', what.startsWith('there') ? 'sesn_none' : id, '--message', 'hello');
    expect(refused.exit).not.toBe(0);
    expect(refused.stderr).toMatch(said);
    expect(await sent(id)).toBe(0);
  });

  test('whose answer is lost on its way is looked for, and nothing is sent twice [P8]', async () => {
    const id = await started();
    await setup('send', id, '--message', search);
    const on = 'POST /v1/sessions/:session/events';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    expect(await setup('send', id, '--message', search)).toMatchObject({ exit: 0 });
    expect(await sent(id)).toBe(2);
  });

  test('sends nothing while a call waits, and leads to it', async () => {
    const { id } = await waiting();
    const refused = await setup('send', id, '--message', 'hello');
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[call_waits]')]);
    expect(refused.stderr).toContain(`setup-session show ${id}`);
    expect(await sent(id)).toBe(1);
  });
});

describe('a message', () => {
  test('comes from stdin, so that no other account reads it: as long as no argument could be', async () => {
    const long = `${search}\n${'x'.repeat(300_000)}\n`;
    const stdin = () => Readable.from([long]);
    const asked = await world.setup(['--agent', 'support', '--json', '--message', '-'], {
      folder: machine,
      stdin: stdin(),
    });
    const { session_id: id } = JSON.parse(asked.stdout) as Content;
    const more = await world.setup(['send', id, '--message', '-'], { folder: machine, stdin: stdin() });
    expect([asked.exit, more.exit]).toEqual([0, 0]);
    const texts = (await eventsOf(id, 'user.message')).map(({ content }) => content[0].text as string);
    expect(texts).toEqual([long.trimEnd(), long.trimEnd()]);
  });

  test('comes from a file', async () => {
    const file = join(machine, 'question.txt');
    await writeFile(file, `${search}\n`);
    const { exit, stdout } = await setup('--agent', 'support', '--message-file', file);
    expect([exit, stdout]).toEqual([0, expect.stringContaining('ada@example.test')]);
  });

  test.each([
    ['empty', Buffer.from(' \n'), 'is empty'],
    ['no text', Buffer.from([0x68, 0xff, 0xfe]), 'is not UTF-8'],
    ['too long', Buffer.alloc(4 * 2 ** 20 + 1, 'x'), 'longer than'],
  ])('that is %s is refused before anybody is asked', async (what, bytes, said) => {
    const file = join(machine, 'question');
    await writeFile(file, bytes);
    world.sandbox.platform.control.log.reset();
    for (const [words, stdin] of [
      [['--agent', 'support', '--message-file', file], undefined],
      [['--agent', 'support', '--message', '-'], Readable.from([bytes])],
      ...(what === 'empty' ? [[['--agent', 'support', '--message', ''], undefined] as const] : []),
    ] as const) {
      const refused = await world.setup([...words], { folder: machine, ...(stdin && { stdin }) });
      expect(refused.stderr).toContain(said);
      expect([1, 2]).toContain(refused.exit);
    }
    expect(world.asked()).toEqual([]);
  });

  test('has one source', async () => {
    const both = await setup('--agent', 'support', '--message', 'x', '--message-file', 'y');
    const none = await setup('send', 'sesn_x');
    const folder = join(machine, 'folder');
    await mkdir(folder);
    const wrong = await setup('--agent', 'support', '--message-file', folder);
    expect([both.exit, none.exit, wrong.exit]).toEqual([2, 2, 1]);
  });

  test('that never ends on stdin is not waited for for ever', async () => {
    const late = await setup('--agent', 'support', '--message', '-', '--timeout', '0.2');
    expect([late.exit, late.stderr]).toEqual([1, expect.stringContaining('[timed_out]')]);
  });
});

describe('a call that waits', () => {
  test('is shown whole, harmless, with what a yes does and the commands that answer it [P9]', async () => {
    const shown = await setup(
      '--agent',
      'support',
      '--message',
      'call notion notion-create-pages {"pages":[{"title":"a\\u001b[2J\\u202eb"}]}',
    );
    expect(shown.exit).toBe(8);
    expect(shown.stdout).toContain('waiting for a yes or no: notion notion-create-pages\n');
    expect(shown.stdout).toContain('arguments: {"pages":[{"title":"a\\u001b[2J\\u202eb"}]}');
    expect(shown.stdout).toMatch(
      /a yes has it done once at Notion .*with the connection of its owner; it is reviewed as write/,
    );
    expect(shown.stdout).toMatch(/ {2}yes: setup-session answer sesn_\w+ sevt_\w+ --digest [0-9a-f]{32} --yes\n/);
    for (const character of '\u001b\u202e') expect(shown.stdout).not.toContain(character);
  });

  test('is answered with the command that is shown, and the agent goes on', async () => {
    const asked = await setup('--agent', 'support', '--message', create);
    const words = /yes: setup-session (.*)/.exec(asked.stdout)?.[1]?.split(' ') ?? [];
    const yes = await setup(...words);
    expect([yes.exit, yes.stdout]).toEqual([0, 'notion notion-create-pages: yes\n']);
    const next = /follow it: setup-session (.*)/.exec(yes.stderr)?.[1]?.split(' ') ?? [];
    const followed = await setup(...next);
    expect([followed.exit, followed.stdout]).toEqual([0, expect.stringContaining('notion notion-create-pages: {')]);
    // Once more is harmless, and said: nothing is sent.
    world.sandbox.platform.control.log.reset();
    const again = await setup(...words);
    expect([again.exit, again.stdout]).toEqual([0, 'notion notion-create-pages: was answered already: yes\n']);
    expect(world.asked().filter((line) => line.startsWith('POST'))).toEqual([]);
    const other = await setup(...words.filter((word) => word !== '--yes'), '--no', 'too late');
    expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining('[call_over]')]);
    expect(other.stderr).toContain('was answered before');
    expect(await answers(words[1] ?? '')).toHaveLength(1);
  });

  test('is refused with a reason, which the agent gets', async () => {
    const { id, call } = await waiting();
    const no = await world.setupJson(['answer', id, call.event_id, '--no', 'not that page'], { folder: machine });
    expect(no).toMatchObject({ answer: 'no', already: false });
    expect((await setup('attach', id)).stdout).toContain('denied: not that page');
  });

  test('is answered by its owner alone, an operator neither [P1]', async () => {
    const { id, call } = await waiting();
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    for (const person of ['grace', 'mallory'] as const) {
      for (const answer of [
        ['--yes', '--digest', call.digest],
        ['--no', 'x'],
      ]) {
        const refused = await world.setup(['answer', id, call.event_id, ...answer], { person });
        expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
      }
    }
    const nobody = await world.setup(['answer', id, call.event_id, '--no', 'x'], { person: undefined });
    expect([nobody.exit, nobody.stderr]).toEqual([4, expect.stringContaining('[sign_in_needed]')]);
    expect(await answers(id)).toEqual([]);
  });

  test('is bound to its arguments: another digest, or none where nobody sees the call, answers nothing', async () => {
    const { id, call } = await waiting();
    const other = await waiting('call notion notion-create-pages {"pages":[{"title":"y"}]}');
    const wrong = await setup('answer', id, call.event_id, '--yes', '--digest', other.call.digest);
    expect([wrong.exit, wrong.stderr]).toEqual([3, expect.stringContaining('[digest_differs]')]);
    const none = await setup('answer', id, call.event_id, '--yes');
    expect([none.exit, none.stderr]).toEqual([4, expect.stringContaining('no digest says what is answered')]);
    expect(await answers(id)).toEqual([]);
    expect(await setup('answer', id, call.event_id, '--yes', '--digest', call.digest)).toMatchObject({ exit: 0 });
  });

  test('is shown and asked for at a terminal; waiting or Enter answers nothing', async () => {
    const { id, call } = await waiting();
    const at = (typed: string) => {
      const terminal = fakeTerminal();
      const hear = (said: string) => {
        if (said.includes('[y/N]') && !terminal.stdin.writableEnded) terminal.stdin.end(typed);
      };
      return world.setup(['answer', id, call.event_id, '--yes'], { folder: machine, terminal, hear });
    };
    const enter = await at('\n');
    expect([enter.exit, enter.stderr]).toEqual([1, expect.stringContaining('[call_waits]')]);
    expect(enter.stderr).toContain('arguments: {"pages":[{"title":"x"}]}');
    expect(await answers(id)).toEqual([]);
    expect(await at('y\n')).toMatchObject({ exit: 0 });
    expect(await answers(id)).toHaveLength(1);
  });

  test('gets no yes in a session that was changed behind our back, but a no [P6]', async () => {
    const { id, call } = await waiting();
    const { agent } = await world.client.beta.sessions.retrieve(id);
    const [first] = agent.mcp_servers as Content[];
    await expect.poll(() => world.client.beta.sessions.retrieve(id).then(({ status }) => status)).toBe('idle');
    await world.client.beta.sessions.update(id, {
      agent: { tools: agent.tools, mcp_servers: [{ ...first, url: 'https://elsewhere.example/mcp' }] },
    } as never);
    const yes = await setup('answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([yes.exit, yes.stderr]).toEqual([3, expect.stringContaining('[session_altered]')]);
    expect(await answers(id)).toEqual([]);
    expect(await setup('answer', id, call.event_id, '--no', 'changed')).toMatchObject({ exit: 0 });
  });

  test('is over with its turn, and is none where it was never asked', async () => {
    const { id, call } = await waiting();
    await world.client.beta.sessions.events.send(id, { events: [{ type: 'user.interrupt' }] });
    const late = await setup('answer', id, call.event_id, '--no', 'x');
    expect([late.exit, late.stderr]).toEqual([1, expect.stringContaining('[call_over]')]);
    const none = await setup('answer', id, 'sevt_none', '--no', 'x');
    expect([none.exit, none.stderr]).toEqual([2, expect.stringContaining('has no call')]);
    expect(await setup('answer', id, call.event_id)).toMatchObject({ exit: 2 });
    const text = await setup('answer', id, call.event_id, '--result', 'x');
    expect([text.exit, text.stderr]).toEqual([2, expect.stringContaining('waits for a yes or no')]);
  });

  test('whose answer is lost on its way is looked for, and not said twice [P8]', async () => {
    const { id, call } = await waiting();
    const on = 'POST /v1/sessions/:session/events';
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    const yes = await setup('answer', id, call.event_id, '--yes', '--digest', call.digest);
    expect([yes.exit, await answers(id)]).toEqual([0, [expect.objectContaining({ result: 'allow' })]]);
  });

  test('that another terminal answers at the same moment is answered once', async () => {
    const { id, call } = await waiting();
    const both = await Promise.all(
      [machine, await world.machine()].map((folder) =>
        world.setup(['answer', id, call.event_id, '--yes', '--digest', call.digest], { folder }),
      ),
    );
    expect(both.map(({ exit }) => exit)).toEqual([0, 0]);
    expect(await answers(id)).toHaveLength(1);
  });
});

describe('show', () => {
  test('tells turns, calls and what came of them, what waits, and what was used', async () => {
    const { id, call } = await waiting();
    await setup('answer', id, call.event_id, '--yes', '--digest', call.digest);
    await setup('attach', id);
    const more = await setup('send', id, '--message', `${search}\n${create}`);
    expect(more.exit).toBe(8);
    const shown = (await world.setupJson(['show', id], { folder: machine })) as Content;
    expect(shown).toMatchObject({
      session_id: id,
      owner: { subject: world.sandbox.people.ada.subject },
      state: 'waiting',
      budget: null,
      turns: [
        { message: create, stop_reason: 'end_turn', calls: [{ outcome: 'yes', failed: false }], interrupted: false },
        {
          message: `${search}\n${create}`,
          stop_reason: 'requires_action',
          calls: [{ outcome: 'ran' }, { outcome: 'open' }],
        },
      ],
      asks: [{ tool: 'notion-create-pages', arguments: { pages: [{ title: 'x' }] } }],
    });
    expect(shown.usage.input_tokens).toBeGreaterThan(0);
    const { stdout } = await setup('show', id);
    expect(stdout).toContain('notion notion-create-pages: made, after a yes\n');
    expect(stdout).toMatch(/used: \d+ tokens in, \d+ out\n/);
    // What it says answers the call.
    const words = /yes: setup-session (.*)/.exec(stdout)?.[1]?.split(' ') ?? [];
    expect(await setup(...words)).toMatchObject({ exit: 0 });
    await world.client.beta.sessions.events.send(id, { events: [{ type: 'user.interrupt' }] }).catch(() => {});
    await setup('stop', id);
    expect(await world.setupJson(['show', id], { folder: machine })).toMatchObject({ state: 'ended', asks: [] });
  });

  test('is for one’s own sessions, and for operators, who are told whose it is', async () => {
    const id = await started();
    const refused = await world.setup(['show', id], { person: 'grace' });
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[not_allowed]')]);
    await world.configure('interface.yaml', (content) => {
      content.people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    const { id: asking } = await waiting();
    const theirs = await world.setup(['show', asking], { person: 'grace' });
    expect(theirs.stdout).toContain('only the owner of the session answers it');
    expect(theirs.stdout).not.toContain('setup-session answer');
    const told = await world.setup(['show', id], { person: 'grace' });
    expect([told.exit, told.stderr]).toEqual([0, expect.stringContaining('as an operator: ')]);
  });
});
