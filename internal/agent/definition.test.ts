import { describe, expect, test } from 'vitest';
import type { Agent, Configuration, Service } from '../config/definitions.ts';
import { type AnsweredAgent, compareAgent, defineAgent, describeDifferences } from './definition.ts';

const notion: Service = {
  name: 'notion',
  mcp_server_url: 'https://mcp.notion.com/mcp',
  authorization: {
    issuers: ['https://mcp.notion.com'],
    registration: 'dynamic',
    token_endpoint_auth_method: 'none',
    redirect: { host: '127.0.0.1', path: '/callback' },
    resource_parameter: true,
    token_response: 'standard',
  },
  tools: { read: ['look'], write: ['add'], destructive: ['drop'] },
};

const configuration: Configuration = {
  folder: '/config',
  interface: { identity: { mode: 'os' }, people: { groups: {}, principals: {} }, platform: {} },
  services: new Map([['notion', notion]]),
  agents: new Map(),
  rules: new Map(),
  environments: new Map(),
};

function agentWith(changes: Partial<Agent> = {}): Agent {
  return {
    name: 'support',
    model: 'claude-sonnet-5-5',
    system: undefined,
    services: { notion: { read: 'on', write: 'off' } },
    builtin_tools: {},
    skills: [],
    environment: 'default',
    allowed: { groups: [], principals: [] },
    ...changes,
  };
}

const define = (changes: Partial<Agent> = {}) => defineAgent(agentWith(changes), configuration, new Map());

test('a definition names every open tool and turns everything else off', () => {
  expect(define({ builtin_tools: { read: 'on', bash: 'ask', grep: 'off' } })).toEqual({
    name: 'support',
    model: 'claude-sonnet-5-5',
    system: null,
    description: null,
    mcp_servers: [{ type: 'url', name: 'notion', url: 'https://mcp.notion.com/mcp' }],
    tools: [
      {
        type: 'agent_toolset_20260401',
        default_config: { enabled: false, permission_policy: { type: 'always_ask' } },
        configs: [
          { name: 'bash', enabled: true, permission_policy: { type: 'always_ask' } },
          { name: 'read', enabled: true, permission_policy: { type: 'always_allow' } },
        ],
      },
      {
        type: 'mcp_toolset',
        mcp_server_name: 'notion',
        default_config: { enabled: false, permission_policy: { type: 'always_ask' } },
        configs: [{ name: 'look', enabled: true, permission_policy: { type: 'always_allow' } }],
      },
    ],
    skills: [],
    multiagent: null,
    metadata: { mai_name: 'support' },
  });
});

test('a service without an open tool is left out, its server with it', () => {
  const definition = define({ services: { notion: { read: 'off', write: 'off' } } });
  expect([definition.mcp_servers, definition.tools]).toEqual([[], []]);
});

test('skills are pinned to the version of their lock, and never left to be the latest', () => {
  const pins = new Map([['triage', { skillId: 'skill_1', versionId: 'skver_2' }]]);
  expect(defineAgent(agentWith({ skills: ['triage'] }), configuration, pins).skills).toEqual([
    { type: 'custom', skill_id: 'skill_1', version: 'skver_2' },
  ]);
  expect(() => define({ skills: ['triage'] })).toThrow(expect.objectContaining({ code: 'skill_not_pinned' }));
});

describe('an agent on the platform', () => {
  const { metadata: _, ...meant } = define();
  const found: AnsweredAgent = {
    ...meant,
    model: { id: 'claude-sonnet-5-5' },
    system: '',
    execution_identity: { type: 'service_account' },
  };

  test('is the same whatever the platform fills in or reorders', () => {
    expect(compareAgent(meant, found)).toEqual([]);
    const filled = { ...found, description: null, tools: [...found.tools].reverse() };
    expect(compareAgent(meant, filled)).toEqual([]);
  });

  test.each(['https://mcp.notion.com/mcp/', 'HTTPS://MCP.Notion.com/mcp', 'https://mcp.notion.com:443/mcp//'])(
    'is the same with an address that the platform takes for the same: %s',
    (url) => {
      expect(compareAgent(meant, { ...found, mcp_servers: [{ name: 'notion', url }] })).toEqual([]);
    },
  );

  test.each([
    ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'],
    ['claude-opus-4-5-20251101', 'claude-opus-4-5'],
  ])('is the same with a documented alias of its model: %s and %s', (model, answered) => {
    expect(compareAgent({ ...meant, model }, { ...found, model: { id: answered } })).toEqual([]);
    expect(compareAgent({ ...meant, model }, { ...found, model: `${answered}-1` })).toHaveLength(1);
  });

  test('is another at another effort than the lock knows, and not where the lock knows none', () => {
    const at = (type: string) => ({
      ...found,
      model: { id: 'claude-sonnet-5-5', speed: 'standard', effort: { type } },
    });
    const known = defineAgent(agentWith(), configuration, new Map(), 'high');
    expect(compareAgent(known, at('high'))).toEqual([]);
    expect(compareAgent(known, at('max')).map(({ what }) => what)).toEqual(['model']);
    expect(compareAgent(meant, at('max'))).toEqual([]);
  });

  test.each<[string, Partial<AnsweredAgent>]>([
    ['name', { name: 'other' }],
    ['model', { model: 'claude-other' }],
    ['system prompt', { system: 'Obey.' }],
    ['description', { description: 'x' }],
    ['tools', { tools: [] }],
    ['model', { model: { id: 'claude-sonnet-5-5', speed: 'fast' } }],
    ['model', { model: { id: 'claude-sonnet-5-5', inference_geo: 'eu' } }],
    ['MCP servers', { mcp_servers: [{ name: 'notion', url: 'https://mcp.notion.com/MCP' }] }],
    ['MCP servers', { mcp_servers: [{ name: 'notion', url: 'https://mcp.notion.com/mcp?x' }] }],
    ['MCP servers', { mcp_servers: [{ name: 'notion', url: 'https://x@mcp.notion.com/mcp' }] }],
    ['MCP servers', { mcp_servers: [{ name: 'notion', url: 'https://mcp.notion.com:8443/mcp' }] }],
    ['skills', { skills: [{ type: 'custom', skill_id: 's', version: 'latest' }] }],
    ['sub-agents', { multiagent: { type: 'coordinator' } }],
    ['sub-agents', { multiagent: { type: 'multiagent_20261001', workflows: { enabled: true } } }],
    ['tools', { tools: [...found.tools, { type: 'custom', name: 'x' } as never] }],
    ['execution identity', { execution_identity: { type: 'aws_role' } }],
  ])('is another when its %s is another', (what, change) => {
    expect(compareAgent(meant, { ...found, ...change }).map((difference) => difference.what)).toEqual([what]);
  });

  test('is described with its differences quoted', () => {
    const [difference] = compareAgent(meant, { ...found, system: 'a\n\u001b[2J' });
    expect(describeDifferences(difference === undefined ? [] : [difference])).toBe(
      'system prompt: meant "\\"\\"", found "\\"a\\\\n\\\\u001b[2J\\""',
    );
  });
});
