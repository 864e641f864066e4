/** `setup-session agents adopt`: an agent that somebody made elsewhere becomes a file, and nothing is dropped in silence. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { goldenText } from '../support/golden.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
const agents = (...argv: string[]) => world.setup(['agents', ...argv], { person: undefined });
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const file = (path: string) => join(world.sandbox.configFolder, path);
const lock = async (): Promise<Content> => JSON.parse(await readFile(file('agents.lock.json'), 'utf8'));
const always = { type: 'always_allow' as const };

/** Made in the console, as one finds them: everything on that nobody turned off. */
async function make(change: Content = {}) {
  const { notion, slack } = world.sandbox.services;
  const agent = await world.client.beta.agents.create({
    name: 'Helper \u001b[2J of the team',
    model: 'claude-sonnet-5-5',
    system: 'Help.\nDo not: guess.\n',
    description: 'Helps.',
    mcp_servers: [
      { type: 'url', name: 'notes', url: notion.mcpUrl },
      { type: 'url', name: 'slack', url: slack.mcpUrl },
      { type: 'url', name: 'other', url: 'https://mcp.elsewhere.example/mcp' },
    ],
    tools: [
      { type: 'mcp_toolset', mcp_server_name: 'notes' },
      {
        type: 'mcp_toolset',
        mcp_server_name: 'slack',
        default_config: { enabled: false },
        configs: [
          { name: 'slack_search_public', enabled: true, permission_policy: always },
          { name: 'slack_send_message', enabled: true, permission_policy: always },
          { name: 'slack_purge', enabled: true, permission_policy: always },
        ],
      },
      { type: 'mcp_toolset', mcp_server_name: 'other' },
      {
        type: 'agent_toolset_20260401',
        default_config: { enabled: false },
        configs: [{ name: 'bash', enabled: true }],
      },
    ],
    ...change,
  });
  world.sandbox.platform.control.log.reset();
  return agent.id;
}

test('writes what a file can say, lists what the agent allows, and names what is left out', async () => {
  const id = await make();
  const adopted = await agents('adopt', id, '--name', 'helper', '--group', 'support');
  expect(adopted.exit).toBe(0);
  const clean = (text: string) => goldenText(text.replaceAll(world.sandbox.configFolder, '{config}'));
  await expect(clean(adopted.stdout + adopted.stderr)).toMatchFileSnapshot('../golden/agents-adopt.txt');
  const written = clean(await readFile(file('agents/helper.yaml'), 'utf8')).replace(/on \d{4}-\d\d-\d\d/, 'on {day}');
  await expect(written).toMatchFileSnapshot('../golden/agents-adopt.yaml');
  expect(changes()).toEqual([]);
  expect((await lock()).agents.helper).toEqual({ id, version: 1, effort: 'high' });

  // The reviewed change is then put in force on the same agent, and nothing that was not reviewed stays.
  expect(await agents('apply', 'helper')).toMatchObject({ exit: 0 });
  const agent = await world.client.beta.agents.retrieve(id);
  expect(agent).toMatchObject({
    name: 'helper',
    version: 2,
    metadata: { mai_name: 'helper' },
    system: 'Help.\nDo not: guess.\n',
  });
  expect(agent.mcp_servers.map(({ name }) => name).sort()).toEqual(['notion', 'slack']);
  expect(JSON.stringify(agent.tools)).not.toContain('slack_purge');
  expect(agent.tools.every((toolset) => 'default_config' in toolset && !toolset.default_config.enabled)).toBe(true);
  expect(await agents('plan', 'helper')).toMatchObject({ exit: 0 });
});

test.each<[string, Content, string]>([
  ['sub-agents', { multiagent: { type: 'multiagent_20261001' } }, 'sub-agents'],
  [
    'another execution identity',
    { execution_identity: { type: 'aws_role', role_arn: 'arn:aws:iam::123456789012:role/x' } },
    'execution identity',
  ],
  ['a skill that nobody pushed from here', { skills: [{ type: 'anthropic', skill_id: 'pdf' }] }, '"pdf"'],
  ['a faster model', { model: { id: 'claude-sonnet-5-5', speed: 'fast' } }, 'speed'],
  [
    'a tool of its own kind',
    {
      mcp_servers: [],
      tools: [{ type: 'custom', name: 'pay', description: 'Pays.', input_schema: { type: 'object' } }],
    },
    'pay',
  ],
])('refuses an agent with %s, naming it [P6]', async (_case, change, named) => {
  const id = await make(change);
  const refused = await agents('adopt', id, '--name', 'helper');
  expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining(named)]);
  expect(refused.stderr).toContain('nothing was written');
  expect(await readdir(file('agents'))).not.toContain('helper.yaml');
});

test('refuses a name that is no name or is taken, an id that is none, and an agent that has a file', async () => {
  const id = await make();
  expect(await agents('adopt', id)).toMatchObject({ exit: 2, stderr: expect.stringContaining('no name of an agent') });
  expect(await agents('adopt', id, '--name', 'support')).toMatchObject({ exit: 2 });
  for (const wrong of ['agent_unknown', '../agents', '']) {
    expect(await agents('adopt', wrong, '--name', 'x')).toMatchObject({ exit: 2, stdout: '' });
  }
  expect(await agents('adopt', id, '--name', 'helper')).toMatchObject({ exit: 0 });
  const again = await agents('adopt', id, '--name', 'second');
  expect([again.exit, again.stderr]).toEqual([2, expect.stringContaining('"helper" in agents.lock.json')]);
});
