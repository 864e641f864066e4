import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { type Finding, formatFinding } from '../../internal/skills/scan/finding.ts';
import { type ScanCounts, scanFolders } from '../../internal/skills/scan/scan-folders.ts';
import { findingJson } from './output.ts';
import { type ReportOptions, reported } from './reported.ts';
import { configurationIfAny, foldersOf } from './run.ts';

/** The options of `scan`. */
export interface ScanOptions extends ReportOptions {
  only?: string[];
  changedSince?: string;
}

/** Scans folders of skills. Nothing is asked of the platform. Throws `scan_refused` where a finding is an error. */
export async function runScan(
  context: CommandContext,
  words: readonly string[],
  options: ScanOptions,
): Promise<CommandResult> {
  const { only, changedSince } = options;
  return await reported(
    context,
    options,
    async (report) => {
      const configuration = await configurationIfAny(context, { workspace: 'any' });
      const folders = await foldersOf(context, configuration, words, { only, changedSince });
      const { progress, signal } = context;
      const waiting = progress.wait('looking through the skills');
      try {
        const counts = await scanFolders({ folders, configuration, signal, say: progress.note }, report);
        return showScanned(report.findings, counts);
      } finally {
        waiting.done();
      }
    },
    { resultHasFindings: true },
  );
}

function showScanned(findings: readonly Finding[], { skills, suppressed }: ScanCounts): CommandResult {
  const total = [
    counted(findings.length, 'finding'),
    ...(suppressed === 0 ? [] : [`${suppressed} suppressed`]),
    `in ${counted(skills, 'skill')}`,
  ];
  return {
    text: [...findings.map(formatFinding), total.join(', ').replace(/, in /, ' in ')].join('\n'),
    json: { findings: findings.map(findingJson), suppressed, skills },
  };
}

function counted(count: number, thing: string): string {
  return `${count === 0 ? 'no' : count} ${thing}${count === 1 ? '' : 's'}`;
}
