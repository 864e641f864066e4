import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { standingClock } from '../clock.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

const clock = standingClock('2026-11-22T10:00:00Z');
let platform: PlatformSandbox;
let client: Anthropic;

beforeAll(async () => {
  platform = await startPlatform({ clock });
  client = sdkClient(platform);
});
afterAll(() => platform.close());
beforeEach(() => clock.set('2026-11-22T10:00:00Z'));

it('creates, reads, updates and deletes a vault', async () => {
  const created = await client.beta.vaults.create({ display_name: 'Ada', metadata: { owner: 'ada', team: 'a' } });
  expect(created).toEqual({
    id: expect.stringMatching(/^vlt_/),
    type: 'vault',
    display_name: 'Ada',
    metadata: { owner: 'ada', team: 'a' },
    created_at: '2026-11-22T10:00:00.000Z',
    updated_at: '2026-11-22T10:00:00.000Z',
    archived_at: null,
  });
  clock.advance(1000);
  const updated = await client.beta.vaults.update(created.id, { metadata: { team: null, role: 'x' } });
  expect(updated).toMatchObject({ display_name: 'Ada', metadata: { owner: 'ada', role: 'x' } });
  expect(updated.updated_at).toBe('2026-11-22T10:00:01.000Z');
  expect(await client.beta.vaults.retrieve(created.id)).toEqual(updated);
  expect(await client.beta.vaults.delete(created.id)).toEqual({ id: created.id, type: 'vault_deleted' });
  expect(await refusal(client.beta.vaults.retrieve(created.id))).toMatchObject({ status: 404 });
});

it('lets two vaults have the same name and owner', async () => {
  const twin = { display_name: 'Twin', metadata: { owner: 'ada' } };
  const [first, second] = await Promise.all([client.beta.vaults.create(twin), client.beta.vaults.create(twin)]);
  expect(first.id).not.toBe(second.id);
});

it.each([
  [{ display_name: '' }, 'display_name'],
  [{ display_name: 'x'.repeat(256) }, 'display_name'],
  [{ display_name: 'a', metadata: { key: 1 } }, 'metadata.key'],
  [{ display_name: 'a', metadata: { ['k'.repeat(65)]: '' } }, 'metadata'],
  [{ display_name: 'a', metadata: { key: 'v'.repeat(513) } }, 'metadata.key'],
  [
    { display_name: 'a', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) },
    'metadata',
  ],
])('refuses the vault %j', async (body, field) => {
  const { status, type, message } = await refusal(client.beta.vaults.create(body as { display_name: string }));
  expect({ status, type }).toEqual({ status: 400, type: 'invalid_request_error' });
  expect(message.split(':')[0]).toBe(field);
});

it('checks the metadata limits after a patch', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, 'v']));
  const { id } = await client.beta.vaults.create({ display_name: 'a', metadata });
  expect(await refusal(client.beta.vaults.update(id, { metadata: { more: 'v' } }))).toMatchObject({ status: 400 });
  const swapped = await client.beta.vaults.update(id, { metadata: { more: 'v', k0: null } });
  expect(Object.keys(swapped.metadata)).toHaveLength(16);
});

it('archives for good, and lists archived vaults only when asked', async () => {
  const { id } = await client.beta.vaults.create({ display_name: 'old' });
  const { archived_at } = await client.beta.vaults.archive(id);
  expect(archived_at).toBe('2026-11-22T10:00:00.000Z');
  expect((await client.beta.vaults.retrieve(id)).archived_at).toBe(archived_at);
  const idsOf = (vaults: { id: string }[]) => vaults.map((vault) => vault.id);
  expect(idsOf((await client.beta.vaults.list({ limit: 100 })).data)).not.toContain(id);
  expect(idsOf((await client.beta.vaults.list({ limit: 100, include_archived: true })).data)).toContain(id);
  expect(await refusal(client.beta.vaults.update(id, { display_name: 'new' }))).toMatchObject({ status: 400 });
  expect(await refusal(client.beta.vaults.archive(id))).toMatchObject({ status: 400 });
});

it('pages newest first, 20 at a time, at most 100', async () => {
  const fresh = await startPlatform();
  try {
    const vaults = sdkClient(fresh).beta.vaults;
    const seeded = fresh.control.seedVaults(45);
    const first = await vaults.list();
    expect(first.data).toHaveLength(20);
    expect(first.data[0]?.id).toBe(seeded[44]);
    expect(first).not.toHaveProperty('prev_page');
    const all: string[] = [];
    for await (const { id } of vaults.list({ limit: 20 })) all.push(id);
    expect(all).toEqual(seeded.toReversed());
    expect(await refusal(vaults.list({ limit: 101 }))).toMatchObject({ status: 400 });
    expect(await refusal(vaults.list({ limit: 0 }))).toMatchObject({ status: 400 });
  } finally {
    await fresh.close();
  }
});
