/** Runs that end too early, or beside each other, and vaults that do not take what was granted (P8). */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { atAuthorization, type Begun } from '../support/begin.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const createPath = 'POST /v1/vaults/:vault/credentials';
const updatePath = 'POST /v1/vaults/:vault/credentials/:credential';
const archivePath = 'POST /v1/vaults/:vault/credentials/:credential/archive';

const always = (on: string, status: number) =>
  world.sandbox.platform.control.faults.add({ on, fault: { kind: 'status', status }, times: Infinity });

/** A browser that signs Ada in and leaves the service to the test. */
function atTheService(act: (url: string, begun: Begun) => Promise<unknown>) {
  return atAuthorization(async (url, begun) =>
    url.startsWith(world.sandbox.identityProvider.issuer)
      ? await visit(url, { person: 'ada', begun })
      : await act(url, begun),
  );
}

/** Begins to connect and is interrupted while the person is asked for access. */
async function interruptedWhileAsked(folder: string) {
  const interruption = new AbortController();
  const browse = atTheService(async () => interruption.abort());
  const ended = await world.connect(['notion'], { folder, signal: interruption.signal, browse });
  expect(ended.exit).toBe(130);
}

const journalsIn = async (folder: string) =>
  await readdir(join(world.keptIn(folder), 'state', 'connecting')).catch(() => []);

const notionState = async (folder: string) => {
  const { services } = (await world.connectJson(['list'], { folder })) as { services: Record<string, unknown>[] };
  return services.find(({ service }) => service === 'notion');
};

describe('the run after one that ended too early', () => {
  test('says what is left, uses the client that was registered, and leaves nothing written down [P8]', async () => {
    const folder = await world.machine();
    await interruptedWhileAsked(folder);
    expect(await journalsIn(folder)).toHaveLength(1);
    const next = await world.connect(['notion'], { folder });
    expect([next.exit, next.stderr]).toEqual([
      0,
      expect.stringContaining('Notion was asked for access; Notion may still'),
    ]);
    expect(world.sandbox.services.notion.counters.registrations).toBe(1);
    expect(await journalsIn(folder)).toEqual([]);
    expect(await world.credentials()).toHaveLength(1);
  });

  test('registers another client where another issuer had registered the first', async () => {
    const folder = await world.machine();
    await interruptedWhileAsked(folder);
    const [name = ''] = await journalsIn(folder);
    const path = join(world.keptIn(folder), 'state', 'connecting', name);
    const { notion, linear } = world.sandbox.services;
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replaceAll(`"issuer":"${notion.issuer}"`, `"issuer":"${linear.issuer}"`),
    );
    expect((await world.connect(['notion'], { folder })).exit).toBe(0);
    expect(notion.counters.registrations).toBe(2);
  });

  test('still tells of earlier ones', async () => {
    const folder = await world.machine();
    await interruptedWhileAsked(folder);
    await interruptedWhileAsked(folder);
    const [name = ''] = await journalsIn(folder);
    const { grants } = JSON.parse(await readFile(join(world.keptIn(folder), 'state', 'connecting', name), 'utf8'));
    expect(grants).toHaveLength(2);
  });

  test.each(['', '{', '{"version":1}'])('does without what cannot be read, and says so: %j', async (text) => {
    const folder = await world.machine();
    await interruptedWhileAsked(folder);
    const [name = ''] = await journalsIn(folder);
    await writeFile(join(world.keptIn(folder), 'state', 'connecting', name), text);
    const next = await world.connect(['notion'], { folder });
    expect([next.exit, next.stderr]).toEqual([0, expect.stringContaining('cannot be read and is not used')]);
    expect(await journalsIn(folder)).toEqual([]);
  });

  test('that disconnects says what was begun, and does it', async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    always(archivePath, 500);
    expect((await world.connect(['disconnect', 'notion'], { folder })).exit).toBe(1);
    world.sandbox.platform.control.reset();
    const next = await world.connect(['disconnect', 'notion'], { folder });
    expect(next.stderr).toContain('it was disconnecting notion, which is still connected');
    expect([await world.credentials(), await journalsIn(folder)]).toEqual([[], []]);
  });
});

test('nothing is asked of the service where nothing could be written down [P8]', async () => {
  const folder = await world.machine();
  await writeFile(join(folder, 'state'), 'a file where a folder should be');
  const failed = await world.connect(['notion'], { folder });
  expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[file_system]')]);
  const { counters, mcpRequests } = world.sandbox.services.notion;
  expect([counters.registrations, counters.authorizations, mcpRequests.unauthorized]).toEqual([0, 0, 0]);
  expect(world.asked().filter((line) => !line.startsWith('GET '))).toEqual([]);
});

describe('two runs at once', () => {
  test('on one machine: the second says so and changes nothing, and the first goes on [c25] [P8]', async () => {
    const folder = await world.machine();
    let second: Promise<unknown> | undefined;
    const first = await world.connect(['notion'], {
      folder,
      browse: atTheService(async (url, begun) => {
        const other = await world.connect(['notion'], { folder });
        expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining('[already_running]')]);
        expect(other.visited).toHaveLength(1);
        expect((await world.connect(['disconnect', 'notion'], { folder })).exit).toBe(1);
        second = visit(url, { person: 'ada', begun });
        return await second;
      }),
    });
    expect(first.exit).toBe(0);
    expect(await world.credentials()).toHaveLength(1);
    expect(world.sandbox.services.notion.counters.registrations).toBe(1);
  });

  test('on two machines: one connection, which works, and the other access is named [c25] [P8]', async () => {
    await world.connect(['linear']);
    const outcomes = await Promise.all([world.connect(['notion']), world.connect(['notion'])]);
    expect(outcomes.map(({ exit }) => exit)).toEqual([0, 0]);
    const notions = (await world.credentials()).filter(({ display_name }) => display_name?.startsWith('Notion'));
    expect(notions).toHaveLength(1);
    expect(await world.connectJson(['check', 'notion'])).toMatchObject({ services: [{ status: 'connected' }] });
    expect(outcomes.map(({ stderr }) => stderr).join('')).toContain(
      'may still list the access of the connection before',
    );
  });
});

describe('what was granted and not stored', () => {
  test.each([500, 409, 400])(
    '%i at every update: is left, because giving it back could end the old connection [P8]',
    async (status) => {
      const folder = await world.machine();
      world.sandbox.services.notion.control.keepOneGrant();
      await world.connect(['notion'], { folder });
      always(updatePath, status);
      const failed = await world.connect(['notion'], { folder });
      expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('was not given back')]);
      expect(world.sandbox.services.notion.counters.revocations).toBe(0);
      world.sandbox.platform.control.reset();
      expect(await notionState(folder)).toMatchObject({ status: 'connected' });
      const next = await world.connect(['notion'], { folder });
      expect([next.exit, next.stderr]).toEqual([
        0,
        expect.stringContaining('what was granted was not stored; Notion may'),
      ]);
      expect(await journalsIn(folder)).toEqual([]);
    },
  );

  test('because the vault was archived meanwhile: is given back, and the next run makes a new vault [b20]', async () => {
    const folder = await world.machine();
    await world.connect(['linear'], { folder });
    const [credential] = await world.credentials();
    const failed = await world.connect(['notion'], {
      folder,
      browse: atTheService(async (url, begun) => {
        await world.client.beta.vaults.archive(credential?.vault_id ?? '');
        return await visit(url, { person: 'ada', begun });
      }),
    });
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('had granted was given back')]);
    expect(world.sandbox.services.notion.counters.revocations).toBe(1);
    expect(await world.connectJson(['notion'], { folder })).toMatchObject({ change: 'created', status: 'valid' });
    expect(await world.credentials()).toHaveLength(1);
  });

  test('because the platform asks to wait longer than anybody waits: is given back', async () => {
    world.sandbox.platform.control.faults.add({
      on: createPath,
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '3600' } },
      times: Infinity,
    });
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('had granted was given back')]);
  });
});

describe('a connection that has to be replaced', () => {
  const replace = (folder: string, signal?: AbortSignal) =>
    world.connect(['notion', '--new-client'], { folder, ...(signal && { signal }) });

  async function connected(): Promise<string> {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    world.sandbox.platform.control.log.reset();
    return folder;
  }

  test('has nothing between its archive and the new one [P8]', async () => {
    const folder = await connected();
    const replaced = await replace(folder);
    expect([replaced.exit, replaced.stderr]).toEqual([0, expect.stringContaining('of the connection before')]);
    const asked = world.asked();
    const archived = asked.findIndex((line) => line.endsWith('/archive'));
    expect(asked[archived + 1]).toMatch(/^POST \/v1\/vaults\/\w+\/credentials$/);
  });

  test.each([archivePath, createPath])('is replaced once although the answer is lost: %s', async (on) => {
    const folder = await connected();
    world.sandbox.platform.control.faults.add({ on, fault: { kind: 'drop-after-commit' } });
    expect((await replace(folder)).exit).toBe(0);
    expect(await world.credentials()).toHaveLength(1);
    expect(await notionState(folder)).toMatchObject({ status: 'connected' });
  });

  test('is there again after a while of failures', async () => {
    const folder = await connected();
    world.sandbox.platform.control.faults.add({ on: createPath, fault: { kind: 'status', status: 503 }, times: 4 });
    expect((await replace(folder)).exit).toBe(0);
    expect(await world.credentials()).toHaveLength(1);
  });

  test('and cannot be, is said to be gone by every command until the next run makes one [P8]', async () => {
    const folder = await connected();
    // The first is for a trial, which decides whether the old one is archived.
    const fault = { kind: 'status', status: 500 } as const;
    world.sandbox.platform.control.faults.add({ on: createPath, fault, after: 1, times: Infinity });
    const failed = await replace(folder);
    expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('notion is not connected now')]);
    expect(world.sandbox.services.notion.counters.revocations).toBe(1);
    world.sandbox.platform.control.reset();
    expect(await notionState(folder)).toMatchObject({
      status: 'needs-reconnect',
      reason: expect.stringContaining('nothing is connected now'),
    });
    const checked = await world.connect(['check'], { folder });
    expect([checked.exit, checked.stderr]).toEqual([4, expect.stringContaining('nothing is connected now')]);
    expect(await world.connectJson(['notion'], { folder })).toMatchObject({ change: 'created' });
    expect([(await world.credentials()).length, await journalsIn(folder)]).toEqual([1, []]);
  });

  test('is replaced to the end when Ctrl-C comes in between [P8]', async () => {
    const folder = await connected();
    const interruption = new AbortController();
    world.sandbox.platform.control.tamper(archivePath, () => interruption.abort());
    expect((await replace(folder, interruption.signal)).exit).toBe(130);
    expect(world.asked().filter((line) => line.endsWith('/archive'))).toHaveLength(1);
    expect(await world.credentials()).toHaveLength(1);
    expect(await notionState(folder)).toMatchObject({ status: 'connected' });
  });

  test('is deleted instead where the vault may be full: archived ones may count', async () => {
    const folder = await connected();
    await fill(19);
    expect((await replace(folder)).exit).toBe(0);
    expect(await notionState(folder)).toMatchObject({ status: 'connected' });
    expect(await world.credentials()).toHaveLength(20);
  });
});

test('a vault that is full is said to be before anybody is asked for access', async () => {
  const folder = await world.machine();
  await world.connect(['linear'], { folder });
  await fill(19);
  const failed = await world.connect(['notion'], { folder });
  expect([failed.exit, failed.stderr]).toEqual([1, expect.stringContaining('[vault_full]')]);
  expect(failed.visited).toHaveLength(1);
  expect(world.sandbox.services.notion.counters.registrations).toBe(0);
});

/** Puts credentials of no service beside the one that is there. */
async function fill(count: number): Promise<void> {
  const [credential] = await world.credentials();
  for (let index = 0; index < count; index += 1) {
    await world.client.beta.vaults.credentials.create(credential?.vault_id ?? '', {
      auth: { type: 'static_bearer', mcp_server_url: `https://mcp.example/${index}`, token: `filler-token-${index}` },
    });
  }
}
