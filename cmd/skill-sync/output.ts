import type { CommandResult } from '../../internal/cli/program.ts';
import type { SyncedSkill } from '../../internal/skills/sync.ts';
import { visible } from '../../internal/text/quote.ts';

/** The words of a change that was made; a planned one is called by its kind. */
const done: Readonly<Record<SyncedSkill['change'], string>> = {
  create: 'created',
  update: 'updated',
  adopt: 'adopted',
  unchanged: 'unchanged',
  orphaned: 'orphaned',
};

/** What became of each skill as a table and as a JSON value. With `check`, pending changes are exit code 7. */
export function showSynced(synced: readonly SyncedSkill[], { check }: { check: boolean }): CommandResult {
  const pending = synced.filter(isPending);
  return {
    text: synced.length === 0 ? 'no skills' : table(synced),
    json: {
      skills: synced.map((skill) => ({
        name: skill.name,
        folder: skill.folder,
        change: skill.change,
        applied: skill.applied,
        skill_id: skill.skillId ?? null,
        version_id: skill.versionId ?? null,
        sha256: skill.sha256,
      })),
      pending: pending.length,
    },
    exit: check && pending.length > 0 ? 7 : 0,
  };
}

function isPending({ change, applied }: SyncedSkill): boolean {
  return !applied && change !== 'unchanged' && change !== 'orphaned';
}

function table(synced: readonly SyncedSkill[]): string {
  const rows = synced.map((skill) => [
    visible(skill.name),
    skill.applied ? done[skill.change] : skill.change,
    visible(skill.versionId ?? '-'),
  ]);
  const lines = [['skill', 'change', 'version'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}
