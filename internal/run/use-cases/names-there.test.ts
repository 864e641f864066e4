import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serviceConnection } from '../../../cmd/service-connection/cli.ts';
import { setupSession } from '../../../cmd/setup-session/cli.ts';
import { skillSync } from '../../../cmd/skill-sync/cli.ts';
import { runCommand } from '../../../test/support/command.ts';

let project: string;
let config: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'names-'));
  config = join(project, 'config');
  const files = {
    // Nothing in it is right: completion reads names, and judges nothing.
    'config/interface.yaml': 'skills: { folders: [team/*] }\nidentity: nobody\n',
    'config/services/notion.yaml': 'a: [',
    'config/services/slack.yaml': '',
    'config/services/Not A Name.yaml': '',
    'config/services/$(id).yaml': '',
    'config/services/notes.txt': '',
    'config/agents/support.yaml': '',
    'config/environments/default.yaml': '',
    'team/one/greet/SKILL.md': '',
    'team/one/skills.lock.json': JSON.stringify({
      lock_version: 1,
      skills: { gone: { skill_id: 'skill_1', version_id: '1', sha256: '0'.repeat(64) } },
    }),
    'team/two/part/SKILL.md': '',
    'team/two/skills.lock.json': 'not JSON',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(project, path, '..'), { recursive: true });
    await writeFile(join(project, path), text);
  }
});
afterAll(() => rm(project, { recursive: true }));

test.each([
  [serviceConnection, 'services', ['notion', 'slack']],
  [setupSession, 'agents', ['support']],
  [setupSession, 'environments', ['default']],
  [skillSync, 'skills', ['gone', 'greet', 'part']],
] as const)('%o names the %s that are there, and nothing that a shell would obey [P9]', async (tool, kind, names) => {
  const asked = ['completion', 'zsh', '--names', kind];
  const named = await runCommand(tool, [...asked, '--config', config], { environment: {} });
  expect(named).toEqual({ exit: 0, stdout: `${names.join('\n')}\n`, stderr: '', visited: [] });
  const set = await runCommand(tool, [...asked, '--json'], { environment: { MAI_CONFIG: config } });
  expect(JSON.parse(set.stdout)).toEqual({ names });
});

test('names of skills need no configuration', async () => {
  const { exit, stdout } = await runCommand(skillSync, ['completion', 'bash', '--names', 'skills'], {
    environment: {},
  });
  expect([exit, stdout.split('\n')]).toEqual([0, expect.arrayContaining(['support-triage'])]);
});

test('a configuration that is not there is an error, which the scripts do not show', async () => {
  const nowhere = ['--config', join(project, 'nowhere')];
  for (const kind of ['services', 'skills']) {
    const asked = ['completion', 'fish', '--names', kind, ...nowhere];
    expect(await runCommand(skillSync, asked, { environment: {} })).toMatchObject({ exit: 2, stdout: '' });
  }
});

test('a script is of no configuration', async () => {
  const { exit, stdout, stderr } = await runCommand(setupSession, ['--config', config, 'completion', 'bash'], {
    environment: {},
  });
  expect([exit, stdout, stderr]).toEqual([2, '', expect.stringContaining('--config has no say in a script')]);
});

test('a misspelled command is told before any configuration is asked for, and a service of such a name is one', async () => {
  const lost = await runCommand(serviceConnection, ['lst', '--config', join(project, 'nowhere')], { environment: {} });
  expect([lost.exit, lost.stderr]).toEqual([2, expect.stringContaining('hint: did you mean "list"?')]);
  await writeFile(join(config, 'services/lst.yaml'), '');
  const found = await runCommand(serviceConnection, ['lst', '--config', config], { environment: {} });
  expect(found.stderr).toContain('[config_invalid]');
  await rm(join(config, 'services/lst.yaml'));
});
