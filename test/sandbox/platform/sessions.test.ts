import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { standingClock } from '../clock.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

const clock = standingClock('2026-11-22T10:00:00Z');
const server = { type: 'url' as const, name: 'notion', url: 'https://mcp.notion.example/mcp' };
const toolset = { type: 'mcp_toolset' as const, mcp_server_name: 'notion' };
let platform: PlatformSandbox;
let client: Anthropic;
let agentId: string;
let environmentId: string;
let vaultIds: string[];

beforeAll(async () => {
  platform = await startPlatform({ clock });
  client = sdkClient(platform);
  environmentId = (await client.beta.environments.create({ name: 'e' })).id;
});
afterAll(() => platform.close());
beforeEach(async () => {
  const agent = { name: 'Support', model: 'claude-opus-5-5', system: 'Help.', mcp_servers: [server], tools: [toolset] };
  agentId = (await client.beta.agents.create(agent)).id;
  vaultIds = platform.control.seedVaults(2);
});

const create = (fields: object = {}) =>
  client.beta.sessions.create({ agent: agentId, environment_id: environmentId, ...fields });

it('starts idle, as a snapshot of the newest agent', async () => {
  await client.beta.agents.update(agentId, { description: 'second' });
  const session = await create({ vault_ids: vaultIds, title: 'Hello', metadata: { owner: 'ada' } });
  expect(session).toMatchObject({
    id: expect.stringMatching(/^sesn_/),
    type: 'session',
    status: 'idle',
    title: 'Hello',
    metadata: { owner: 'ada' },
    vault_ids: vaultIds,
    environment_id: environmentId,
    resources: [],
    outcome_evaluations: [],
    budget: null,
    archived_at: null,
    agent: { id: agentId, type: 'agent', version: 2, description: 'second', multiagent: null },
  });
  await client.beta.agents.update(agentId, { description: 'third' });
  expect((await client.beta.sessions.retrieve(session.id)).agent).toMatchObject({ version: 2, description: 'second' });
});

it('pins a version when told to', async () => {
  await client.beta.agents.update(agentId, { description: 'second' });
  const { agent } = await create({ agent: { type: 'agent', id: agentId, version: 1 } });
  expect(agent).toMatchObject({ version: 1, description: null });
  expect((await create()).vault_ids).toEqual([]);
});

it('overrides whole fields for one session and leaves the agent alone', async () => {
  const override = { type: 'agent_with_overrides', id: agentId, version: 1 };
  const { agent } = await create({
    agent: {
      ...override,
      model: { id: 'claude-haiku-5-5', effort: 'max' },
      system: null,
      tools: null,
      mcp_servers: [],
    },
  });
  expect(agent).toMatchObject({
    id: agentId,
    version: 1,
    model: { id: 'claude-haiku-5-5', speed: 'standard' },
    system: null,
    tools: [],
    mcp_servers: [],
  });
  // That of the agent itself.
  expect(agent.model.effort).toEqual({ type: 'high' });
  expect((await client.beta.agents.retrieve(agentId)).system).toBe('Help.');
  expect((await create({ agent: override })).agent).toMatchObject({ system: 'Help.', mcp_servers: [server] });
});

it.each([
  ['no model', { model: null }, { code: 'agent_model_required' }],
  ['no servers but a toolset', { mcp_servers: [] }, {}],
  ['a server without a toolset', { tools: [] }, {}],
  ['a name', { name: 'x' }, { message: 'agent.name: unknown field' }],
])('refuses overrides with %s', async (_name, overrides, expected) => {
  const agent = { type: 'agent_with_overrides', id: agentId, ...overrides };
  expect(await refusal(create({ agent }))).toMatchObject({ status: 400, ...expected });
});

it('refuses an unknown vault with the documented message, and one of another workspace alike', async () => {
  const other = await startPlatform({ extraKeys: [{ apiKey: 'k', workspaceId: 'wrkspc_2' }] });
  try {
    const [foreign] = other.control.seedVaults(1, { workspaceId: 'wrkspc_2' });
    const owner = sdkClient(other);
    const environment = await owner.beta.environments.create({ name: 'e' });
    const agent = await owner.beta.agents.create({ name: 'a', model: 'claude-opus-5-5' });
    for (const vault of [foreign ?? '', 'vlt_unknown']) {
      const body = { agent: agent.id, environment_id: environment.id, vault_ids: [vault] };
      const refused = await refusal(owner.beta.sessions.create(body));
      expect(refused).toEqual({
        status: 404,
        type: 'not_found_error',
        message: `vault ${vault} not found`,
        code: undefined,
      });
    }
  } finally {
    await other.close();
  }
});

it.each([
  ['a repeated vault', () => ({ vault_ids: [vaultIds[0], vaultIds[0]] }), 400],
  ['an unknown agent', () => ({ agent: 'agent_01111111111111111111111' }), 404],
  ['an unknown version', () => ({ agent: { type: 'agent', id: agentId, version: 7 } }), 404],
  ['an unknown environment', () => ({ environment_id: 'env_1' }), 404],
  ['nine metadata pairs', () => ({ metadata: Object.fromEntries(Array.from('123456789', (k) => [k, k])) }), 400],
  ['resources', () => ({ resources: [{ type: 'file', file_id: 'file_1' }] }), 400],
  ['an unknown field', () => ({ vaults: [] }), 400],
  ['a number as agent', () => ({ agent: 7 }), 400],
])('refuses %s', async (_name, fields, status) => {
  expect(await refusal(create(fields()))).toMatchObject({ status });
});

it('refuses what is archived', async () => {
  const [vault = ''] = vaultIds;
  await client.beta.vaults.archive(vault);
  expect(await refusal(create({ vault_ids: [vault] }))).toMatchObject({ status: 400 });
  const environment = await client.beta.environments.create({ name: 'old' });
  await client.beta.environments.archive(environment.id);
  expect(await refusal(create({ environment_id: environment.id }))).toMatchObject({ status: 400 });
  await client.beta.agents.archive(agentId);
  expect(await refusal(create())).toMatchObject({ status: 400 });
});

it('needs the read tool for skills, and takes no two skills of one name', async () => {
  const upload = () => new File(['---\nname: notes\ndescription: Notes.\n---\n'], 'notes/SKILL.md');
  const first = await client.skills.create({ files: [upload()] });
  const second = await client.skills.create({ files: [upload()] });
  const skill = (skill_id: string) => ({ type: 'custom', skill_id });
  const builtin = { type: 'agent_toolset_20260401', default_config: { enabled: false } };
  const override = (tools: object[], skills: object[]) =>
    create({ agent: { type: 'agent_with_overrides', id: agentId, tools: [toolset, ...tools], skills } });
  expect((await refusal(override([], [skill(first.id)]))).message).toContain('read tool');
  expect(await refusal(override([builtin], [skill(first.id)]))).toMatchObject({ status: 400 });
  const reading = { ...builtin, configs: [{ name: 'read', enabled: true }] };
  const { agent } = await override([reading], [skill(first.id)]);
  expect(agent.skills).toEqual([{ type: 'custom', skill_id: first.id, version: first.latest_version_id }]);
  expect(await refusal(override([reading], [skill(first.id), skill(second.id)]))).toMatchObject({ status: 400 });
  expect(await refusal(override([reading], [skill('skill_unknown')]))).toMatchObject({ status: 404 });
});

it('updates title, metadata, tools and servers, and says so in the history', async () => {
  const { id } = await create({ metadata: { a: '1' } });
  const allowing = { ...toolset, default_config: { permission_policy: { type: 'always_allow' as const } } };
  const updated = await client.beta.sessions.update(id, {
    title: 'New',
    metadata: { b: '2', a: null },
    agent: { tools: [allowing] },
  });
  expect(updated).toMatchObject({ title: 'New', metadata: { b: '2' }, agent: { version: 1, mcp_servers: [server] } });
  const { data } = await client.beta.sessions.events.list(id);
  expect(data).toMatchObject([{ type: 'session.updated', title: 'New', metadata: { b: '2' }, agent: { id: agentId } }]);
  await client.beta.sessions.update(id, { title: 'New' });
  expect((await client.beta.sessions.events.list(id)).data).toHaveLength(1);
});

it.each([
  ['vault_ids', { vault_ids: [] }, 'vault_ids: cannot be updated yet'],
  ['a model', { agent: { model: 'claude-opus-5-5' } }, 'agent.model: unknown field'],
  [
    'a budget that was not there',
    { budget: { type: 'limit', max_list_cost: { amount: '100', currency: 'USD' } } },
    'budget: cannot',
  ],
  ['a server without a toolset', { agent: { tools: [] } }, 'mcp_servers: notion'],
])('does not update %s', async (_name, update, hint) => {
  const { id } = await create({ vault_ids: vaultIds });
  const { status, message } = await refusal(client.beta.sessions.update(id, update as object));
  expect(status).toBe(400);
  expect(message).toContain(hint);
  expect((await client.beta.sessions.retrieve(id)).vault_ids).toEqual(vaultIds);
});

it('replaces a budget and removes it for good', async () => {
  const budget = (amount: string) => ({ type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } });
  const { id } = await create({ budget: budget('100') });
  expect((await client.beta.sessions.update(id, { budget: budget('200') })).budget).toEqual(budget('200'));
  expect((await client.beta.sessions.update(id, { budget: null })).budget).toBeNull();
  const again = client.beta.sessions.update(id, { budget: budget('300') });
  expect(await refusal(again)).toMatchObject({ code: 'budget_create_only' });
});

it('archives: the history stays, nothing more is taken', async () => {
  const { id } = await create();
  expect(await client.beta.sessions.archive(id)).toMatchObject({
    status: 'terminated',
    archived_at: clock.timestamp(),
  });
  const events = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text: 'hi' }] }];
  expect(await refusal(client.beta.sessions.events.send(id, { events }))).toMatchObject({ status: 409 });
  expect(await refusal(client.beta.sessions.update(id, { title: 'x' }))).toMatchObject({ status: 400 });
  expect(await refusal(client.beta.sessions.archive(id))).toMatchObject({ status: 400 });
  const history = await client.beta.sessions.events.list(id);
  expect(history.data.map(({ type }) => type)).toEqual(['session.status_terminated']);
});

it('deletes the session and nothing else', async () => {
  const { id } = await create({ vault_ids: vaultIds });
  expect(await client.beta.sessions.delete(id)).toEqual({ id, type: 'session_deleted' });
  expect(await refusal(client.beta.sessions.retrieve(id))).toMatchObject({ status: 404 });
  expect((await client.beta.vaults.retrieve(vaultIds[0] ?? '')).archived_at).toBeNull();
});

it('keeps naming a vault that is deleted under it', async () => {
  const { id } = await create({ vault_ids: vaultIds });
  await client.beta.vaults.delete(vaultIds[0] ?? '');
  expect((await client.beta.sessions.retrieve(id)).vault_ids).toEqual(vaultIds);
});

it('has no threads beside its own', async () => {
  const { id } = await create();
  expect((await client.beta.sessions.threads.list(id)).data).toEqual([]);
});

it('lists newest first, forwards and backwards, with filters', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    clock.advance(60_000);
    ids.unshift((await create()).id);
  }
  const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);
  const filter = { agent_id: agentId, limit: 2 };
  const first = await client.beta.sessions.list(filter);
  expect(idsOf(first)).toEqual(ids.slice(0, 2));
  expect(first.prev_page).toBeNull();
  const second = await client.beta.sessions.list({ ...filter, page: first.next_page });
  expect(idsOf(second)).toEqual(ids.slice(2, 4));
  const back = await client.beta.sessions.list({ ...filter, page: second.prev_page });
  expect(idsOf(back)).toEqual(ids.slice(0, 2));
  expect(back.prev_page).toBeNull();
  const last = await client.beta.sessions.list({ ...filter, limit: 5, page: second.next_page });
  expect(last.next_page).toBeNull();
  expect(idsOf(await client.beta.sessions.list({ agent_id: agentId, order: 'asc' }))).toEqual(ids.toReversed());

  const reordered = client.beta.sessions.list({ ...filter, order: 'asc', page: first.next_page });
  expect(await refusal(reordered)).toMatchObject({ status: 400 });
  const excluded = client.beta.sessions.list({
    ...filter,
    page: first.next_page,
    'created_at[lt]': '2026-11-22T10:00:00Z',
  });
  expect(await refusal(excluded)).toMatchObject({ status: 400 });

  await client.beta.sessions.archive(ids[0] ?? '');
  const filtered = async (more: object) => idsOf(await client.beta.sessions.list({ agent_id: agentId, ...more }));
  expect(await filtered({})).toEqual(ids.slice(1));
  expect(await filtered({ include_archived: true, statuses: ['terminated'] })).toEqual(ids.slice(0, 1));
  expect(await filtered({ statuses: ['running', 'rescheduling'] })).toEqual([]);
  expect(await filtered({ agent_version: 2 })).toEqual([]);
  expect(await filtered({ deployment_id: 'depl_1' })).toEqual([]);
  const versionAlone = client.beta.sessions.list({ agent_version: 1 });
  expect(await refusal(versionAlone)).toMatchObject({ status: 400 });
});
