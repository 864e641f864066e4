import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfiguration } from './load.ts';
import { starterFiles, writeStarter } from './starter.ts';

const shipped = fileURLToPath(new URL('../../config/', import.meta.url));
const renew =
  'written from starter-texts.ts by: npx vitest run --config test/vitest.config.ts internal/config/starter.test.ts --update';

test('the starter loads as it is written', async () => {
  const folder = await emptyFolder();
  const { written, kept } = await writeStarter(join(folder, 'config'));
  expect(written).toEqual([...starterFiles().keys()]);
  expect(kept).toEqual([]);

  const configuration = await loadConfiguration(join(folder, 'config'));
  expect([...configuration.services.keys()]).toEqual(['notion']);
  expect([...configuration.environments.keys()]).toEqual(['default']);
  const assistant = configuration.agents.get('assistant');
  expect(assistant?.services).toEqual({ notion: { read: 'on', write: 'off' } });
  expect(assistant?.builtin_tools).toEqual({});
  expect(assistant?.system).toContain('Notion');
});

test('a file that is there is kept byte for byte, the others are written', async () => {
  const folder = await emptyFolder();
  await writeFile(join(folder, 'interface.yaml'), 'identity: { mode: os }\n');
  const { written, kept } = await writeStarter(folder);
  expect(kept).toEqual(['interface.yaml']);
  expect(written).not.toContain('interface.yaml');
  expect(await readFile(join(folder, 'interface.yaml'), 'utf8')).toBe('identity: { mode: os }\n');

  const again = await writeStarter(folder);
  expect(again.written).toEqual([]);
  await expect(loadConfiguration(folder)).resolves.toMatchObject({ interface: { identity: { mode: 'os' } } });
});

test('every line to fill in is marked, and everything is explained', () => {
  const files = starterFiles();
  expect(files.get('interface.yaml')?.match(/# <-/g)).toHaveLength(4);
  for (const [path, text] of files) {
    if (path.endsWith('.yaml'))
      expect(text, path).toMatch(/^# yaml-language-server: \$schema=(\.\.\/)?schema\/\w+\.schema\.json\n/);
  }
});

test.each(['services/notion.yaml', 'environments/default.yaml'])(
  'our own %s is the one of the starter',
  async (path) => {
    await expect(starterFiles().get(path), renew).toMatchFileSnapshot(join(shipped, path));
  },
);

function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'starter-'));
}
