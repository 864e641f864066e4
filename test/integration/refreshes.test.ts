/** A service whose refresh tokens are good for one use lives with a platform that refreshes and commands that look on. */
import { expect, test } from 'vitest';
import { userAgent } from '../sandbox/platform/token-refresh.ts';
import { visit } from '../sandbox/visit.mjs';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const rounds = 100;
/** A second more than an access token of the service lasts. */
const longEnough = 3601 * 1000;

/** A session of Ada's that calls the service each time it is told to, and when the call is over. */
async function sessionOfAda() {
  await world.apply('support');
  const { session_id: id } = (await world.setupJson(['--agent', 'support'])) as { session_id: string };
  const { events } = world.client.beta.sessions;
  return async () => {
    const stream = await events.stream(id);
    const text = 'call notion notion-search {"query":"x"}';
    await events.send(id, { events: [{ type: 'user.message', content: [{ type: 'text', text }] }] });
    for await (const { type } of stream) if (type === 'session.status_idle') return;
  };
}

test('100 refreshes by the platform, with check and list beside them, revoke nothing', {
  timeout: 120_000,
}, async () => {
  const { clock, services } = world.sandbox;
  const { notion } = services;
  await world.connect(['notion']);
  const [credential] = await world.credentials();
  if (credential === undefined) throw new Error('nothing is connected');
  const callNotion = await sessionOfAda();

  // A sign-in would not survive that an hour passes in the middle of it.
  let signedIn: Promise<unknown> = Promise.resolve();
  const browse = (url: string) => {
    const visited = visit(url, { person: 'ada' });
    signedIn = Promise.allSettled([signedIn, visited]);
    return visited;
  };
  const statusBy = async (argv: string[]) => {
    const listed = (await world.connectJson(argv, { browse }))['services'] as Record<string, string>[];
    return listed.find(({ service }) => service === 'notion')?.['status'];
  };

  // The commands take their time beside the rounds; what came of them is looked at in the end.
  const seen: Promise<string | undefined>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 20 === 0) seen.push(statusBy(['check', 'notion']), statusBy(['list']));
    await signedIn;
    clock.advance(longEnough);
    await Promise.all([
      callNotion(),
      world.client.beta.vaults.credentials.mcpOAuthValidate(credential.id, { vault_id: credential.vault_id }),
    ]);
  }
  expect(await Promise.all(seen)).toEqual(Array(10).fill('connected'));

  // One for each hour, however many asked for it, and never with a token that was spent before.
  expect([notion.counters.refreshes, notion.counters.reuses]).toEqual([rounds, 0]);
  const calls = notion.calls.filter(({ tool }) => tool === 'notion-search');
  expect([calls.length, new Set(calls.map(({ account }) => account))]).toEqual([rounds, new Set(['ada'])]);
  // The command exchanged the code, once, and the token endpoint never heard of it again.
  const [exchange, ...later] = notion.tokenRequestAgents;
  expect([exchange === userAgent, later]).toEqual([false, Array(rounds).fill(userAgent)]);
  expect(await world.connectJson(['check', 'notion'])).toMatchObject({ services: [{ status: 'connected' }] });
});
