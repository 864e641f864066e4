import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusal, sdkClient } from './sdk-client.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

let platform: PlatformSandbox;
let client: Anthropic;

beforeAll(async () => {
  platform = await startPlatform();
  client = sdkClient(platform);
});
afterAll(() => platform.close());

const cloud = (networking: object, more: object = {}) => ({ type: 'cloud', networking, ...more }) as never;

it('reaches any host unless told otherwise, and always shows packages', async () => {
  const { config, description, scope } = await client.beta.environments.create({ name: 'default' });
  expect({ config, description, scope }).toEqual({
    config: {
      type: 'cloud',
      networking: { type: 'unrestricted' },
      packages: { type: 'packages', apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
    },
    description: null,
    scope: 'organization',
  });
});

it('keeps on update what is left out, and replaces what is given', async () => {
  const limited = cloud({ type: 'limited', allowed_hosts: ['api.example.com'], allow_mcp_servers: true });
  const { id } = await client.beta.environments.create({ name: 'limited', config: limited, description: 'x' });
  const updated = await client.beta.environments.update(id, {
    config: cloud({ type: 'limited', allow_package_managers: true }, { packages: { pip: ['requests==2'] } }),
  });
  expect(updated).toMatchObject({
    description: 'x',
    config: {
      networking: {
        type: 'limited',
        allowed_hosts: ['api.example.com'],
        allow_mcp_servers: true,
        allow_package_managers: true,
      },
      packages: { pip: ['requests==2'] },
    },
  });
  expect((await client.beta.environments.update(id, { description: null })).description).toBeNull();
});

it.each([
  ['an URL as host', cloud({ type: 'limited', allowed_hosts: ['https://example.com'] })],
  ['permissions beside unrestricted', cloud({ type: 'unrestricted', allow_mcp_servers: true })],
  ['packages without permission', cloud({ type: 'limited' }, { packages: { npm: ['left-pad'] } })],
  ['an unknown type', { type: 'laptop' }],
])('refuses %s', async (_name, config) => {
  const created = client.beta.environments.create({ name: 'refused', config: config as never });
  expect(await refusal(created)).toMatchObject({ status: 400 });
});

it('gives the documented code for each of its errors', async () => {
  const { id } = await client.beta.environments.create({ name: 'codes' });
  const type = client.beta.environments.update(id, { config: { type: 'self_hosted' } });
  expect(await refusal(type)).toMatchObject({ status: 400, code: 'invalid_config_type_change' });
  const metadata = client.beta.environments.update(id, { metadata: { anthropic_x: '1' } });
  expect(await refusal(metadata)).toMatchObject({ status: 400, code: 'invalid_metadata' });
  await client.beta.environments.archive(id);
  expect((await client.beta.environments.archive(id)).archived_at).not.toBeNull();
  const archived = client.beta.environments.update(id, { name: 'x' });
  expect(await refusal(archived)).toMatchObject({ status: 400, code: 'environment_archived' });
  const unknown = client.beta.environments.retrieve('env_1');
  expect(await refusal(unknown)).toMatchObject({ status: 404, code: 'environment_not_found' });
});

it('deletes metadata keys by null and by an empty text', async () => {
  const { id } = await client.beta.environments.create({ name: 'metadata', metadata: { a: '1', b: '2', c: '3' } });
  const updated = await client.beta.environments.update(id, { metadata: { a: null, b: '' } });
  expect(updated.metadata).toEqual({ c: '3' });
});

it('takes a name once, until its environment is archived', async () => {
  const { id } = await client.beta.environments.create({ name: 'once' });
  expect(await refusal(client.beta.environments.create({ name: 'once' }))).toMatchObject({ status: 409 });
  await client.beta.environments.archive(id);
  await client.beta.environments.create({ name: 'once' });
});

it('is not deleted while sessions refer to it', async () => {
  const environment = await client.beta.environments.create({ name: 'used' });
  const agent = await client.beta.agents.create({ name: 'a', model: 'claude-opus-5-5' });
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  expect(await refusal(client.beta.environments.delete(environment.id))).toMatchObject({ status: 409 });
  await client.beta.sessions.delete(session.id);
  const deleted = await client.beta.environments.delete(environment.id);
  expect(deleted).toEqual({ id: environment.id, type: 'environment_deleted' });
});

it('lists with pages', async () => {
  const names: string[] = [];
  for await (const { name } of client.beta.environments.list({ limit: 2, include_archived: true })) names.push(name);
  expect(names).toContain('codes');
  expect(names.length).toBeGreaterThan(4);
});
