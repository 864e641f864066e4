import { resolve } from 'node:path';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { asAppError } from '../../internal/cli/report-error.ts';
import { version } from '../../internal/cli/version.ts';
import { exitCodeOf } from '../../internal/errors/exit-codes.ts';
import type { SkillsReport } from '../../internal/skills/report/report.ts';
import { type Reporter, reporterOf, repositoryRoot, writeReports } from '../../internal/skills/report/write.ts';
import { type Finding, formatFinding } from '../../internal/skills/scan/finding.ts';
import type { ReportSoFar } from '../../internal/skills/sync.ts';

/** The options of every command that reports. */
export interface ReportOptions {
  report?: Reporter;
  sarif?: string;
  codeQuality?: string;
}

/** What a command has to know of the reports that are wanted. */
interface Wanted {
  /** Whether a report shows what changes inside the skills. */
  showsDiffs: boolean;
  /** Whether any report but the lines on stderr is written. */
  asked: boolean;
}

/** Does what a command does and writes the reports, also where it fails. A result may show the findings itself. */
export async function reported(
  context: CommandContext,
  { report: asked, sarif, codeQuality }: ReportOptions,
  act: (report: ReportSoFar, wanted: Wanted) => Promise<CommandResult>,
  { resultHasFindings = false }: { resultHasFindings?: boolean } = {},
): Promise<CommandResult> {
  const { environment, progress } = context;
  const reporter = reporterOf(asked, environment);
  const soFar: ReportSoFar = { problems: [], findings: [], skills: [], stalePins: [] };
  const write = async (end: Pick<SkillsReport, 'exit' | 'error'>) => {
    // The runner shows what it is told of as annotations; nobody reads it twice.
    if (reporter !== 'github' && !(resultHasFindings && end.error === undefined)) tell(soFar.findings, progress);
    await writeReports(
      { ...soFar, ...end },
      {
        reporter,
        environment,
        sarif,
        codeQuality,
        root: repositoryRoot(environment, resolve('.')),
        version,
        say: progress.note,
        warn: progress.warn,
        command: progress.command,
      },
    );
  };
  let result: CommandResult;
  try {
    const wanted = {
      showsDiffs: reporter === 'github',
      asked: reporter !== 'plain' || (sarif ?? codeQuality) !== undefined,
    };
    result = await act(soFar, wanted);
  } catch (error) {
    await write(endOf(error, context.signal));
    throw error;
  }
  await write({ exit: result.exit ?? 0 });
  return result;
}

/** As it will be printed. */
function endOf(error: unknown, signal: AbortSignal): Pick<SkillsReport, 'exit' | 'error'> {
  const { code, message } = asAppError({ error }, signal);
  return { exit: exitCodeOf[code], error: { code, message: message.split('\n')[0] ?? '' } };
}

/** Findings that are no errors: those are in the message that the run ends with. */
function tell(findings: readonly Finding[], progress: CommandContext['progress']): void {
  for (const finding of findings) {
    if (finding.level === 'warning') progress.warn(formatFinding(finding));
    if (finding.level === 'note') progress.detail(formatFinding(finding));
  }
}
