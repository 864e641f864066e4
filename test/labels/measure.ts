/** How right the scan is about the labelled lines of test/data/labelled-lines.txt, rule by rule. */
import { readFile } from 'node:fs/promises';
import type { Level } from '../../internal/skills/scan/finding.ts';
import { scanSkill } from '../../internal/skills/scan/scan.ts';
import type { ScanSettings } from '../../internal/skills/scan/settings.ts';

const settings: ScanSettings = {
  folder: 'skills',
  levels: {},
  allowedDomains: [],
  suppressions: [],
  today: '2026-11-29',
  forbiddenTools: new Map(),
};

/** At which level the findings of a rule count: what refuses a push, or what a reviewer is warned of. */
const counted: Readonly<Record<string, readonly Level[]>> = {
  'shell-pipe': ['error'],
  secret: ['error'],
  'prompt-injection': ['error'],
  'path-outside': ['error', 'warning'],
  'external-url': ['error', 'warning'],
  'credential-access': ['error', 'warning'],
};

/** A line with its label. */
export interface LabelledLine {
  rule: string;
  isTrue: boolean;
  file: string;
  text: string;
  /** Whether the rules were tuned without looking at it. */
  isHeldOut: boolean;
}

/** What became of the lines of one rule. */
export interface Confusion {
  found: number;
  missed: number;
  falselyFound: number;
  leftAlone: number;
}

/** The labelled lines, secrets made up. */
export async function labelledLines(): Promise<LabelledLine[]> {
  const lines = (await readFile(new URL('../data/labelled-lines.txt', import.meta.url), 'utf8')).split('\n');
  const places = new Map<string, number>();
  return lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    const [rule = '', label = '', file = '', ...rest] = line.split(' | ');
    const place = (places.get(`${rule} ${label}`) ?? 0) + 1;
    places.set(`${rule} ${label}`, place);
    const text = madeUp(rest.join(' | ').replaceAll('⏎', '\n'), index + 1);
    return [{ rule, isTrue: label === 'true', file, text, isHeldOut: place % 2 === 0 }];
  });
}

/** Whether the scan finds what the line is labelled with, at a level that counts. */
export async function isFound({ rule, file, text }: LabelledLine): Promise<boolean> {
  const front = '---\nname: triage\ndescription: does a thing\n---\n\n';
  const bytes = new TextEncoder().encode(`${file === 'SKILL.md' ? front : ''}${text}\n`);
  const findings = await scanSkill(
    { name: 'triage', folder: 'skills/triage', files: [{ path: file, bytes }] },
    settings,
  );
  return findings.some((finding) => finding.rule === rule && counted[rule]?.includes(finding.level) === true);
}

/** The confusion matrix of every rule. */
export async function confusions(lines: readonly LabelledLine[]): Promise<Map<string, Confusion>> {
  const byRule = new Map<string, Confusion>();
  for (const line of lines) {
    const before = byRule.get(line.rule) ?? { found: 0, missed: 0, falselyFound: 0, leftAlone: 0 };
    const hit = await isFound(line);
    const key = line.isTrue ? (hit ? 'found' : 'missed') : hit ? 'falselyFound' : 'leftAlone';
    byRule.set(line.rule, { ...before, [key]: before[key] + 1 });
  }
  return byRule;
}

/** Of what was found the part that is true, and of what is true the part that was found. */
export function precisionAndRecall(all: Iterable<Confusion>): { precision: number; recall: number } {
  let [found, missed, falselyFound] = [0, 0, 0];
  for (const each of all) {
    found += each.found;
    missed += each.missed;
    falselyFound += each.falselyFound;
  }
  return { precision: found / (found + falselyFound), recall: found / (found + missed) };
}

/** The rules whose findings refuse a push. */
export const errorRules: readonly string[] = Object.keys(counted).filter((rule) => counted[rule]?.length === 1);

/** The table that docs/skill-scan.md has, as Markdown. */
export async function measuredTable(): Promise<string> {
  const lines = await labelledLines();
  const rows = [];
  for (const [half, isHeldOut] of [
    ['tuned with', false],
    ['held out', true],
  ] as const) {
    const byRule = await confusions(lines.filter((line) => line.isHeldOut === isHeldOut));
    for (const [rule, each] of byRule) rows.push(rowOf(half, `\`${rule}\``, [each]));
    const errors = [...byRule].filter(([rule]) => errorRules.includes(rule)).map(([, each]) => each);
    rows.push(rowOf(half, 'errors together', errors));
  }
  const head = ['lines', 'rule', 'found', 'missed', 'falsely found', 'left alone', 'precision', 'recall'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function rowOf(half: string, rule: string, all: readonly Confusion[]): string[] {
  const sum = (key: keyof Confusion) => String(all.reduce((total, each) => total + each[key], 0));
  const { precision, recall } = precisionAndRecall(all);
  const share = (value: number) => `${(100 * value).toFixed(0)} %`;
  const counts = (['found', 'missed', 'falselyFound', 'leftAlone'] as const).map(sum);
  return [half, rule, ...counts, share(precision), share(recall)];
}

const alphabets: Readonly<Record<string, string>> = {
  mix: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  low: 'abcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
};

/** Replaces the marks of a line by texts that look like secrets and never were one; the same for the same line. */
function madeUp(text: string, seed: number): string {
  let state = seed * 2_654_435_761;
  const random = (alphabet: string, length: number) =>
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return alphabet[Math.floor((state / 2 ** 32) * alphabet.length)];
    }).join('');
  const { mix = '', low = '' } = alphabets;
  const tokens: Record<string, () => string> = {
    github: () => `ghp_${random(mix, 36)}`,
    anthropic: () => `sk-ant-${'api03'}-${random(mix, 93)}AA`,
    aws: () => `AKIA${random('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`,
    google: () => `AIza${random(mix, 35)}`,
    slack: () => `xoxb-${random('0123456789', 12)}-${random('0123456789', 12)}-${random(mix, 24)}`,
    pem: () => `-----BEGIN ${'PRIVATE'} KEY-----\nMIIE${random(mix, 120)}\n-----END PRIVATE KEY-----`,
    jwt: () => `eyJ${random(mix, 20)}.eyJ${random(mix, 40)}.${random(mix, 43)}`,
  };
  return text
    .replace(/\{(mix|low|hex) (\d+)\}/g, (_, kind: string, length: string) =>
      random(alphabets[kind] ?? low, Number(length)),
    )
    .replace(/\{key (\w+)\}/g, (whole, kind: string) => tokens[kind]?.() ?? whole)
    .replaceAll('{b64}', () => Buffer.from(random(low, 24)).toString('base64'));
}
