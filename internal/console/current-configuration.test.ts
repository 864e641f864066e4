/** What a console notices of its configuration, and what it goes on with meanwhile. */
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { currentConfiguration } from './current-configuration.ts';

test('what an agent is told is part of it, whatever its file is called', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'current-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp('config', folder, { recursive: true });
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
