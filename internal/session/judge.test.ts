import { describe, expect, test } from 'vitest';
import { digestOf, type FactSource, factsOf } from './facts.ts';
import { judgeSession, type SessionEvidence } from './judge.ts';

const closed = { enabled: false, permission_policy: { type: 'always_ask' } };
const tool = (name: string, policy: string, more: object = {}) => ({
  name,
  enabled: true,
  permission_policy: { type: policy },
  ...more,
});
const builtin = (...configs: object[]) => ({ type: 'agent_toolset_20260401', default_config: closed, configs });
const server = { name: 'notion', url: 'https://mcp.notion.example/mcp' };
const owner = { mai_owner_kind: 'sso', mai_owner_issuer: 'https://id.example', mai_owner_subject: 'ada' };
const agent: FactSource['agent'] = {
  id: 'agent_a',
  version: 1,
  name: 'support',
  model: 'claude-sonnet-5-5',
  system: null,
  description: null,
  tools: [],
  mcp_servers: [],
  skills: [],
  multiagent: null,
  execution_identity: { type: 'service_account' },
};

/** A session against which nothing speaks, with these tools and servers, of an agent with those. */
function evidence(tools: object[], allowed: object[], more: Partial<SessionEvidence> = {}): SessionEvidence {
  const source: FactSource = {
    vault_ids: ['vlt_a'],
    environment_id: 'env_a',
    metadata: owner,
    resources: [],
    agent: { ...agent, tools: tools as never },
  };
  const session = { ...source, metadata: { ...owner, mai_attempt: 'a', mai_intent: digestOf(factsOf(source), 'a') } };
  const vault = { id: 'vlt_a', display_name: '', metadata: owner, created_at: '', archived_at: null };
  return {
    session,
    vaults: [{ id: 'vlt_a', claim: { vault, signature: { kind: 'unneeded' } } }],
    updates: [],
    record: undefined,
    base: { ...agent, tools: allowed as never },
    catalogue: [server.url],
    identityServers: [],
    signature: { kind: 'unneeded' },
    twin: false,
    undecided: [],
    ...more,
  };
}

const domains = { allowed_domains: ['a.example'] };

describe('no tool goes beyond the pinned version of the agent:', () => {
  test.each<[string, object, object]>([
    ['the same', tool('bash', 'auto'), tool('bash', 'auto')],
    ['asked for instead of run', tool('bash', 'always_ask'), tool('bash', 'always_allow')],
    ['asked for instead of judged', tool('bash', 'always_ask'), tool('bash', 'auto')],
    ['judged instead of run', tool('bash', 'auto'), tool('bash', 'always_allow')],
    ['narrower with the same domains', tool('web_fetch', 'always_ask', domains), tool('web_fetch', 'auto', domains)],
  ])('%s is fine', (_case, found, allowed) => {
    expect(judgeSession(evidence([builtin(found)], [builtin(allowed)]))).toEqual([]);
  });

  test.each<[string, object, object]>([
    ['run instead of asked for', tool('bash', 'always_allow'), tool('bash', 'always_ask')],
    ['judged instead of asked for', tool('bash', 'auto'), tool('bash', 'always_ask')],
    ['run instead of judged', tool('bash', 'always_allow'), tool('bash', 'auto')],
    ['another tool', tool('bash', 'always_ask'), tool('read', 'always_allow')],
    ['open to every domain', tool('web_fetch', 'always_ask'), tool('web_fetch', 'always_ask', domains)],
  ])('%s is an alarm', (_case, found, allowed) => {
    expect(judgeSession(evidence([builtin(found)], [builtin(allowed)]))).toMatchObject([{ what: 'tools' }]);
  });

  test('everything on by default, or of a kind that we do not know, is an alarm', () => {
    const open = { ...builtin(), default_config: { ...closed, enabled: true } };
    for (const found of [open, { type: 'custom', name: 'x' }]) {
      expect(judgeSession(evidence([found], [builtin()]))).toMatchObject([{ what: 'tools' }]);
    }
  });
});

describe('an update in the history of a session', () => {
  const judged = (...parts: string[]) => judgeSession(evidence([], [], { updates: [{ at: 'today', parts }] }));

  test('of title and budget is none of our business', () => expect(judged('title', 'budget')).toEqual([]));

  test.each([[['agent']], [['metadata']], [['title', 'agent']], [['vault_ids']], [[]]])(
    'of %j is an alarm',
    (parts) => {
      expect(judged(...parts)).toMatchObject([{ what: 'updated' }]);
    },
  );
});

test('an agent that the platform does not know in that version is an alarm', () => {
  expect(judgeSession(evidence([], [], { base: undefined }))).toMatchObject([{ what: 'agent' }]);
});

test('a vault whose signature does not count is not the owner’s', () => {
  const [vault] = evidence([], []).vaults;
  const claim = vault?.claim && { ...vault.claim, signature: { kind: 'unsigned' as const } };
  expect(judgeSession(evidence([], [], { vaults: [{ id: 'vlt_a', claim }] }))).toMatchObject([{ what: 'vaults' }]);
});

test('a vault of tokens before the person’s is an alarm where no server of the session takes such', () => {
  const { vaults, session } = evidence([], []);
  const mark = { attempt: 'a', owner: { kind: 'sso' as const, issuer: 'https://id.example', subject: 'ada' } };
  const identity = { id: 'vlt_t', mark, live: true, credentials: [] };
  const both = [{ id: 'vlt_t', claim: undefined, identity }, ...vaults];
  expect(judgeSession(evidence([], [], { session, vaults: both }))).toEqual([
    { what: 'vaults', why: expect.stringContaining('no server of it takes tokens of sessions') },
  ]);
});
