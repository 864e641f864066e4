/** Services of five shapes: each is connected by the same command, and a session calls each with what is in the vault. */
import { expect, test } from 'vitest';
import type { ServiceName } from '../sandbox/services/service.ts';
import { connecting } from '../support/client-secret.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** A call that reads, at each. */
const calls: Readonly<Record<ServiceName, [tool: string, input: object]>> = {
  notion: ['notion-search', { query: 'x' }],
  slack: ['slack_search_public', { query: 'x' }],
  linear: ['list_issues', {}],
  github: ['list_issues', { owner: 'example', repo: 'example' }],
  google: ['search_threads', { query: 'x' }],
};
const names = Object.keys(calls) as ServiceName[];
const day = 24 * 3600 * 1000;

/** Lets a session of Ada's call every service once. */
async function callEach() {
  await world.apply('editor');
  const message = names.map((name) => `call ${name} ${calls[name][0]} ${JSON.stringify(calls[name][1])}`).join('\n');
  const before = names.map((name) => world.sandbox.services[name].calls.length);
  const { exit, stderr } = await world.setup(['--agent', 'editor', '--message', message]);
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  return names.map((name, index) =>
    world.sandbox.services[name].calls.slice(before[index]).map(({ tool, account }) => `${tool} as ${account}`),
  );
}

test('Slack-, Linear-, Notion-, GitHub- and Google-shaped services all connect, and a session calls each', async () => {
  const { services, clock } = world.sandbox;
  await world.configure('agents/editor.yaml', (agent) => {
    agent.services = Object.fromEntries(names.map((name) => [name, { write: 'off' }]));
  });
  for (const name of names) {
    const connected = await world.connectJson(await connecting(services[name]));
    expect([name, connected]).toEqual([
      name,
      expect.objectContaining({
        service: name,
        account: name === 'github' ? 'ada-example' : 'ada@example.test',
        change: 'created',
        status: 'valid',
        // An OAuth app of GitHub's gets a token that lasts, and nothing to renew it with.
        refreshable: name !== 'github',
      }),
    ]);
  }
  const expected = names.map((name) => [`${calls[name][0]} as ada`]);
  expect(await callEach()).toEqual(expected);

  // Every token that ends has ended; the platform renews it with what was stored, the client's secret included.
  clock.advance(2 * day);
  expect(await callEach()).toEqual(expected);
  const refreshes = names.map((name) => services[name].counters.refreshes);
  expect(refreshes).toEqual(names.map((name) => (name === 'github' ? 0 : 1)));
  const listed = (await world.connectJson(['list']))['services'] as Record<string, unknown>[];
  expect(listed.map(({ service, status }) => [service, status])).toEqual(
    [...names].sort().map((name) => [name, 'connected']),
  );
});
