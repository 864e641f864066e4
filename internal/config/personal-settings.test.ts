import { chmod, chown, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepOf, readPersonalSettings } from './personal-settings.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
  path = join(folder, 'settings.yaml');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (text: string) => writeFile(path, text, { mode: 0o600 });

test('says where the file would be', async () => {
  expect(await readPersonalSettings(folder)).toEqual({ path, keep: undefined });
});

test.each([
  ['', undefined],
  ['# nothing yet\n', undefined],
  ['identity: { keep: memory }', 'memory'],
  ['identity: { keep: { file: passphrase } }', { file: 'passphrase' }],
  ['identity: { keep: { file: { key_file: ~/age.key } } }', { file: { key_file: '~/age.key' } }],
])('reads %j', async (text, keep) => {
  await write(text);
  expect(await readPersonalSettings(folder)).toEqual({ path, keep });
});

test.each([
  ['identity: { keep: disk }', ':1:19 identity.keep: got "disk", expected keychain, memory'],
  ['identity: { issuer: https://evil.example }', ':1:13 identity.issuer: unknown key'],
  ['people: {}', ':1:1 people: unknown key'],
  ['identity: [', ':1:12: is not YAML'],
])('refuses %j', async (text, problem) => {
  await write(text);
  await expect(readPersonalSettings(folder)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining(`settings.yaml${problem}`),
  });
});

test('follows a link, as to a repository of such files', async () => {
  await writeFile(join(folder, 'elsewhere'), 'identity: { keep: memory }', { mode: 0o600 });
  await symlink('elsewhere', path);
  expect(await readPersonalSettings(folder)).toMatchObject({ keep: 'memory' });
});

test('is not used where others could have written it', async () => {
  await write('identity: { keep: memory }');
  await chmod(path, 0o666);
  await expect(readPersonalSettings(folder)).rejects.toThrow('others could have changed');
});

test.skipIf(process.getuid?.() !== 0)('is not used where it is another account’s', async () => {
  await write('identity: { keep: memory }');
  await chown(path, 65534, 65534);
  await expect(readPersonalSettings(folder)).rejects.toThrow('belongs to uid 65534');
});

describe('where a sign-in is kept', () => {
  const file = { file: 'passphrase' as const };

  test.each([
    [undefined, undefined, 'keychain', 'default'],
    [undefined, file, file, 'personal'],
    ['keychain', file, 'keychain', 'project'],
    [file, 'keychain', file, 'project'],
    ['memory', file, 'memory', 'project'],
    ['keychain', 'memory', 'memory', 'personal'],
  ] as const)('configuration %j, own settings %j: %j', (project, personal, keep, source) => {
    expect(keepOf(project, personal)).toEqual({ keep, source });
  });
});
