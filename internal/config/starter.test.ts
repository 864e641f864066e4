import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Service } from './definitions.ts';
import { loadConfiguration } from './load.ts';
import { presetFiles, starterFiles, writeStarter } from './starter.ts';

const shipped = fileURLToPath(new URL('../../config', import.meta.url));
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

test('a prompt that git gave other line endings is the same prompt, and the starter keeps git from it', async () => {
  const folder = join(await emptyFolder(), 'config');
  await writeStarter(folder);
  const prompt = join(folder, 'agents', 'assistant.md');
  const before = (await loadConfiguration(folder)).agents.get('assistant')?.system;
  const text = await readFile(prompt, 'utf8');
  for (const end of ['\r\n', '\r']) {
    await writeFile(prompt, text.replaceAll('\n', end));
    expect((await loadConfiguration(folder)).agents.get('assistant')?.system).toBe(before);
  }
  expect(await readFile(join(folder, '.gitattributes'), 'utf8')).toMatch(/^\* text=auto eol=lf$/m);
});

test('every line to fill in is marked, and everything is explained', () => {
  const files = starterFiles();
  expect(files.get('interface.yaml')?.match(/# <-/g)).toHaveLength(4);
  for (const [path, text] of files) {
    if (path.endsWith('.yaml'))
      expect(text, path).toMatch(/^# yaml-language-server: \$schema=(\.\.\/)?schema\/\w+\.schema\.json\n/);
  }
});

test('our own environment is the one of the starter', async () => {
  const path = 'environments/default.yaml';
  await expect(starterFiles().get(path), renew).toMatchFileSnapshot(join(shipped, path));
});

describe('the ready files of services', async () => {
  const names = (await readdir(join(shipped, 'services'))).map((name) => basename(name, '.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(shipped, 'services', `${name}.yaml`), 'utf8')));
  const load = async () => {
    const folder = await emptyFolder();
    await writeFile(join(folder, 'interface.yaml'), 'identity: { mode: os }\n');
    const { written } = await writeStarter(folder, presetFiles(names));
    expect(written).toEqual(names.map((name) => `services/${name}.yaml`));
    return (await loadConfiguration(folder)).services;
  };

  test('are those of our own configuration', async () => {
    const source = fileURLToPath(new URL('service-presets.json', import.meta.url));
    await expect(sourceOf(names, texts), renewPresets).toMatchFileSnapshot(source);
    expect([...presetFiles(names).values()]).toEqual(texts);
  });

  test('are a configuration without a mistake, each with its source, and marked where it is uncertain', async () => {
    expect([...(await load()).keys()].sort()).toEqual(names);
    for (const [index, text] of texts.entries()) {
      expect(text, names[index]).toMatch(/^# Source: .*2026/m);
      expect(text, names[index]).toMatch(/uncertain/i);
      // What everybody has to fill in is marked.
      expect(/^ *client_id:/m.test(text), names[index]).toBe(/^ *client_id: .* # <- /m.test(text));
    }
  });

  test('are listed in docs/services.md', async () => {
    const services = await load();
    const rows = names.map((name, index) => {
      const { title, mcp_server_url: url, authorization } = services.get(name) as Service;
      const { registration, pkce, resource_parameter: resource, static: enters } = authorization;
      const ways = [registration, ...(enters === true ? ['or an entered token'] : [])].join(', ');
      const lines = [
        ...(pkce === undefined ? [] : [`pkce: ${pkce}`]),
        ...(resource ? [] : ['resource_parameter: false']),
      ];
      const exceptions = lines.map((line) => `\`${line}\``).join(', ') || 'none';
      const [, source] = /^# Source: (.*)$/m.exec(texts[index] ?? '') ?? [];
      return `| \`${name}\` | ${title} | \`${url}\` | ${ways} | ${exceptions} | ${source} |`;
    });
    const heading = '| name | service | MCP server | client | reviewed exceptions | source |';
    const page = await readFile(join(shipped, '../docs/services.md'), 'utf8');
    expect(page).toContain([heading, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n'));
  });

  test.each(['nowhere', '__proto__', 'constructor', 'Notion'])(
    'there is none for %s: that is said with the list',
    (name) => {
      expect(() => presetFiles(['notion', name])).toThrow(
        expect.objectContaining({ code: 'usage', hint: expect.stringContaining('asana, atlassian, cloudflare') }),
      );
    },
  );
});

const renewPresets =
  'written from config/services by: npx vitest run --config test/vitest.config.ts internal/config/starter.test.ts --update';

/** The text of service-presets.json. */
function sourceOf(names: readonly string[], texts: readonly string[]): string {
  return `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, texts[index]])), undefined, 2)}\n`;
}

function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'starter-'));
}
