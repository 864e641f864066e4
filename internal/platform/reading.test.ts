import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { openPlatform } from '../../test/support/open-platform.ts';
import { compareAgent, type MeantAgent } from '../agent/definition.ts';
import { Secret } from '../secret/secret.ts';
import { readAgent } from './agents.ts';
import type { Platform } from './client.ts';
import { readCredential } from './credentials.ts';
import { readSession } from './sessions.ts';
import { readVault } from './vaults.ts';

const reading = { accepted: new Set<string>(), unknown: () => {} };

describe('an answer', () => {
  let sandbox: PlatformSandbox;
  let platform: Platform;
  beforeEach(async () => {
    sandbox = await startPlatform();
    const { baseUrl, apiKey } = sandbox;
    const signal = new AbortController().signal;
    platform = await openPlatform({
      baseUrl,
      apiKey: new Secret(apiKey),
      authToken: undefined,
      signal,
      onWait: () => {},
    });
  });
  afterEach(() => sandbox.close());

  test.each([[null], [[]], ['done'], [7], [{}], [{ id: '' }], [{ id: '..' }]])(
    'that is no vault (%j) is refused, and after a change may have happened [P8]',
    async (body) => {
      const [id = ''] = sandbox.control.seedVaults(1);
      sandbox.control.tamper('* /v1/vaults/**', () => body);
      sandbox.control.tamper('POST /v1/vaults', () => body);
      const asked = platform.vaults.retrieve(id);
      await expect(asked).rejects.toMatchObject({ code: 'platform_refused' });
      const made = platform.vaults.create('Ada', { display_name: 'Ada' });
      await expect(made).rejects.toMatchObject({ code: 'platform_outcome_unknown' });
    },
  );

  test('with an id that no address can hold leads to no request, and to no bug', async () => {
    for (const id of ['', '..']) {
      const asked = platform.vaults.retrieve(id);
      await expect(asked).rejects.toMatchObject({ code: 'platform_refused', status: 400 });
    }
    expect(sandbox.control.log.count()).toBe(0);
  });
});

describe('what is left out', () => {
  test.each([[undefined], [null]])('(%j) has its documented default', (nothing) => {
    expect(readVault({ id: 'vlt_1', metadata: nothing, archived_at: nothing }, reading)).toMatchObject({
      metadata: {},
      saysMetadata: false,
      archived_at: null,
    });
    const agent = {
      id: 'agent_1',
      skills: nothing,
      mcp_servers: nothing,
      multiagent: nothing,
      execution_identity: nothing,
    };
    expect(readAgent(agent, reading)).toMatchObject({
      skills: [],
      mcp_servers: [],
      multiagent: null,
      execution_identity: { type: 'service_account' },
    });
    expect(readSession({ id: 'sesn_1', status: nothing, resources: nothing }, reading)).toMatchObject({
      status: 'idle',
      resources: [],
    });
  });

  test('and decides is nothing that is meant: no version, no tools, no vault, no environment [P1] [P6]', () => {
    const session = readSession({ id: 'sesn_1' }, reading);
    expect(session).toMatchObject({ vault_ids: [], environment_id: '', metadata: {}, agent: { id: '', version: 0 } });
    expect(compareAgent(nothingMeant, session.agent)).toContainEqual(expect.objectContaining({ what: 'tools' }));
  });
});

const nothingMeant: MeantAgent = {
  name: '',
  model: '',
  system: null,
  description: null,
  tools: [],
  mcp_servers: [],
  skills: [],
  multiagent: null,
};

test.each<[string, object]>([
  ['tools', { tools: 'all' }],
  ['MCP servers', { mcp_servers: 'all' }],
  ['skills', { skills: 'all' }],
  ['sub-agents', { multiagent: 7 }],
  ['execution identity', { execution_identity: 'me' }],
  ['system prompt', { system: 7 }],
])('%s of another type equal none [P6]', (what, changed) => {
  const answered = readAgent({ id: 'agent_1', version: 1, tools: [], ...changed }, reading);
  expect(compareAgent(nothingMeant, answered).map((difference) => difference.what)).toEqual([what]);
  expect(compareAgent(nothingMeant, readAgent({ id: 'agent_1', tools: [] }, reading))).toEqual([]);
});

test('vaults and mounted resources of another type are not none, nor left out of several [P1]', () => {
  const session = readSession({ id: 'sesn_1', vault_ids: ['vlt_1', 7], resources: 'repository' }, reading);
  expect([session.vault_ids.length, session.resources.length]).toEqual([2, 1]);
});

test('a tool of which it is not said that it is on equals no tool that is meant [P4]', () => {
  const config = { name: 'bash', permission_policy: { type: 'always_allow' } };
  const toolset = {
    type: 'agent_toolset_20260401' as const,
    default_config: { enabled: false as const, permission_policy: { type: 'always_ask' as const } },
    configs: [config],
  };
  const meant = { ...nothingMeant, tools: [{ ...toolset, configs: [{ ...config, enabled: true }] }] } as MeantAgent;
  const read = readAgent({ id: 'agent_1', tools: [toolset] }, reading);
  expect(compareAgent(meant, read).map(({ what }) => what)).toEqual(['tools']);
});

test.each([
  [{ type: 'aws_role' }, 'other'],
  [{}, 'unreadable'],
  [null, 'unreadable'],
  [{ type: 'mcp_oauth' }, 'unreadable'],
  [{ type: 'static_bearer', mcp_server_url: 7 }, 'unreadable'],
  [{ type: 'environment_variable' }, 'environment_variable'],
])('a credential for %j is %s', (auth, type) => {
  expect(readCredential({ id: 'vcrd_1', auth }, reading).auth.type).toBe(type);
});
