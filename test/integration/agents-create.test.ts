/** `setup-session agents create`, driven through a real terminal. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { goldenText } from '../support/golden.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';

const world = sandboxPerTest();
const onPty = fileURLToPath(new URL('../support/on-terminal.py', import.meta.url));
const noPython = spawnSync('python3', ['-c', 'import pty, termios'], { stdio: 'ignore' }).status !== 0;
const changes = () => world.asked().filter((line) => !line.startsWith('GET'));
const files = async () => (await readdir(join(world.sandbox.configFolder, 'agents'))).sort();

test('without a terminal it asks nothing, writes nothing and says what to do', async () => {
  const refused = await world.setup(['agents', 'create', 'triage'], { person: undefined });
  expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('config/agents/<name>.yaml by hand')]);
  expect(await world.setup(['agents', 'create', 'support'], { person: undefined })).toMatchObject({ exit: 2 });
  expect(await world.setup(['agents', 'create', '../x'], { person: undefined })).toMatchObject({ exit: 2 });
  expect(await files()).toEqual(['editor.yaml', 'support.md', 'support.yaml']);
});

describe.skipIf(skipped(noPython && { reason: 'no python3 with pseudo terminals', installable: true }))(
  'at a real terminal',
  () => {
    /** Types each answer when its question is there. */
    async function create(answers: readonly (readonly [question: string, answer: string])[]) {
      const { sandbox } = world;
      const program = join(sandbox.folder, 'setup-session.mjs');
      await build({
        entryPoints: [fileURLToPath(new URL('../../cmd/setup-session/main.ts', import.meta.url))],
        outfile: program,
        bundle: true,
        format: 'esm',
        platform: 'node',
        external: ['@napi-rs/keyring'],
        banner: { js: 'const require = process.getBuiltinModule;' },
      });
      const child = spawn('python3', [onPty, process.execPath, program, 'agents', 'create'], {
        // biome-ignore lint/style/noProcessEnv: the interpreter may need its PATH
        env: { ...sandbox.environment, PATH: process.env['PATH'], NO_COLOR: '1', TERM: 'dumb' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let [screen, from, next] = ['', 0, 0];
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        screen += piece;
        const [question, answer] = answers[next] ?? [];
        const at = question === undefined ? -1 : screen.indexOf(question, from);
        if (question === undefined || at === -1) return;
        from = at + question.length;
        next += 1;
        child.stdin.write(`${answer}\n`);
      });
      const [report] = await Promise.all([text(child.stderr), once(child, 'close')]);
      const { exit } = JSON.parse(report) as { exit: number };
      return { exit, screen: goldenText(screen.replaceAll(sandbox.configFolder, '{config}')) };
    }

    const answers = [
      ['the name of the agent:', 'triage'],
      ['what it is for', 'Sorts what comes in.'],
      ['services, separated', 'notion slak'],
      ['services, separated', 'notion, slack'],
      ['notion write switch', 'ask'],
      ['slack write switch', ''],
      ['groups that may', 'support'],
      ['skills (', 'triage'],
      ['model [', ''],
      ['its instructions', 'Sort: do not answer.'],
    ] as const;

    test('services, switches with their tools, groups, skills: then the file, a yes, and the plan', async () => {
      const { skills } = JSON.parse('{"skills":{"triage":{"skill_id":"skill_1","version_id":"skver_1"}}}');
      skills.triage.sha256 = '0'.repeat(64);
      const lock = join(world.sandbox.configFolder, '..', 'skills', 'skills.lock.json');
      await mkdir(dirname(lock), { recursive: true });
      await writeFile(lock, JSON.stringify({ lock_version: 1, skills }));
      const { exit, screen } = await create([...answers, ['config/agents/triage.yaml?', 'y']]);
      await expect(screen).toMatchFileSnapshot('../golden/agents-create.txt');
      expect(exit).toBe(0);
      const written = await readFile(join(world.sandbox.configFolder, 'agents/triage.yaml'), 'utf8');
      await expect(written).toMatchFileSnapshot('../golden/agents-create.yaml');
      expect(changes()).toEqual([]);
      expect(await world.setup(['agents', 'show', 'triage'], { person: undefined })).toMatchObject({ exit: 0 });
    });

    test.each([
      ['Enter at the last question writes nothing', ''],
      ['a yes that was typed before the last question was there writes nothing', '\ny'],
    ])('%s', async (_case, ahead) => {
      const asked = answers.filter(([question]) => question !== 'skills (');
      const without = asked.map(([question, answer], index) => {
        return [question, index === asked.length - 1 ? `${answer}${ahead}` : answer] as const;
      });
      const { exit, screen } = await create([...without, ['config/agents/triage.yaml?', '']]);
      expect([exit, screen]).toEqual([2, expect.stringContaining('nothing was written')]);
      expect(await files()).not.toContain('triage.yaml');
    });
  },
);
