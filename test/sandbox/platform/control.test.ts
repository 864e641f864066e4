import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { processorMs } from '../../support/processor-time.ts';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

let platform: PlatformSandbox;
let client: Anthropic;

beforeAll(async () => {
  platform = await startPlatform();
  client = sdkClient(platform);
});
afterAll(() => platform.close());
beforeEach(() => platform.control.reset());

const create = () => client.beta.vaults.create({ display_name: 'Ada' });
const count = async () => (await client.beta.vaults.list({ limit: 100 })).data.length;

it('answers with a fault instead of doing what was asked', async () => {
  const before = await count();
  const fault = { kind: 'status', status: 429, headers: { 'retry-after': '3' } } as const;
  platform.control.faults.add({ on: 'POST /v1/vaults', fault });
  const error: unknown = await create().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Anthropic.RateLimitError);
  expect(error).toMatchObject({ status: 429, type: 'rate_limit_error' });
  expect((error as InstanceType<typeof Anthropic.APIError>).headers?.get('retry-after')).toBe('3');
  expect(await count()).toBe(before);
  await create();
});

it('drops a connection before the commit, or after it', async () => {
  const before = await count();
  platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-before-commit' } });
  await expect(create()).rejects.toBeInstanceOf(Anthropic.APIConnectionError);
  expect(await count()).toBe(before);
  platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-after-commit' } });
  await expect(create()).rejects.toBeInstanceOf(Anthropic.APIConnectionError);
  expect(await count()).toBe(before + 1);
  expect(platform.control.log.entries.filter(({ status }) => status === 0)).toHaveLength(2);
});

it('makes two vaults when the SDK repeats a create whose answer was lost', async () => {
  const before = await count();
  platform.control.faults.add({ on: 'POST /v1/vaults', fault: { kind: 'drop-after-commit' } });
  await client.withOptions({ maxRetries: 1 }).beta.vaults.create({ display_name: 'Ada' });
  expect(await count()).toBe(before + 2);
});

it('sends a body slowly', async () => {
  const fault = { kind: 'slow-body', waitMs: 20, pieces: 4 } as const;
  platform.control.faults.add({ on: 'GET /v1/vaults', fault });
  const started = performance.now();
  await count();
  expect(performance.now() - started).toBeGreaterThan(70);
});

it('delays every request', async () => {
  platform.control.latencyMs = 50;
  const started = performance.now();
  await count();
  expect(performance.now() - started).toBeGreaterThan(45);
});

it('logs requests without bodies and counts them', async () => {
  const vault = await client.beta.vaults.create({ display_name: 'sentinel-in-body' });
  await refusal(client.beta.vaults.retrieve('vlt_unknown'));
  const { log } = platform.control;
  expect(log.entries).toMatchObject([
    { method: 'POST', path: '/v1/vaults', search: '', status: 200, retry: 0 },
    { method: 'GET', path: '/v1/vaults/vlt_unknown', status: 404 },
  ]);
  expect(JSON.stringify(log.entries)).not.toContain('sentinel');
  expect([log.count(), log.count('GET /v1/vaults/:vault'), log.count('* /v1/sessions/**')]).toEqual([2, 1, 0]);
  log.reset();
  expect(log.count()).toBe(0);
  expect((await client.beta.vaults.retrieve(vault.id)).id).toBe(vault.id);
});

it('alters answers on their way out and leaves the truth alone', async () => {
  const vault = await create();
  const stop = platform.control.tamper('GET /v1/vaults/:vault', (json) => ({
    ...(json as object),
    display_name: 'Eve',
  }));
  expect((await client.beta.vaults.retrieve(vault.id)).display_name).toBe('Eve');
  stop();
  expect((await client.beta.vaults.retrieve(vault.id)).display_name).toBe('Ada');
});

it('replaces a file on its way out', async () => {
  const files = [new File(['---\nname: notes\ndescription: d\n---\n'], 'notes/SKILL.md')];
  const { id, latest_version_id: version } = await client.skills.create({ files });
  const download = async () => {
    const answer = await client.beta.skills.versions.download(version, { skill_id: id });
    return Buffer.from(await answer.arrayBuffer());
  };
  // The times in an archive are those of its making, so two are not the same bytes.
  const { length } = await download();
  const stop = platform.control.tamperFile('GET /v1/skills/:id/versions/:version/content', (bytes) =>
    bytes.subarray(0, 10),
  );
  expect(await download()).toHaveLength(10);
  stop();
  expect(await download()).toHaveLength(length);
});

it('seeds ten thousand vaults in a moment and pages through them cheaply', async () => {
  const fresh = await startPlatform();
  try {
    const started = processorMs();
    const ids = fresh.control.seedVaults(10_000);
    expect(processorMs() - started).toBeLessThan(1000);
    expect(new Set(ids).size).toBe(10_000);
    const vaults = sdkClient(fresh).beta.vaults;
    let found = 0;
    for await (const { metadata } of vaults.list({ limit: 100 })) {
      if (metadata['external_user_id']?.startsWith('seeded-user-')) found += 1;
    }
    expect(found).toBe(10_000);
    const pages = fresh.control.log.entries.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    expect(pages[50]).toBeLessThan(50);
  } finally {
    await fresh.close();
  }
});
