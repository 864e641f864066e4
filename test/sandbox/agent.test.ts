import type Anthropic from '@anthropic-ai/sdk';
import type { BetaManagedAgentsSessionEvent } from '@anthropic-ai/sdk/resources/beta/sessions/events';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { runningClock } from './clock.ts';
import { type Connection, connect } from './connect.ts';
import type { PersonName } from './people.ts';
import { sdkClient } from './platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './platform/start.ts';
import { startNotion } from './services/notion.ts';
import type { SandboxService } from './services/service.ts';

const clock = runningClock();
let notion: SandboxService;
let platform: PlatformSandbox;
let client: Anthropic;
let environmentId: string;
let agentId: string;
let calls: number;

const allow = { permission_policy: { type: 'always_allow' as const } };
const auto = { permission_policy: { type: 'auto' as const } };
/** Reading is allowed, creating is asked about, the rest is off. */
const configs = [
  { name: 'notion-search', enabled: true, ...allow },
  { name: 'notion-create-pages', enabled: true },
];

beforeAll(async () => {
  notion = await startNotion(clock.now);
  platform = await startPlatform({ clock });
  client = sdkClient(platform);
  environmentId = (await client.beta.environments.create({ name: 'e' })).id;
  agentId = await createAgent({ default_config: { enabled: false }, configs });
});
afterAll(async () => {
  await platform.close();
  await notion.close();
});
beforeEach(() => {
  notion.control.behave();
  calls = notion.calls.length;
});

async function createAgent(toolset: object): Promise<string> {
  const agent = await client.beta.agents.create({
    name: 'Support',
    model: 'claude-opus-5-5',
    mcp_servers: [{ type: 'url', name: 'notion', url: notion.mcpUrl }],
    tools: [{ type: 'mcp_toolset', mcp_server_name: 'notion', ...toolset }],
  });
  return agent.id;
}

/** Connects a person and stores the outcome in a new vault of theirs. */
async function vaultOf(person: PersonName, change: (auth: ReturnType<typeof authOf>) => object = (auth) => auth) {
  const vault = await client.beta.vaults.create({ display_name: person });
  const auth = change(authOf(await connect(notion, { person })));
  const credential = await client.beta.vaults.credentials.create(vault.id, { auth: auth as never });
  return { vaultId: vault.id, credentialId: credential.id };
}

function authOf({ mcpUrl, accessToken, expiresIn, clientId, tokenEndpoint, refreshToken, resource }: Connection) {
  return {
    type: 'mcp_oauth' as const,
    mcp_server_url: mcpUrl,
    access_token: accessToken,
    expires_at: new Date(clock.now() + expiresIn * 1000).toISOString(),
    refresh: {
      client_id: clientId,
      token_endpoint: tokenEndpoint,
      refresh_token: refreshToken,
      token_endpoint_auth: { type: 'none' as const },
      resource,
    },
  };
}

/** Starts a session with these vaults, sends a text and collects the events up to idleness. */
async function converse(vault_ids: string[], text: string, settings: { agent?: string; environment_id?: string } = {}) {
  const defaults = { agent: agentId, environment_id: environmentId };
  const { id } = await client.beta.sessions.create({ ...defaults, ...settings, vault_ids });
  return { id, events: await say(id, { type: 'user.message', content: [{ type: 'text', text }] }) };
}

async function say(id: string, event: object): Promise<BetaManagedAgentsSessionEvent[]> {
  const stream = await client.beta.sessions.events.stream(id);
  await client.beta.sessions.events.send(id, { events: [event as never] });
  const events: BetaManagedAgentsSessionEvent[] = [];
  for await (const happened of stream) {
    events.push(happened as BetaManagedAgentsSessionEvent);
    if (happened.type === 'session.status_idle') break;
  }
  return events;
}

function of<Type extends BetaManagedAgentsSessionEvent['type']>(events: BetaManagedAgentsSessionEvent[], type: Type) {
  return events.filter((event): event is Extract<BetaManagedAgentsSessionEvent, { type: Type }> => event.type === type);
}

const search = 'call notion notion-search {"query": "roadmap"}';
const createPages = 'call notion notion-create-pages {"pages": [{"title": "New"}]}';

it('calls the service as the person whose vault the session has, and says what came back', async () => {
  const { vaultId } = await vaultOf('grace');
  const { events } = await converse([vaultId], `Please\n${search}`);
  expect(of(events, 'agent.mcp_tool_use')).toMatchObject([
    {
      mcp_server_name: 'notion',
      name: 'notion-search',
      input: { query: 'roadmap' },
      evaluated_permission: 'allow',
      evaluation: { type: 'always_allow' },
    },
  ]);
  const [use] = of(events, 'agent.mcp_tool_use');
  expect(of(events, 'agent.mcp_tool_result')).toMatchObject([{ mcp_tool_use_id: use?.id, is_error: false }]);
  expect(notion.calls.slice(calls)).toMatchObject([{ account: 'grace', tool: 'notion-search' }]);
  const [said] = of(events, 'agent.message');
  const [block] = said?.content ?? [];
  expect(block?.type === 'text' ? block.text : '').toContain(notion.accounts.grace.email);
});

it('never lets a call of a disabled tool reach the service', async () => {
  const { vaultId } = await vaultOf('ada');
  const { events } = await converse([vaultId], 'call notion notion-fetch {"id": "self"}');
  const [use] = of(events, 'agent.mcp_tool_use');
  expect(use).toMatchObject({ name: 'notion-fetch', evaluated_permission: 'deny' });
  expect(use).not.toHaveProperty('evaluation');
  expect(of(events, 'agent.mcp_tool_result')).toMatchObject([{ is_error: true }]);
  expect(notion.calls.slice(calls)).toEqual([]);
});

it('waits with a call that must be asked about, and obeys the answer', async () => {
  const { vaultId } = await vaultOf('ada');
  const { id, events } = await converse([vaultId], `${search}\n${createPages}`);
  const ask = of(events, 'agent.mcp_tool_use')[1]?.id ?? '';
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [ask] } });
  expect(notion.calls.slice(calls)).toMatchObject([{ tool: 'notion-search' }]);
  const rest = await say(id, { type: 'user.tool_confirmation', tool_use_id: ask, result: 'allow' });
  expect(of(rest, 'agent.mcp_tool_result')).toMatchObject([{ mcp_tool_use_id: ask, is_error: false }]);
  expect(notion.calls.slice(calls)).toMatchObject([
    { tool: 'notion-search' },
    { tool: 'notion-create-pages', account: 'ada' },
  ]);
});

it('does not make a call that was denied', async () => {
  const { vaultId } = await vaultOf('ada');
  const { id, events } = await converse([vaultId], createPages);
  const ask = of(events, 'agent.mcp_tool_use')[0]?.id;
  await say(id, { type: 'user.tool_confirmation', tool_use_id: ask, result: 'deny', deny_message: 'no' });
  expect(notion.calls.slice(calls)).toEqual([]);
});

it('lets the first vault win when two have a credential, without a word about it', async () => {
  const ada = await vaultOf('ada');
  const grace = await vaultOf('grace');
  await converse([ada.vaultId, grace.vaultId], search);
  await converse([grace.vaultId, ada.vaultId], search);
  expect(notion.calls.slice(calls).map(({ account }) => account)).toEqual(['ada', 'grace']);
});

it('finds the credential however its URL is written', async () => {
  const { vaultId } = await vaultOf('ada', (auth) => ({ ...auth, mcp_server_url: `${auth.mcp_server_url}/` }));
  await converse([vaultId], search);
  expect(notion.calls.slice(calls)).toMatchObject([{ account: 'ada' }]);
});

it('calls unauthenticated without a matching credential, and tells when that is refused', async () => {
  const { unauthorized } = notion.mcpRequests;
  const { events } = await converse(platform.control.seedVaults(1), search);
  expect(notion.mcpRequests.unauthorized).toBe(unauthorized + 1);
  expect(of(events, 'session.error')).toMatchObject([
    {
      error: {
        type: 'mcp_authentication_failed_error',
        mcp_server_name: 'notion',
        retry_status: { type: 'exhausted' },
      },
    },
  ]);
  expect(events.at(-1)).toMatchObject({ type: 'session.status_idle', stop_reason: { type: 'retries_exhausted' } });
  expect(of(events, 'agent.mcp_tool_use')).toEqual([]);
});

it('stops using a credential the moment it is archived', async () => {
  const { vaultId, credentialId } = await vaultOf('ada');
  const { id } = await converse([vaultId], search);
  await client.beta.vaults.credentials.archive(credentialId, { vault_id: vaultId });
  const events = await say(id, { type: 'user.message', content: [{ type: 'text', text: search }] });
  expect(of(events, 'session.error')).toHaveLength(1);
  expect(notion.calls.slice(calls)).toHaveLength(1);
});

it('refreshes an expired token before it calls, and stores the rotated one', async () => {
  const { vaultId, credentialId } = await vaultOf('ada');
  const before = platform.control.peek.secrets(credentialId);
  clock.advance(2 * 3600 * 1000);
  const { events } = await converse([vaultId], search);
  expect(of(events, 'session.error')).toEqual([]);
  expect(notion.calls.slice(calls)).toMatchObject([{ account: 'ada' }]);
  const after = platform.control.peek.secrets(credentialId);
  expect(after?.access_token).not.toBe(before?.access_token);
  expect(after?.refresh_token).not.toBe(before?.refresh_token);
});

it('reports an expired token that cannot be refreshed', async () => {
  const { vaultId } = await vaultOf('ada');
  notion.control.revokeGrants('ada');
  clock.advance(2 * 3600 * 1000);
  const { events } = await converse([vaultId], search);
  expect(of(events, 'session.error')).toMatchObject([{ error: { type: 'mcp_authentication_failed_error' } }]);
});

it('does not reach a server that limited networking leaves out', async () => {
  const create = (name: string, more: object) =>
    client.beta.environments.create({ name, config: { type: 'cloud', networking: { type: 'limited', ...more } } });
  const closed = await create('closed', { allowed_hosts: ['example.com'] });
  const { vaultId } = await vaultOf('ada');
  const { events } = await converse([vaultId], search, { environment_id: closed.id });
  expect(of(events, 'session.error')).toMatchObject([{ error: { type: 'mcp_connection_failed_error' } }]);
  const open = await create('open', { allow_mcp_servers: true });
  await converse([vaultId], search, { environment_id: open.id });
  expect(notion.calls.slice(calls)).toHaveLength(1);
});

it('passes on what a tool refuses', async () => {
  const { vaultId } = await vaultOf('ada');
  const { events } = await converse([vaultId], 'call notion notion-search {"query": 7}');
  expect(of(events, 'agent.mcp_tool_result')).toMatchObject([{ is_error: true }]);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
});

it('says that it cannot read a line, and does nothing else', async () => {
  const { vaultId } = await vaultOf('ada');
  const { events } = await converse([vaultId], 'call notion notion-search {broken');
  expect(JSON.stringify(of(events, 'agent.message'))).toContain('cannot read the arguments of');
  expect(notion.calls.slice(calls)).toEqual([]);
});

it('answers a plain question with its enabled tools and one reading call per server', async () => {
  const { vaultId } = await vaultOf('ada');
  const { events } = await converse([vaultId], 'What is on the roadmap?');
  const text = JSON.stringify(of(events, 'agent.message'));
  expect(text).toContain('notion offers: notion-search, notion-create-pages');
  expect(notion.calls.slice(calls)).toMatchObject([{ tool: 'notion-search', account: 'ada' }]);
});

it('uses a tool that the service adds later, where the toolset is on by default', async () => {
  const { vaultId } = await vaultOf('ada');
  const agent = await createAgent({ default_config: allow });
  notion.control.addTool({ name: 'notion-new' });
  const { events } = await converse([vaultId], 'call notion notion-new', { agent });
  expect(of(events, 'agent.mcp_tool_use')).toMatchObject([{ evaluated_permission: 'allow' }]);
  expect(notion.calls.slice(calls)).toMatchObject([{ tool: 'notion-new' }]);
  notion.control.removeTool('notion-new');
});

it('judges by annotations under the auto policy', async () => {
  const { vaultId } = await vaultOf('ada');
  const agent = await createAgent({ default_config: auto });
  notion.control.addTool({ name: 'notion-erase', effect: 'destructive' });
  const { events } = await converse([vaultId], `${search}\ncall notion notion-erase\n${createPages}`, { agent });
  expect(of(events, 'agent.mcp_tool_use')).toMatchObject([
    { evaluated_permission: 'allow', evaluation: { type: 'auto', evaluated_permission: { type: 'allow' } } },
    {
      evaluated_permission: 'deny',
      evaluation: { type: 'auto', evaluated_permission: { type: 'deny', reason_code: 'high_risk' } },
    },
    {
      evaluated_permission: 'ask',
      evaluation: { type: 'auto', evaluated_permission: { type: 'ask', reason_code: 'indeterminate' } },
    },
  ]);
  expect(notion.calls.slice(calls).map(({ tool }) => tool)).toEqual(['notion-search']);
  notion.control.removeTool('notion-erase');
});
