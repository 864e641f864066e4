import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandsIn, outputsIn } from '../../../test/support/actions-runner.ts';
import { goldenText } from '../../../test/support/golden.ts';
import { contentDiff } from '../diff.ts';
import type { Pin, StalePin } from '../pins.ts';
import type { Finding } from '../scan/finding.ts';
import { annotationsOf, outputsOf, summaryOf } from './github.ts';
import type { SkillOutcome, SkillsReport } from './report.ts';

const root = resolve('.');
const mebibyte = 2 ** 20;

const report = (changed: Partial<SkillsReport> = {}): SkillsReport => ({
  problems: [],
  findings: [],
  skills: [],
  exit: 0,
  ...changed,
});

const skill = (changed: Partial<SkillOutcome> = {}): SkillOutcome => ({
  folder: 'skills',
  name: 'notes',
  change: 'update',
  applied: false,
  skillId: 'skill_1',
  versionId: undefined,
  sha256: '0'.repeat(64),
  agents: [],
  ...changed,
});

const stalePin = (file: string | undefined, changed: Partial<Pin> = {}): StalePin => ({
  pin: {
    skillId: 'skill_1',
    version: 'skver_1',
    agentId: 'agent_1',
    agentName: 'support',
    agentVersion: 1,
    marked: true,
    ...changed,
  },
  skill: 'notes',
  locked: 'skver_2',
  file,
});

const finding = (changed: Partial<Finding> = {}): Finding => ({
  rule: 'shell-pipe',
  level: 'error',
  skill: 'notes',
  file: 'skills/notes/run.sh',
  line: 3,
  column: 5,
  what: 'it pipes a download into a shell',
  fix: 'download it, look at it, run it',
  ...changed,
});

/** Everything a run can have to say at once. */
const everything = report({
  exit: 3,
  error: { code: 'scan_refused', message: 'one finding in the skills may not be pushed' },
  problems: [{ file: 'skills/a, b: c/SKILL.md', line: 2, column: 7, what: '100% wrong', fix: 'put it right' }],
  findings: [finding({ level: 'note', rule: 'url' }), finding({ level: 'warning', line: 8 }), finding()],
  skills: [
    skill({ name: 'added', change: 'create', applied: true, versionId: 'skver_1', agents: ['support', 'triage'] }),
    skill({ name: 'same', change: 'unchanged' }),
    skill({ name: 'new-name', change: 'rename', renamedFrom: 'old-name' }),
    skill({ diff: '--- platform/notes/SKILL.md\n+++ folder/notes/SKILL.md\n@@ -1,1 +1,1 @@\n-a\n+b\n' }),
    skill({ name: 'drifted', change: 'blocked', blocked: { what: 'somebody uploaded', fix: 'look who' } }),
    skill({ name: 'gone', change: 'orphaned', blocked: { what: 'an agent pins it', fix: 'pin another' } }),
  ],
  stalePins: [stalePin('support'), stalePin(undefined)],
});

test('annotations, summary and outputs of a run with something of everything', async () => {
  const { commands, leftOut } = annotationsOf(everything, root);
  expect(leftOut).toBeUndefined();
  const golden = (text: string, name: string) =>
    expect(goldenText(text)).toMatchFileSnapshot(`../../../test/golden/skill-sync/${name}`);
  await golden(`${commands.join('\n')}\n`, 'github-annotations.txt');
  await golden(summaryOf(everything, root, mebibyte), 'github-summary.md');
  await golden(outputsOf(everything), 'github-outputs.txt');
});

describe('annotations', () => {
  const read = (changed: Partial<SkillsReport>) => commandsIn(annotationsOf(report(changed), root).commands.join('\n'));

  test('are read by the runner as what they say', () => {
    const file = 'skills/a,b: 100%/x';
    expect(read({ findings: [finding({ file, what: 'a,b: 50%25 ::c', fix: 'd', rule: 'r:s' })] })).toEqual([
      { command: 'error', properties: { file, line: '3', col: '5', title: 'r:s' }, data: 'a,b: 50%25 ::c; d' },
    ]);
  });

  test('are ten of each kind, and the rest is counted', () => {
    const many = (['error', 'warning', 'note'] as const).flatMap((level, index) =>
      Array.from({ length: 10 + index }, (_, line) => finding({ level, line: line + 1 })),
    );
    const { commands, leftOut } = annotationsOf(report({ findings: many }), root);
    const kinds = commands.map((command) => command.split(' ')[0]);
    expect(kinds).toEqual(['::error', '::warning', '::notice'].flatMap((kind) => Array(10).fill(kind)));
    expect(leftOut).toBe('left out as annotations: one more warning, 2 more notices; GitHub shows 10 of a kind');
  });

  test('say why a run failed where no place does', () => {
    const error = { code: 'platform_unreachable', message: 'no answer' };
    expect(read({ exit: 1, error, findings: [finding({ level: 'note' })] })).toEqual([
      expect.objectContaining({ command: 'error', properties: { title: 'platform_unreachable' }, data: 'no answer' }),
      expect.objectContaining({ command: 'notice' }),
    ]);
    expect(read({ exit: 1, error, findings: [finding()] })).toHaveLength(1);
  });

  test('say what is pending as a notice, before all other notices: a pull request is there to change something', () => {
    const pending = { command: 'notice', properties: { title: 'changes are pending' }, data: 'notes (update)' };
    for (const exit of [0, 7] as const) {
      expect(read({ exit, skills: [skill(), skill({ change: 'unchanged' })] })).toEqual([pending]);
    }
    const notes = Array.from({ length: 12 }, (_, line) => finding({ level: 'note', line: line + 1 }));
    expect(read({ skills: [skill()], findings: notes })[0]).toEqual(pending);
    expect(read({ skills: [skill({ applied: true })] })).toEqual([]);
  });

  test('say which agents have another version', () => {
    const stalePins = [stalePin('support'), stalePin(undefined)];
    const kinds = (exit: 0 | 7) =>
      read({ exit, stalePins }).map(({ command, properties }) => [command, properties['title']]);
    for (const exit of [0, 7] as const) {
      expect(kinds(exit)).toEqual(Array(2).fill(['warning', 'old version pinned']));
    }
  });

  test('of a file outside the repository name it in words', () => {
    expect(read({ findings: [finding({ file: '/other/x' })] })).toEqual([
      { command: 'error', properties: { title: 'shell-pipe' }, data: expect.stringMatching(/^\/other\/x: it pipes/) },
    ]);
  });
});

/** Each tries to be a command, an output, markup, a mention or an escape sequence, wherever text from outside may stand. */
const hostile = [
  '\n::set-output name=changed::["forged"]',
  '\r\n::stop-commands::token',
  '::add-mask::skill',
  'a::error file=x::y',
  '##[error]forged',
  '%0A::error::forged',
  '\nexit-code=0\nchanged<<EOF\nforged\nEOF',
  '\n```\n\n# forged\n\n@team #1 ![](https://evil.example/x.png)',
  '` `` ``` @team <img src=https://evil.example/x.png> ```` | forged | `',
  '\\',
  '\\|@team',
  '</code></summary><img src=x onerror=alert(1)>@team',
  '\u001b[2J\u202e\u200b',
];

describe.each(hostile)('%j as a name, a path, a word of a finding, an agent and a diff', (text) => {
  const content = (first: string) => new Map([[text, Buffer.from(`${first}${text}\n${first}`)]]);
  const diff = contentDiff(text, content('old\n'), content('new\n'));
  const all = report({
    exit: 1,
    error: { code: text, message: text },
    problems: [{ file: `skills/${text}/SKILL.md`, line: 1, what: text, fix: text }],
    stalePins: [stalePin(text), stalePin(undefined, { agentName: text, agentId: text, version: text })],
    findings: [finding({ file: `skills/${text}`, rule: text, what: text, fix: text, skill: text })],
    skills: [
      skill({ name: text, renamedFrom: text, versionId: text, agents: [text], diff }),
      skill({ name: text, folder: text, blocked: { what: text, fix: text }, change: 'blocked', diff }),
    ],
  });

  test('gives the runner only our commands [P9]', () => {
    for (const changed of [all, { ...all, problems: [], findings: [], skills: [] }]) {
      const { commands } = annotationsOf(changed, root);
      const read = commandsIn(commands.join('\n'));
      expect(read).toHaveLength(commands.length);
      expect(new Set(read.map(({ command }) => command))).toEqual(new Set(['error', 'warning']));
      for (const { properties } of read) {
        expect(['file', 'line', 'col', 'title']).toEqual(expect.arrayContaining(Object.keys(properties)));
      }
      expect(commands.join('')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }
  });

  test('gives the step only our outputs [P9]', () => {
    const outputs = outputsIn(outputsOf(all));
    expect(Object.keys(outputs)).toEqual([
      'pending',
      'changed',
      'created',
      'updated',
      'findings',
      'stale-pins',
      'exit-code',
    ]);
    expect(JSON.parse(outputs['changed'] ?? '')).toEqual([text, text]);
  });

  test('is nothing but text in the summary [P9]', () => {
    const summary = summaryOf(all, root, mebibyte);
    const { outside, fenced } = read(summary);
    expect(outside).not.toMatch(/@team|#1|!\[|<img|evil|forged|onerror|EOF/);
    expect(outside.match(/<\/?\w+>/g)).toEqual(
      Array(2).fill(['<details>', '<summary>', '<code>', '</code>', '</summary>', '</details>']).flat(),
    );
    expect(fenced).toHaveLength(2);
    const cells = summary.split('\n').filter((line) => line.startsWith('| '));
    for (const row of cells) expect(row.match(/\|/g)).toHaveLength(5);
    expect(summary.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });
});

/** What of a summary Markdown reads as markup: all but fenced blocks, code spans and escaped HTML in a summary line. */
function read(summary: string): { outside: string; fenced: string[] } {
  const outside: string[] = [];
  const fenced: string[] = [];
  let fence: string | undefined;
  for (const line of summary.split('\n')) {
    const [, run] = /^ {0,3}(`{3,})/.exec(line) ?? [];
    if (fence !== undefined) {
      if (run !== undefined && run.length >= fence.length && /^ {0,3}`+\s*$/.test(line)) fence = undefined;
      else fenced[fenced.length - 1] += line;
    } else if (run !== undefined) {
      fence = run;
      fenced.push('');
    } else if (line.startsWith('<summary>')) {
      outside.push(line.replace(/(<code>)[^<>]*(<\/code>)/, '$1$2'));
    } else outside.push(line.replace(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, ''));
  }
  expect(fence).toBeUndefined();
  return { outside: outside.join('\n'), fenced };
}

describe('the summary', () => {
  test('of a run with nothing to do', () => {
    expect(summaryOf(report({ skills: [skill({ change: 'unchanged' })] }), root, mebibyte)).toBe(
      '## skill-sync\n\nNothing to do.\n\n1 unchanged.\n',
    );
  });

  test('of a scan for itself counts what it found', () => {
    const headline = (findings: Finding[]) => summaryOf(report({ findings }), root, mebibyte).split('\n')[2];
    expect([[], [finding()], [finding(), finding()]].map(headline)).toEqual([
      'No findings.',
      '1 finding.',
      '2 findings.',
    ]);
  });

  test.each([
    ['skills', report({ skills: Array.from({ length: 30_000 }, (_, n) => skill({ name: `skill-${n}` })) })],
    ['findings', report({ findings: Array.from({ length: 12_000 }, (_, line) => finding({ line })) })],
    ['diffs', report({ skills: Array.from({ length: 30 }, () => skill({ diff: `+${'x'.repeat(65_000)}\n` })) })],
  ])('of a run with very many %s fits, whole to its last line, and says what is left out', (kind, many) => {
    const summary = summaryOf(many, root, mebibyte);
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(mebibyte);
    expect(Buffer.byteLength(summary)).toBeGreaterThan(mebibyte * 0.9);
    expect(summary).toMatch(new RegExp(`\\nLeft out, because a summary has 1 MiB at most: \\d+ ${kind}\\.\\n$`));
    expect(read(summary).outside).not.toContain('xxx');
  });

  test('names ten agents of a skill and counts the others', () => {
    const agents = Array.from({ length: 12 }, (_, n) => `agent-${n}`);
    expect(summaryOf(report({ skills: [skill({ agents })] }), root, mebibyte)).toContain('`agent-9`, 2 more |');
  });
});
