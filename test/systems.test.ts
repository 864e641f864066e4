/** What can be seen from here of the systems that the tests do not run on. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const file = (path: string) => readFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

describe('the scripts of package.json', async () => {
  const { scripts } = JSON.parse(await file('package.json')) as { scripts: Record<string, string> };

  test.each(Object.entries(scripts))('%s has nothing that only one shell understands', (_name, script) => {
    // Quotes of one kind, braces, variables before a command or inside, what another shell would take for more words.
    expect(script).not.toMatch(/['"`{}$;|<>\\%^]|^\s*\w+=/);
    for (const command of script.split(' && '))
      expect(command).toMatch(/^(?:node|npm|vitest|tsx|biome|tsc|knip)(?: |$)/);
  });
});

test('what a hint has somebody type is read alike by every shell, or says which one it is for', async () => {
  const found: string[] = [];
  for (const room of ['cmd', 'internal']) {
    const names = await readdir(fileURLToPath(new URL(`../${room}`, import.meta.url)), { recursive: true });
    // What is scanned for in skills are words of shells, and so are the scripts for completion.
    const own = /[\\/]scan[\\/]|completion-script/;
    for (const name of names.filter((each) => /(?<!\.test)\.ts$/.test(each) && !own.test(each))) {
      for (const line of (await file(`${room}/${name}`)).split('\n')) {
        const typed = !/^\s*(?:\/?\*|\/\/)/.test(line) && /[<>] [<>]\(|\$\((?!\{)|['"`; ]export [A-Z]\w+=/.test(line);
        if (typed && !/\bin bash\b/.test(line)) found.push(`${room}/${name}: ${line.trim()}`);
      }
    }
  }
  expect(found).toEqual([]);
});

test('the workflow has the demo and the tests on three systems', async () => {
  const { jobs } = parse(await file('.github/workflows/systems.yml')) as {
    jobs: { systems: { strategy: { matrix: { os: string[] } }; steps: { run?: string }[] } };
  };
  const { strategy, steps } = jobs.systems;
  expect(strategy.matrix.os.map((name) => name.split('-')[0])).toEqual(['ubuntu', 'macos', 'windows']);
  expect(steps.map(({ run }) => run).filter(Boolean)).toEqual(['npm ci', 'npm run demo', 'npm test']);
});
