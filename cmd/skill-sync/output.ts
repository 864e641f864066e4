import type { CommandResult } from '../../internal/cli/program.ts';
import type { SyncedSkill } from '../../internal/skills/sync.ts';
import { visible } from '../../internal/text/quote.ts';
import { table } from '../../internal/text/table.ts';

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
    text: synced.length === 0 ? 'no skills' : table(['skill', 'change', 'version'], synced.map(rowOf)),
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

function rowOf(skill: SyncedSkill): string[] {
  return [visible(skill.name), skill.applied ? done[skill.change] : skill.change, visible(skill.versionId ?? '-')];
}
