/** Folders of skills that the configuration names, and workspaces with locks of their own: what is pushed is what agents get. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { takeMutex } from '../../internal/outside/mutex.ts';
import { parseLock } from '../../internal/skills/lock.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { runCommand } from '../support/command.ts';
import { skillProjectPerTest, skillText } from '../support/skill-project.ts';

const project = skillProjectPerTest();
const at = (...parts: string[]) => join(project.home, ...parts);
const write = async (path: string, text: string) => {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text, { mode: 0o644 });
};
const skillAt = (path: string) => write(`${path}/SKILL.md`, skillText(path.split('/').at(-1) ?? '', `Do ${path}.`));
const lockIn = async (path: string) => [...parseLock(await readFile(at(path), 'utf8')).skills];
const namesIn = async (path: string) => (await lockIn(path)).map(([name]) => name);

const agentNaming = (...skills: string[]) =>
  `model: claude-sonnet-5-5\nservices: {}\nbuiltin_tools: { read: on }\nskills: [${skills.join(', ')}]\nenvironment: default\nallowed: { principals: ["1000"] }\n`;
async function configure(rest: string, skills = ['minutes', 'triage']): Promise<void> {
  await write('config/interface.yaml', `identity: { mode: os }\n${rest}`);
  await write(
    'config/environments/default.yaml',
    'networking: limited\nallowed_hosts: []\nallow_mcp_servers: true\nallow_package_managers: false\n',
  );
  await write('config/agents/helper.yaml', agentNaming(...skills));
}

/** Runs a command of the project, as somebody who stands elsewhere. */
async function run(
  executable: Executable,
  argv: readonly string[],
  environment: Record<string, string> = {},
  hear: (said: string) => void = () => {},
) {
  return await runCommand(executable, argv, {
    hear,
    folder: at('machine'),
    environment: {
      ANTHROPIC_API_KEY: project.platform.apiKey,
      ANTHROPIC_BASE_URL: project.platform.baseUrl,
      MAI_CONFIG: at('config'),
      ...environment,
    },
  });
}
const sync = (argv: string[] = [], environment = {}) => run(skillSync, argv, environment);
const agents = (argv: string[] = [], environment = {}) => run(setupSession, ['agents', ...argv], environment);

describe('folders that the configuration names', () => {
  beforeEach(async () => {
    await skillAt('plugins/a/skills/minutes');
    await skillAt('plugins/b/skills/triage');
    await skillAt('team {a,b}/skills/plans');
    await skillAt('skills/not-meant');
    await configure('skills: { folders: ["plugins/*/skills", "team {a,b}/skills"] }\n');
  });

  test('are pushed where no word is said, and agents pin from all of their locks', async () => {
    expect(await sync()).toMatchObject({ exit: 0 });
    expect(await namesIn('plugins/a/skills/skills.lock.json')).toEqual(['minutes']);
    expect(await namesIn('plugins/b/skills/skills.lock.json')).toEqual(['triage']);
    expect(Object.keys(await project.remoteVersions())).toEqual(['minutes', 'plans', 'triage']);
    expect(await agents(['apply'])).toMatchObject({ exit: 0 });
    const [agent] = (await project.client().beta.agents.list()).data;
    const locked = [
      ...(await lockIn('plugins/a/skills/skills.lock.json')),
      ...(await lockIn('plugins/b/skills/skills.lock.json')),
    ];
    expect(agent?.skills.map(({ skill_id, version }) => `${skill_id} ${version}`).sort()).toEqual(
      locked.map(([, { skillId, versionId }]) => `${skillId} ${versionId}`).sort(),
    );
    expect(await agents(['plan'])).toMatchObject({ exit: 0 });
    expect(await sync(['--check'])).toMatchObject({ exit: 0 });
    expect(await sync(['verify'])).toMatchObject({ exit: 0 });
  });

  test('that hold a skill of the same name are refused, here and there [P6]', async () => {
    await sync();
    await skillAt('plugins/b/skills/minutes');
    expect(await sync()).toMatchObject({ exit: 2, stderr: expect.stringContaining('has the same name') });
    await write('plugins/b/skills/skills.lock.json', await readFile(at('plugins/a/skills/skills.lock.json'), 'utf8'));
    const refused = await agents(['plan']);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringMatching(/both have a skill "minutes".*\n.*hint/)]);
  });

  test('that nothing matches are refused', async () => {
    await rename(at('plugins'), at('elsewhere'));
    for (const refused of [await sync(), await sync(['scan']), await agents(['plan'])]) {
      expect([refused.exit, refused.stderr]).toEqual([
        2,
        expect.stringMatching(/no folder matches ".*plugins\/\*\/skills"/),
      ]);
    }
  });

  test.each(['/etc', '../skills', 'a/../../b', 'a\\b', ''])('have to be of the project: %j is not', async (folder) => {
    await configure(`skills: { folders: [${JSON.stringify(folder)}] }\n`);
    const refused = await sync(['scan']);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('below the project')]);
  });

  test('are said below the repository in SARIF', async () => {
    await write('plugins/b/skills/triage/x.md', 'a\u200bb');
    await sync(['scan', '--sarif', at('out.sarif')], { GITHUB_WORKSPACE: project.home });
    const [result] = JSON.parse(await readFile(at('out.sarif'), 'utf8')).runs[0].results;
    expect(result.locations[0].physicalLocation.artifactLocation.uri).toBe('plugins/b/skills/triage/x.md');
  });

  test('are where a pull looks for the lock that has the skill', async () => {
    await sync();
    await rm(at('plugins/b/skills/triage'), { recursive: true });
    expect(await sync(['pull', 'triage'])).toMatchObject({ exit: 0 });
    expect(await readFile(at('plugins/b/skills/triage/SKILL.md'), 'utf8')).toContain('Do plugins/b');
    const refused = await sync(['pull', 'triage', 'minutes']);
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('--folder')]);
  });

  test('count not for words, which start where somebody stands', async () => {
    expect(await sync([relative('', at('skills'))])).toMatchObject({ exit: 0 });
    expect(Object.keys(await project.remoteVersions())).toEqual(['not-meant']);
  });
});

describe('workspaces with names', () => {
  const prodKey = 'sk-ant-sandbox-prod';
  let platform: PlatformSandbox;
  const inDev = () => ({ ANTHROPIC_API_KEY: platform.apiKey, ANTHROPIC_BASE_URL: platform.baseUrl });
  const inProd = () => ({ ANTHROPIC_API_KEY: prodKey, ANTHROPIC_BASE_URL: platform.baseUrl });

  beforeEach(async () => {
    platform = await startPlatform({ extraKeys: [{ apiKey: prodKey, workspaceId: 'wrkspc_prod' }] });
    await skillAt('skills/minutes');
    await skillAt('skills/triage');
    await configure(
      `platform: { workspaces: { dev: ${platform.workspaceId}, prod: wrkspc_prod } }\nskills: { folders: [skills] }\n`,
    );
    return () => platform.close();
  });

  test('have a lock each, so that what is in the one is promoted to the other', async () => {
    expect(await sync(['--workspace', 'dev'], inDev())).toMatchObject({ exit: 0 });
    expect(await sync(['--workspace', 'prod', '--check'], inProd())).toMatchObject({ exit: 7 });
    expect(await sync([], { ...inProd(), MAI_WORKSPACE: 'prod' })).toMatchObject({ exit: 0 });
    const [dev, prod] = [await lockIn('skills/skills.dev.lock.json'), await lockIn('skills/skills.prod.lock.json')];
    expect(prod.map(([name, { sha256 }]) => [name, sha256])).toEqual(dev.map(([name, { sha256 }]) => [name, sha256]));
    expect(prod.map(([, { skillId }]) => skillId)).not.toEqual(dev.map(([, { skillId }]) => skillId));
    for (const [name, environment] of [
      ['dev', inDev()],
      ['prod', inProd()],
    ] as const) {
      expect(await agents(['apply', '--workspace', name], environment)).toMatchObject({ exit: 0 });
      expect(await agents(['plan', '--workspace', name], environment)).toMatchObject({ exit: 0 });
      expect(await sync(['--check', '--workspace', name], environment)).toMatchObject({ exit: 0 });
      expect(await sync(['verify', '--workspace', name], environment)).toMatchObject({ exit: 0 });
      const { agents: known } = JSON.parse(await readFile(at(`config/agents.${name}.lock.json`), 'utf8'));
      expect(Object.keys(known)).toEqual(['helper']);
    }
    await rm(at('skills/minutes'), { recursive: true });
    expect(await sync(['pull', 'minutes', '--workspace', 'prod'], inProd())).toMatchObject({ exit: 0 });
  });

  test('are never guessed: none, one that is not there, or the key of another [P6]', async () => {
    for (const refused of [await sync([], inDev()), await agents(['plan'], inDev())]) {
      expect([refused.exit, refused.stderr]).toEqual([
        2,
        expect.stringMatching(
          /the workspaces dev, prod, and none.*\n.*hint: choose one: --workspace dev, or MAI_WORKSPACE=dev/,
        ),
      ]);
    }
    const misspelled = await sync(['--workspace', 'pord'], inDev());
    expect([misspelled.exit, misspelled.stderr]).toEqual([2, expect.stringContaining('did you mean "prod"?')]);
    const otherKey = await sync(['--workspace', 'prod'], inDev());
    expect([otherKey.exit, otherKey.stderr]).toEqual([1, expect.stringContaining('not the workspace of this key')]);
    await configure('');
    const unknown = await sync([], { ...inDev(), MAI_WORKSPACE: 'dev' });
    expect([unknown.exit, unknown.stderr]).toEqual([2, expect.stringContaining('MAI_WORKSPACE names "dev"')]);
  });

  test('do not matter to a scan', async () => {
    expect(await sync(['scan'])).toMatchObject({ exit: 0 });
  });

  test('take no lock that says of none whose it is; --lock names any', async () => {
    await write('skills/skills.lock.json', '{"lock_version":1,"skills":{}}\n');
    for (const refused of [
      await sync(['--workspace', 'dev'], inDev()),
      await sync(['pull', 'minutes', '--workspace', 'dev'], inDev()),
      await agents(['plan', '--workspace', 'dev'], inDev()),
    ]) {
      expect([refused.exit, refused.stderr]).toEqual([
        2,
        expect.stringMatching(/hint: rename it .*skills\.dev\.lock\.json/),
      ]);
    }
    expect(await sync(['--workspace', 'dev', '--lock', at('mine.json'), at('skills')], inDev())).toMatchObject({
      exit: 0,
    });
    await rename(at('skills/skills.lock.json'), at('skills/skills.dev.lock.json'));
    expect(await sync(['--workspace', 'dev'], inDev())).toMatchObject({ exit: 0 });
    await write('config/agents.lock.json', '{"lock_version":1,"agents":{},"environments":{}}\n');
    const refused = await agents(['plan', '--workspace', 'dev'], inDev());
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('agents.dev.lock.json')]);
  });

  test('have plans of their own', async () => {
    await sync(['--workspace', 'dev', '--out', at('plan.json')], inDev());
    const refused = await sync(['apply', at('plan.json'), '--workspace', 'prod'], inProd());
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('now workspace wrkspc_prod')]);
    expect(await sync(['apply', at('plan.json'), '--workspace', 'dev'], inDev())).toMatchObject({ exit: 0 });
    expect(await namesIn('skills/skills.dev.lock.json')).toEqual(['minutes', 'triage']);
  });

  test('wait for each other in one folder: a pull of the one is not disturbed by a push of the other', async () => {
    await sync(['--workspace', 'dev'], inDev());
    const [pull, push] = await Promise.all([
      sync(['pull', 'minutes', 'triage', '--workspace', 'dev', '--overwrite'], inDev()),
      sync(['--workspace', 'prod'], inProd()),
    ]);
    expect([pull.exit, push.exit]).toEqual([0, 0]);
    // A pull holds the folder by the lock that every workspace knows.
    const path = at('skills', '.skills.lock.json.running');
    const held = await takeMutex({ path, signal: new AbortController().signal, waitMs: 0 });
    const { exit } = await run(skillSync, ['--workspace', 'prod'], inProd(), (said) => {
      if (said.includes('waiting up to') && 'release' in held) void held.release();
    });
    expect(exit).toBe(0);
  });
});
