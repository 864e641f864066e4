import type { CommandResult } from '../../internal/cli/program.ts';
import { formatStalePin, type StalePin } from '../../internal/skills/pins.ts';
import { changeWord, isPending, type SkillOutcome } from '../../internal/skills/report/report.ts';
import type { Finding } from '../../internal/skills/scan/finding.ts';
import type { ReportSoFar } from '../../internal/skills/sync.ts';
import { visible } from '../../internal/text/quote.ts';
import type { Table } from '../../internal/text/table.ts';

/** What is shown of a run. */
interface Shown {
  /** Whether pending changes, also of our agents, are exit code 7. */
  check: boolean;
  /** Whether what changes inside the skills is part of the result. */
  diff: boolean;
}

/** What became of each skill, and which agents have to follow, as text and as a JSON value. */
export function showSkills({ skills, findings, stalePins }: ReportSoFar, { check, diff }: Shown): CommandResult {
  const pending = skills.filter(isPending);
  const behind = stalePins.filter(({ file }) => file !== undefined);
  const parts = [
    tableOf(skills),
    ...(diff ? skills.flatMap(diffOf) : []),
    ...orphansOf(skills),
    ...(behind.length === 0 ? [] : [linesOf(behind)]),
  ];
  return {
    text: skills.length === 0 ? 'no skills' : parts.flatMap((part, index) => (index === 0 ? [part] : ['', part])),
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
        ...(skill.where !== undefined && { where: skill.where }),
        ...(diff && skill.diff !== undefined && { diff: skill.diff }),
      })),
      pending: pending.length,
      findings: findings.map(findingJson),
      stale_pins: stalePins.map(({ pin, skill, locked, file }) => ({
        agent: file ?? null,
        agent_id: pin.agentId,
        agent_name: pin.agentName,
        agent_version: pin.agentVersion,
        skill,
        skill_id: pin.skillId,
        pinned: pin.version,
        locked,
      })),
    },
    exit: check && pending.length + behind.length > 0 ? 7 : 0,
  };
}

/** The agents are shown where a change reaches one: those have to be applied next. */
function tableOf(skills: readonly SkillOutcome[]): Table {
  const withAgents = skills.some((skill) => changes(skill) && skill.agents.length > 0);
  const rows = skills.map((skill) => [
    visible(skill.name),
    changeOf(skill),
    visible(skill.versionId ?? '-'),
    ...(withAgents ? [changes(skill) ? skill.agents.map(visible).join(', ') || '-' : '-'] : []),
  ]);
  return { heading: ['skill', 'change', 'version', ...(withAgents ? ['agents'] : [])], rows };
}

function changes({ change }: SkillOutcome): boolean {
  return change !== 'unchanged' && change !== 'orphaned';
}

function changeOf(skill: SkillOutcome): string {
  const word = changeWord(skill);
  return skill.renamedFrom === undefined ? word : `${word} from ${visible(skill.renamedFrom)}`;
}

/** Where the folders of orphans are that are only not read. */
function orphansOf(skills: readonly SkillOutcome[]): string[] {
  const lines = skills.flatMap(({ name, where }) =>
    where === undefined ? [] : [`${visible(name)}: ${where.what}; ${where.fix}`],
  );
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function linesOf(behind: readonly StalePin[]): string {
  return behind.map(formatStalePin).join('\n');
}

function diffOf({ diff }: SkillOutcome): string[] {
  return diff === undefined ? [] : [diff.trimEnd()];
}

/** A finding as a JSON value. */
export function findingJson({ rule, level, skill, file, line, column, what, fix }: Finding) {
  return { rule, level, skill, file, line: line ?? null, column: column ?? null, what, fix };
}
