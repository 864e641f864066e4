/** `setup-session init --service`: the ready files of well-known services, and nothing else. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { runCommand } from '../support/command.ts';

const init = async (list: string, folder?: string) => {
  const place = folder ?? join(await mkdtemp(join(tmpdir(), 'ready-')), 'config');
  return { place, ...(await runCommand(setupSession, ['init', place, '--service', list], { environment: {} })) };
};

test('writes the named ones and nothing else, and says what is left to do', async () => {
  const { exit, stdout, place } = await init('slack, github,slack');
  expect([exit, (await readdir(place, { recursive: true })).sort()]).toEqual([
    0,
    ['services', join('services', 'github.yaml'), join('services', 'slack.yaml')],
  ]);
  expect(stdout).toMatch(/^wrote services\/slack.yaml\nwrote services\/github.yaml\nTo do: fill in/);
});

test('keeps a file that is there as it is', async () => {
  const { place } = await init('slack');
  await writeFile(join(place, 'services', 'slack.yaml'), 'reviewed: true\n');
  const both = await init('slack,notion', place);
  expect([both.exit, both.stdout]).toEqual([0, expect.stringContaining('kept services/slack.yaml')]);
  expect(await readFile(join(place, 'services', 'slack.yaml'), 'utf8')).toBe('reviewed: true\n');
  expect((await init('slack', place)).exit).toBe(2);
});

test.each(['slack,nowhere', 'slack,', '', 'Slack'])('writes nothing for %j, and says what there is', async (list) => {
  const { exit, stdout, stderr, place } = await init(list);
  expect([exit, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/there is one for asana, atlassian, .*supabase|write it as --service slack,github/);
  await expect(readdir(place)).rejects.toThrow('ENOENT');
});
