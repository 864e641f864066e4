import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentOfText, agentText } from '../config/agent-text.ts';
import type { Configuration, Service, Verdict } from '../config/definitions.ts';
import { compileTooling } from '../policy/toolset.ts';
import { type AnsweredAgent, compareAgent, defineAgent } from './definition.ts';
import { expressAgent } from './express.ts';

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
  tools: { read: ['look', 'find'], write: ['add', 'edit'], destructive: ['drop', 'purge'] },
};

const configuration: Configuration = {
  folder: '/config',
  interface: { identity: { mode: 'os' }, people: { groups: {}, principals: {} }, platform: {} },
  services: new Map([['notion', notion]]),
  agents: new Map(),
  rules: new Map(),
  environments: new Map([
    [
      'default',
      {
        name: 'default',
        networking: 'limited',
        allowed_hosts: [],
        allow_mcp_servers: true,
        allow_package_managers: false,
      },
    ],
  ]),
};

const verdict = fc.constantFrom<Verdict>('off', 'ask', 'auto', 'on');
const toolNames = Object.values(notion.tools).flat();

test('whatever the verdicts on the tools of an agent are, the file that is written of it asks for exactly them', () => {
  const verdicts = fc.tuple(...toolNames.map(() => verdict));
  const texts = fc.string({ maxLength: 60, unit: 'grapheme' }).filter((text) => !/[\p{C}]/u.test(text));
  fc.assert(
    fc.property(verdicts, fc.tuple(verdict, verdict), texts, (ofTools, [bash, read], system) => {
      const decided = [
        ...toolNames.map((tool, index) => ({ service: 'notion', tool, verdict: ofTools[index] ?? 'off' })),
        { service: 'builtin', tool: 'bash', verdict: bash },
        { service: 'builtin', tool: 'read', verdict: read },
      ];
      const found: AnsweredAgent = {
        name: 'helper',
        model: { id: 'claude-sonnet-5-5' },
        system,
        description: null,
        ...compileTooling(decided, configuration),
        skills: [],
        multiagent: null,
        execution_identity: { type: 'service_account' },
      };
      const { content, warnings, problems } = expressAgent(found, configuration, new Map());
      expect([warnings, problems]).toEqual([[], []]);
      const text = agentText({ ...content, environment: 'default', allowed: { groups: [], principals: [] } }, []);
      const { agent, problems: wrong } = agentOfText(text, 'helper', configuration);
      expect(wrong).toEqual([]);
      if (agent === undefined) throw new Error('no agent');
      expect(compareAgent(defineAgent(agent, configuration, new Map()), found)).toEqual([]);
    }),
  );
});

test('notes from outside stay comments', () => {
  const draft = { description: undefined, model: 'm', system: undefined, services: {}, builtin_tools: {}, skills: [] };
  const text = agentText({ ...draft, environment: 'default', allowed: { groups: [], principals: [] } }, [
    'x\nallowed: { groups: [everyone] }',
    'y\u2028allowed: {}',
  ]);
  expect(agentOfText(text, 'helper', configuration).agent?.allowed).toEqual({ groups: [], principals: [] });
  expect(text.split('\n').filter((line) => line.startsWith('allowed:'))).toHaveLength(1);
});
