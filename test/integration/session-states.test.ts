/** `setup-session list` says what a session does, or how its last turn ended. */
import { expect, test } from 'vitest';
import { pageFaults } from '../sandbox/faults.ts';
import { startRunningSessions } from '../support/running-sessions.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

test('running, waiting and for which call, done, gave up and why, never started; and ended where one is verified', async () => {
  const folder = await world.machine();
  expect((await world.connect(['notion'], { folder })).exit).toBe(0);
  await world.configure('agents/support.yaml', (content) => {
    content.services.notion.write = 'ask';
  });
  await world.apply();
  const support = async (...more: string[]) =>
    JSON.parse((await world.setup(['--agent', 'support', '--json', ...more], { folder })).stdout) as Content;
  const fresh = await support();
  const done = await support('--message', 'call notion notion-search {"query":"x"}');
  const waiting = await support('--message', 'call notion notion-create-pages {"pages":[{"title":"x"}]}');
  world.sandbox.services.notion.control.revokeGrants('ada');
  const stuck = await support('--message', 'hello');
  const { ids, close } = await startRunningSessions(world.client, [fresh.vault_id], 1);

  const { sessions } = (await world.setupJson(['list'], { folder })) as Content;
  const states = new Map(sessions.map((each: Content) => [each.session_id, each]));
  expect([fresh, done, waiting, stuck].map(({ session_id: id }) => (states.get(id) as Content).state)).toEqual([
    'never_started',
    'done',
    'waiting',
    'gave_up',
  ]);
  expect(states.get(ids[0])).toMatchObject({ state: 'running', status: 'running' });
  expect(states.get(waiting.session_id)).toMatchObject({ status: 'idle', asks: waiting.asks });
  expect(waiting.asks).toMatchObject([{ service: 'notion', tool: 'notion-create-pages' }]);
  expect(states.get(stuck.session_id)).toMatchObject({ reason: 'mcp_authentication_failed_error' });
  const { stdout } = await world.setup(['list'], { folder });
  expect(stdout).toContain('waiting for a yes: notion notion-create-pages');
  expect(stdout).toContain('gave up: mcp_authentication_failed_error (notion)');
  close();

  // The pages of a history may come as they like: the same is said.
  const looks = [['list'], ['attach', done.session_id], ['attach', waiting.session_id], ['show', waiting.session_id]];
  const look = async () => {
    const seen = [];
    for (const argv of looks) seen.push(await world.setup(argv, { folder }));
    return seen.map(({ exit, stdout }) => [exit, stdout]);
  };
  const straight = await look();
  for (const how of pageFaults) {
    if (how === 'circling' || how === 'endless') continue;
    const on = 'GET /v1/sessions/:session/events';
    const fault = world.sandbox.platform.control.faults.add({ on, fault: { kind: 'pages', how }, times: Infinity });
    expect([how, await look()]).toEqual([how, straight]);
    expect(fault.hits).toBeGreaterThan(looks.length);
    fault.remove();
  }

  // Somebody says no: it is not waiting any more.
  const events = [
    { type: 'user.tool_confirmation' as const, tool_use_id: waiting.asks[0].event_id, result: 'deny' as const },
  ];
  await world.client.beta.sessions.events.send(waiting.session_id, { events });
  const attached = await world.setup(['attach', waiting.session_id], { folder });
  expect([attached.exit, attached.stdout]).toEqual([0, expect.stringContaining('notion-create-pages: denied')]);
  expect((await world.setup(['stop', done.session_id], { folder })).stdout).toBe(`${done.session_id}: archived\n`);
  expect((await world.setup(['verify', done.session_id], { folder })).stdout).toMatch(
    / ended +record of this machine\n$/,
  );
  expect((await world.setup(['attach', done.session_id], { folder })).stdout).toContain('ada@example.test');
}, 120_000);
