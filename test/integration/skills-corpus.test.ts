/** The corpus of skills in test/data/skills, run through skill-sync against the sandbox platform. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { runCommand } from '../support/command.ts';
import { keyAlone } from '../support/key-alone.ts';

const corpus = fileURLToPath(new URL('../data/skills', import.meta.url));

/** Links in the corpus, and where they lead. Made here: what follows links would never come to the end of a checkout. */
const links = {
  'ignore-link/.skillignore': '../ignore-nul/.skillignore',
  'linked-folder': 'links',
  'linked-skill-md/SKILL.md': '../links/SKILL.md',
  'links/loop': '..',
  'links/nowhere': 'missing.md',
  'links/outside': '/etc/hostname',
  'links/self': 'self',
};

let platform: PlatformSandbox;
let home: string;
beforeEach(async () => {
  platform = await startPlatform();
  home = await mkdtemp(join(tmpdir(), 'corpus-'));
  await cp(corpus, home, { recursive: true });
  for (const [path, target] of Object.entries(links)) {
    const link = join(home, 'invalid', path);
    await mkdir(dirname(link), { recursive: true });
    await symlink(target, link);
  }
});
afterEach(async () => {
  await platform.close();
  await rm(home, { recursive: true });
});

async function run(...argv: string[]) {
  return await runCommand(skillSync, argv, {
    folder: home,
    environment: { ANTHROPIC_API_KEY: platform.apiKey, ANTHROPIC_BASE_URL: platform.baseUrl, MAI_CONFIG: keyAlone },
  });
}

/** The folders of the corpus below `part`. */
async function foldersOf(part: string): Promise<string[]> {
  const entries = await readdir(join(corpus, part), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

interface SyncedJson {
  skills: { name: string; change: string; applied: boolean }[];
}

test('every valid skill is pushed, and a second run finds nothing to do', async () => {
  const names = (await foldersOf('valid')).filter((name) => name !== 'shared-notes' && name !== 'work-in-progress');
  expect(names.length).toBeGreaterThanOrEqual(20);
  const first = await run('--json', join(home, 'valid'));
  expect([first.exit, first.stderr]).toEqual([0, expect.stringContaining('shared-notes: no SKILL.md, left out')]);
  const pushed: SyncedJson = JSON.parse(first.stdout);
  expect(pushed.skills.map(({ name, change, applied }) => [name, change, applied])).toEqual(
    names.sort().map((name) => [name, 'create', true]),
  );

  platform.control.log.reset();
  const second = await run('--json', join(home, 'valid'));
  const again: SyncedJson = JSON.parse(second.stdout);
  expect(new Set(again.skills.map(({ change }) => change))).toEqual(new Set(['unchanged']));
  expect(platform.control.log.count()).toBe(1);
});

test('every problem of every invalid skill is named in one run, and nothing is sent', async () => {
  const folders = await foldersOf('invalid');
  expect(folders.length).toBeGreaterThanOrEqual(24);
  const lines = (await readFile(join(corpus, 'invalid.txt'), 'utf8')).trimEnd().split('\n');
  const refused = await run(join(home, 'invalid'));
  expect([refused.exit, refused.stdout]).toEqual([2, '']);
  expect(refused.stderr.replaceAll(`${home}/invalid/`, '').trimEnd().split('\n')).toEqual([
    'skill-sync: linked-folder: it is a link to a folder, and left out; put the folder itself there',
    `skill-sync: error: ${lines.length} problems in the skills [skill_invalid]`,
    ...lines.map((line) => `skill-sync:   ${line}`),
    'skill-sync: hint: nothing was sent to the platform; put these right and run again',
  ]);
  expect(platform.control.log.count()).toBe(0);
  // Each folder is there for a reason.
  expect(folders.filter((folder) => !lines.some((line) => line.startsWith(`${folder}/`)))).toEqual([]);
});
