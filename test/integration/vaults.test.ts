/** Whose vault it is (P1): exactly one whose owner record names the person byte for byte, or none at all. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

function adasRecord(changes: Record<string, string> = {}): Record<string, string> {
  const { identityProvider, people } = world.sandbox;
  return {
    mai_owner_kind: 'sso',
    mai_owner_issuer: identityProvider.issuer,
    mai_owner_subject: people.ada.subject,
    ...changes,
  };
}

/** Vaults as others may have made them, and how many vaults there are afterwards. */
function plant(...records: Record<string, string>[]): string[] {
  return records.flatMap((metadata) => world.sandbox.platform.control.seedVaults(1, { metadata: () => metadata }));
}

async function vaultIds(): Promise<string[]> {
  return (await world.client.beta.vaults.list()).data.map(({ id }) => id).sort();
}

/** The remembered vault id of a machine, as file path and content. */
async function cacheFile(folder: string): Promise<string> {
  const [name = ''] = await readdir(join(world.keptIn(folder), 'cache/vaults'));
  return join(world.keptIn(folder), 'cache/vaults', name);
}

describe('a person without a vault', () => {
  test('gets one when connecting, and only then', async () => {
    expect(await world.setup(['--agent', 'support'])).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('service-connection <service>'),
    });
    await world.connect(['list']);
    expect(await vaultIds()).toEqual([]);
    await world.connect(['notion']);
    expect((await world.client.beta.vaults.list()).data).toMatchObject([{ metadata: adasRecord() }]);
  });

  test('gets exactly one although the answer to its creation is lost [P8]', async () => {
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-after-commit' } });
    const connected = await world.connectJson(['notion']);
    expect(await vaultIds()).toEqual([connected['vault_id']]);
    expect(world.sandbox.platform.control.log.count('POST /v1/vaults')).toBe(1);
  });

  test('gets exactly one although two runs create one at the same moment', async () => {
    world.sandbox.platform.control.latencyMs = 300;
    const [one, other] = await Promise.all([world.connectJson(['notion']), world.connectJson(['linear'])]);
    expect(world.sandbox.platform.control.log.count('POST /v1/vaults')).toBe(2);
    expect(one['vault_id']).toBe(other['vault_id']);
    expect(await vaultIds()).toEqual([one['vault_id']]);
    expect(await world.credentials()).toHaveLength(2);
  });

  test('gets one from the next run when its creation never arrived [P8]', async () => {
    world.sandbox.platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-before-commit' } });
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.visited.length]).toEqual([1, 1]);
    expect(failed.stderr).toContain('[platform_outcome_unknown]');
    await world.connectJson(['notion']);
    expect(await vaultIds()).toHaveLength(1);
  });

  test('does not get one that the platform did not store as told', async () => {
    world.sandbox.platform.control.tamper('POST /v1/vaults', (vault) => ({ ...(vault as object), metadata: {} }));
    const failed = await world.connect(['notion']);
    expect([failed.exit, failed.stderr]).toEqual([5, expect.stringContaining('[ownership_unproven]')]);
    expect(await world.credentials()).toEqual([]);
  });
});

describe('a vault is nobody’s when its record [c15] [P1]', () => {
  test.each<[string, (record: Record<string, string>) => Record<string, string>]>([
    [
      'differs in case',
      (record) => ({ ...record, mai_owner_subject: record['mai_owner_subject']?.toUpperCase() ?? '' }),
    ],
    ['ends in a dot', (record) => ({ ...record, mai_owner_subject: `${record['mai_owner_subject']}.` })],
    [
      'has a letter of another script',
      (record) => ({ ...record, mai_owner_subject: record['mai_owner_subject']?.replace('c', 'с') ?? '' }),
    ],
    ['has a slash more in its issuer', (record) => ({ ...record, mai_owner_issuer: `${record['mai_owner_issuer']}/` })],
    ['is of another kind', (record) => ({ ...record, mai_owner_kind: 'os' })],
    ['lacks its subject', ({ mai_owner_subject: _, ...record }) => record],
    ['is empty', () => ({})],
    ['names the e-mail address', (record) => ({ ...record, mai_owner_subject: 'ada@example.test' })],
  ])('%s', async (_case, change) => {
    const planted = plant(change(adasRecord()));
    const connected = await world.connectJson(['notion']);
    expect(planted).not.toContain(connected['vault_id']);
    expect(await vaultIds()).toHaveLength(2);
  });

  test('is right but the vault is archived [P1]', async () => {
    const [id = ''] = plant(adasRecord());
    await world.client.beta.vaults.archive(id);
    expect((await world.connectJson(['notion']))['vault_id']).not.toBe(id);
  });
});

test('two vaults that claim the same person: nothing is chosen, and nothing changes [c15] [P1]', async () => {
  const planted = plant(adasRecord(), adasRecord({ team: 'support' }));
  for (const act of [world.connect(['notion']), world.setup(['--agent', 'support']), world.connect(['list'])]) {
    const failed = await act;
    expect([failed.exit, failed.visited.length]).toEqual([5, 1]);
    expect(failed.stderr).toContain('[ownership_ambiguous]');
    for (const id of planted) expect(failed.stderr).toContain(id);
  }
  expect(world.asked().filter((line) => line.startsWith('POST'))).toEqual([]);
  await world.client.beta.vaults.archive(planted[0] ?? '');
  expect((await world.connectJson(['notion']))['vault_id']).toBe(planted[1]);
});

describe('a remembered vault', () => {
  test('is asked for once instead of reading every page', async () => {
    const folder = await world.machine();
    await world.connect(['notion'], { folder });
    world.sandbox.platform.control.seedVaults(300);
    world.sandbox.platform.control.log.reset();
    await world.connect(['list'], { folder });
    expect(world.asked().filter((line) => line.endsWith('/v1/vaults'))).toEqual([]);
  });

  test('of somebody else is not used, whoever put it there [c15] [P1]', async () => {
    const [ada, grace] = [await world.machine(), await world.machine()];
    const own = await world.connectJson(['notion'], { folder: ada });
    const foreign = await world.connectJson(['notion'], { folder: grace, person: 'grace' });
    await writeFile(await cacheFile(ada), `${foreign['vault_id']}\n`);
    expect((await world.connectJson(['notion'], { folder: ada }))['vault_id']).toBe(own['vault_id']);
    await writeFile(await cacheFile(ada), `${foreign['vault_id']}\n`);
    await world.apply('support');
    const session = await world.setupJson(['--agent', 'support'], { folder: ada });
    expect(session['vault_id']).toBe(own['vault_id']);
    expect(world.sandbox.platform.control.peek.sessions().map(({ vault_ids }) => vault_ids)).toEqual([
      [own['vault_id']],
    ]);
    expect(await readFile(await cacheFile(ada), 'utf8')).toBe(`${own['vault_id']}\n`);
  });

  test('whose record was tampered with meanwhile is not used [P1]', async () => {
    const folder = await world.machine();
    const { vault_id: id } = await world.connectJson(['notion'], { folder });
    const metadata = { mai_owner_subject: world.sandbox.people.mallory.subject };
    await world.client.beta.vaults.update(String(id), { metadata });
    expect((await world.setup(['--agent', 'support'], { folder })).exit).toBe(4);
    expect(world.sandbox.platform.control.peek.sessions()).toEqual([]);
  });

  test('that was archived or deleted meanwhile is not used', async () => {
    const folder = await world.machine();
    const first = await world.connectJson(['notion'], { folder });
    await world.client.beta.vaults.archive(String(first['vault_id']));
    const second = await world.connectJson(['notion'], { folder });
    await world.client.beta.vaults.delete(String(second['vault_id']));
    const third = await world.connectJson(['notion'], { folder });
    expect(new Set([first, second, third].map(({ vault_id }) => vault_id)).size).toBe(3);
    expect(await vaultIds()).toEqual([third['vault_id']]);
  });

  test.each(['../../v1/agents', '', '\u0000', 'vlt_1\nvlt_2', '..', 'x'.repeat(5_000)])(
    'that is none costs nothing but time: %j',
    async (text) => {
      const folder = await world.machine();
      const { vault_id: id } = await world.connectJson(['notion'], { folder });
      await writeFile(await cacheFile(folder), text);
      await world.apply('support');
      expect((await world.setupJson(['--agent', 'support'], { folder }))['vault_id']).toBe(id);
    },
  );
});

test('without a remembered one, a thousand vaults are read in ten requests', async () => {
  const { control } = world.sandbox.platform;
  control.seedVaults(500);
  const [own] = plant(adasRecord());
  control.seedVaults(499);
  const listed = await world.connectJson(['list']);
  expect(listed['owner']).toMatchObject({ subject: world.sandbox.people.ada.subject });
  expect([control.log.count('GET /v1/vaults'), own]).toEqual([10, expect.any(String)]);
});
