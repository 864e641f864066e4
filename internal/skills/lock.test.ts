import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unrecorded } from '../../test/support/unrecorded.ts';
import { formatLock, lockFileOf, parseLock, readSkillsLock, writeLockFile } from './lock.ts';

const sha256 = 'a'.repeat(64);
const triage = { skillId: 'skill_1', versionId: 'skver_1', sha256 };
const notes = { skillId: 'skill_2', versionId: 'skver_2', sha256 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a folder without a lock has an empty one', async () => {
  expect(await readSkillsLock(folder)).toEqual(new Map());
});

test.each(['', 'skills.lock.json'])(
  'a lock that somebody else could have written says nothing of agents: %j',
  async (what) => {
    await writeLockFile(lockFileOf(folder), new Map([['support-triage', triage]]), unrecorded);
    await chmod(join(folder, what), 0o777);
    await expect(readSkillsLock(folder)).rejects.toMatchObject({
      code: 'file_system',
      message: expect.stringContaining('others could have changed'),
    });
  },
);

test('what was written is read back, sorted by name, and nothing is left beside it', async () => {
  await writeLockFile(
    lockFileOf(folder),
    new Map([
      ['support-triage', triage],
      ['meeting-notes', notes],
    ]),
    unrecorded,
  );
  expect([...(await readSkillsLock(folder)).keys()]).toEqual(['meeting-notes', 'support-triage']);
  expect(await readdir(folder)).toEqual(['skills.lock.json']);
  expect(await readFile(lockFileOf(folder), 'utf8')).toBe(
    formatLock(
      new Map([
        ['meeting-notes', notes],
        ['support-triage', triage],
      ]),
    ),
  );
});

test.each([
  ['{', 'it is not JSON'],
  ['<<<<<<< HEAD\n{}\n', 'it holds merge conflict markers'],
  ['[]', 'it is not a JSON object'],
  ['{"skills":{}}', 'lock_version is "null", this version reads 1'],
  ['{"lock_version":2,"skills":{}}', 'lock_version is "2", this version reads 1'],
  ['{"lock_version":1}', 'skills is not an object'],
  ['{"lock_version":1,"skills":{},"extra":1}', 'unknown key "extra"; known are lock_version, skills'],
  ['{"lock_version":1,"skills":{"A":{}}}', 'skills."A": the name may hold only a-z, 0-9 and -'],
  ['{"lock_version":1,"skills":{"a":3}}', 'skills."a" is not an object'],
  [
    `{"lock_version":1,"skills":{"a":{"skill_id":"","version_id":"v","sha256":"${sha256}"}}}`,
    'skills."a".skill_id is not a text',
  ],
  [
    '{"lock_version":1,"skills":{"a":{"skill_id":"s","version_id":"v","sha256":"AA"}}}',
    'skills."a".sha256 is no SHA-256 in hex',
  ],
])('refuses %s', (text, problem) => {
  expect(parseLock(text).problems).toEqual([problem]);
});

test('refuses two names for one platform skill', () => {
  const entry = { skill_id: 's', version_id: 'v', sha256 };
  const { problems } = parseLock(JSON.stringify({ lock_version: 1, skills: { a: entry, b: entry } }));
  expect(problems).toEqual(['skills."b": skill_id is the one of "a" too']);
});

test('names every problem of the file with its path', async () => {
  await writeFile(lockFileOf(folder), '{"lock_version":1,"skills":{"A":{},"b":3}}');
  await expect(readSkillsLock(folder)).rejects.toMatchObject({
    code: 'config_invalid',
    message: [
      'the skills lock cannot be used',
      `${lockFileOf(folder)}: skills."A": the name may hold only a-z, 0-9 and -`,
      `${lockFileOf(folder)}: skills."b" is not an object`,
    ].join('\n'),
  });
});
