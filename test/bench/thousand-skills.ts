/** A thousand skills of 40 MB, made anew and the same each time: scanned, compared with the platform, and only checked. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { build } from 'esbuild';
import { readSkills } from '../../internal/skills/folder/read.ts';
import { formatLock, type LockedSkill } from '../../internal/skills/lock.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { type Comparison, compare, type Subject } from './measure.ts';

/** What each skill has beside its SKILL.md, with how many bytes: about 40 KB. */
const files: readonly [path: string, bytes: number, kind: 'prose' | 'code'][] = [
  ['references/guide.md', 12_000, 'prose'],
  ['references/examples.md', 9_000, 'prose'],
  ['scripts/run.py', 7_000, 'code'],
  ['scripts/check.sh', 4_000, 'code'],
  ['data/table.json', 4_000, 'code'],
];

/** Lines as skills have them, words that the scan looks for among them, and nothing that it refuses. */
const lines: Readonly<Record<'prose' | 'code', readonly string[]>> = {
  prose: [
    'Read the report first, then write down what is missing and who has to answer for it.\n',
    'The token of the session is never printed; ask for it where it is needed, and forget it afterwards.\n',
    '- Use `git status` before a commit, and **never** push to a branch that somebody else works on.\n',
    'See [the manual](https://docs.example.com/guide) for the keys of the file, its password rules and its limits.\n',
    '| field | type | meaning |\n| --- | --- | --- |\n| name | text | what people call it |\n',
    '## Steps\n\n1. Collect the numbers.\n2. Compare them with those of last month.\n3. Tell what changed, and why.\n\n',
  ],
  code: [
    'def total(rows):\n    return sum(row["amount"] for row in rows if row.get("paid"))\n\n',
    'for name in sorted(names):\n    print(f"{name}: {counts[name]}")\n',
    'if [ -z "$1" ]; then echo "usage: check.sh <file>" >&2; exit 2; fi\n',
    '# The key of a row is its number; the secret of a good table is its order.\n',
    'pattern = re.compile(r"^[a-z]+-[0-9]{4}$")\n',
    '{"id": 17, "name": "north", "tags": ["a", "b"], "url": "https://example.com/north"}\n',
  ],
};

/** Writes the skills. The numbers are those of one seed, so that each machine measures the same bytes. */
async function writeSkills(folder: string, count: number, withFiles: boolean): Promise<void> {
  let state = 1;
  const pick = (most: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const textOf = (kind: 'prose' | 'code', bytes: number) => {
    let text = '';
    while (text.length < bytes) text += lines[kind][pick(lines[kind].length)];
    return text;
  };
  for (let index = 0; index < count; index += 1) {
    const name = `skill-${String(index).padStart(4, '0')}`;
    for (const below of ['references', 'scripts', 'data']) {
      if (withFiles) await mkdir(join(folder, name, below), { recursive: true });
    }
    await mkdir(join(folder, name), { recursive: true });
    const head = `---\nname: ${name}\ndescription: Answers questions about ${name}, and says where the answer stands.\nlicense: Apache-2.0\n---\n\n# ${name}\n\n`;
    await writeFile(join(folder, name, 'SKILL.md'), head + textOf('prose', 4_000));
    if (withFiles) {
      for (const [path, bytes, kind] of files) await writeFile(join(folder, name, path), textOf(kind, bytes));
    }
  }
}

/** How two builds compare. */
export interface BuildComparison {
  scan: Comparison;
  planning: Comparison;
}

/** Runs both builds over the same skills, in turn: a scan of all, and a push with nothing to do. */
export async function compareBuilds(
  { dist, earlier }: { dist: string; earlier: string },
  size: { skills: number; runs: number },
): Promise<BuildComparison> {
  const home = await mkdtemp(join(tmpdir(), 'bench-thousand-'));
  const platform = await startPlatform();
  try {
    const skills = join(home, 'skills');
    await writeSkills(skills, size.skills, true);
    const environment = { HOME: home, ANTHROPIC_API_KEY: platform.apiKey, ANTHROPIC_BASE_URL: platform.baseUrl };
    const subject = (folder: string, words: readonly string[], check: Subject['check']): Subject => ({
      words: [join(folder, 'skill-sync.js'), ...words, skills, '--json', '--quiet'],
      environment,
      cwd: home,
      check,
    });
    const scanned = (stdout: string) => {
      const result = JSON.parse(stdout) as { skills: number; findings: { level: string }[] };
      if (result.skills !== size.skills) throw new Error(`${result.skills} skills were scanned`);
      if (result.findings.some(({ level }) => level === 'error')) throw new Error('the scan refuses what is harmless');
    };
    const scan = await compare(subject(dist, ['scan'], scanned), subject(earlier, ['scan'], scanned), size.runs);
    await pushAll(platform, skills);
    const unchanged = (stdout: string) => {
      const { skills: done } = JSON.parse(stdout) as { skills: { change: string }[] };
      const right = done.filter(({ change }) => change === 'unchanged').length;
      if (right !== size.skills) throw new Error(`${right} of ${size.skills} skills are unchanged`);
      const changed = platform.control.log.count(({ method }) => method !== 'GET');
      if (changed > 0) throw new Error('a run with nothing to do changed something');
    };
    const planning = await compare(subject(dist, [], unchanged), subject(earlier, [], unchanged), size.runs);
    return { scan, planning };
  } finally {
    await platform.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** Makes the skills of a folder known to the platform and its lock. Nobody downloads them, so their SKILL.md is enough there. */
async function pushAll(platform: PlatformSandbox, folder: string): Promise<void> {
  const client = new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 });
  const lock = new Map<string, LockedSkill>();
  for (const { name, sha256 } of (await readSkills([folder])).skills.flat()) {
    const text = `---\nname: ${name}\ndescription: Answers questions.\n---\n`;
    const made = await client.skills.create({ files: [new File([text], `${name}/SKILL.md`)] });
    lock.set(name, { skillId: made.id, versionId: made.latest_version_id, sha256 });
  }
  await writeFile(join(folder, 'skills.lock.json'), formatLock(lock));
  platform.control.log.reset();
}

/** The reference implementation of the open format, as it is on npm. */
const reference = 'skills-ref@0.1.5';

/**
 * Checks skills that are a SKILL.md alone, which is all that the reference library reads, with ours and with that, each in one
 * process. Or why it could not be installed.
 */
export async function compareValidity(size: {
  skills: number;
  runs: number;
}): Promise<Comparison | { missing: string }> {
  const home = await mkdtemp(join(tmpdir(), 'bench-validity-'));
  try {
    const words = [
      'install',
      '--prefix',
      home,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--save-exact',
      reference,
    ];
    await writeFile(join(home, 'package.json'), '{"type":"module"}');
    try {
      execFileSync('npm', words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 });
    } catch (error) {
      const said = String((error as { stderr?: unknown }).stderr ?? error).split('\n');
      return { missing: `${reference} cannot be installed: ${said.find((line) => line.includes('error')) ?? said[0]}` };
    }
    const skills = join(home, 'skills');
    await writeSkills(skills, size.skills, false);
    const own = join(home, 'own.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('hash-skills.ts', import.meta.url))],
      outfile: own,
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      banner: { js: 'const require=process.getBuiltinModule;' },
      logLevel: 'warning',
    });
    const theirs = join(home, 'theirs.mjs');
    await writeFile(
      theirs,
      `import { readdirSync } from 'node:fs';
import { validate } from 'skills-ref';
const valid = {};
for (const name of readdirSync(process.argv[2])) {
  const problems = await validate(process.argv[2] + '/' + name);
  if (problems.length > 0) throw new Error(name + ': ' + problems);
  valid[name] = true;
}
process.stdout.write(JSON.stringify(valid));
`,
    );
    const check = (stdout: string) => {
      const { length } = Object.keys(JSON.parse(stdout) as object);
      if (length !== size.skills) throw new Error(`${length} of ${size.skills} skills are valid`);
    };
    return await compare({ words: [own, skills], check }, { words: [theirs, skills], check }, size.runs);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
