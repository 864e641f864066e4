import { expect, test } from 'vitest';
import type { AgentDefinition } from '../agent/definition.ts';
import type { Toolset } from '../policy/toolset.ts';
import { type SessionIntent, sessionParameters } from './intent.ts';

const closed = { enabled: false as const, permission_policy: { type: 'always_ask' as const } };
const open = <Name extends string>(name: Name) => ({
  name,
  enabled: true as const,
  permission_policy: { type: 'always_allow' as const },
});
const builtin = (...names: ('read' | 'bash')[]): Toolset => ({
  type: 'agent_toolset_20260401',
  default_config: closed,
  configs: names.map(open),
});
const skill = { type: 'custom' as const, skill_id: 'skill_a', version: 'skver_a' };
const definition: AgentDefinition = {
  name: 'support',
  model: 'claude-sonnet-5-5',
  system: null,
  description: null,
  mcp_servers: [],
  tools: [builtin('read', 'bash')],
  skills: [skill],
  multiagent: null,
  metadata: {},
};

function agentFor(...tools: Toolset[]) {
  const intent: SessionIntent = {
    principal: { kind: 'os', issuer: 'machine', subject: '1000', groups: [], label: 'ada' },
    vault: { id: 'vlt_a', displayName: '' },
    agent: { id: 'agent_a', version: 3 },
    definition,
    tooling: { mcp_servers: [], tools },
    environmentId: 'env_a',
    title: undefined,
    attempt: 'a',
  };
  return sessionParameters(intent).agent;
}

test('a person with every tool of the agent gets the agent as it is, at its pinned version', () => {
  expect(agentFor(builtin('bash', 'read'))).toEqual({ type: 'agent', id: 'agent_a', version: 3 });
});

test('a built-in tool that is off for the person is overridden, at the pinned version; skills stay', () => {
  expect(agentFor(builtin('read'))).toEqual({
    type: 'agent_with_overrides',
    id: 'agent_a',
    version: 3,
    mcp_servers: [],
    tools: [builtin('read')],
  });
});

test('skills go with the tool that reads them: the platform would refuse the session otherwise', () => {
  for (const tools of [[builtin('bash')], []]) {
    expect(agentFor(...tools)).toEqual({
      type: 'agent_with_overrides',
      id: 'agent_a',
      version: 3,
      mcp_servers: [],
      tools,
      skills: [],
    });
  }
});
