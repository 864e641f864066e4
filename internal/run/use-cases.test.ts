import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { useCases } from './use-cases.ts';

test('each of the list is what a command or a page performs, is there, and has definitions; values are checked wherever it runs', async () => {
  const folder = fileURLToPath(new URL('../../cmd', import.meta.url));
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ts'));
  const texts = await Promise.all(files.map((path) => readFile(join(folder, path), 'utf8')));
  const pages = fileURLToPath(new URL('../console/pages', import.meta.url));
  const pageTexts = await Promise.all((await readdir(pages)).map((path) => readFile(join(pages, path), 'utf8')));
  // What a command here has the console do a part of it with.
  const agents = await readFile(fileURLToPath(new URL('local-agents.ts', import.meta.url)), 'utf8');
  const performed = [
    ...texts.flatMap((text) => [...text.matchAll(/\bperform\(\s*(\w+)/g)]),
    ...pageTexts.flatMap((text) => [...text.matchAll(/\b(?:perform|begin)\(\s*'(\w+)'/g)]),
    ...agents.matchAll(/\batConsole\((\w+)/g),
  ].map(([, name]) => name);
  expect(Object.keys(useCases).filter((name) => !performed.includes(name))).toEqual([]);
  // Nothing else goes round them: the ports of their command lines have one that runs use-cases for others, and one that has to do with none.
  const withPorts = files.filter((_, at) => /^(?!import).*\bports\b/m.test(texts[at] ?? ''));
  expect(withPorts).toEqual(['service-connection/serve.ts', 'service-connection/wrap.ts']);
  for (const { load, values } of Object.values(useCases)) {
    expect(await load()).toBeTypeOf('function');
    expect(await values()).toMatchObject({ request: expect.anything(), result: expect.anything() });
  }
});
