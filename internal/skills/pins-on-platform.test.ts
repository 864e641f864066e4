import { afterEach, beforeEach, expect, test } from 'vitest';
import { type OfficialClient, sdkClient } from '../../test/sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { openPlatform } from '../../test/support/open-platform.ts';
import type { Platform } from '../platform/client.ts';
import { Secret } from '../secret/secret.ts';
import { platformPins } from './pins-on-platform.ts';

let sandbox: PlatformSandbox;
let client: OfficialClient;
let platform: Platform;
let skillId: string;
let versions: [string, string];

beforeEach(async () => {
  sandbox = await startPlatform();
  client = sdkClient(sandbox);
  platform = await openPlatform({
    baseUrl: sandbox.baseUrl,
    apiKey: new Secret(sandbox.apiKey),
    authToken: undefined,
    signal: new AbortController().signal,
    onWait: () => {},
  });
  const files = [new File(['---\nname: notes\ndescription: Notes.\n---\n'], 'notes/SKILL.md')];
  const skill = await client.skills.create({ files });
  const second = await client.skills.versions.create(skill.id, { files });
  skillId = skill.id;
  versions = [skill.latest_version_id, second.id];
});
afterEach(() => sandbox.close());

async function create(name: string, version: string | undefined, more: object = {}) {
  return await client.beta.agents.create({
    name,
    model: 'claude-sonnet-5-5',
    tools: [{ type: 'agent_toolset_20260401' }],
    skills: version === undefined ? [] : [{ type: 'custom', skill_id: skillId, version }],
    ...more,
  });
}

/** What the pins are, in words, and the requests that it took to know. */
async function pins(): Promise<{ pins: string[]; requests: string[] }> {
  sandbox.control.log.reset();
  const found = await platformPins(platform);
  return {
    pins: found.map(
      ({ agentName, agentVersion, marked, version, keptBy }) =>
        `${agentName} ${agentVersion}${marked ? ' marked' : ''} ${version}${keptBy ? ` by ${keptBy.agentName}` : ''}`,
    ),
    requests: sandbox.control.log.entries.map(({ method, path }) => `${method} ${path}`),
  };
}

test('every agent that is not archived counts, by its mark or else by its name', async () => {
  await create('support bot', versions[0], { metadata: { mai_name: 'support' } });
  await create('follower', 'latest');
  await create('without skills', undefined);
  await create('with a skill of the platform', undefined, { skills: [{ type: 'anthropic', skill_id: 'pdf' }] });
  const { id } = await create('ended', versions[0]);
  await client.beta.agents.archive(id);
  expect(await pins()).toEqual({
    pins: [`support 1 marked ${versions[0]}`, 'follower 1 latest'],
    requests: ['GET /v1/agents'],
  });
});

test('a hundred agents are one request', async () => {
  for (let index = 0; index < 250; index += 1) await create(`agent ${index}`, versions[index % 2]);
  const found = await pins();
  expect(found.pins).toHaveLength(250);
  expect(found.requests).toEqual(Array(3).fill('GET /v1/agents'));
});

test('an older version that is still a sub-agent counts, whoever keeps it, and is asked for once', async () => {
  const member = await create('member', versions[0]);
  const ended = await create('ended', versions[1]);
  const coordinator = { type: 'coordinator', agents: [member.id, ended.id] };
  const newer = {
    type: 'multiagent_20261001',
    subagents: { type: 'disabled' },
    workflows: { type: 'enabled', predefined_agents: [member.id] },
  };
  await create('keeper', undefined, { multiagent: coordinator });
  await create('other keeper', undefined, { multiagent: newer });
  await client.beta.agents.update(member.id, { skills: [{ type: 'custom', skill_id: skillId, version: versions[1] }] });
  await client.beta.agents.archive(ended.id);
  const found = await pins();
  expect(found.pins).toEqual([
    `member 2 ${versions[1]}`,
    `member 1 ${versions[0]} by keeper`,
    `ended 1 ${versions[1]} by keeper`,
  ]);
  expect(found.requests.toSorted()).toEqual([
    'GET /v1/agents',
    ...[member.id, ended.id].map((id) => `GET /v1/agents/${id}`).toSorted(),
  ]);

  sandbox.control.faults.add({
    on: 'GET /v1/agents/:agent',
    fault: { kind: 'status', status: 404 },
    times: Infinity,
  });
  expect((await pins()).pins).toEqual([`member 2 ${versions[1]}`]);
});

test('a sub-agent that cannot be asked for is no sub-agent without skills', async () => {
  const member = await create('member', versions[0]);
  await create('keeper', undefined, { multiagent: { type: 'coordinator', agents: [member.id] } });
  await client.beta.agents.archive(member.id);
  sandbox.control.faults.add({ on: 'GET /v1/agents/:agent', fault: { kind: 'status', status: 403 } });
  await expect(platformPins(platform)).rejects.toMatchObject({ code: 'platform_refused', status: 403 });
});
