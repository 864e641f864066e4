import { describe, expect, test } from 'vitest';
import { differenceLines } from './difference-lines.ts';

const names = new Map([
  ['skill_m', 'meeting-notes'],
  ['skill_s', 'support-triage'],
]);

function skills(file: readonly string[], platform: readonly string[]): string[] {
  const difference = { what: 'skills', meant: JSON.stringify(file), found: JSON.stringify(platform) };
  return differenceLines(difference, names);
}

describe('skills that differ', () => {
  test.each<[string, string[], string[], string[]]>([
    [
      'another version',
      ['custom skill_m skver_b', 'custom skill_s skver_1'],
      ['custom skill_m skver_a', 'custom skill_s skver_1'],
      ['meeting-notes from skver_a on the platform to skver_b in the file'],
    ],
    [
      'whatever is the newest',
      ['custom skill_m skver_b'],
      ['custom skill_m latest'],
      ['meeting-notes from latest on the platform to skver_b in the file'],
    ],
    [
      'one more on each side',
      ['custom skill_m skver_b'],
      ['custom skill_s skver_1'],
      ['only in the file: meeting-notes at skver_b', 'only on the platform: support-triage at skver_1'],
    ],
    [
      'one that the lock does not know, with a version that tries to forge a line',
      [],
      ['custom skill_x a\nb c', 'anthropic pdf 20251013'],
      ['only on the platform: skill_x at a\\u{a}b c', 'only on the platform: pdf (anthropic) at 20251013'],
    ],
    [
      'one of the platform that has the id of ours',
      ['custom skill_m 1'],
      ['anthropic skill_m 2'],
      ['only in the file: meeting-notes at 1', 'only on the platform: skill_m (anthropic) at 2'],
    ],
  ])('%s', (_case, file, platform, lines) => {
    expect(skills(file, platform)).toEqual(lines.map((line) => `  skills: ${line}`));
  });
});
