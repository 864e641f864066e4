import type { CommandResult } from '../../internal/cli/program.ts';
import type { SkillOutcome } from '../../internal/skills/report/report.ts';
import { visible } from '../../internal/text/quote.ts';
import { table } from '../../internal/text/table.ts';

/** The words of a change that was made; a planned one is called by its kind. */
const done: Readonly<Record<SkillOutcome['change'], string>> = {
  create: 'created',
  update: 'updated',
  rename: 'renamed',
  adopt: 'adopted',
  prune: 'deleted',
  unchanged: 'unchanged',
  orphaned: 'orphaned',
  blocked: 'blocked',
};

/** What became of each skill as a table and as a JSON value. With `check`, pending changes are exit code 7. */
export function showSkills(skills: readonly SkillOutcome[], { check }: { check: boolean }): CommandResult {
  const pending = skills.filter(isPending);
  return {
    text: skills.length === 0 ? 'no skills' : [tableOf(skills), ...skills.flatMap(diffOf)].join('\n\n'),
    json: {
      skills: skills.map((skill) => ({
        name: skill.name,
        folder: skill.folder,
        change: skill.change,
        applied: skill.applied,
        skill_id: skill.skillId ?? null,
        version_id: skill.versionId ?? null,
        sha256: skill.sha256,
        agents: skill.agents,
        ...(skill.renamedFrom !== undefined && { renamed_from: skill.renamedFrom }),
        ...(skill.diff !== undefined && { diff: skill.diff }),
      })),
      pending: pending.length,
    },
    exit: check && pending.length > 0 ? 7 : 0,
  };
}

/** Whether a change is still to be made. */
function isPending({ change, applied }: SkillOutcome): boolean {
  return !applied && change !== 'unchanged' && change !== 'orphaned';
}

/** The agents are shown where a change reaches one: those have to be applied next. */
function tableOf(skills: readonly SkillOutcome[]): string {
  const withAgents = skills.some((skill) => changes(skill) && skill.agents.length > 0);
  const rows = skills.map((skill) => [
    visible(skill.name),
    changeOf(skill),
    visible(skill.versionId ?? '-'),
    ...(withAgents ? [changes(skill) ? skill.agents.map(visible).join(', ') || '-' : '-'] : []),
  ]);
  return table(['skill', 'change', 'version', ...(withAgents ? ['agents'] : [])], rows);
}

function changes({ change }: SkillOutcome): boolean {
  return change !== 'unchanged' && change !== 'orphaned';
}

function changeOf({ applied, change, renamedFrom }: SkillOutcome): string {
  const word = applied ? done[change] : change;
  return renamedFrom === undefined ? word : `${word} from ${visible(renamedFrom)}`;
}

function diffOf({ diff }: SkillOutcome): string[] {
  return diff === undefined ? [] : [diff.trimEnd()];
}
