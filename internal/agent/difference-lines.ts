/** Differences in words that people read: which side has what. What was found is text from outside. */
import { quote, visible } from '../text/quote.ts';
import type { Difference } from './definition.ts';

/** The names that people know skills by, by skill id: an agent on the platform has only ids. */
export type SkillNames = ReadonlyMap<string, string>;

/** One line for each thing that only one side has; of anything but lists and long texts, both values. */
export function differenceLines({ what, meant, found }: Difference, skillNames: SkillNames): string[] {
  const [file, platform] = [JSON.parse(meant) as unknown, JSON.parse(found) as unknown];
  if (what === 'skills') return skillDifferences(skillsOf(file, skillNames), skillsOf(platform, skillNames));
  const lines = [file, platform].some((value) => typeof value === 'string' && value.includes('\n'));
  const [left, right] = [listOf(file, lines), listOf(platform, lines)];
  if (left !== undefined && right !== undefined) {
    const sides = [
      ...left.filter((entry) => !right.includes(entry)).map((entry) => `only in the file: ${shown(entry)}`),
      ...right.filter((entry) => !left.includes(entry)).map((entry) => `only on the platform: ${shown(entry)}`),
    ];
    if (sides.length > 0) return sides.map((line) => `  ${what}: ${line}`);
  }
  const value = (it: unknown) => (typeof it === 'string' ? quote(it) : visible(JSON.stringify(it)));
  return [`  ${what}: in the file ${value(file)}, on the platform ${value(platform)}`];
}

/** What a permission line of {@link permissionLines} means. */
export function permissionWords(line: string): string {
  const opened = /^(\S+) default ON (\S+)$/.exec(line);
  if (opened !== null)
    return `${opened[1]}: every tool that is not named, also those added later, ${policy(opened[2])}`;
  const closed = /^(\S+) default off$/.exec(line);
  if (closed !== null) return `${closed[1]}: a toolset in which the rest is off`;
  return line.replace(/ (always_allow|always_ask|auto)(?= |$)/, (_, word: string) => ` ${policy(word)}`);
}

function policy(word: string | undefined): string {
  return { always_allow: 'on', always_ask: 'ask', auto: 'auto' }[word ?? ''] ?? String(word);
}

interface ShownSkill {
  /** What people call it: its name in the lock, else its id. */
  name: string;
  version: string;
}

/** Which skill goes from which version to which, and which only one side has. */
function skillDifferences(file: ReadonlyMap<string, ShownSkill>, platform: ReadonlyMap<string, ShownSkill>): string[] {
  const lines = [...file].flatMap(([id, { name, version }]) => {
    const there = platform.get(id);
    if (there === undefined) return [`only in the file: ${name} at ${version}`];
    return there.version === version ? [] : [`${name} from ${there.version} on the platform to ${version} in the file`];
  });
  for (const [id, { name, version }] of platform) {
    if (!file.has(id)) lines.push(`only on the platform: ${name} at ${version}`);
  }
  return lines.map((line) => `  skills: ${line}`);
}

/** The lines of {@link skillLines}, by type and id. */
function skillsOf(lines: unknown, names: SkillNames): Map<string, ShownSkill> {
  const skills = (Array.isArray(lines) ? lines.map(String) : []).map((line): [string, ShownSkill] => {
    const [type = '', id = '', ...version] = line.split(' ');
    const name = type === 'custom' ? (names.get(id) ?? id) : `${id} (${type})`;
    return [`${type} ${id}`, { name: visible(name), version: visible(version.join(' ')) }];
  });
  return new Map(skills);
}

/** Lists as they are, and texts by their lines where one of them has several. */
function listOf(value: unknown, lines: boolean): string[] | undefined {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' && lines ? value.split('\n').filter((line) => line !== '') : undefined;
}

function shown(entry: string): string {
  const words = visible(permissionWords(entry));
  return words.length > 300 ? `${words.slice(0, 300)}…` : words;
}
