/**
 * A connection that has to be replaced: what is archived never comes back and no secret can be read, so whatever the
 * platform refuses of the new one it has to refuse before the old one is touched (P8).
 */
import { describe, expect, test } from 'vitest';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const createPath = 'POST /v1/vaults/:vault/credentials';
const deletePath = 'DELETE /v1/vaults/:vault/credentials/:credential';

/** Ada's Notion, connected; every connect after it is with another client, so that the platform wants another credential. */
async function connected() {
  const folder = await world.machine();
  await world.connectJson(['notion'], { folder });
  const [old] = await world.credentials();
  if (old === undefined) throw new Error('nothing is connected');
  world.sandbox.platform.control.log.reset();
  const replace = () => world.connect(['notion', '--new-client'], { folder });
  const where = { vault_id: old.vault_id };
  const works = async (id: string) =>
    (await world.client.beta.vaults.credentials.mcpOAuthValidate(id, where)).status === 'valid';
  return { folder, old, replace, works };
}

const archives = () => world.asked().filter((line) => line.endsWith('/archive')).length;

/** The next token answers of Notion have these members. */
const notionAnswers = (changes: Record<string, unknown>) =>
  world.sandbox.services.notion.control.tamperTokenResponse((answer: Record<string, unknown>) => ({
    ...answer,
    ...changes,
  }));

test('whatever 4xx the platform answers to the create, the old one still works [b25] [P8]', {
  timeout: 120_000,
}, async () => {
  const { old, replace, works } = await connected();
  const { control } = world.sandbox.platform;
  for (const status of [400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 429]) {
    const headers = { 'retry-after': '3600' };
    control.faults.add({ on: createPath, fault: { kind: 'status', status, headers }, times: Infinity });
    const { exit, stderr } = await replace();
    control.faults.clear();
    expect([status, exit, archives(), stderr.includes('not connected')]).toEqual([status, 1, 0, false]);
    expect([status, (await world.credentials()).map(({ id }) => id), await works(old.id)]).toEqual([
      status,
      [old.id],
      true,
    ]);
  }
});

test.each([500, 503])('nor is it lost where the platform stumbles with %i', async (status) => {
  const { old, replace, works } = await connected();
  world.sandbox.platform.control.faults.add({ on: createPath, fault: { kind: 'status', status }, times: Infinity });
  expect((await replace()).exit).toBe(1);
  expect([archives(), (await world.credentials()).map(({ id }) => id), await works(old.id)]).toEqual([
    0,
    [old.id],
    true,
  ]);
});

test('a refusal that comes after the trial is asked about again: just now one of this shape was taken [b25]', async () => {
  const { old, replace, works } = await connected();
  const fault = { kind: 'status', status: 400 } as const;
  world.sandbox.platform.control.faults.add({ on: createPath, fault, after: 1, times: 2 });
  const { exit, stderr } = await replace();
  const [credential, ...others] = await world.credentials();
  expect([exit, others, credential?.id === old.id], stderr).toEqual([0, [], false]);
  expect(await works(credential?.id ?? '')).toBe(true);
});

test('where it stays, the message does not say that nothing was changed', async () => {
  const { replace } = await connected();
  const fault = { kind: 'status', status: 400 } as const;
  world.sandbox.platform.control.faults.add({ on: createPath, fault, after: 1, times: Infinity });
  const { exit, stderr } = await replace();
  expect([exit, await world.credentials()]).toEqual([1, []]);
  expect(stderr).toContain('notion is not connected now');
  expect(stderr).toContain('hint: the old connection is archived and cannot be brought back');
  expect(stderr).not.toContain('nothing was changed');
});

describe('the trial', () => {
  test('holds nothing secret, is at an address of nobody, and is gone before the archive [b25]', async () => {
    const { replace } = await connected();
    const seen: string[] = [];
    const { control } = world.sandbox.platform;
    control.tamper(createPath, (answer) => {
      const { id, auth } = answer as { id: string; auth: { mcp_server_url: string } };
      seen.push(`${new URL(auth.mcp_server_url).pathname} ${JSON.stringify(control.peek.secrets(id))}`);
    });
    expect((await replace()).exit).toBe(0);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toMatch(/^\/mai-trial-[0-9a-f-]{36} \{"access_token":"x+","refresh_token":"x+"\}$/);
    const asked = world.asked().map((line) => line.replace(/\/(vlt|vcrd)_\w+/g, '/:$1'));
    const changes = asked.filter((line) => line.includes('/credentials') && !line.startsWith('GET'));
    expect(changes.slice(0, 4)).toEqual([
      'POST /v1/vaults/:vlt/credentials',
      'DELETE /v1/vaults/:vlt/credentials/:vcrd',
      'POST /v1/vaults/:vlt/credentials/:vcrd/archive',
      'POST /v1/vaults/:vlt/credentials',
    ]);
  });

  test.each([
    ['create', createPath],
    ['delete', deletePath],
  ])('whose answer is lost leaves nothing behind: %s', async (_case, on) => {
    const { replace } = await connected();
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    expect((await replace()).exit).toBe(0);
    expect(await world.credentials()).toHaveLength(1);
  });

  test('that a killed run left is no connection, and the next run deletes it [P8]', async () => {
    const { folder, old } = await connected();
    const trial = await world.client.beta.vaults.credentials.create(old.vault_id, {
      auth: {
        type: 'static_bearer',
        mcp_server_url: 'https://mcp.example/mai-trial-3f0e4a0e-6b1e-4b6e-9f46-8b8a7d1c2e3f',
        token: 'xxxx',
      },
    });
    const doctor = await world.connect(['doctor'], { folder });
    expect(doctor.stdout + doctor.stderr).not.toContain('mai-trial');
    expect((await world.connect(['notion'], { folder })).exit).toBe(0);
    expect((await world.credentials()).map(({ id }) => id)).toEqual([old.id]);
    expect(trial.archived_at).toBeNull();
  });

  test('has room in a vault whose archived ones count: the oldest of the same service makes it', async () => {
    const { old, replace, works } = await connected();
    for (let round = 0; round < 3; round += 1) expect((await replace()).exit).toBe(0);
    const all = async () => {
      const found = [];
      for await (const each of world.client.beta.vaults.credentials.list(old.vault_id, { include_archived: true }))
        found.push(each);
      return found;
    };
    const before = await all();
    for (let index = before.length; index < 20; index += 1) {
      await world.client.beta.vaults.credentials.create(old.vault_id, {
        auth: { type: 'static_bearer', mcp_server_url: `https://mcp.example/${index}`, token: `filler-token-${index}` },
      });
    }
    world.sandbox.platform.control.faults.add({ on: createPath, fault: { kind: 'status', status: 400 } });
    expect((await replace()).exit).toBe(1);
    const kept = (await world.credentials()).find(({ auth }) => 'refresh' in auth && auth.refresh != null);
    expect(await works(kept?.id ?? '')).toBe(true);
    expect((await replace()).exit).toBe(0);
    expect((await all()).length).toBeLessThanOrEqual(20);
  });
});

describe('a lifetime that the platform would refuse', () => {
  const expiryIn = async () => {
    const [{ auth } = {}] = await world.credentials();
    const at = auth?.type === 'mcp_oauth' ? auth.expires_at : undefined;
    return at == null ? undefined : (Date.parse(at) - world.sandbox.platform.control.clock.now()) / 1000;
  };

  test.each([0, -5])(
    'of %i s is none: the replaced connection works, and it is said [b25] [A5.14]',
    async (expires_in) => {
      const { replace, works } = await connected();
      notionAnswers({ expires_in });
      const { exit, stderr } = await replace();
      const [credential] = await world.credentials();
      expect([exit, await expiryIn(), await works(credential?.id ?? '')], stderr).toEqual([0, undefined, true]);
      expect(stderr).toContain('gave the token no lifetime');
    },
  );

  /** A token of one second, which is over by the time that the platform has answered anything. */
  const notionAnswersLate = (changes: Record<string, unknown>) =>
    world.sandbox.services.notion.control.tamperTokenResponse((answer: Record<string, unknown>) => {
      world.sandbox.platform.control.latencyMs = 1100;
      return { ...answer, expires_in: 1, ...changes };
    });

  test('of one second is over before it is stored: it is renewed as soon as the platform takes [b25]', async () => {
    const { replace } = await connected();
    notionAnswersLate({});
    const { exit, stderr } = await replace();
    expect(exit, stderr).toBe(0);
    expect(await expiryIn()).toBeGreaterThan(10);
    expect(await expiryIn()).toBeLessThan(60);
  });

  test('of one second, and nothing to renew it with, is refused before the archive [b25]', async () => {
    const { old, replace, works } = await connected();
    notionAnswersLate({ refresh_token: undefined });
    const { exit, stderr } = await replace();
    world.sandbox.platform.control.latencyMs = 0;
    expect([exit, archives()], stderr).toEqual([1, 0]);
    expect(stderr).toContain('its access token has ended by now, and nothing could renew it [token_unusable]');
    expect([(await world.credentials()).map(({ id }) => id), await works(old.id)]).toEqual([[old.id], true]);
  });

  test.each([3_600_000, -3_600_000])(
    'is told by the clock of the platform, %i ms ahead of ours [b25]',
    async (ahead) => {
      const { replace } = await connected();
      world.sandbox.platform.control.clock.advance(ahead);
      notionAnswers({ expires_in: 600 });
      const { exit, stderr } = await replace();
      expect(exit, stderr).toBe(0);
      expect(await expiryIn()).toBeGreaterThan(540);
      expect(await expiryIn()).toBeLessThanOrEqual(605);
    },
  );
});
