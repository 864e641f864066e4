import type Anthropic from '@anthropic-ai/sdk';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
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

function skillFile(fields: Record<string, string> = {}): string {
  const lines = Object.entries({ name: 'notes', description: 'Takes notes.', ...fields });
  return `---\n${lines.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join('\n')}\n---\n# Notes\n`;
}

function files(content: Record<string, string>): File[] {
  return Object.entries(content).map(([path, text]) => new File([text], path));
}

const good = () => files({ 'notes/scripts/a.py': 'print(1)', 'notes/SKILL.md': skillFile() });

it('creates a skill from its files, with its first version', async () => {
  const skill = await client.skills.create({ files: good() });
  expect(skill).toEqual({
    id: expect.stringMatching(/^skill_/),
    type: 'skill',
    display_name: 'notes',
    latest_version_id: expect.stringMatching(/^skver_/),
    source: { type: 'custom' },
    created_at: expect.any(String),
    updated_at: expect.any(String),
  });
  const version = await client.skills.versions.retrieve(skill.latest_version_id, { skill_id: skill.id });
  expect(version).toEqual({
    id: skill.latest_version_id,
    type: 'skill_version',
    skill_id: skill.id,
    name: 'notes',
    description: 'Takes notes.',
    created_at: expect.any(String),
  });
  expect((await client.skills.create({ files: good(), display_name: 'My notes' })).display_name).toBe('My notes');
});

it('downloads what was uploaded, as a zip with one folder', async () => {
  const skill = await client.skills.create({ files: good() });
  const response = await client.beta.skills.versions.download(skill.latest_version_id, { skill_id: skill.id });
  expect(response.headers.get('content-type')).toBe('application/zip');
  const entries = unzipSync(new Uint8Array(await response.arrayBuffer()));
  expect(Object.keys(entries)).toEqual(['notes/SKILL.md', 'notes/scripts/a.py']);
  expect(strFromU8(entries['notes/scripts/a.py'] ?? new Uint8Array())).toBe('print(1)');
});

it('takes one zip in place of the files', async () => {
  const archive = zipSync({ 'notes/SKILL.md': strToU8(skillFile()), 'notes/b.txt': strToU8('b') });
  const skill = await client.skills.create({ files: [new File([archive], 'notes.zip')] });
  expect((await client.skills.retrieve(skill.id)).display_name).toBe('notes');
  const flat = zipSync({ 'SKILL.md': strToU8(skillFile()) });
  expect(await refusal(client.skills.create({ files: [new File([flat], 'notes.zip')] }))).toMatchObject({
    status: 400,
  });
  const broken = client.skills.create({ files: [new File(['PK'], 'notes.zip')] });
  expect(await refusal(broken)).toMatchObject({ status: 400 });
});

it('adds versions as full snapshots, equal ones too, and keeps the name fixed', async () => {
  const skill = await client.skills.create({ files: good() });
  const second = await client.skills.versions.create(skill.id, { files: good() });
  expect(second.id).not.toBe(skill.latest_version_id);
  expect((await client.skills.retrieve(skill.id)).latest_version_id).toBe(second.id);
  const renamed = files({ 'other/SKILL.md': skillFile({ name: 'other' }) });
  const refused = client.skills.versions.create(skill.id, { files: renamed });
  expect((await refusal(refused)).message).toContain('the skill is named notes');
  const ids: string[] = [];
  for await (const { id } of client.skills.versions.list(skill.id, { limit: 1 })) ids.push(id);
  expect(ids).toEqual([skill.latest_version_id, second.id]);
});

it('deletes versions but not the last one, and a skill with all of them', async () => {
  const skill = await client.skills.create({ files: good() });
  const params = { skill_id: skill.id };
  expect(await refusal(client.skills.versions.delete(skill.latest_version_id, params))).toMatchObject({ status: 400 });
  const second = await client.skills.versions.create(skill.id, { files: good() });
  const deleted = await client.skills.versions.delete(second.id, params);
  expect(deleted).toEqual({ id: second.id, type: 'skill_version_deleted' });
  expect((await client.skills.retrieve(skill.id)).latest_version_id).toBe(skill.latest_version_id);
  expect(await client.skills.delete(skill.id)).toEqual({ id: skill.id, type: 'skill_deleted' });
  expect(await refusal(client.skills.versions.list(skill.id))).toMatchObject({ status: 404 });
});

it.each([
  ['no SKILL.md', { 'notes/a.md': 'x' }, 'SKILL.md is missing'],
  ['SKILL.md outside of a folder', { 'SKILL.md': skillFile() }, 'top folder'],
  ['two top folders', { 'notes/SKILL.md': skillFile(), 'more/a': '' }, 'share one top folder'],
  ['a folder of another name', { 'other/SKILL.md': skillFile() }, 'must be named notes'],
  ['no front matter', { 'notes/SKILL.md': '# Notes' }, 'front matter'],
  ['broken front matter', { 'notes/SKILL.md': '---\nname: [\n---\n' }, 'not valid YAML'],
  ['a name in capitals', { 'Notes/SKILL.md': skillFile({ name: 'Notes' }) }, 'name'],
  ['a reserved word', { 'claude-notes/SKILL.md': skillFile({ name: 'claude-notes' }) }, 'anthropic or claude'],
  ['an empty description', { 'notes/SKILL.md': skillFile({ description: '' }) }, 'description'],
  ['a long description', { 'notes/SKILL.md': skillFile({ description: 'x'.repeat(1025) }) }, 'description'],
  ['XML in the description', { 'notes/SKILL.md': skillFile({ description: 'a <b>c</b>' }) }, 'XML'],
  ['a path upwards', { 'notes/SKILL.md': skillFile(), 'notes/../../etc/passwd': '' }, 'not a relative path'],
  ['an absolute path', { '/home/me/notes/SKILL.md': skillFile() }, 'not a relative path'],
  ['a backslash', { 'notes/SKILL.md': skillFile(), 'notes/a\\b': '' }, 'not a relative path'],
])('refuses %s', async (_name, content, hint) => {
  const { status, message } = await refusal(client.skills.create({ files: files(content) }));
  expect(status).toBe(400);
  expect(message).toContain(hint);
});

it('refuses the same path twice, and more than 30 MB', async () => {
  expect(await refusal(client.skills.create({ files: [...good(), ...good()] }))).toMatchObject({ status: 400 });
  const bomb = zipSync({ 'notes/SKILL.md': strToU8(skillFile()), 'notes/zeros': new Uint8Array(31 * 1024 * 1024) });
  const refused = await refusal(client.skills.create({ files: [new File([bomb], 'notes.zip')] }));
  expect(refused).toMatchObject({ status: 400, message: 'files: at most 30 MB uncompressed' });
});

it.each(['files', 'file[]'])('counts parts named %s as no files at all', async (part) => {
  const form = new FormData();
  for (const file of good()) form.append(part, file);
  const headers = { 'x-api-key': platform.apiKey, 'anthropic-version': '2023-06-01' };
  const response = await fetch(`${platform.baseUrl}/v1/skills`, { method: 'POST', headers, body: form });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('no files');
});

it('refuses the old shapes of skills instead of pretending', async () => {
  const old = client.beta.skills.list({ betas: ['skills-2025-10-02'] });
  expect(await refusal(old)).toMatchObject({ status: 400 });
});

it('lists by source', async () => {
  expect((await client.skills.list({ source: 'custom' })).data.length).toBeGreaterThan(0);
  expect((await client.skills.list({ source: 'anthropic' })).data).toEqual([]);
  expect(await refusal(client.skills.list({ source: 'mine' }))).toMatchObject({ status: 400 });
});

it('stays latest in an agent, so that whoever uploads changes what the next session runs', async () => {
  const skill = await client.skills.create({ files: good() });
  const agent = await client.beta.agents.create({
    name: 'a',
    model: 'claude-opus-5-5',
    tools: [{ type: 'agent_toolset_20260401' }],
    skills: [{ type: 'custom', skill_id: skill.id }],
  });
  expect(agent.skills).toEqual([{ type: 'custom', skill_id: skill.id, version: 'latest' }]);
  const environment = await client.beta.environments.create({ name: 'skills' });
  const second = await client.skills.versions.create(skill.id, { files: good() });
  const body = { agent: agent.id, environment_id: environment.id };
  expect((await client.beta.sessions.create(body)).agent.skills).toMatchObject([{ version: second.id }]);
  await client.skills.delete(skill.id);
  expect(await refusal(client.beta.sessions.create(body))).toMatchObject({ status: 404 });
});
