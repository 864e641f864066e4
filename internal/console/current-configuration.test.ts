/** What a console notices of its configuration, and what it goes on with meanwhile. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readAgentsLock } from '../agent/lock.ts';
import type { Configuration } from '../config/definitions.ts';
import { formatLock } from '../skills/lock.ts';
import { readSkillPins } from '../skills/skill-pins.ts';
import { formatToolsLock, readToolsLock } from '../tool-review/lock.ts';
import { type CurrentConfiguration, currentConfiguration, withLocksOfNow } from './current-configuration.ts';

/** A copy of what the repository comes with, in a project of its own. */
async function projectFolder(): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'current-'));
  onTestFinished(() => rm(project, { recursive: true }));
  await cp('config', join(project, 'config'), { recursive: true });
  await mkdir(join(project, 'skills'));
  return project;
}

const agentsLock = (id: string) =>
  JSON.stringify({ lock_version: 1, agents: { support: { id, version: 1 } }, environments: {} });
const skillsLock = (id: string) =>
  formatLock(new Map([['support-triage', { skillId: id, versionId: '1', sha256: '0'.repeat(64) }]]));
const toolsLock = (host: string) =>
  formatToolsLock(
    new Map([['notion', { mcpServerUrl: `https://${host}.example/mcp`, tools: new Map(), leftOut: [] }]]),
  );
/** Each lock as it was, as it is later, and as none is. */
const locks = {
  'config/agents.lock.json': [agentsLock('earlier'), agentsLock('later'), '{'],
  'config/tools.lock.json': [toolsLock('earlier'), toolsLock('later'), toolsLock('later').replace('later', 'changed')],
  'skills/skills.lock.json': [skillsLock('earlier'), skillsLock('later'), '{'],
} as const;

test('what an agent is told is part of it, whatever its file is called', async () => {
  const folder = join(await projectFolder(), 'config');
  const [agent, prompt] = [join(folder, 'agents', 'support.yaml'), join(folder, 'agents', 'support.txt')];
  await rename(join(folder, 'agents', 'support.md'), prompt);
  await writeFile(agent, (await readFile(agent, 'utf8')).replace('support.md', 'support.txt'));
  const told: string[] = [];
  const configuration = await currentConfiguration(
    folder,
    () => {},
    (change) => told.push('error' in change ? change.error.message : change.digest),
    0,
  );
  const before = await configuration.current();
  await writeFile(prompt, 'Answer in one sentence.\n');
  const after = await configuration.current();
  expect(after.configuration.agents.get('support')?.system).toBe('Answer in one sentence.\n');
  expect([told, after.digest === before.digest]).toEqual([[after.digest], false]);
});

test.each([
  ['of an agent', 'config/agents.lock.json', readAgentsLock],
  ['of tools', 'config/tools.lock.json', readToolsLock],
  [
    'of skills',
    'skills/skills.lock.json',
    async (read: Configuration) => await readSkillPins(read, new AbortController().signal),
  ],
] as const)(
  'the lock %s is of the same reading: with the old configuration goes the old one [P6]',
  async (_, path, readLock) => {
    const project = await projectFolder();
    const folder = join(project, 'config');
    const [earlier, later, damaged] = locks[path];
    await writeFile(join(project, path), earlier);
    const told: string[] = [];
    const open = async (everyMs: number) =>
      await currentConfiguration(
        folder,
        () => {},
        (change) => told.push('error' in change ? change.error.message : change.digest),
        everyMs,
      );
    const said = async (configuration: CurrentConfiguration) => {
      const { configuration: read, digest } = await configuration.current();
      const lock = await readLock(read);
      return { digest, lock: JSON.stringify(lock instanceof Map ? [...lock] : lock) };
    };
    const [looking, notYet] = [await open(0), await open(60_000)];
    const before = await said(looking);
    expect(before.lock).toContain('earlier');
    // One replica has looked since, the other has not: each has a lock that goes with what it read.
    await writeFile(join(project, path), later);
    const after = await said(looking);
    expect([after.lock, told]).toEqual([expect.stringContaining('later'), [after.digest]]);
    expect([after.digest === before.digest, await said(notYet)]).toEqual([false, before]);
    // A change that counts with another one alone, of which a file is no configuration: neither counts.
    const file = join(folder, 'interface.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}unknown: key\n`);
    await writeFile(join(project, path), earlier);
    expect([await said(looking), looking.broken()?.code]).toEqual([after, 'config_invalid']);
    await writeFile(file, text);
    expect([await said(looking), looking.broken()]).toEqual([before, undefined]);
    // Nor does a lock that nobody could use.
    await writeFile(join(project, path), damaged);
    expect([await said(looking), looking.broken()?.code]).toEqual([before, 'config_invalid']);
    expect(told.at(-1)).toContain(path.split('/').at(-1));
    await rm(join(project, path));
    expect([(await said(looking)).lock, looking.broken()]).toEqual([expect.not.stringContaining('earlier'), undefined]);
  },
);

test('folders of skills that are not there stop nobody who has no agent with one', async () => {
  const folder = join(await projectFolder(), 'config');
  const file = join(folder, 'interface.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}skills:\n  folders: [elsewhere/*]\n`);
  const open = () =>
    currentConfiguration(
      folder,
      () => {},
      () => {},
    );
  await expect(open()).rejects.toThrow('no folder matches');
  for (const name of await readdir(join(folder, 'agents'))) {
    const agent = join(folder, 'agents', name);
    await writeFile(agent, (await readFile(agent, 'utf8')).replace(/^skills:.*$/m, 'skills: []'));
  }
  const { configuration } = await (await open()).current();
  // Whoever asks for them all the same is told why there are none.
  await expect(readSkillPins(configuration, new AbortController().signal)).rejects.toThrow('no folder matches');
});

test('a run reads the locks that count now, and none once the configuration is another one [P4]', async () => {
  const project = await projectFolder();
  const folder = join(project, 'config');
  for (const [path, [earlier]] of Object.entries(locks)) await writeFile(join(project, path), earlier);
  const configuration = await currentConfiguration(
    folder,
    () => {},
    () => {},
    0,
  );
  const { configuration: begun } = await configuration.current();
  const inRun = withLocksOfNow(begun, async () => (await configuration.current()).configuration);
  const { signal } = new AbortController();
  const read = async () =>
    JSON.stringify([
      await readAgentsLock(inRun),
      [...(await readToolsLock(inRun))],
      [...(await readSkillPins(inRun, signal))],
    ]);
  expect((await read()).match(/earlier|later/g)).toEqual(['earlier', 'earlier', 'earlier']);
  for (const [path, [, later]] of Object.entries(locks)) await writeFile(join(project, path), later);
  expect((await read()).match(/earlier|later/g)).toEqual(['later', 'later', 'later']);
  // What nobody can use does not count.
  await writeFile(join(project, 'config/agents.lock.json'), '{');
  expect([(await read()).match(/earlier|later/g), configuration.broken()?.code]).toEqual([
    ['later', 'later', 'later'],
    'config_invalid',
  ]);
  await rm(join(project, 'config/agents.lock.json'));
  await writeFile(join(folder, 'agents', 'support.md'), 'Answer in one sentence.\n');
  for (const lock of [readAgentsLock(inRun), readToolsLock(inRun), readSkillPins(inRun, signal)])
    await expect(lock).rejects.toMatchObject({ code: 'drift' });
});

test('a mistake in a folder that only the refused configuration names is mended there', async () => {
  const project = await projectFolder();
  const folder = join(project, 'config');
  const told: string[] = [];
  const configuration = await currentConfiguration(
    folder,
    () => {},
    (change) => told.push('error' in change ? change.error.message : 'counts'),
    0,
  );
  const before = await configuration.current();
  const lock = join(project, 'more', 'skills.lock.json');
  await mkdir(join(project, 'more'));
  await writeFile(lock, '{');
  const file = join(folder, 'interface.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}skills:\n  folders: [skills, more]\n`);
  // However often it is looked at, it is told once.
  for (let look = 0; look < 3; look += 1) {
    expect([await configuration.current(), configuration.broken()?.code]).toEqual([before, 'config_invalid']);
  }
  expect(told).toEqual([expect.stringContaining('skills.lock.json')]);
  await writeFile(lock, skillsLock('later'));
  const { configuration: after } = await configuration.current();
  expect([configuration.broken(), told.slice(1)]).toEqual([undefined, ['counts']]);
  expect([...(await readSkillPins(after, new AbortController().signal)).keys()]).toEqual(['support-triage']);
});
