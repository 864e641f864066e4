import type Anthropic from '@anthropic-ai/sdk';
import type { BetaManagedAgentsStreamSessionEvents } from '@anthropic-ai/sdk/resources/beta/sessions/events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { soon } from '../../support/soon.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

type StreamEvent = BetaManagedAgentsStreamSessionEvents;

let platform: PlatformSandbox;
let client: Anthropic;
let environmentId: string;
let agentId: string;

beforeAll(async () => {
  platform = await startPlatform();
  client = sdkClient(platform);
  environmentId = (await client.beta.environments.create({ name: 'e' })).id;
  const ask = { permission_policy: { type: 'always_ask' as const } };
  const configs = [
    { name: 'bash' as const, enabled: false },
    { name: 'write' as const, ...ask },
  ];
  const tools = [{ type: 'agent_toolset_20260401' as const, configs }];
  agentId = (await client.beta.agents.create({ name: 'a', model: 'claude-opus-5-5', tools })).id;
});
afterAll(() => platform.close());

const createSession = async (fields: object = {}) =>
  (await client.beta.sessions.create({ agent: agentId, environment_id: environmentId, ...fields })).id;

const message = (text: string) => ({ type: 'user.message' as const, content: [{ type: 'text' as const, text }] });
const interrupt = { type: 'user.interrupt' as const };

const confirmation = (tool_use_id: string, result: 'allow' | 'deny', deny_message?: string) => ({
  type: 'user.tool_confirmation' as const,
  tool_use_id,
  result,
  ...(deny_message === undefined ? {} : { deny_message }),
});

const send = (id: string, ...events: object[]) => client.beta.sessions.events.send(id, { events: events as never });

/** Opens the stream, does something, and reads until the session is idle `times` times. */
async function during(id: string, act: () => Promise<unknown>, times = 1): Promise<StreamEvent[]> {
  const stream = await client.beta.sessions.events.stream(id);
  await act();
  const events: StreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.filter(({ type }) => type === 'session.status_idle').length === times) break;
  }
  return events;
}

const typesOf = (events: { type: string }[]) => events.map(({ type }) => type);

async function idle(id: string): Promise<void> {
  await soon(async () => expect((await client.beta.sessions.retrieve(id)).status).toBe('idle'));
}

/** Runs a message up to its asks and returns their ids. */
async function asksOf(id: string, text: string): Promise<string[]> {
  const events = await during(id, () => send(id, message(text)));
  const stop = events.find((event) => event.type === 'session.status_idle')?.stop_reason;
  return stop?.type === 'requires_action' ? stop.event_ids : [];
}

it('streams a turn in the documented order', async () => {
  const id = await createSession();
  const events = await during(id, () => send(id, message('hello')));
  expect(typesOf(events)).toEqual([
    'session.status_running',
    'user.message',
    'span.model_request_start',
    'agent.message',
    'span.model_request_end',
    'session.usage',
    'session.status_idle',
  ]);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' }, stop_details: null });
});

it('returns sent events as queued, and stores them once processed', async () => {
  const id = await createSession();
  const sent = await send(id, message('hello'));
  expect(sent.data).toMatchObject([{ type: 'user.message', processed_at: null }]);
  await idle(id);
  const { data } = await client.beta.sessions.events.list(id, { types: ['user.message'] });
  expect(data).toMatchObject([{ id: sent.data?.[0]?.id, processed_at: expect.any(String) }]);
});

it('starts running at once with initial events, which it does not echo', async () => {
  const session = await client.beta.sessions.create({
    agent: agentId,
    environment_id: environmentId,
    initial_events: [message('hello')],
  });
  expect(session.status).toBe('running');
  expect(session).not.toHaveProperty('initial_events');
  await idle(session.id);
});

it('sends only what happens after the opening of a stream', async () => {
  const id = await createSession();
  await send(id, message('first'));
  await idle(id);
  const events = await during(id, () => send(id, message('second')));
  expect(events.filter(({ type }) => type === 'user.message')).toMatchObject([{ content: [{ text: 'second' }] }]);
});

it('tells of idleness before the stored status changes', async () => {
  const slow = await startPlatform({ idleLagMs: 1_500 });
  try {
    const sdk = sdkClient(slow);
    const environment = await sdk.beta.environments.create({ name: 'e' });
    const agent = await sdk.beta.agents.create({ name: 'a', model: 'claude-opus-5-5' });
    const { id } = await sdk.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
    const stream = await sdk.beta.sessions.events.stream(id);
    await sdk.beta.sessions.events.send(id, { events: [message('hello')] });
    for await (const { type } of stream) if (type === 'session.status_idle') break;
    expect((await sdk.beta.sessions.retrieve(id)).status).toBe('running');
    expect(await refusal(sdk.beta.sessions.archive(id))).toMatchObject({ status: 400 });
    expect(await refusal(sdk.beta.sessions.delete(id))).toMatchObject({ status: 400 });
    expect(await refusal(sdk.beta.sessions.update(id, { agent: { tools: [] } }))).toMatchObject({ status: 400 });
    await soon(async () => expect((await sdk.beta.sessions.retrieve(id)).status).toBe('idle'));
    await sdk.beta.sessions.archive(id);
  } finally {
    await slow.close();
  }
});

it('previews messages to those who ask for deltas', async () => {
  const id = await createSession();
  const stream = await client.beta.sessions.events.stream(id, { event_deltas: ['agent.message'] });
  await send(id, message('hello'));
  const events: StreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (event.type === 'session.status_idle') break;
  }
  const at = events.findIndex(({ type }) => type === 'event_start');
  expect(typesOf(events.slice(at, at + 3))).toEqual(['event_start', 'event_delta', 'agent.message']);
  expect(typesOf((await client.beta.sessions.events.list(id)).data)).not.toContain('event_start');
  const unknown = client.beta.sessions.events.stream(id, { event_deltas: ['user.message' as never] });
  expect(await refusal(unknown)).toMatchObject({ status: 400 });
});

it('stops for asks, answers them in one request, and goes on', async () => {
  const id = await createSession();
  const asks = await asksOf(id, 'call builtin write {"content": "x"}\ncall builtin read\ncall builtin write');
  expect(asks).toHaveLength(2);
  const [first = '', second = ''] = asks;
  const events = await during(
    id,
    () => send(id, confirmation(first, 'allow'), confirmation(second, 'deny', 'not now')),
    2,
  );
  expect(typesOf(events)).toEqual([
    'user.tool_confirmation',
    'session.usage',
    'session.status_idle',
    'user.tool_confirmation',
    'session.status_running',
    'agent.tool_result',
    'agent.tool_result',
    'span.model_request_start',
    'agent.message',
    'span.model_request_end',
    'session.usage',
    'session.status_idle',
  ]);
  expect(events[2]).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [second] } });
  expect(events.filter(({ type }) => type === 'agent.tool_result')).toMatchObject([
    { tool_use_id: first, is_error: false },
    { tool_use_id: second, is_error: true, content: [{ text: 'denied: not now' }] },
  ]);
});

it('shows the evaluation of each call, and none for a disabled tool', async () => {
  const id = await createSession();
  await asksOf(id, 'call builtin bash\ncall builtin read\ncall builtin write\ncall nowhere tool');
  const { data } = await client.beta.sessions.events.list(id, { types: ['agent.tool_use', 'agent.mcp_tool_use'] });
  expect(data).toMatchObject([
    { name: 'bash', evaluated_permission: 'deny' },
    { name: 'read', evaluated_permission: 'allow', evaluation: { type: 'always_allow' } },
    { name: 'write', evaluated_permission: 'ask', evaluation: { type: 'always_ask' } },
    { mcp_server_name: 'nowhere', evaluated_permission: 'deny' },
  ]);
  expect(data[0]).not.toHaveProperty('evaluation');
  expect(data[3]).not.toHaveProperty('evaluation');
});

it('refuses a double, late or unknown confirmation, and takes nothing of its request', async () => {
  const id = await createSession();
  const [ask = ''] = await asksOf(id, 'call builtin write');
  const allow = confirmation(ask, 'allow');
  expect(await refusal(send(id, allow, confirmation('sevt_unknown', 'allow')))).toMatchObject({ status: 400 });
  expect(await refusal(send(id, allow, allow))).toMatchObject({ status: 400 });
  expect(await refusal(send(id, confirmation(ask, 'allow', 'why?')))).toMatchObject({ status: 400 });
  expect(await refusal(send(id, message('meanwhile')))).toMatchObject({ status: 400 });
  await during(id, () => send(id, allow));
  expect(await refusal(send(id, allow))).toMatchObject({ status: 400 });
});

it('waits for a confirmation without a time limit, idle and editable', async () => {
  const id = await createSession();
  const [ask = ''] = await asksOf(id, 'call builtin write');
  platform.control.clock.advance(30 * 24 * 3600 * 1000);
  await idle(id);
  await client.beta.sessions.update(id, { title: 'still here' });
  const events = await during(id, () => send(id, confirmation(ask, 'allow')));
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
});

it('ends an interrupted turn like a finished one', async () => {
  const id = await createSession();
  const [ask = ''] = await asksOf(id, 'call builtin write');
  const events = await during(id, () => send(id, interrupt));
  expect(typesOf(events)).toEqual(['user.interrupt', 'session.usage', 'session.status_idle']);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
  expect(await refusal(send(id, confirmation(ask, 'allow')))).toMatchObject({ status: 400 });
  await idle(id);
  expect(typesOf(await during(id, () => send(id, message('again'))))).toContain('agent.message');
});

it('archives a session that waits for a confirmation', async () => {
  const id = await createSession();
  await asksOf(id, 'call builtin write');
  await idle(id);
  expect((await client.beta.sessions.archive(id)).status).toBe('terminated');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await client.beta.sessions.retrieve(id)).status).toBe('terminated');
  expect((await client.beta.sessions.events.list(id)).data.at(-1)?.type).toBe('session.status_terminated');
});

it('ends open streams when the session is deleted', async () => {
  const id = await createSession();
  const stream = await client.beta.sessions.events.stream(id);
  await client.beta.sessions.delete(id);
  const types: string[] = [];
  for await (const { type } of stream) types.push(type);
  expect(types).toEqual(['session.deleted']);
});

it('lists history with pages, order, types and times', async () => {
  const id = await createSession();
  await send(id, message('hello'));
  await idle(id);
  const all = (await client.beta.sessions.events.list(id)).data;
  const paged: string[] = [];
  for await (const event of client.beta.sessions.events.list(id, { limit: 2 })) paged.push(event.id);
  expect(paged).toEqual(all.map((event) => event.id));
  const newest = await client.beta.sessions.events.list(id, { order: 'desc', limit: 1 });
  expect(newest.data[0]?.type).toBe('session.status_idle');
  const usage = await client.beta.sessions.events.list(id, { types: ['session.usage', 'agent.message'] });
  expect(typesOf(usage.data)).toEqual(['agent.message', 'session.usage']);
  const later = await client.beta.sessions.events.list(id, { 'created_at[gt]': '2099-01-01T00:00:00Z' });
  expect(later.data).toEqual([]);
  const unknown = client.beta.sessions.events.list(id, { types: ['agent.dream' as never] });
  expect(await refusal(unknown)).toMatchObject({ status: 400 });
});

it.each([
  ['no events', []],
  ['an unknown type', [{ type: 'user.wave' }]],
  ['an unknown field', [{ ...message('x'), from: 'ada' }]],
  ['a redacted block', [{ type: 'user.message', content: [{ type: 'redacted' }] }]],
  ['a message without content', [{ type: 'user.message', content: [] }]],
  ['a thread id in a confirmation', [{ ...confirmation('sevt_1', 'allow'), session_thread_id: 'sthr_1' }]],
  ['an outcome', [{ type: 'user.define_outcome', description: 'x', rubric: { type: 'text', content: 'x' } }]],
])('refuses %s', async (_name, events) => {
  const id = await createSession();
  expect(await refusal(send(id, ...events))).toMatchObject({ status: 400 });
  expect((await client.beta.sessions.events.list(id)).data).toEqual([]);
});

it('takes what is sent while it runs for the turn after', async () => {
  const id = await createSession();
  const events = await during(
    id,
    async () => {
      await send(id, message('first'));
      await send(id, message('second'));
    },
    2,
  );
  expect(events.filter(({ type }) => type === 'agent.message')).toHaveLength(2);
  await idle(id);
});
