import type Anthropic from '@anthropic-ai/sdk';
import type { AgentCreateParams } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

let platform: PlatformSandbox;
let client: Anthropic;

beforeAll(async () => {
  platform = await startPlatform();
  client = sdkClient(platform);
});
afterAll(() => platform.close());

const plain = { name: 'Support', model: 'claude-opus-5-5' } satisfies AgentCreateParams;
const servers = [
  { type: 'url' as const, name: 'notion', url: 'https://mcp.notion.example/mcp' },
  { type: 'url' as const, name: 'slack', url: 'https://mcp.slack.example' },
];
const toolsets = [
  { type: 'mcp_toolset' as const, mcp_server_name: 'notion' },
  { type: 'mcp_toolset' as const, mcp_server_name: 'slack' },
];

const create = (fields: object) => client.beta.agents.create({ ...plain, ...fields });

it('fills in the defaults of a plain agent', async () => {
  expect(await client.beta.agents.create(plain)).toEqual({
    id: expect.stringMatching(/^agent_/),
    type: 'agent',
    version: 1,
    name: 'Support',
    model: { id: 'claude-opus-5-5', speed: 'standard', effort: { type: 'high' } },
    system: null,
    description: null,
    tools: [],
    mcp_servers: [],
    skills: [],
    multiagent: null,
    metadata: {},
    execution_identity: { type: 'service_account' },
    created_at: expect.any(String),
    updated_at: expect.any(String),
    archived_at: null,
  });
});

it('switches on every tool of a toolset that says nothing: built-in ones without a question', async () => {
  const tools = [{ type: 'agent_toolset_20260401' }, { type: 'mcp_toolset', mcp_server_name: 'notion' }];
  const agent = await create({ tools, mcp_servers: servers.slice(0, 1) });
  const defaultsOf = (type: string) => agent.tools.find((tool) => tool.type === type);
  expect(defaultsOf('agent_toolset_20260401')).toMatchObject({
    default_config: { enabled: true, permission_policy: { type: 'always_allow' } },
    configs: [],
  });
  expect(defaultsOf('mcp_toolset')).toMatchObject({
    default_config: { enabled: true, permission_policy: { type: 'always_ask' } },
    configs: [],
  });
});

it('fills each config in from the default of its toolset', async () => {
  const notion = {
    ...toolsets[0],
    default_config: { enabled: false },
    configs: [{ name: 'search', enabled: true, permission_policy: { type: 'always_allow' } }, { name: 'delete' }],
  };
  const agent = await create({ tools: [notion], mcp_servers: servers.slice(0, 1) });
  expect(agent.tools).toEqual([
    {
      type: 'mcp_toolset',
      mcp_server_name: 'notion',
      default_config: { enabled: false, permission_policy: { type: 'always_ask' } },
      configs: [
        { name: 'search', enabled: true, permission_policy: { type: 'always_allow' } },
        { name: 'delete', enabled: false, permission_policy: { type: 'always_ask' } },
      ],
    },
  ]);
});

it('returns tools and servers in an order that nobody can rely on', async () => {
  const { id } = await create({ tools: toolsets, mcp_servers: servers });
  const orders = new Set<string>();
  for (let read = 0; read < 6; read += 1) {
    const { mcp_servers } = await client.beta.agents.retrieve(id);
    orders.add(mcp_servers.map(({ name }) => name).join());
  }
  expect([...orders].sort()).toEqual(['notion,slack', 'slack,notion']);
});

it('makes a version per change, and none when nothing changes', async () => {
  const agent = await create({ tools: toolsets, mcp_servers: servers });
  const same = await client.beta.agents.update(agent.id, { tools: agent.tools, mcp_servers: agent.mcp_servers });
  expect(same).toMatchObject({ version: 1, updated_at: agent.updated_at });
  expect((await client.beta.agents.update(agent.id, { version: 1, system: 'Be brief.' })).version).toBe(2);
  expect((await client.beta.agents.update(agent.id, { metadata: { team: 'a' } })).version).toBe(3);
  expect((await client.beta.agents.update(agent.id, { system: '' })).system).toBeNull();
  expect(await client.beta.agents.retrieve(agent.id, { version: 2 })).toMatchObject({
    version: 2,
    system: 'Be brief.',
    metadata: {},
  });
  const versions: number[] = [];
  for await (const { version } of client.beta.agents.versions.list(agent.id, { limit: 3 })) versions.push(version);
  expect(versions).toEqual([1, 2, 3, 4]);
  expect(await refusal(client.beta.agents.retrieve(agent.id, { version: 9 }))).toMatchObject({ status: 404 });
});

it('refuses an update of another version, even one that changes nothing, and without a version the last one wins', async () => {
  const { id } = await create({});
  await client.beta.agents.update(id, { description: 'second' });
  const stale = client.beta.agents.update(id, { version: 1, description: 'second' });
  expect(await refusal(stale)).toMatchObject({ status: 409, type: 'conflict_error' });
  expect((await client.beta.agents.update(id, { description: 'third' })).version).toBe(3);
});

it('replaces lists, clears with null, and patches metadata by key', async () => {
  const metadata = { a: '1', b: '2' };
  const { id } = await create({ description: 'x', tools: toolsets, mcp_servers: servers, metadata });
  const cleared = await client.beta.agents.update(id, {
    description: null,
    tools: [],
    mcp_servers: null,
    metadata: { a: null, c: '3' },
  });
  expect(cleared).toMatchObject({ description: null, tools: [], mcp_servers: [], metadata: { b: '2', c: '3' } });
});

it.each([
  ['a server without a toolset', { mcp_servers: servers.slice(0, 1) }, 'notion'],
  ['a toolset without a server', { tools: toolsets.slice(0, 1) }, 'notion'],
  ['a server twice', { mcp_servers: [servers[0], servers[0]], tools: toolsets.slice(0, 1) }, 'more than once'],
  ['a toolset twice', { mcp_servers: servers.slice(0, 1), tools: [toolsets[0], toolsets[0]] }, 'more than once'],
  ['a server with headers', { mcp_servers: [{ ...servers[0], headers: {} }] }, 'mcp_servers.0.headers'],
  ['an unknown built-in tool', { tools: [{ type: 'agent_toolset_20260401', configs: [{ name: 'sudo' }] }] }, 'name'],
  [
    'an unknown policy',
    { tools: [{ ...toolsets[0], default_config: { permission_policy: { type: 'never' } } }] },
    'type',
  ],
  ['another model', { model: 'gpt-1' }, 'model'],
  ['an empty name', { name: '' }, 'name'],
  ['a version', { version: 1 }, 'version: unknown field'],
  ['129 tools', { mcp_servers: servers.slice(0, 1), tools: [{ ...toolsets[0], configs: manyConfigs() }] }, '128'],
  [
    '21 servers',
    { mcp_servers: Array.from({ length: 21 }, (_, i) => ({ ...servers[0], name: `s${i}` })) },
    'mcp_servers',
  ],
])('refuses %s', async (_name, fields, hint) => {
  const { status, message } = await refusal(create(fields));
  expect(status).toBe(400);
  expect(message).toContain(hint);
});

function manyConfigs() {
  return Array.from({ length: 129 }, (_, index) => ({ name: `tool${index}` }));
}

it('checks references after an update too', async () => {
  const { id } = await create({ tools: toolsets, mcp_servers: servers });
  expect(await refusal(client.beta.agents.update(id, { tools: [] }))).toMatchObject({ status: 400 });
});

it('tells a malformed id from an unknown one', async () => {
  expect(await refusal(client.beta.agents.retrieve('support'))).toMatchObject({
    status: 400,
    message: 'Invalid agent ID: support',
  });
  const unknown = client.beta.agents.retrieve('agent_01111111111111111111111');
  expect(await refusal(unknown)).toMatchObject({ status: 404 });
});

it('archives for good', async () => {
  const { id } = await create({ name: 'Old' });
  await client.beta.agents.archive(id);
  expect((await client.beta.agents.retrieve(id)).archived_at).not.toBeNull();
  expect(await refusal(client.beta.agents.update(id, { name: 'New' }))).toMatchObject({ status: 400 });
  expect(await refusal(client.beta.agents.archive(id))).toMatchObject({ status: 400 });
  const listed = (await client.beta.agents.list({ limit: 100 })).data.map((agent) => agent.id);
  expect(listed).not.toContain(id);
  const all = (await client.beta.agents.list({ limit: 100, include_archived: true })).data.map((agent) => agent.id);
  expect(all).toContain(id);
});

it('filters the list by creation', async () => {
  const future = await client.beta.agents.list({ 'created_at[gte]': '2099-01-01T00:00:00Z' });
  expect(future.data).toEqual([]);
  const yesterday = client.beta.agents.list({ 'created_at[gte]': 'yesterday' });
  expect(await refusal(yesterday)).toMatchObject({ status: 400 });
});

it('switches on sub-agents, workflows and inline agents in the newer multiagent form unless told otherwise', async () => {
  const { multiagent } = await create({ multiagent: { type: 'multiagent_20261001', workflows: { type: 'disabled' } } });
  expect(multiagent).toEqual({
    type: 'multiagent_20261001',
    advisor: { type: 'disabled' },
    subagents: { type: 'enabled', inline_agents: { type: 'enabled' }, predefined_agents: [] },
    workflows: { type: 'disabled' },
  });
});

it('pins the members of a coordinator', async () => {
  const member = await create({ name: 'Member' });
  const { id, multiagent } = await create({ multiagent: { type: 'coordinator', agents: [member.id] } });
  expect(multiagent).toEqual({ type: 'coordinator', agents: [{ type: 'agent', id: member.id, version: 1 }] });
  await client.beta.agents.update(member.id, { system: 'changed' });
  expect((await client.beta.agents.retrieve(id)).multiagent).toEqual(multiagent);
});
