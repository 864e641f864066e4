import type { CommandResult } from '../../internal/cli/program.ts';
import type { PulledSkills, ScannedSkills, SyncedSkills, VerifiedSkills } from '../../internal/run/values/skills.ts';
import { changeWord } from '../../internal/skills/report/report.ts';
import { counted } from '../../internal/text/counted.ts';
import { visible } from '../../internal/text/quote.ts';
import type { Table } from '../../internal/text/table.ts';

type Skill = SyncedSkills['skills'][number];

/** What became of each skill, what changes inside it where that was asked for, and which agents have to follow. */
export function showSkills(synced: SyncedSkills): CommandResult {
  const { skills, beside } = synced;
  const parts = [
    tableOf(skills),
    ...skills.flatMap(({ diff }) => (diff === undefined ? [] : [diff.trimEnd()])),
    ...orphansOf(skills),
    ...(beside.behind.length === 0 ? [] : [beside.behind.join('\n')]),
  ];
  return {
    text: skills.length === 0 ? 'no skills' : parts.flatMap((part, index) => (index === 0 ? [part] : ['', part])),
    json: synced,
    exit: beside.failsCheck ? 7 : 0,
  };
}

/** The agents are shown where a change reaches one: those have to be applied next. */
function tableOf(skills: readonly Skill[]): Table {
  const withAgents = skills.some((skill) => changes(skill) && skill.agents.length > 0);
  const rows = skills.map((skill) => [
    visible(skill.name),
    changeOf(skill),
    visible(skill.version_id ?? '-'),
    ...(withAgents ? [changes(skill) ? skill.agents.map(visible).join(', ') || '-' : '-'] : []),
  ]);
  return { heading: ['skill', 'change', 'version', ...(withAgents ? ['agents'] : [])], rows };
}

function changes({ change }: Skill): boolean {
  return change !== 'unchanged' && change !== 'orphaned';
}

function changeOf(skill: Skill): string {
  const word = changeWord(skill);
  return skill.renamed_from === undefined ? word : `${word} from ${visible(skill.renamed_from)}`;
}

/** Where the folders of orphans are that are only not read. */
function orphansOf(skills: readonly Skill[]): string[] {
  const lines = skills.flatMap(({ name, where }) =>
    where === undefined ? [] : [`${visible(name)}: ${where.what}; ${where.fix}`],
  );
  return lines.length === 0 ? [] : [lines.join('\n')];
}

/** What a scan found. */
export function showScanned(scanned: ScannedSkills): CommandResult {
  const { findings, suppressed, skills, beside } = scanned;
  const total = [
    counted(findings.length, 'finding'),
    ...(suppressed === 0 ? [] : [`${suppressed} suppressed`]),
    `in ${counted(skills, 'skill')}`,
  ];
  return { text: [...beside.lines, total.join(', ').replace(/, in /, ' in ')].join('\n'), json: scanned };
}

/** Versions that are all intact. */
export function showVerified(verified: VerifiedSkills): CommandResult {
  const rows = verified.skills.map(({ name, version_id: version, outcome }) => [name, version, outcome].map(visible));
  return { text: [{ heading: ['skill', 'version', 'outcome'], rows }], json: verified };
}

/** What the folders hold now, or would. */
export function showPulled(pulled: PulledSkills): CommandResult {
  const rows = pulled.skills.map(({ name, change, applied, version_id: version }) =>
    [name, change === 'pulled' && !applied ? 'would be pulled' : change, version].map(visible),
  );
  return { text: [{ heading: ['skill', 'change', 'version'], rows }], json: pulled };
}
