/** The main job as a story: two people connect, and each one's session acts as that one and nobody else. */
import { expect, test } from 'vitest';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

test('each person’s session acts with that person’s own connection, reads, and cannot write [P1]', async () => {
  const { sandbox, client } = world;
  const { notion } = sandbox.services;

  // Each signs in, allows access, and is told which account now sits in whose vault.
  for (const [person, workspace] of [
    ['ada', "Ada's Notion"],
    ['grace', "Grace's Notion"],
  ] as const) {
    const connected = await world.connect(['notion'], { person });
    expect([connected.exit, connected.visited.length]).toEqual([0, 2]);
    expect(connected.stdout).toMatch(
      new RegExp(
        `^Notion: ${person}@example.test \\(${workspace}\\) is now in the vault of ${person}@example.test \\(vlt_\\w+\\)\n$`,
      ),
    );
  }
  const vaults = (await client.beta.vaults.list()).data;
  expect(vaults.map(({ metadata }) => metadata)).toEqual(
    ['grace', 'ada'].map((person) => ({
      mai_owner_kind: 'sso',
      mai_owner_issuer: sandbox.identityProvider.issuer,
      mai_owner_subject: sandbox.people[person as 'ada'].subject,
      mai_owner_creation: expect.any(String),
    })),
  );
  expect(await world.credentials()).toHaveLength(2);

  await world.apply('support');
  // Each starts a session. The service is asked whose account called; the session, which vaults it has.
  const call = 'call notion notion-search {"query":"x"}\ncall notion notion-create-pages {"pages":[{"title":"x"}]}';
  for (const person of ['ada', 'grace'] as const) {
    const before = notion.calls.length;
    const talked = await world.setup(['--agent', 'support', '--message', call], { person });
    expect(talked.exit).toBe(0);
    expect(talked.stdout).toContain(`"email":"${person}@example.test"`);
    expect(talked.stdout).toContain('notion-create-pages: refused');
    expect(talked.stdout).toMatch(/[^\n]\n$/);
    const made = notion.calls.slice(before).map(({ tool, account }) => [tool, account]);
    expect(made).toEqual([['notion-search', person]]);
  }
  const sessions = (await client.beta.sessions.list()).data;
  expect(sessions.map(({ vault_ids }) => vault_ids)).toEqual(vaults.map(({ id }) => [id]));
  expect(new Set(sessions.map(({ agent }) => `${agent.id} ${agent.version}`)).size).toBe(1);

  // What is connected is tried, not believed.
  expect((await world.connectJson(['list']))['services']).toMatchObject([
    ...['github', 'google', 'linear'].map((service) => ({ service, status: 'not-connected' })),
    { service: 'notion', status: 'connected', account: 'ada@example.test', workspace: "Ada's Notion" },
    { service: 'slack', status: 'not-connected' },
  ]);
  notion.control.revokeGrants('ada');
  const notionOf = async (person: 'ada' | 'grace') =>
    ((await world.connectJson(['list'], { person }))['services'] as { service: string; status: string }[]).find(
      ({ service }) => service === 'notion',
    )?.status;
  expect([await notionOf('ada'), await notionOf('grace')]).toEqual(['needs-reconnect', 'connected']);
});

test('all three kinds of service are connected, and a write is asked for where the agent says ask [P4]', async () => {
  for (const service of ['notion', 'slack', 'linear']) {
    expect(await world.connectJson([service])).toMatchObject({
      service,
      account: 'ada@example.test',
      change: 'created',
      status: 'valid',
      refreshable: true,
    });
  }
  const { sandbox } = world;
  const call = 'call slack slack_create_canvas {"title":"x"}';
  await world.apply('editor');
  const asked = await world.setup(['--agent', 'editor', '--message', call]);
  expect([asked.exit, asked.stdout]).toEqual([
    8,
    expect.stringMatching(/^\nwaiting for a yes or no: slack slack_create_canvas\n/),
  ]);
  expect(asked.stderr).toContain('the agent asks to call "slack" "slack_create_canvas"');
  expect(sandbox.services.slack.calls.map(({ tool }) => tool)).not.toContain('slack_create_canvas');
  const { exit, stdout } = await world.setup(['--agent', 'editor', '--message', call, '--json']);
  expect(exit).toBe(8);
  expect(JSON.parse(stdout)).toMatchObject({
    stop_reason: 'requires_action',
    asks: [{ event_id: expect.stringMatching(/^sevt_/), service: 'slack', tool: 'slack_create_canvas' }],
  });
});
