import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VERSION } from '@anthropic-ai/sdk/version';
import { describe, expect, test } from 'vitest';
import { readAgent } from './agents.ts';
import { decidingMembers, type Known, knownFrom, knownMembers, unknownIn } from './known-members.ts';

const nothing = { accepted: new Set<string>(), unknown: () => {} };

/** The members of interfaces of the installed SDK, all of them together. Its declarations are generated, one member a line. */
function membersOf(file: string, ...names: string[]): string[] {
  const path = fileURLToPath(import.meta.resolve(`@anthropic-ai/sdk/${file}`)).replace(/\.m?js$/, '.d.ts');
  const text = readFileSync(path, 'utf8');
  const members = names.flatMap((name) => {
    const body = new RegExp(`^export interface ${name} \\{\n(.*?)^\\}`, 'ms').exec(text)?.[1];
    if (body === undefined) throw new Error(`the SDK has no ${name}`);
    return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, member]) => String(member));
  });
  return [...new Set(members)].sort();
}

const agents = 'resources/beta/agents/agents';
const named = (name: string) => `BetaManagedAgents${name}`;

describe('the table of known members', () => {
  test('is of the SDK that is installed', () => {
    expect(knownFrom).toBe(VERSION);
  });

  test.each<[Known, string, ...string[]]>([
    ['vault', 'resources/beta/vaults/vaults', named('Vault')],
    ['credential', 'resources/beta/vaults/credentials', named('Credential')],
    ['agent', agents, named('Agent')],
    ['agent.model', agents, named('ModelConfig')],
    ['agent.mcp_servers', agents, named('MCPServerURLDefinition')],
    ['agent.skills', agents, named('CustomSkill'), named('AnthropicSkill')],
    ['agent.execution_identity', agents, named('ServiceAccountExecutionIdentity'), named('AWSRoleExecutionIdentity')],
    ['environment', 'resources/beta/environments/environments', 'BetaEnvironment'],
    ['environment.config', 'resources/beta/environments/environments', 'BetaCloudConfig', 'BetaSelfHostedConfig'],
    [
      'environment.config.networking',
      'resources/beta/environments/environments',
      'BetaLimitedNetwork',
      'BetaUnrestrictedNetwork',
    ],
    ['session', 'resources/beta/sessions/sessions', named('Session')],
    ['session.agent', 'resources/beta/sessions/sessions', named('SessionAgent')],
    ['skill', 'resources/skills/skills', 'Skill'],
    ['skill_version', 'resources/skills/versions', 'SkillVersion'],
  ])('has of %s what the SDK says', (thing, file, ...names) => {
    expect([...knownMembers[thing]].sort()).toEqual(membersOf(file, ...names));
  });

  const tools = ['Bash', 'Edit', 'Glob', 'Grep', 'MCP', 'Read', 'WebFetch', 'WebSearch', 'Write'];
  test.each<[keyof typeof decidingMembers, ...string[]]>([
    ['tools.', 'AgentToolset20260401', 'MCPToolset'],
    ['tools.default_config.', 'AgentToolsetDefaultConfig', 'MCPToolsetDefaultConfig'],
    ['tools.configs.', ...tools.map((tool) => `${tool}ToolConfig`)],
    ['tools.permission_policy.', 'AlwaysAllowPolicy', 'AlwaysAskPolicy', 'AutoPolicy'],
  ])('has of %s what the SDK says, and nothing that decides is missing', (place, ...names) => {
    expect([...decidingMembers[place]].sort()).toEqual(membersOf(agents, ...names.map(named)));
  });
});

describe('a member that this version does not know', () => {
  const toolset = {
    type: 'mcp_toolset',
    mcp_server_name: 'notion',
    default_config: { enabled: false, permission_policy: { type: 'always_ask' } },
    configs: [{ name: 'search', enabled: true, permission_policy: { type: 'always_allow' } }],
  };
  const [config] = toolset.configs;
  const agent = { id: 'agent_1', tools: [toolset] };

  test.each<[string, object]>([
    ['tools.hours', { ...toolset, hours: 'office' }],
    ['tools.default_config.hours', { ...toolset, default_config: { ...toolset.default_config, hours: 1 } }],
    ['tools.configs.hours', { ...toolset, configs: [{ ...config, hours: [] }] }],
    [
      'tools.permission_policy.unless',
      { ...toolset, configs: [{ ...config, permission_policy: { type: 'always_allow', unless: {} } }] },
    ],
  ])('decides what a tool may do: %s, until it is accepted by name [P6]', (name, answered) => {
    const read = readAgent({ ...agent, tools: [answered] }, nothing);
    expect([read.undecided, read.tools]).toEqual([[name], readAgent(agent, nothing).tools]);
    expect(readAgent({ ...agent, tools: [answered] }, { ...nothing, accepted: new Set([name]) }).undecided).toEqual([]);
  });

  test('and that is null says nothing', () => {
    const nulls = { ...toolset, hours: null, configs: [{ ...config, hours: null }] };
    expect(readAgent({ ...agent, surprise: null, tools: [nulls] }, nothing)).toEqual(readAgent(agent, nothing));
  });

  test('elsewhere is named, wherever it stands, harmless in a terminal', () => {
    const { unknown } = readAgent(
      {
        ...agent,
        surprise: false,
        'x\u001b[2J': 1,
        model: { id: 'claude-sonnet-5-5', context: 'long' },
        mcp_servers: [{ headers: {} }, { headers: {} }],
      },
      nothing,
    );
    expect(unknown).toEqual(['mcp_servers.headers', 'model.context', 'surprise', expect.stringMatching(/^x/)]);
    expect(unknown.join('')).not.toContain('\u001b');
    expect(unknownIn('vault', { id: 'vlt_1', region: 'eu' }, nothing)).toEqual(['vault.region']);
    expect(unknownIn('vault', { region: 'eu' }, { accepted: new Set(['vault.region']) })).toEqual([]);
  });
});
