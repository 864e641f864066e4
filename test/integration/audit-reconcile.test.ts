/** `setup-session audit reconcile`: what is on the platform and in no record is an alarm, and nothing else is. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const write = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';

/** Where the operator sits, and the two people, each on a machine of their own. */
let [office, adas, graces] = ['', '', ''];
beforeEach(async () => {
  [office, adas, graces] = await Promise.all([world.machine(), world.machine(), world.machine()]);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  const applied = await world.setup(['agents', 'apply'], { folder: office, person: undefined });
  expect(applied.exit).toBe(0);
  for (const [person, folder] of [
    ['ada', adas],
    ['grace', graces],
  ] as const) {
    expect((await world.connect(['notion'], { person, folder })).exit).toBe(0);
  }
});

const recordOf = (folder: string) => join(folder, 'state', 'record');
const control = () => world.sandbox.platform.control;

/** Reconciles at the operator's, with the records of both people. */
async function reconcile(...more: string[]): Promise<{ exit: number | undefined; value: Content; stderr: string }> {
  const words = ['audit', 'reconcile', '--json', '--record', recordOf(adas), '--record', recordOf(graces), ...more];
  const { exit, stdout, stderr } = await world.setup(words, { folder: office, person: undefined });
  return { exit, value: stdout === '' ? undefined : JSON.parse(stdout), stderr };
}

/** A session whose agent waits for a yes. */
async function waiting(person: 'ada' | 'grace', folder: string): Promise<{ id: string; call: Content }> {
  const { stdout } = await world.setup(['--agent', 'support', '--json', '--message', write], { person, folder });
  const { session_id: id, asks } = JSON.parse(stdout);
  return { id, call: asks[0] };
}

/** Answers with the key and without our commands. */
async function answerByHand({ id, call }: { id: string; call: Content }): Promise<void> {
  const event = {
    type: 'user.tool_confirmation' as const,
    tool_use_id: String(call.event_id),
    result: 'allow' as const,
  };
  await world.client.beta.sessions.events.send(id, { events: [event] });
}

/** What the platform would have exported of what it was asked for: a trace of its own for what carries none. */
async function spansFile(): Promise<string> {
  const path = join(world.sandbox.folder, 'spans.jsonl');
  const lines = control().log.entries.map(({ method, path: asked, trace, at, requestId }, index) => {
    const session = /^\/v1\/sessions\/(sesn_[^/]+)/.exec(asked)?.[1];
    const traceId = trace ?? index.toString(16).padStart(32, 'f');
    const name = `anthropic.sessions.events.${method === 'GET' ? 'list' : 'send'}`;
    const attributes = session === undefined ? [] : [{ key: 'anthropic.session.id', value: { stringValue: session } }];
    const span = { traceId, spanId: '1'.repeat(16), name, startTimeUnixNano: String(Date.parse(at) * 1e6), attributes };
    const more = [{ key: 'anthropic.request.id', value: { stringValue: requestId } }];
    return JSON.stringify({ resourceSpans: [{ resource: { attributes: more }, scopeSpans: [{ spans: [span] }] }] });
  });
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

test('two people, their operator, and a yes by hand: exactly that is an alarm; without it nothing is [P7]', async () => {
  const [ada, grace] = [await waiting('ada', adas), await waiting('grace', graces)];
  const words = ['answer', ada.id, String(ada.call.event_id), '--yes', '--digest', String(ada.call.digest)];
  expect((await world.setup(words, { folder: adas })).exit).toBe(0);
  await world.setup(['stop', ada.id], { folder: adas });
  const clean = await reconcile('--spans', await spansFile());
  expect([clean.exit, clean.value.alarms]).toEqual([0, []]);
  expect(clean.value.looked_at).toMatchObject({ sessions: 2, vaults: 2, credentials: 2 });
  expect(clean.value.cannot_know.join('\n')).toContain('other workspaces');
  const text = await world.setup(['audit', 'reconcile', '--record', recordOf(adas), '--record', recordOf(graces)], {
    folder: office,
    person: undefined,
  });
  expect(text.stdout).toContain('nothing is on the platform that the record does not explain');

  await answerByHand(grace);
  await expect.poll(async () => (await world.client.beta.sessions.retrieve(grace.id)).status).toBe('idle');
  const found = await reconcile();
  expect([found.exit, found.stderr]).toEqual([3, expect.stringContaining('unexplained')]);
  expect(found.value.alarms).toEqual([
    {
      kind: 'answer',
      what: expect.stringContaining(`of "${world.sandbox.people.grace.email}"`),
      evidence: expect.objectContaining({
        session: grace.id,
        call: grace.call.event_id,
        answer: 'allow',
        at: expect.any(String),
      }),
    },
  ]);
  // Its span says so too: it is of no trace of ours.
  const spans = await reconcile('--spans', await spansFile());
  expect(spans.value.alarms.map(({ kind, evidence }: Content) => [kind, evidence.session])).toEqual([
    ['answer', grace.id],
    ['span', grace.id],
  ]);
});

test('without the record of a machine, what was done from there is an alarm', async () => {
  const { id } = await waiting('grace', graces);
  const words = ['audit', 'reconcile', '--json', '--record', recordOf(adas)];
  const { exit, stdout } = await world.setup(words, { folder: office, person: undefined });
  expect(exit).toBe(3);
  const { alarms } = JSON.parse(stdout);
  expect(alarms.map(({ kind }: Content) => kind).sort()).toEqual(['credential', 'vault', 'vault_use']);
  expect(alarms.find(({ kind }: Content) => kind === 'vault_use').evidence.session).toBe(id);
});

test('with the key alone: each is its alarm, and no other [P7]', async () => {
  const started = async () => String((await world.setupJson(['--agent', 'support'], { folder: adas }))['session_id']);
  const { sessions, vaults } = world.client.beta;
  const [talked, ended] = [await started(), await started()];
  const { agent, environment_id, vault_ids, metadata } = await sessions.retrieve(talked);
  const [vault = ''] = vault_ids;
  await sessions.events.send(talked, { events: [{ type: 'user.message', content: [{ type: 'text', text: 'x' }] }] });
  await sessions.events.send(talked, { events: [{ type: 'user.interrupt' }] });
  await sessions.archive(ended);
  const used = await sessions.create({ agent: agent.id, environment_id, vault_ids, metadata });
  const bare = await sessions.create({ agent: agent.id, environment_id });
  // It copies owner and mark of another one.
  const copy = await vaults.create({ display_name: 'mine', metadata: (await vaults.retrieve(vault)).metadata });
  const auth = { type: 'static_bearer' as const, mcp_server_url: 'https://mcp.other.example/mcp', token: 'x' };
  const credential = await vaults.credentials.create(vault, { auth });
  // In the thread of a sub-agent, whose list repeats.
  const thread = control().addThread(talked, { agent: { type: 'inline', name: 'x' } });
  const yes = { type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'allow' };
  const [answer] = control().addEvents(talked, [yes], thread);
  const on = 'GET /v1/sessions/:id/threads/:thread/events';
  control().faults.add({ on, fault: { kind: 'pages', how: 'repeated' }, times: 9 });
  // Our verdict was that somebody is asked, and nobody was.
  const made = { type: 'agent.mcp_tool_use', mcp_server_name: 'notion', name: 'notion-create-pages', input: {} };
  const [call] = control().addEvents(talked, [{ ...made, evaluated_permission: 'allow' }]);
  control().addEvents(talked, [{ type: 'agent.mcp_tool_result', mcp_tool_use_id: call, content: [] }]);
  await world.setup(['audit', 'pull'], { folder: adas });

  const { exit, value } = await reconcile();
  const by: Record<string, string> = { vault_use: 'session', answer: 'event' };
  const found = value.alarms.map(({ kind, evidence }: Content) => [
    kind,
    evidence[by[String(kind)] ?? kind] ?? evidence.session,
  ]);
  expect([exit, found.filter(([kind]: string[]) => kind !== 'message' && kind !== 'interrupt').sort()]).toEqual([
    3,
    [
      ['answer', answer],
      ['archived', ended],
      ['call', call],
      ['credential', credential.id],
      ['session', bare.id],
      ['vault', copy.id],
      ['vault_use', used.id],
    ],
  ]);
  const sent = found.filter(([kind]: string[]) => kind === 'message' || kind === 'interrupt');
  expect(sent.map(([kind]: string[]) => kind).sort()).toEqual(['interrupt', 'message']);
});

test('what had no answer, what is older than the records and what is gone is no alarm', async () => {
  // The record of the operator begins before; those of the people are what counts.
  const { agent, environment_id } = await world.client.beta.sessions.retrieve(
    String((await world.setupJson(['--agent', 'support'], { folder: adas }))['session_id']),
  );
  control().faults.add({ on: 'POST /v1/sessions', fault: { kind: 'drop-after-commit' } });
  expect((await world.setup(['--agent', 'support'], { folder: adas })).exit).toBe(0);
  const { session_id: gone } = await world.setupJson(['--agent', 'support'], { folder: adas });
  await world.client.beta.sessions.delete(String(gone));
  control().tamper('GET /v1/sessions', (json: Content) => {
    for (const session of json.data) if (session.title === 'old') session.created_at = '2020-01-01T00:00:00Z';
  });
  await world.client.beta.sessions.create({ agent: agent.id, environment_id, title: 'old' });
  const { exit, value } = await reconcile();
  expect([exit, value.alarms]).toEqual([0, []]);
  expect(value.cannot_know.join('\n')).toMatch(/1 sessions, 0 vaults/);
  expect(value.cannot_know.join('\n')).toContain(String(gone));
});

test('a record that was edited explains nothing, and neither does none', async () => {
  const { readFile } = await import('node:fs/promises');
  const path = join(recordOf(adas), 'record-000001.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('"success"', '"failure"'));
  const altered = await reconcile();
  expect([altered.exit, altered.stderr]).toEqual([3, expect.stringContaining('record_altered')]);
  const nowhere = await world.setup(['audit', 'reconcile'], { person: undefined });
  expect([nowhere.exit, nowhere.stderr]).toEqual([2, expect.stringContaining('there is no record')]);
});
