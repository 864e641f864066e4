/** What a line of the record says beside who did what: what it rests on, which agent acts, which configuration, which trace. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Entry, readLine } from '../../internal/record/line.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** One machine for all runs of a test. */
let machine: string;
beforeEach(async () => {
  machine = await world.machine();
});

async function entries(): Promise<Entry[]> {
  const text = await readFile(join(machine, 'state', 'record', 'record-000001.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line) => readLine(line)?.entry ?? []);
}

test('what an act rests on, the agent, the configuration and the trace are in its line [P7]', async () => {
  await world.setup(['agents', 'apply'], { folder: machine });
  expect((await world.connect(['notion'], { folder: machine })).exit).toBe(0);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  await world.setup(['agents', 'apply'], { folder: machine });
  const write = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';
  const talk = await world.setup(['--agent', 'support', '--json', '--message', write], { folder: machine });
  const { session_id: session, asks } = JSON.parse(talk.stdout);
  const [{ event_id: call, digest }] = asks;
  await world.setup(['answer', session, call, '--yes', '--digest', digest], { folder: machine });

  const all = await entries();
  const made = (id: string) => all.flatMap((each) => (each.kind === 'outcome' && each.id === id ? [each.made] : []))[0];
  // What is asked of a service or written here is of no platform.
  const intents = all.filter((each) => each.kind === 'intent').filter(({ platform }) => platform !== undefined);
  // What is written here was not asked of anybody.
  const asked = intents.filter(({ trace }) => trace !== undefined);
  for (const { delegation, config } of intents) {
    expect([delegation?.verdict, delegation?.rule]).toEqual(['allow', expect.stringMatching(/\w/)]);
    expect(config).toMatch(/^[0-9a-f]{64}$/);
  }
  // Every change reached the platform with the trace of its line; a read carries none.
  const { entries: log } = world.sandbox.platform.control.log;
  expect(log.filter(({ method }) => method !== 'GET').map(({ trace }) => trace)).toEqual(
    asked.map(({ trace }) => trace),
  );
  expect(log.filter(({ method, trace }) => method === 'GET' && trace !== undefined)).toEqual([]);

  const on = (act: string) => intents.filter((each) => each.act === act);
  const [apply, later] = [on('agent.create')[0], on('agent.update')[0]];
  expect(apply?.delegation?.rule).toBe('platform.changes_by_key: allow');
  expect(apply?.config).not.toBe(later?.config);
  const [vault] = on('vault.create');
  const { metadata } = await world.client.beta.vaults.retrieve(made(vault?.id ?? '') ?? '');
  expect(vault?.mark).toBe((metadata as Record<string, string>)['mai_owner_creation']);

  const [created] = on('session.create');
  const found = await world.client.beta.sessions.retrieve(session);
  expect(created).toMatchObject({
    delegation: { rule: 'config/agents/support.yaml: allowed.groups, support' },
    agent: { id: found.agent.id, version: String(found.agent.version), name: 'support' },
    mark: found.metadata['mai_attempt'],
    config: later?.config,
  });
  expect(made(created?.id ?? '')).toBe(session);
  expect(created?.tools).toContainEqual({
    service: 'notion',
    tool: 'notion-create-pages',
    verdict: 'ask',
    rule: expect.stringContaining('write'),
  });
  expect(created?.tools?.map(({ verdict }) => verdict)).not.toContain('off');

  // A message and an answer are known by the event that they became.
  const events = (await world.client.beta.sessions.events.list(session)).data;
  const sent = (type: string) => events.find((event) => event.type === type)?.id;
  expect(made(on('session.message')[0]?.id ?? '')).toBe(sent('user.message'));
  const [answer] = on('session.answer');
  expect([answer?.call, answer?.answer]).toEqual([call, 'allow']);
  expect(made(answer?.id ?? '')).toBe(sent('user.tool_confirmation'));
  // One run is one trace.
  expect(on('session.message')[0]?.trace).toBe(created?.trace);
  expect(answer?.trace).not.toBe(created?.trace);
});
