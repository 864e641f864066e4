/** The transcripts of README.md are what the commands say, against the sandbox. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { serviceConnection } from '../cmd/service-connection/cli.ts';
import { setupSession } from '../cmd/setup-session/cli.ts';
import { skillSync } from '../cmd/skill-sync/cli.ts';
import { runCommand } from './support/command.ts';
import { sandboxPerTest } from './support/sandboxed-commands.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const world = sandboxPerTest();
const executables = { 'service-connection': serviceConnection, 'setup-session': setupSession, 'skill-sync': skillSync };

/** What each role types, in the order in which they come. */
const roles: Record<string, readonly string[]> = {
  operator: ['setup-session agents plan support', 'setup-session agents apply --quiet'],
  developer: [
    'service-connection notion',
    'setup-session --agent support --message "What is on the roadmap?"',
    'setup-session --agent suport',
  ],
  ci: ['skill-sync --check skills', 'skill-sync skills'],
};

const widest = 118;

test('the transcripts in README.md are those of today; written by: npx vitest run --config test/vitest.config.ts test/readme.test.ts --update', async () => {
  const skills = join(world.sandbox.folder, 'skills');
  await cp(join(root, 'skills'), skills, { recursive: true });
  const machine = await world.machine();
  let text = await readFile(join(root, 'README.md'), 'utf8');
  for (const [role, lines] of Object.entries(roles)) {
    const said: string[] = [];
    for (const line of lines) said.push(`$ ${line}`, ...(await transcript(line, machine, skills)));
    const block = new RegExp(`(<!-- transcript: ${role} -->\n\`\`\`console\n)[^]*?(\`\`\`)`);
    expect(text).toMatch(block);
    text = text.replace(block, (_whole, before: string, after: string) => `${before}${said.join('\n')}\n${after}`);
  }
  await expect(text).toMatchFileSnapshot('../README.md');
});

test('README.md is no longer than somebody reads', async () => {
  expect((await readFile(join(root, 'README.md'), 'utf8')).split('\n').length).toBeLessThan(120);
});

/** What a command says, on stderr and then on stdout, without what is only said of the sandbox. */
async function transcript(line: string, machine: string, skills: string): Promise<string[]> {
  const [name = '', ...words] = [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const executable = executables[name as keyof typeof executables];
  const argv = words.map((word) => (word === 'skills' ? skills : word));
  const { exit, stdout, stderr } = await runCommand(executable, argv, {
    environment: { ...world.sandbox.environment, MAI_CONFIG: world.sandbox.configFolder },
    folder: machine,
    person: 'ada',
  });
  const said = `${stderr}${stdout}`.trimEnd().split('\n');
  const shown = said.filter(
    (each) =>
      !/127\.0\.0\.1|on loopback is allowed|signed in as|keychain|not pinned|tokens|waiting for|comparing/.test(each),
  );
  // A code that is none of the usual ends is part of what somebody sees in a pipeline.
  return [...shown.map((each) => readable(each, skills)), ...(exit === 7 ? ['(ends with 7)'] : [])];
}

/** The same words without what is different each time: ids, and the folder of the test. */
function readable(line: string, skills: string): string {
  const stable = line
    .replaceAll(skills, 'skills')
    .replace(/\b([a-z]+)_01[A-Za-z0-9]{10,}/g, '$1_…')
    .replace(/\b\d{16}\b/g, '…');
  return stable.length > widest ? `${stable.slice(0, widest)}…` : stable;
}
