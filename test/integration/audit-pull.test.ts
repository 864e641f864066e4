/** `setup-session audit pull`: each tool call of our sessions has one line, with who answers for it and who said yes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RecordedCall } from '../../internal/record/line.ts';
import { recordIn } from '../../internal/record/log.ts';
import { canonicalJson, sha256 } from '../../internal/text/canonical.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** One machine for all runs of a test. */
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
const pull = async (...argv: string[]) => {
  const { exit, stdout, stderr } = await setup('audit', 'pull', '--json', ...argv);
  expect([exit, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout);
};
const started = async (...argv: string[]) => {
  const { stdout } = await setup('--agent', 'support', '--json', ...argv);
  return JSON.parse(stdout);
};
const folder = () => join(machine, 'state', 'record');
const control = () => world.sandbox.platform.control;

/** The calls of the record, and how many lines it has. */
async function recorded(): Promise<{ calls: RecordedCall[]; lines: number }> {
  const calls: RecordedCall[] = [];
  const { lines, findings } = await recordIn({ folder: folder() }).verify(({ entry }) => {
    if (entry.kind === 'call') calls.push(entry);
  });
  expect(findings).toEqual([]);
  return { calls, lines };
}

const call = (input: object, more: object = {}) => ({
  type: 'agent.mcp_tool_use',
  mcp_server_name: 'notion',
  name: 'notion-search',
  input,
  evaluated_permission: 'allow',
  ...more,
});
const resultOf = (id: string | undefined, more: object = {}) => ({
  type: 'agent.mcp_tool_result',
  mcp_tool_use_id: id,
  content: [],
  ...more,
});

test('a call has its line once: for whom, by which agent, allowed by which rule, confirmed by whom, with which result [P7]', async () => {
  const search = 'call notion notion-search {"query":"secret plans"}';
  const create = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';
  const { session_id: session, asks } = await started('--message', `${search}\n${create}`);
  expect(await pull()).toMatchObject({ sessions: 1, calls: 1, going_on: 1, foreign_answers: [] });
  const [{ event_id: id, digest }] = asks;
  expect((await setup('answer', session, id, '--yes', '--digest', digest)).exit).toBe(0);
  await expect.poll(async () => (await world.client.beta.sessions.retrieve(session)).status).toBe('idle');
  expect(await pull()).toMatchObject({ sessions: 1, calls: 1, going_on: 0, foreign_answers: [] });

  const { calls, lines } = await recorded();
  const ada = { kind: 'person', proof: 'sso', subject: world.sandbox.people.ada.subject };
  const { agent } = await world.client.beta.sessions.retrieve(session);
  const [read, write] = calls;
  expect(read).toMatchObject({
    session,
    responsible: ada,
    agent: { id: agent.id, version: String(agent.version), name: 'support' },
    service: 'notion',
    tool: 'notion-search',
    permission: 'allow',
    delegation: { verdict: 'on', rule: expect.stringContaining('read') },
    input: sha256(canonicalJson({ query: 'secret plans' })),
    result: 'success',
    trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    config: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(read).not.toHaveProperty('confirmer');
  expect(write).toMatchObject({
    call: id,
    permission: 'ask',
    answer: 'allow',
    confirmer: ada,
    delegation: { verdict: 'ask' },
  });
  // What was searched for is nobody's business.
  expect(await readFile(join(folder(), 'record-000001.jsonl'), 'utf8')).not.toContain('secret plans');

  // Again, from a time before, and two at once: nothing is written twice.
  expect(await pull()).toMatchObject({ calls: 0 });
  expect(await pull('--since', '2020-01-01T00:00:00Z')).toMatchObject({ calls: 0 });
  const [ask] = control().addEvents(session, [call({ query: 'y' })]);
  control().addEvents(session, [resultOf(ask, { is_error: true })]);
  const both = await Promise.all([pull(), pull()]);
  expect(both.map(({ calls: written }) => written).sort()).toEqual([0, 1]);
  const after = await recorded();
  expect(after.calls.map(({ call: each }) => each)).toEqual([...calls.map(({ call: each }) => each), ask]);
  expect(after.calls.at(-1)?.result).toBe('failure');
  // The call and how far its session was read.
  expect(after.lines).toBe(lines + 2);

  const shown = (await setup('audit', 'show', '--act', 'tool.call')).stdout;
  expect(shown).toMatch(/notion-create-pages .*ada@example\.test/);

  // A session that has ended long ago is read once more, and then never again.
  await setup('stop', session);
  control().clock.advance(120_000);
  await pull();
  control().log.reset();
  expect(await pull()).toMatchObject({ sessions: 0, calls: 0 });
  expect(world.asked()).toEqual([]);
});

test('a yes that somebody gave by hand has no confirmer, and is told [P7]', async () => {
  const { session_id: session, asks } = await started(
    '--message',
    'call notion notion-create-pages {"pages":[{"title":"x"}]}',
  );
  const [{ event_id: id }] = asks;
  const event = { type: 'user.tool_confirmation' as const, tool_use_id: id, result: 'allow' as const };
  await world.client.beta.sessions.events.send(session, { events: [event] });
  await expect.poll(async () => (await world.client.beta.sessions.retrieve(session)).status).toBe('idle');
  expect(await pull()).toMatchObject({ foreign_answers: [{ session, call: id, answer: 'allow' }] });
  const [line] = (await recorded()).calls;
  expect(line).toMatchObject({ call: id, answer: 'allow', result: 'success' });
  expect(line).not.toHaveProperty('confirmer');
});

describe('whatever the platform does with its lists', () => {
  test('threads, unknown types, pages that repeat, overlap and turn round: the same lines', async () => {
    const { session_id: session } = await started();
    const made = (index: number) => ({ id: `sthr_${index}`, type: 'agent', version: 7, name: `helper ${index}` });
    const expected: string[] = [];
    for (const agent of [undefined, made(1), { type: 'inline', name: 'made up' }]) {
      const thread = agent && control().addThread(session, { agent });
      const ids = control().addEvents(session, [call({ q: 1 }), call({ q: 2 }), call({ q: 3 })], thread);
      control().addEvents(
        session,
        [...ids, ids[0]].map((id) => resultOf(id)),
        thread,
      );
      control().addEvents(session, [{ type: 'agent.telepathy', mind: 'x' }, { type: 'agent.thinking' }], thread);
      expected.push(...ids);
    }
    // One that was read already, and one that goes on.
    control().addEvents(session, [call({ q: 4 })]);
    for (const how of ['reversed', 'overlapping', 'repeated', 'hollow'] as const) {
      control().faults.clear();
      control().faults.add({ on: 'GET /v1/sessions/:id/events', fault: { kind: 'pages', how }, times: 100 });
      control().faults.add({ on: 'GET /v1/sessions/:id/threads', fault: { kind: 'pages', how }, times: 100 });
      control().faults.add({
        on: 'GET /v1/sessions/:id/threads/:thread/events',
        fault: { kind: 'pages', how },
        times: 100,
      });
      const first = how === 'reversed';
      expect([how, await pull()]).toEqual([
        how,
        expect.objectContaining({ calls: first ? 9 : 0, going_on: 1, unknown_types: ['agent.telepathy'] }),
      ]);
    }
    const { calls } = await recorded();
    expect(calls.map(({ call: id }) => id).sort()).toEqual([...expected].sort());
    const of = (index: number) => calls.find(({ call: id }) => id === expected[index]);
    const { agent } = await world.client.beta.sessions.retrieve(session);
    expect(calls.map((each) => each.agent.id).sort()).toEqual(
      [...Array(3).fill(agent.id), ...Array(3).fill('inline'), ...Array(3).fill('sthr_1')].sort(),
    );
    expect([of(0)?.delegation?.verdict, of(0)?.thread]).toEqual(['on', undefined]);
  });

  test('arguments of 10 MB, more of them than one answer may hold: a digest each, and no more', async () => {
    const { session_id: session } = await started();
    const input = { text: 'x'.repeat(10 * 2 ** 20) };
    const ids = control().addEvents(
      session,
      Array.from({ length: 5 }, () => call(input)),
    );
    control().addEvents(
      session,
      ids.map((id) => resultOf(id)),
    );
    expect(await pull()).toMatchObject({ calls: 5, going_on: 0 });
    const { calls } = await recorded();
    expect(calls.map(({ characters }) => characters)).toEqual(Array(5).fill(canonicalJson(input).length));
    const [file = ''] = await readdir(folder());
    expect((await readFile(join(folder(), file))).byteLength).toBeLessThan(100_000);
  }, 120_000);

  test('a session that is gone, and one whose create had no answer', async () => {
    const { session_id: gone } = await started();
    control().faults.add({ on: 'POST /v1/sessions', fault: { kind: 'drop-after-commit' } });
    const { session_id: lost } = await started();
    const [id] = control().addEvents(lost, [call({ q: 1 })]);
    control().addEvents(lost, [resultOf(id)]);
    await world.client.beta.sessions.delete(gone);
    expect(await pull()).toMatchObject({ sessions: 2, calls: 1, gone: [gone] });
    expect(await pull()).toMatchObject({ calls: 0 });
  });
});

test('cut off in the middle, the next pull goes on; where the record cannot be written, nothing is lost [P7]', async () => {
  const { session_id: session } = await started();
  const ids = control().addEvents(
    session,
    Array.from({ length: 5 }, (_, index) => call({ index })),
  );
  control().addEvents(
    session,
    ids.map((id) => resultOf(id)),
  );
  control().faults.add({ on: 'GET /v1/sessions/:id/threads', fault: { kind: 'status', status: 400 } });
  expect((await setup('audit', 'pull')).exit).toBe(1);
  expect(await pull('--arguments')).toMatchObject({ calls: 5 });
  expect((await recorded()).calls.map((each) => each.arguments)).toEqual(ids.map((_, index) => `{"index":${index}}`));
});
