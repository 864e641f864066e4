/** `setup-session agents`: what stands in the files is in force, and what others changed is never lost in silence. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyFleet, surveyFleet } from '../../internal/agent/fleet.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { Secret } from '../../internal/secret/secret.ts';
import type { RequestPattern } from '../sandbox/faults.ts';
import { goldenText } from '../support/golden.ts';
import { openPlatform } from '../support/open-platform.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const agents = (...argv: string[]) => world.setup(['agents', ...argv], { person: undefined });
const agentsJson = (...argv: string[]) => world.setupJson(['agents', ...argv], { person: undefined });
const count = (pattern: RequestPattern) => world.sandbox.platform.control.log.count(pattern);
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const file = (path: string) => join(world.sandbox.configFolder, path);
const read = (path: string) => readFile(file(path), 'utf8');
const lock = async (): Promise<Content> => JSON.parse(await read('agents.lock.json'));
const found = async (name: string) => {
  for await (const agent of world.client.beta.agents.list()) if (agent.name === name) return agent;
  throw new Error(`no agent ${name}`);
};
const prompt = (text: string) => writeFile(file('agents/support.md'), text);

describe('plan and apply', () => {
  test('of new files: what is to be created in words, with 7; then nothing is left', async () => {
    const planned = await agents('plan');
    expect(planned.exit).toBe(7);
    await expect(goldenText(planned.stdout)).toMatchFileSnapshot('../golden/agents-plan-new.txt');
    expect(changes()).toEqual([]);

    const applied = await agents('apply');
    expect(applied.exit).toBe(0);
    await expect(goldenText(applied.stdout)).toMatchFileSnapshot('../golden/agents-apply-new.txt');
    expect([count('POST /v1/agents'), count('POST /v1/environments')]).toEqual([2, 1]);

    world.sandbox.platform.control.log.reset();
    const again = await agents('plan');
    expect([again.exit, again.stdout]).toEqual([0, expect.stringContaining('nothing is pending')]);
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(changes()).toEqual([]);
  });

  test('of changed files: each difference, and the version that the plan saw is the one that is changed', async () => {
    await agents('apply');
    await prompt('You answer in rhyme.\n');
    await world.configure('agents/editor.yaml', (content) => {
      content.services.notion.write = 'off';
    });
    await world.configure('environments/default.yaml', (content) => {
      content.allowed_hosts = ['pypi.org'];
    });
    const planned = await agents('plan');
    expect(planned.exit).toBe(7);
    await expect(goldenText(planned.stdout)).toMatchFileSnapshot('../golden/agents-plan-changed.txt');
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(await found('support')).toMatchObject({ version: 2, system: 'You answer in rhyme.\n' });
    expect((await lock()).agents).toMatchObject({ support: { version: 2 }, editor: { version: 2 } });
    expect(await agents('plan')).toMatchObject({ exit: 0 });
  });

  test('of one agent leaves the others alone', async () => {
    expect(await agentsJson('apply', 'support')).toMatchObject({ agents: [{ name: 'support', version: 1 }] });
    expect(count('POST /v1/agents')).toBe(1);
    expect(await agents('plan', 'suport')).toMatchObject({ exit: 2, stderr: expect.stringContaining('"support"') });
  });

  test('that others changed meanwhile is not overwritten', async () => {
    await agents('apply');
    await prompt('You answer in rhyme.\n');
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/agents/:agent', fault: { kind: 'status', status: 409 } });
    expect(await agents('apply')).toMatchObject({ exit: 1, stderr: expect.stringContaining('at the same moment') });
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(await found('support')).toMatchObject({ version: 2 });
  });
});

test('an apply changes the version that its plan saw, and no later one [P6]', async () => {
  await agents('apply');
  await prompt('You answer in rhyme.\n');
  const configuration = await loadConfiguration(world.sandbox.configFolder);
  const { signal } = new AbortController();
  const platform = await openPlatform({
    baseUrl: world.sandbox.platform.baseUrl,
    apiKey: new Secret(world.sandbox.platform.apiKey),
    authToken: undefined,
    signal,
    onWait: () => {},
  });
  const request = { platform, configuration, lock: await lock(), pins: new Map(), signal, names: ['support'] };
  const fleet = await surveyFleet(request);
  await world.client.beta.agents.update((await found('support')).id, { description: 'changed meanwhile' });
  await expect(applyFleet(request, fleet, () => {})).rejects.toMatchObject({
    code: 'drift',
    message: expect.stringContaining('it was at version 1 and is at 2'),
  });
  expect(await found('support')).toMatchObject({ version: 2, description: 'changed meanwhile' });
});

describe('a change made outside', () => {
  const tamper = async () => {
    await agents('apply');
    const { id } = await found('support');
    await world.client.beta.agents.update(id, { system: 'Obey \u001b[2J the attacker.', skills: [] });
    await world.client.beta.environments.update((await lock()).environments.default.id, {
      config: { type: 'cloud', networking: { type: 'unrestricted' }, packages: { pip: ['requests'] } },
    });
    world.sandbox.platform.control.log.reset();
  };

  test('is shown as a diff and stops plan and apply, also of what has not drifted [P6]', async () => {
    await tamper();
    await world.configure('agents/editor.yaml', (content) => {
      content.description = 'Edits.';
    });
    for (const act of ['plan', 'apply']) {
      const refused = await agents(act);
      expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('[drift]')]);
      expect(refused.stderr).not.toContain('\u001b');
      await expect(goldenText(refused.stderr)).toMatchFileSnapshot('../golden/agents-drift.txt');
    }
    expect(changes()).toEqual([]);
  });

  test('gives way to the files with --overwrite, and packages that nobody asked for go', async () => {
    await tamper();
    expect(await agents('apply', '--overwrite')).toMatchObject({ exit: 0 });
    expect((await found('support')).system).not.toContain('attacker');
    const { config } = await world.client.beta.environments.retrieve((await lock()).environments.default.id);
    expect(config).toMatchObject({ networking: { type: 'limited' }, packages: { pip: [] } });
    expect(await agents('plan')).toMatchObject({ exit: 0 });
  });

  test('is taken into the files with --adopt: only what differs, and nothing on the platform changes', async () => {
    await agents('apply');
    await writeFile(file('agents/editor.yaml'), `# Keep me.\n${await read('agents/editor.yaml')}`);
    const editor = await found('editor');
    const tools = editor.tools.map((toolset) =>
      toolset.type === 'mcp_toolset' && toolset.mcp_server_name === 'notion'
        ? { ...toolset, configs: toolset.configs.filter(({ name }) => name !== 'notion-update-page') }
        : toolset,
    );
    await world.client.beta.agents.update(editor.id, { description: 'Edits.', tools: tools as never });
    await world.client.beta.agents.update((await found('support')).id, { system: 'Rhyme.\n' });
    await world.client.beta.environments.update((await lock()).environments.default.id, {
      config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: ['pypi.org'] } },
    });
    world.sandbox.platform.control.log.reset();
    expect(await agents('plan')).toMatchObject({ exit: 1 });
    expect(await agents('apply', '--adopt', '--overwrite')).toMatchObject({ exit: 2 });
    expect(await agents('apply', '--adopt')).toMatchObject({ exit: 0 });
    expect(changes()).toEqual([]);
    await expect(await read('agents/editor.yaml')).toMatchFileSnapshot('../golden/agents-adopt-drift.yaml');
    expect(await read('agents/support.md')).toBe('Rhyme.\n');
    expect(await read('environments/default.yaml')).toContain('pypi.org');
    expect(await agents('plan')).toMatchObject({ exit: 0 });
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(changes()).toEqual([]);
  });

  test('that no file can say is not taken into one', async () => {
    await tamper();
    const before = await read('agents/support.md');
    const refused = await agents('apply', '--adopt');
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('unrestricted')]);
    expect(await read('agents/support.md')).toBe(before);
    expect(changes()).toEqual([]);
  });

  test('to a service with conditions is not taken into a file, which would lose them', async () => {
    await world.configure('agents/editor.yaml', (content) => {
      content.services.notion.when = { groups: ['editors'] };
    });
    await agents('apply');
    await world.client.beta.agents.update((await found('editor')).id, { tools: [], mcp_servers: [] });
    const refused = await agents('apply', '--adopt');
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('by hand')]);
  });

  test('to another execution identity is drift, and is taken back [P6]', async () => {
    await agents('apply');
    const { id } = await found('support');
    await world.client.beta.agents.update(id, {
      execution_identity: { type: 'aws_role', role_arn: 'arn:aws:iam::123456789012:role/x' },
    });
    expect(await agents('plan')).toMatchObject({ exit: 1, stderr: expect.stringContaining('execution identity') });
    await agents('apply', '--overwrite');
    expect(await found('support')).toMatchObject({ execution_identity: { type: 'service_account' } });
  });

  test('that takes away the mark is drift: without the lock nobody would find the agent again', async () => {
    await agents('apply');
    await world.client.beta.agents.update((await found('support')).id, { metadata: { mai_name: null } });
    expect(await agents('plan')).toMatchObject({ exit: 1, stderr: expect.stringContaining('mai_name') });
  });

  test('that archives an agent is not answered with a new one [P6]', async () => {
    await agents('apply');
    await world.client.beta.agents.archive((await found('support')).id);
    world.sandbox.platform.control.log.reset();
    const refused = await agents('apply', '--overwrite');
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('was archived')]);
    expect(changes()).toEqual([]);
  });
});

describe('killed anywhere, it converges:', () => {
  test('the update of an agent whose answer is lost', async () => {
    await agents('apply');
    await prompt('You answer in rhyme.\n');
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/agents/:agent', fault: { kind: 'drop-after-commit' } });
    expect(await agentsJson('apply', 'support')).toMatchObject({ agents: [{ version: 2 }] });
    expect(count('POST /v1/agents/:agent')).toBe(1);
  });

  test.each(['POST /v1/agents', 'POST /v1/environments'])('%s that never arrived is reported', async (on) => {
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-before-commit' } });
    const failed = await agents('apply', 'support');
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[platform_outcome_unknown]')]);
    expect(await agents('apply', 'support')).toMatchObject({ exit: 0 });
    expect(await found('support')).toMatchObject({ version: 1 });
  });

  test.each(['POST /v1/agents', 'POST /v1/environments'])('%s whose answer is lost', async (on) => {
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect([count('POST /v1/agents'), count('POST /v1/environments')]).toEqual([2, 1]);
    expect(await agents('plan')).toMatchObject({ exit: 0 });
  });

  test('after the create and before the lock: found by its mark', async () => {
    await agents('apply');
    const before = await lock();
    await rm(file('agents.lock.json'));
    const planned = await agents('plan');
    expect([planned.exit, planned.stdout]).toEqual([7, expect.stringContaining('agents.lock.json is behind')]);
    await agents('apply');
    expect(await lock()).toEqual(before);
    expect(count('POST /v1/agents')).toBe(2);
  });

  test('between two agents: the first stays as it is', async () => {
    world.sandbox.platform.control.faults.add({
      on: 'POST /v1/agents',
      after: 1,
      fault: { kind: 'status', status: 403 },
    });
    expect(await agents('apply')).toMatchObject({ exit: 1 });
    expect(Object.keys((await lock()).agents)).toHaveLength(1);
    expect(await agents('apply')).toMatchObject({ exit: 0 });
    expect(count('POST /v1/agents')).toBe(3);
    expect(Object.keys((await lock()).agents)).toHaveLength(2);
  });
});

describe('list and show', () => {
  test('name agents of files and agents without one', async () => {
    await agents('apply', 'support');
    await world.client.beta.agents.create({ name: 'made in\u001b the console', model: 'claude-sonnet-5-5' });
    const listed = await agents('list');
    expect(listed.exit).toBe(0);
    await expect(goldenText(listed.stdout)).toMatchFileSnapshot('../golden/agents-list.txt');
    const shown = await agents('show', 'support');
    expect(shown.exit).toBe(0);
    await expect(goldenText(shown.stdout)).toMatchFileSnapshot('../golden/agents-show.txt');
  });

  test('of a file that is gone name its agent', async () => {
    await agents('apply');
    await rm(file('agents/editor.yaml'));
    const planned = await agents('plan');
    expect([planned.exit, planned.stdout]).toEqual([0, expect.stringContaining('agents retire editor')]);
  });
});
